"""Every refusal under `/v2` in the form of the Open Inference Protocol: `{"error": "what was wrong"}`.

Refusals come from many places (guards, limits, routing, handlers), all as problem documents; callers of this protocol
read one field. Here, around everything else, the one becomes the other.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poise.interfaces.http.problem import MEDIA_TYPE

V2 = "/v2"
_STATUS = {422: 400}
"""The protocol answers 400 to what does not fit."""
_REPLACED = (b"content-type", b"content-length")


class V2Errors:
    """ASGI middleware: under `/v2`, sends a problem document as an error of the protocol; all else passes through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith(V2) and path[3:4] in ("", "/"):
            await self._app(scope, receive, _Converted(send))
        else:
            await self._app(scope, receive, send)


class _Converted:
    """Holds a refusal back until its body is whole: it is short."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
        elif self._start is not None:
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        problem: dict[str, Any] = msgspec.json.decode(b"".join(self._parts))
        body = msgspec.json.encode({"error": problem["detail"]})
        headers = [(name, value) for name, value in start["headers"] if name not in _REPLACED]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        status = _STATUS.get(start["status"], start["status"])
        await self._send({**start, "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _is_problem(start: Message) -> bool:
    return start["status"] >= 400 and (b"content-type", MEDIA_TYPE.encode()) in map(tuple, start["headers"])
