"""Who may talk to a server without tokens: programs of this machine, and no web page of another site.

Any page that a browser opens can send requests to loopback, and by DNS rebinding read the answers. Such requests carry
a foreign `Host`, `Origin` or `Sec-Fetch-Site`; they are refused before anything is read.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from poise.interfaces.http.problem import problem

_ASK = "without tokens this server answers programs of this machine only"


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


class LoopbackGuard:
    """ASGI middleware that refuses (403) requests whose headers say that a foreign page sent them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._good: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            reason = self._refusal(scope)
            if reason is not None:
                await problem(403, f"{reason}; {_ASK}")(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        host, origin, site, mode, hosts = b"", None, b"", b"", 0
        for name, value in scope["headers"]:
            if name == b"host":
                host, hosts = value, hosts + 1
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"sec-fetch-mode":
                mode = value
        if hosts != 1 or not self._is_ours(host):
            return (
                f"the Host header is {_shown(host)}, which is not this machine" if host else "there is no Host header"
            )
        if origin is not None and origin.lower() != f"{scope['scheme']}://".encode() + host.lower():
            return f"the request comes from a page of {_shown(origin)}"
        followed_link = mode == b"navigate" and scope["method"] == "GET"
        if site not in (b"", b"same-origin", b"none") and not followed_link:
            return "the request comes from a page of another site"
        return None

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


def _shown(value: bytes) -> str:
    return repr(value[:80].decode("ascii", "replace"))
