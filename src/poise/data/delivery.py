"""From a body's bytes to rows of one source: one object, a list of them, or `{"rows": [{…}, …]}`.

What is wrong with the body as a whole is an error here; what is wrong with a row is for its judge to say. Each row's
bytes are kept as they came, on one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from poise.data.id_hash import Hashes
from poise.data.json_keys import Keys, declared_keys, keys
from poise.data.row_judge import RowJudge
from poise.data.strict_json import described, not_json, refuse_twice
from poise.errors import NotJson, RequestError, TooLarge

FORM = 'one row {…}, a list of rows [{…}, …], or {"rows": [{…}, …]}'
_ANY = msgspec.json.Decoder()
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACES = bytes.maketrans(b"\r\n", b"  ")


MOST_BYTES = 100_000
"""Bytes of one row."""
DEEPEST = 32
"""Levels that a row may nest."""


class Bounds(Protocol):
    """What one body may hold; more is answered 413."""

    @property
    def body(self) -> int:
        """Bytes."""

    @property
    def rows(self) -> int:
        """Rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """Rows of one source as one caller sent them.

    rows: the JSON of each, on one line. single: it came alone, as an object. undeclared: keys of rows that the source
    does not declare, which are not read. parsed: what the quick judge could read of each row.
    """

    source: str
    rows: list[bytes]
    single: bool
    undeclared: tuple[str, ...]
    parsed: Sequence[Any | None]


class DeliveryReader:
    """Reads bodies for the source of `judge`.

    >>> from types import SimpleNamespace; from poise.data.row_judge import example_judge
    >>> bounds = SimpleNamespace(body=1_000, rows=10)
    >>> found = DeliveryReader(example_judge()).read(b'[{"order": "a", "price": 2.50, "by": 1}]', bounds)
    >>> found.rows, found.undeclared
    ([b'{"order": "a", "price": 2.50, "by": 1}'], ('by',))
    """

    def __init__(self, judge: RowJudge) -> None:
        self._judge = judge
        self._declared: Hashes = declared_keys(list(judge.source.in_file.values()))

    def read(self, body: bytes, bounds: Bounds) -> Delivery:
        """The rows of `body`.

        Raises `NotJson` for what is no JSON, `TooLarge` beyond `bounds`, `RequestError` for another form and for a key
        that stands twice in one object.
        """
        if len(body) > bounds.body:
            raise TooLarge(f"the body has {len(body):,} bytes; at most {bounds.body:,} are allowed")
        try:
            if not body.isascii():
                body.decode()
            text, single = _split(body)
            parsed, rows = self._parsed(text, single=single)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise not_json(body, error, FORM) from None
        except RecursionError:
            raise NotJson("the body is nested too deeply", allowed=f"{DEEPEST} levels") from None
        _check_count(len(parsed), bounds.rows)
        found = self._keys(text, bounds.rows, single=single)
        rows = [text[start:end] for start, end in found.rows.tolist()] if rows is None else rows
        if max(map(len, rows)) > MOST_BYTES:
            at = next(at for at, row in enumerate(rows) if len(row) > MOST_BYTES)
            allowed = f"at most {MOST_BYTES:,}"
            raise TooLarge(f"{len(rows[at]):,} bytes came", field=f"rows[{at}]", allowed=allowed)
        if b"\n" in text or b"\r" in text:
            rows = [row.translate(_SPACES) for row in rows]
        return Delivery(self._judge.name, rows, single, found.strange, parsed)

    def _keys(self, text: bytes, most: int, *, single: bool) -> Keys:
        found = keys(text, self._declared, most)
        if found.depth > DEEPEST + (not single):
            raise NotJson("the body is nested too deeply", allowed=f"{DEEPEST} levels in a row")
        if found.unclear:
            refuse_twice(text)
        return found

    def _parsed(self, text: bytes, *, single: bool) -> tuple[Sequence[Any | None], list[bytes] | None]:
        """What the quick judge can read of each row, and the rows where they had to be taken apart for that.

        What it cannot read is at least JSON.
        """
        quick = self._judge.quick.row
        if quick is not None:
            one = quick.decode(text) if single else None
            every = [one] if one is not None else None if single else quick.decode_all(text)
            if every is not None:
                return every, None
        rows = [text] if single else _taken_apart(text)
        parsed = self._judge.parse(rows)
        for row, values in zip(rows, parsed, strict=True):
            if values is None:
                _readable(row)
        return parsed, rows


def _split(body: bytes) -> tuple[bytes, bool]:
    """The text of the row or of the list of rows, and whether it is a row that came alone."""
    text = body.strip(b" \t\r\n")
    if text[:1] == b"{":
        inner = _OBJECT.decode(text) if b'"rows"' in text else {}
        if list(inner) != ["rows"] or bytes(inner["rows"])[:1] != b"[":
            return text, True
        if text.count(b'"rows"') > 1:
            refuse_twice(text)
        text = bytes(inner["rows"])
    elif text[:1] != b"[":
        raise RequestError(f"the body is {described(_ANY.decode(text))}", allowed=FORM)
    return text, False


def _taken_apart(text: bytes) -> list[bytes]:
    rows = [bytes(raw) for raw in _LIST.decode(text)]
    for at, row in enumerate(rows):
        if row[:1] != b"{":
            raise RequestError(f"{described(_ANY.decode(row))} came", field=f"rows[{at}]", allowed="an object")
    return rows


def _check_count(count: int, most: int) -> None:
    allowed = f"1 to {most:,} rows"
    if not count:
        raise RequestError("an empty list came", allowed=allowed)
    if count > most:
        raise TooLarge(f"{count:,} rows came", field="rows", allowed=allowed)


def _readable(row: bytes) -> None:
    """Raises `msgspec.DecodeError` where `row` is not JSON throughout; a number beyond all floats is for the judge."""
    _OBJECT.decode(row)  # which reads no value: one beyond all floats would end it before what follows is seen
