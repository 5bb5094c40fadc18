"""Which callers a release on trial answers: a share of them, the same ones in every process and after every start."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from poise.releases.contract import Contract

UNITS = 2**64
"""Callers are hashed to numbers below this."""
_PLACES = ("context", "rows", "candidates")


class Sticky:
    """Gives each request the number of its caller: a keyed hash (BLAKE2b, 64 bits) of what names the caller, the same
    whenever and wherever it is computed.

    salt: another one for each rollout, so that it is not always the same callers who come first. column: of the request
    (beside the rows, in `context`, or in the first row) that names the caller; requests without it, and all of them
    where it is None, are callers of their own, told apart by their bodies.

    >>> sticky = Sticky("shop/r2", "user")
    >>> sticky.unit(b'{"user": "u1", "candidates": []}') == sticky.unit(b'{"context": {"user": "u1"}}')
    True
    """

    def __init__(self, salt: str, column: str | None) -> None:
        self._key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
        self._decode = None if column is None else _decoder(column)

    @classmethod
    def of(cls, contract: Contract, release: str, column: str | None, default: str | None) -> Sticky:
        """For callers of a contract: by `column`, else by `default` where callers may send that."""
        sent = {one.name for per in contract.pers for one in contract.inputs_of(per)}
        return cls(f"{contract.system}/{release}", column or (default if default in sent else None))

    def unit(self, body: bytes) -> int:
        """The number of the caller who sent `body`, below `UNITS`."""
        named = None if self._decode is None else self._named(body)
        key = b"\0" + body if named is None else repr(named).encode()
        return int.from_bytes(hashlib.blake2b(key, digest_size=8, key=self._key).digest(), "big")

    def _named(self, body: bytes) -> Any:
        assert self._decode is not None
        try:
            came = self._decode.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None  # whoever reads the body says what is wrong with it
        if came.named is not None:
            return came.named
        if came.context is not None and came.context.named is not None:
            return came.context.named
        return next((one[0].named for one in (came.rows, came.candidates) if one), None)


def _decoder(column: str) -> msgspec.json.Decoder[Any]:
    """Reads nothing of a body but the places in which a column may stand."""
    inner = msgspec.defstruct("Inner", [("named", Any, None)], rename={"named": column})
    places: list[tuple[str, Any, Any]] = [
        ("context", inner | None, None),
        ("rows", list[inner] | None, None),  # type: ignore[valid-type]
        ("candidates", list[inner] | None, None),  # type: ignore[valid-type]
    ]
    if column in _PLACES:  # such a column stands in rows and candidates only
        outer = msgspec.defstruct("Outer", places, namespace={"named": None})
    else:
        outer = msgspec.defstruct("Outer", [("named", Any, None), *places], rename={"named": column})
    return msgspec.json.Decoder(outer)
