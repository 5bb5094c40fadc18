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
    (['pho', None], {'user': 'u1'})
    >>> PlainList("dish", [], longest=3).read(b'{"candidates": [{"dish": null}]}') is None
    True
    >>> plain.read(b'{"user": "u1", "candidates": [{"dish": "pho", "price": 9}]}') is None
    True
    """

    def __init__(self, item: str, others: Iterable[str], longest: int | None = None) -> None:
        self._names = tuple(others)
        kind: Any = Any if longest is None else Annotated[str, msgspec.Meta(max_length=longest)]
        one = msgspec.defstruct("One", [("item", kind)], rename={"item": item}, forbid_unknown_fields=True, gc=False)
        fields = [f"column{number}" for number in range(len(self._names))]
        whole = msgspec.defstruct(
            "Whole",
            [("candidates", list[one]), *((field, Any, msgspec.UNSET) for field in fields)],  # type: ignore[valid-type]
            rename=dict(zip(fields, self._names, strict=True)),
            forbid_unknown_fields=True,
        )
        self._decoder = msgspec.json.Decoder(whole)

    def read(self, body: bytes) -> tuple[list[Any], dict[str, Any]] | None:
        """The items, and what was sent once for all; None for a body of another form, one that is wrong, and one that
        may name a field twice."""
        try:
            candidates, *values = msgspec.structs.astuple(self._decoder.decode(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        items, sent = [one.item for one in candidates], zip(self._names, values, strict=True)
        once = {name: value for name, value in sent if value is not msgspec.UNSET}
        # One colon for each field, unless strings hold some or the parser dropped a field that was sent twice.
        return (items, once) if body.count(b":") == len(items) + len(once) + 1 else None
