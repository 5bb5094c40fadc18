"""The form in which lists mostly come, read in one pass: of each candidate the item alone, other columns beside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec


class PlainList:
    """Reads bodies like `{"user": "u1", "candidates": [{"dish": "pho"}, …]}`, and gives up on all others.

    item: the column of each candidate; others: those that may stand beside `candidates`; longest: where the items are
    any strings, how many characters they may have.

    >>> plain = PlainList("dish", ["user", "city"])
    >>> plain.read(b'{"user": "u1", "candidates": [{"dish": "pho"}, {"dish": null}]}')
    (['pho', None], ['u1', UNSET])
    >>> PlainList("dish", [], longest=3).read(b'{"candidates": [{"dish": null}]}') is None
    True
    >>> plain.read(b'{"user": "u1", "candidates": [{"dish": "pho", "price": 9}]}') is None
    True
    """

    def __init__(self, item: str, others: Iterable[str], longest: int | None = None) -> None:
        kind: Any = Any if longest is None else Annotated[str, msgspec.Meta(max_length=longest)]
        one = msgspec.defstruct("One", [("item", kind)], rename={"item": item}, forbid_unknown_fields=True, gc=False)
        names = tuple(others)
        fields = [f"column{number}" for number in range(len(names))]
        whole = msgspec.defstruct(
            "Whole",
            [("candidates", list[one]), *((field, Any, msgspec.UNSET) for field in fields)],  # type: ignore[valid-type]
            rename=dict(zip(fields, names, strict=True)),
            forbid_unknown_fields=True,
        )
        self._decoder = msgspec.json.Decoder(whole)

    def read(self, body: bytes) -> tuple[list[Any], list[Any]] | None:
        """The items, and what was sent once for all under each of the `others`, `msgspec.UNSET` where nothing came.

        None for a body of another form, one that is wrong, and one that may name a field twice.
        """
        try:
            candidates, *values = msgspec.structs.astuple(self._decoder.decode(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        items = [one.item for one in candidates]
        came = len(values) - values.count(msgspec.UNSET)
        # One colon for each field, unless strings hold some or the parser dropped a field that was sent twice.
        return (items, values) if body.count(b":") == len(items) + came + 1 else None
