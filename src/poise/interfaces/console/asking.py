"""Asking this server's own routes, as whoever looks at a page: in process, by the same handlers as any program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.types import Message

from poise.errors import RequestError
from poise.interfaces.http.ask import caller_of
from poise.interfaces.http.observed import CALLER
from poise.interfaces.http.roles import needed
from poise.serving.tokens import Forbidden

Told = dict[str, Any]


class Refusal(RequestError):
    """A route did not do what it was asked; status, title and sentences are its own."""

    def __init__(self, status: int, said: Mapping[str, Any]) -> None:
        self.status = status
        self.title = str(said.get("title", "Refused"))
        detail = str(said.get("detail", "there was no answer"))
        super().__init__(detail, field=None, hint=said.get("hint"))


async def ask(
    request: Request,
    method: str,
    path: str,
    content: Mapping[str, Any] | None = None,
    **query: str | int | None,
) -> Told:
    """The answer of a route of this server to whoever sent `request`. query: what stands behind the `?`; None is left
    out.

    Raises `Forbidden` where the caller's roles do not reach so far, `Refusal` with what the route says where it refuses
    (404 where there is no such route).
    """
    caller = caller_of(request.scope)
    roles = needed(method, path)
    if roles and not any(map(caller.may, roles)):
        raise Forbidden(f"'{caller.name}' lacks the role {' or '.join(roles)}", needed=roles)
    body = b"" if content is None else json.dumps(content).encode()
    status, sent = await _exchanged(request, method, path, body, query)
    told = json.loads(sent) if sent else {}
    if status >= 400:
        raise Refusal(status, told)
    answer: Told = told
    return answer


async def ask_if_there(
    request: Request,
    method: str,
    path: str,
    content: Mapping[str, Any] | None = None,
    **query: str | int | None,
) -> Told | None:
    """As `ask`, of a route that a server may not have: None where it has not."""
    try:
        return await ask(request, method, path, content, **query)
    except Refusal as error:
        if error.status in (404, 405):
            return None
        raise


async def _exchanged(
    request: Request, method: str, path: str, body: bytes, query: Mapping[str, str | int | None]
) -> tuple[int, bytes]:
    asked = {
        "type": "http",
        "asgi": request.scope.get("asgi", {"version": "3.0"}),
        "http_version": "1.1",
        "method": method,
        "scheme": request.scope["scheme"],
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": urlencode({name: value for name, value in query.items() if value is not None}).encode(),
        "headers": [(b"host", b"console"), (b"content-type", b"application/json")],
        "client": request.scope.get("client"),
        "server": request.scope.get("server"),
        "state": {},
        CALLER: caller_of(request.scope),
    }
    status, parts = 0, []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    try:
        await request.app(asked, receive, send)
    except Exception:
        if not status:  # else it was answered, and logged under the number that the answer names
            raise
    return status, b"".join(parts)
