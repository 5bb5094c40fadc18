"""Signing in with a token, where the server asks for one, and signing out."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from poise.errors import PoiseError
from poise.interfaces.console.forgery import FIELD, Marks
from poise.interfaces.console.look import Page
from poise.interfaces.console.sessions import LONGEST, SESSION, Session, Sessions, named, set_cookie
from poise.interfaces.http.roles import PAGES
from poise.serving.served import Served
from poise.serving.tokens import Forbidden, Tokens, Unauthorized

TEN_MINUTES = 600
"""Seconds that somebody may take to fill in the form."""


class SigningIn:
    """The form by which a browser gets a session, and the one that ends it."""

    def __init__(self, tokens: Tokens, sessions: Sessions, marks: Marks) -> None:
        self._tokens, self._sessions, self._marks = tokens, sessions, marks
        self._before = f"{sessions.cookie}-in"
        """The cookie by which a form of somebody who has no session is known again."""

    async def show(self, request: Request, served: Served) -> Page | Response:
        """The form; where no token is needed there is nothing to sign in to."""
        if not self._tokens.needed:
            return _to("/")
        return self.page(request, "/", None, 200)

    def page(self, request: Request, onward: str, said: str | None, status: int) -> Page:
        """The form, with what was wrong with the last try. onward: where to go then."""
        number = secrets.token_urlsafe(16)
        cookie = set_cookie(self._before, number, private=_private(request), seconds=TEN_MINUTES)
        content = {"onward": onward, "said": said, "form_mark": self._marks.of(f"in {number}")}
        return Page("login", content, status, (cookie,))

    async def check(self, request: Request, served: Served, fields: Mapping[str, str]) -> Page | Response:
        """Begin a session of the token that was sent, which must be one that may read."""
        onward = _onward(fields.get("onward", "/"))
        if not self._tokens.needed:
            return _to(onward)
        number = named(request.headers.get("cookie", ""), self._before)
        self._marks.check(f"in {number}", fields.get(FIELD, ""))
        token = fields.get("token", "").strip().encode("utf-8", "replace")
        try:
            caller = self._tokens.caller(token)
            if not caller.may("read"):
                has = ", ".join(sorted(caller.roles))
                raise Forbidden(
                    f"the console needs the role read; the token '{caller.name}' has {has}", needed=("read",)
                )
        except PoiseError as error:
            status = error.status if isinstance(error, Unauthorized | Forbidden) else 429
            return self.page(request, onward, str(error), status)
        session = self._sessions.begin(sha256(token).digest())
        private = _private(request)
        answer = _to(onward)
        answer.headers.append(
            "set-cookie", set_cookie(self._sessions.cookie, session.id, private=private, seconds=int(LONGEST))
        )
        answer.headers.append("set-cookie", set_cookie(self._before, "", private=private, seconds=0))
        return answer

    async def leave(self, request: Request, served: Served, fields: Mapping[str, str]) -> Response:
        """End the session."""
        session: Session | None = request.scope.get(SESSION)
        if session is not None:
            self._sessions.end(session.id)
        answer = _to("/login")
        answer.headers.append("set-cookie", set_cookie(self._sessions.cookie, "", private=_private(request), seconds=0))
        return answer


def _to(address: str) -> Response:
    return RedirectResponse(address, 303)


def _private(request: Request) -> bool:
    """Whether the browser speaks TLS: to this server, or as the page's origin says to a proxy in front of it."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


def _onward(address: str) -> str:
    """A page of the console and nothing else: the field could have been written by anybody.

    >>> _onward("/history?act=promote"), _onward("//evil.example/"), _onward("/v1/weights")
    ('/history?act=promote', '/', '/')
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or parts.path not in PAGES or not address.isprintable():
        return "/"
    return address
