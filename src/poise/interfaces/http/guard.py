"""Who may talk to a server: with tokens whoever sends one whose roles reach far enough, else programs of this machine.

Any page that a browser opens can send requests to loopback, and by DNS rebinding read the answers. Such requests carry
a foreign `Host`, `Origin` or `Sec-Fetch-Site`; they are refused before anything is read, with tokens and without. A
`Host` that is not this machine is refused without tokens only: a page that rebinds a name has no token to send.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from poise.errors import PoiseError
from poise.interfaces.console.forgery import Forged
from poise.interfaces.console.sessions import SESSION, Session, Sessions
from poise.interfaces.http.observed import ANSWER, CALLER, CONNECTION
from poise.interfaces.http.problem import of_error, problem
from poise.interfaces.http.roles import FORMS, OPEN, needed
from poise.serving.answer import Answer
from poise.serving.caller import ANYBODY_HERE, NOBODY, Caller
from poise.serving.tokens import Forbidden, Tokens, Unauthorized
from poise.serving.usage import Usage

LINE = 14
"""Bytes of ` ` and ` HTTP/1.1` in a request's first line, of its end and that of the headers."""
_ASK = "without tokens this server answers programs of this machine only"
_NO_PAGES = "this server answers no pages of other sites"
_LENGTHS = (b"content-length", b"transfer-encoding")
_HOW = "send the header 'authorization: Bearer poise_…'"


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, IPv6 with or without brackets) is this machine and nobody else.

    >>> is_loopback("127.0.0.1"), is_loopback("[::1]"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Said(NamedTuple):
    """What the headers of a request say of where it comes from."""

    host: bytes
    hosts: int
    origin: bytes | None
    site: bytes
    mode: bytes
    credentials: tuple[bytes, ...]
    cookies: bytes
    lengths: int
    """How many headers say where the body ends."""
    size: int
    """Bytes of the request's line and headers, without blanks that may be left out."""


class Terms:
    """On what terms somebody is let in who sends these headers; good for all requests of one connection with a head
    that is the same but for its length."""

    __slots__ = ("digest", "fit", "said")

    def __init__(self, scope: Scope) -> None:
        self.said = _said(scope)
        self.fit: bool | None = None
        """Whether tokens were needed when the headers were last found to be fit."""
        self.digest: bytes | None = None
        """Of the token, once it was read."""


Refuses = Callable[[Scope, PoiseError], Response | None]


class Guard:
    """ASGI middleware that lets in whom `tokens` and the table of roles let in, and says in the scope who it is.

    Without a token that is needed 401, with one that does not reach so far or from a foreign page 403, too often 429.
    usage: where is counted what each caller used, once it was answered. head: bytes of a request's line and headers.
    sessions: of browsers that signed in. page: what a browser sees that is not let in; None where it gets a problem
    document as everybody else.
    """

    def __init__(
        self, app: ASGIApp, tokens: Tokens, usage: Usage, head: int, sessions: Sessions, page: Refuses
    ) -> None:
        self._sessions, self._page = sessions, page
        self._head = head
        self._app = app
        self._tokens = tokens
        self._usage = usage
        self._good: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
        self.count(scope)

    def refusal(self, scope: Scope, terms: Terms | None = None) -> Response | None:
        """What is answered to who is not let in; of others the scope says from here on who they are.

        terms: of the request's head, where one with the same was let in before."""
        terms = terms or Terms(scope)
        needed = self._tokens.needed
        if terms.fit is not needed:
            unfit = self._unfit(terms.said, scope)
            if unfit is not None:
                return unfit
            terms.fit = needed
        try:
            scope[CALLER] = self._caller(terms, scope) if needed else ANYBODY_HERE
        except PoiseError as error:
            return self._page(scope, error) or _refusal(error)
        return None

    def _unfit(self, said: Said, scope: Scope) -> Response | None:
        """What is answered to headers that nobody may send, whoever it is."""
        if said.size > self._head:
            text = f"a request's line and headers have at most {self._head:,} bytes"
            return problem(431, text, headers={"connection": "close"})
        if said.hosts > 1:  # a proxy in front may have gone by another one
            text = f"a request has one Host header; {said.hosts} came"
            return problem(400, text, headers={"connection": "close"})
        if said.lengths > 1:  # a proxy in front may see another end than this server, and another request behind it
            text = "a request says once how long its body is: by content-length or by transfer-encoding"
            return problem(400, text, headers={"connection": "close"})
        reason = self._foreign(said, scope)
        return None if reason is None else problem(403, reason)

    def count(self, scope: Scope) -> None:
        """A request that was let in was answered."""
        caller: Caller = scope[CALLER]
        if caller is not NOBODY:
            answer: Answer | None = scope.get(ANSWER)
            matched = scope.get("route")
            route = scope["path"] if matched is None else str(getattr(matched, "path", scope["path"]))
            self._usage.count(caller.name, route, None if answer is None else answer.used)

    def _caller(self, terms: Terms, scope: Scope) -> Caller:
        said = terms.said
        roles = needed(scope["method"], scope["path"])
        if roles == OPEN and not said.credentials:
            return NOBODY
        session = self._sessions.of(said.cookies.decode("latin-1")) if said.cookies and not said.credentials else None
        if session is None and terms.digest is None:
            terms.digest = sha256(_token(said.credentials)).digest()
        caller = self._signed_in(session, scope) if session else self._tokens.of_digest(terms.digest or b"")
        connection = scope.get("state", {}).get(CONNECTION)
        if connection is not None:
            connection.known = True
        if roles != OPEN and not any(map(caller.may, roles)):
            text = f"{scope['method']} {scope['path'][:80]} needs the role {' or '.join(roles)}"
            raise Forbidden(f"{text}; the token '{caller.name}' has {', '.join(sorted(caller.roles))}", needed=roles)
        return caller

    def _signed_in(self, session: Session, scope: Scope) -> Caller:
        """Whose session it is. A browser adds its cookie to whatever any page makes it send, so that it is good for
        what only reads, and for forms that show by themselves that they are this server's own."""
        scope[SESSION] = session
        try:
            caller = self._tokens.of_digest(session.digest)
        except Unauthorized:
            self._sessions.end(session.id)
            raise
        if scope["method"] not in ("GET", "HEAD") and scope["path"] not in FORMS:
            raise Forged("a session is good for the pages of the console only", hint=_HOW)
        return caller

    def _foreign(self, said: Said, scope: Scope) -> str | None:
        """Why a request is not answered, whatever it carries."""
        if not self._tokens.needed and not self._is_ours(said.host):
            came = f"the Host header is {_shown(said.host)}, which is not this machine"
            return f"{came if said.hosts else 'there is no Host header'}; {_ASK}"
        end = _NO_PAGES if self._tokens.needed else _ASK
        if said.origin is not None and said.origin.lower() not in self._origins(said.host.lower(), scope):
            return f"the request comes from a page of {_shown(said.origin)}; {end}"
        followed_link = said.mode == b"navigate" and scope["method"] == "GET"
        if said.site not in (b"", b"same-origin", b"none") and not followed_link:
            return f"the request comes from a page of another site; {end}"
        return None

    def _origins(self, host: bytes, scope: Scope) -> tuple[bytes, ...]:
        """Whose pages are this server's own; behind a proxy that ends TLS, those of `https` are."""
        own = f"{scope['scheme']}://".encode() + host
        return (own, b"https://" + host) if self._tokens.needed else (own,)

    def _is_ours(self, host: bytes) -> bool:
        if host in self._good:
            return True
        try:
            parts = urlsplit(b"//" + host)
            ours = parts.hostname is not None and is_loopback(parts.hostname.decode("ascii"))
            ours = ours and parts.username is None and not parts.path and (parts.port is None or parts.port > 0)
        except ValueError:
            return False
        if ours and len(self._good) < 100:
            self._good.add(host)
        return ours


def _said(scope: Scope) -> Said:
    host, origin, site, mode, hosts, lengths = b"", None, b"", b"", 0, 0
    credentials: tuple[bytes, ...] = ()
    cookies = b""
    size = len(scope["method"]) + len(scope.get("raw_path") or b"") + len(scope["query_string"]) + LINE
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 3  # a colon and the end of the line
        if name == b"host":
            host, hosts = value, hosts + 1
        elif name in _LENGTHS:
            lengths += 1
        elif name == b"authorization":
            credentials = (*credentials, value)
        elif name == b"cookie":
            cookies = cookies + b"; " + value if cookies else value
        elif name == b"origin":
            origin = value
        elif name == b"sec-fetch-site":
            site = value
        elif name == b"sec-fetch-mode":
            mode = value
    return Said(host, hosts, origin, site, mode, credentials, cookies, lengths, size)


def _token(credentials: tuple[bytes, ...]) -> bytes:
    """What stands in the one header. Raises `Unauthorized`, which never repeats what came."""
    if not credentials:
        raise Unauthorized("this server answers whoever sends a token", hint=_HOW, sent=False)
    scheme, _, token = credentials[0].partition(b" ")
    if len(credentials) > 1 or scheme.lower() != b"bearer" or not token.strip():
        raise Unauthorized("the header 'authorization' holds no token of this server", hint=_HOW)
    return token.strip()


def _refusal(error: PoiseError) -> Response:
    """The problem document, with the header that RFC 6750 asks for."""
    response = of_error(error)
    if isinstance(error, Unauthorized):
        response.headers["www-authenticate"] = 'Bearer realm="poise"' + (', error="invalid_token"' * error.sent)
    elif isinstance(error, Forbidden):
        scope = " ".join(error.needed)
        response.headers["www-authenticate"] = f'Bearer realm="poise", error="insufficient_scope", scope="{scope}"'
    return response


def _shown(value: bytes) -> str:
    return repr(value[:80].decode("ascii", "replace"))
