"""What a browser sends of a form, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from poise.errors import RequestError, TooLarge

MOST, FIELDS = 32_000, 200
"""Bytes and fields of a form."""
MEDIA = "application/x-www-form-urlencoded"


async def read_form(request: Request, patience: float) -> Mapping[str, str]:
    """The fields of a form, the last of each name. patience: seconds within which it must come in.

    Raises `RequestError` for what is no form or does not come in, `TooLarge` beyond the bounds.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA and request.headers.get("content-length", "0") != "0":
        raise RequestError(f"'{kind[:80]}' came", field="content-type", allowed=MEDIA)
    whole = bytearray()
    try:
        async with asyncio.timeout(patience):
            async for part in request.stream():
                whole += part
                if len(whole) > MOST:
                    raise TooLarge("the form is too large", allowed=f"at most {MOST:,} bytes")
    except (TimeoutError, ClientDisconnect):
        raise RequestError("the form did not come in whole") from None
    return fields_of(bytes(whole))


def fields_of(body: bytes) -> dict[str, str]:
    """The fields of a form as browsers write them.

    >>> fields_of(b"why=a+bad+quarter&w.revenue=0.7")
    {'why': 'a bad quarter', 'w.revenue': '0.7'}
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS, errors="strict")
    except ValueError:
        raise RequestError("what came is no form of a browser", allowed=f"at most {FIELDS} fields in UTF-8") from None
    return dict(pairs)
