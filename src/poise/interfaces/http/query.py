"""What comes after the `?` of an address, and the JSON that goes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from poise.errors import RequestError
from poise.serving.field import instant_of


def only(request: Request, *known: str) -> None:
    """Raises `RequestError` for a parameter that is not `known`."""
    for name in request.query_params:
        if name not in known:
            raise RequestError(
                "there is no such parameter", field=name[:60], allowed=", ".join(known) or "no parameters"
            )


def whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    """The whole number of parameter `name`. Raises `RequestError` for another text, and outside of least to most."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 17 and least <= int(text) <= most):
        raise RequestError(f"'{text[:40]}' came", field=name, allowed=f"a whole number from {least} to {most}")
    return int(text)


def instant(request: Request, name: str, zone: str) -> int | None:
    """The instant (microseconds) of parameter `name`, read in `zone` where it names none; None where nothing came.

    Raises `RequestError` for a text that is no time.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return instant_of(text.replace(" ", "+"), zone)  # a + that was not escaped came as a space
    except ValueError as error:
        raise RequestError(f"'{text[:40]}' came{error}", field=name, allowed="an ISO 8601 time") from None


def as_json(content: Mapping[str, Any]) -> Response:
    """An answer that no cache keeps."""
    return Response(msgspec.json.encode(content), 200, {"cache-control": "no-store"}, "application/json")
