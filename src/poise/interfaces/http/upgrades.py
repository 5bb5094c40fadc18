"""Upgrades to another protocol, of which none is granted: a request that asks for one is read as if it had not.

A parser of HTTP/1.1 takes what follows such a head for the other protocol, so that the body of the request would be
lost, or be read as the next request. Java's client asks for HTTP/2 in this way with every first request.
"""

from __future__ import annotations

import re

_ASKED = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)


class StillAsked(Exception):
    """A request asks for an upgrade in a head that came in pieces, or behind another request: it is refused."""


def left_out(data: bytes) -> bytes:
    """What begins a request, without the upgrade that its head asks for; as it came where the head has not ended.

    >>> left_out(b"POST / HTTP/1.1\\r\\nUpgrade: h2c\\r\\nHost: a\\r\\n\\r\\n\\r\\nUpgrade: b")
    b'POST / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n\\r\\nUpgrade: b'
    """
    ends = data.find(b"\r\n\r\n")
    return data if ends < 0 else _ASKED.sub(b"", data[:ends]) + data[ends:]
