"""Reading the body of a request within its limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Scope

from poise.errors import Overloaded, TooLarge
from poise.serving.limits import Limits


class Uploads:
    """Counts the bytes of bodies that have not come in whole, over all routes that share it.

    They take a bounded part of memory and no place in the line of answers: who sends slowly keeps nobody out who does
    not.
    """

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0

    def hold(self, size: int) -> None:
        """So many bytes more. Raises `Overloaded` where that is more than allowed; they count until they are let go."""
        self._held += size
        if self._held > self._most:
            raise Overloaded(f"more than {self._most:,} bytes of bodies are on their way", reason="uploads")

    def release(self, size: int) -> None:
        """So many bytes fewer."""
        self._held -= size


Reader = Callable[[Scope, Receive, Limits, Uploads], Awaitable[bytes]]
"""Reads the body of a request."""


class Gone(Exception):
    """The caller hung up before its body was complete: nobody is there to be answered."""


class TooSlow(Exception):
    """The body did not come in within the server's patience (HTTP 408)."""


class WrongMedia(Exception):
    """The body is said to be something else than JSON (HTTP 415)."""


async def read_json_body(scope: Scope, receive: Receive, limits: Limits, uploads: Uploads) -> bytes:
    """The whole body. Raises `WrongMedia`, `TooLarge`, `TooSlow`, `Gone` or `Overloaded`; nothing beyond the limit is
    kept."""
    media = _media(scope, limits)
    if media != b"application/json":
        _check_media(media)
    return await _whole(receive, limits, uploads)


async def read_tensor_body(scope: Scope, receive: Receive, limits: Limits, uploads: Uploads) -> bytes:
    """As `read_json_body`, of JSON with tensors as bytes behind it: such a body may be `application/octet-stream`, or
    not be said to be anything, since clients of the inference protocol say nothing."""
    media = _media(scope, limits)
    if media not in (None, b"application/json", b"application/octet-stream"):
        _check_media(media)
    return await _whole(receive, limits, uploads)


async def _whole(receive: Receive, limits: Limits, uploads: Uploads) -> bytes:
    message = await _next(receive, limits.patience)
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return _bounded(body, limits)
    ends = asyncio.get_running_loop().time() + limits.patience
    whole = bytearray()
    try:
        while True:
            part = message.get("body", b"")
            whole += part
            uploads.hold(len(part))
            if len(whole) > limits.body:
                raise _too_large(limits)
            if not message.get("more_body", False):
                return bytes(whole)
            message = await _next(receive, ends - asyncio.get_running_loop().time())
    finally:
        uploads.release(len(whole))


async def _next(receive: Receive, patience: float) -> Message:
    try:
        async with asyncio.timeout(patience):
            message = await receive()
    except TimeoutError:
        raise TooSlow from None
    if message["type"] == "http.disconnect":
        raise Gone
    return message


def _media(scope: Scope, limits: Limits) -> bytes | None:
    """The content type, of a body whose headers are fine otherwise."""
    media: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"content-type":
            media = value
        elif name == b"content-length" and value.isdigit() and int(value) > limits.body:
            raise _too_large(limits)
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            raise WrongMedia(f"the body is compressed ({value[:40].decode('ascii', 'replace')}); send it plain")
    return media


def _check_media(media: bytes | None) -> None:
    text = "" if media is None else media.decode("latin-1")
    kind, _, rest = text.partition(";")
    charset = rest.strip().lower().replace('"', "").replace(" ", "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        came = f"the content type is {text[:80]!r}" if text else "there is no content type"
        raise WrongMedia(f"{came}; send 'content-type: application/json' in UTF-8")


def _bounded(body: bytes, limits: Limits) -> bytes:
    if len(body) > limits.body:
        raise _too_large(limits)
    return body


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge("the body is too large", allowed=f"at most {limits.body:,} bytes")
