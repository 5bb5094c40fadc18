"""From a request's body to typed columns: `{"rows": [{…}, …]}`, or one row on its own, `{"carrier": "UA", …}`.

Beside the rows stand `time` (the instant to answer for, where the caller may choose it) and, where a release predicts
for rows of several sources, `per`. Columns of these names can be sent inside `rows` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from poise.errors import RequestError, TooLarge, did_you_mean
from poise.features.rows import kind_of
from poise.one_row import OneRow, RowForm
from poise.releases.contract import Contract
from poise.serving.body import decode, described, refuse_duplicates, shown
from poise.serving.field import Field, Unfit
from poise.serving.limits import Limits
from poise.table import Column, Table

ROWS, TIME, PER = "rows", "time", "per"
_BESIDE = frozenset({ROWS, TIME, PER})
_OBJECTS = {dict}
_LISTED = "a system that lists items takes candidates at /v1/decide; here each row is one item"

Row = Mapping[str, Any]


class Received(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What came: typed columns of n rows of the source `per`, the `time` as written, whether one row came alone, and
    which columns were `sent` with any row."""

    per: str
    rows: Table
    time: str | None
    single: bool
    sent: frozenset[str]


class RequestReader:
    """Reads the bodies that a contract allows.

    >>> from poise.releases.contract import Input, Output
    >>> inputs = (Input("carrier", "category", per="flights"), Input("distance", "float", min=1.0, per="flights"))
    >>> reader = RequestReader(Contract("f", inputs, (Output("late", "binary", per="flights"),)), Limits())
    >>> reader.read(b'{"rows": [{"carrier": "UA", "distance": 719}]}').rows["distance"].to_list()
    [719.0]
    >>> reader.read(b'{"carier": "UA", "distance": 719}')
    Traceback (most recent call last):
    poise.errors.RequestError: carier: there is no such field (did you mean 'carrier'?)
    """

    def __init__(self, contract: Contract, limits: Limits) -> None:
        self._fields = {per: tuple(map(Field, contract.inputs_of(per))) for per in contract.pers}
        self._names = {per: frozenset(field.name for field in fields) for per, fields in self._fields.items()}
        self._forms = {
            per: RowForm({field.name: kind_of(field.spec.type) for field in fields})
            for per, fields in self._fields.items()
        }
        self._default = contract.unless_said
        self._limits = limits

    def read(self, body: bytes, per: str | None = None) -> Received:
        """The rows of `body`, of the source that it names, else of `per`, else of the only one (or the decision's).

        Raises `NotJson`, `TooLarge` or `RequestError`, which name the place, what came and what is allowed.
        """
        content = decode(body, self._limits)
        per = self._per(content, per)
        single = ROWS not in content
        rows: list[Row] = [_row_of(content)] if single else self._rows(content)
        time = content.get(TIME)
        if time is not None and not isinstance(time, str):
            raise RequestError(f"{described(time)} came", field=TIME, allowed="an ISO 8601 time")
        sent = self._check_names(rows, per, single)
        table = self._one(rows[0], per, single) if len(rows) == 1 else self._table(rows, per)
        refuse_duplicates(body, len(content) + (0 if single else sum(map(len, rows))), content)
        return Received(per, table, time, single, sent)

    def _per(self, content: Row, asked: str | None) -> str:
        per = content.get(PER, asked or self._default)
        if isinstance(per, str) and per in self._fields and (asked is None or per == asked):
            return per
        came = "nothing" if PER not in content else described(per)
        allowed = asked or ", ".join(self._fields)
        raise RequestError(f"{came} came", field=PER, allowed=f"whose rows these are: {allowed}")

    def _rows(self, content: Row) -> list[Row]:
        rows = content[ROWS]
        for name in content:
            if name not in _BESIDE:
                hint = "beside 'rows' only 'time' and 'per' may stand; the fields of a row go into the row"
                raise RequestError("there is no such field", field=shown(name), hint=hint)
        most = f"1 to {self._limits.rows:,} rows"
        if not isinstance(rows, list) or not rows:
            came = described(rows) if rows != [] else "an empty list"
            raise RequestError(f"{came} came", field=ROWS, allowed=f"a list of {most}")
        if len(rows) > self._limits.rows:
            raise TooLarge(f"{len(rows):,} rows came", field=ROWS, allowed=most)
        if set(map(type, rows)) != _OBJECTS:
            at = next(i for i, row in enumerate(rows) if type(row) is not dict)
            raise RequestError(f"{described(rows[at])} came", field=f"rows[{at}]", allowed="an object")
        return rows

    def _check_names(self, rows: list[Row], per: str, single: bool) -> frozenset[str]:
        """The fields that came: none that is not known, and every one that must be there."""
        known = self._names[per]
        if len(rows) == 1 and rows[0].keys() == known:
            return known
        sent = frozenset().union(*rows)
        if not known.issuperset(sent):
            at, name = next((i, n) for i, row in enumerate(rows) for n in row if n not in known)
            hint = _LISTED if name == "candidates" else did_you_mean(name[:100], known - rows[at].keys() or known)
            raise RequestError("there is no such field", field=_place(shown(name), at, single), hint=hint)
        if sum(map(len, rows)) == len(known) * len(rows):
            return sent
        for field in self._fields[per]:
            if field.spec.required:
                for at, row in enumerate(rows):
                    if field.name not in row:
                        place = _place(field.name, at, single)
                        raise RequestError("nothing came", field=place, allowed=field.allowed)
        return sent

    def _one(self, row: Row, per: str, single: bool) -> OneRow:
        """A row on its own: its values need no columns."""
        cells: list[Any] = []
        most = self._limits.string
        for field in self._fields[per]:
            value: Any = row.get(field.name)
            kind = type(value)
            if kind is not field.plain or (kind is str and len(value) > most):
                try:
                    value = field.value(value, self._limits)
                except Unfit as error:
                    raise _unfit(field, error, single) from None
            cells.append(value)
        return OneRow(self._forms[per], cells)

    def _table(self, rows: list[Row], per: str) -> Table:
        columns: dict[str, Column] = {}
        for field in self._fields[per]:
            try:
                columns[field.name] = field.column([row.get(field.name) for row in rows], self._limits)
            except Unfit as error:
                raise _unfit(field, error, single=False) from None
        return Table(columns, len(rows))


def _unfit(field: Field, error: Unfit, single: bool) -> RequestError:
    return RequestError(f"{error.came} came", field=_place(field.name, error.row, single), allowed=field.allowed)


def _row_of(content: Row) -> Row:
    """What stands in a row that came alone: all but the words beside it."""
    if _BESIDE.isdisjoint(content):
        return content
    return {name: value for name, value in content.items() if name not in _BESIDE}


def _place(name: str, row: int, single: bool) -> str:
    return name if single else f"rows[{row}].{name}"
