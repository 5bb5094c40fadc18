"""From the body of a list request to typed columns of its candidates: `{"user_id": …, "candidates": [{…}, …]}`.

The item stands in every candidate. Any other column stands once for all of them, beside `candidates` or in `context`,
or in the candidates themselves; never twice. Beside `candidates` may also stand `time` and `per`; columns that are
called like one of these words go into `context` or into the candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET

from poise.errors import RequestError, StateError, TooLarge, did_you_mean
from poise.features.candidates import Candidates
from poise.features.rows import kind_of
from poise.one_row import OneRow, RowForm
from poise.releases.contract import Contract
from poise.serving.body import decode, described, refuse_duplicates, shown
from poise.serving.different import Different
from poise.serving.field import Field, Unfit
from poise.serving.limits import Limits
from poise.serving.plain_list import PlainList
from poise.serving.rows import PER, ROWS, TIME
from poise.table import Column

CANDIDATES, CONTEXT = "candidates", "context"
LIST_FORM = 'an object: {"candidates": [{…}, …], …}'
BESIDE = frozenset({CANDIDATES, CONTEXT, TIME, PER})
"""What may stand beside `candidates` and is no column."""
_BESIDE = "beside 'candidates'"
_OBJECTS = {dict}
_PLACES = "beside 'candidates', in 'context' or in every candidate"

Object = Mapping[str, Any]


class ReceivedList(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What came: typed columns of the n different candidates of the source `per`, and their items as they were sent.

    at: which candidate of the request each one was; repeated: the others, each with the one that it repeats; once: the
    columns that are the same for all candidates; sent: those that came, wherever they stood.
    """

    per: str
    rows: Candidates
    items: list[Any]
    at: Sequence[int]
    repeated: list[tuple[int, int]]
    time: str | None
    once: frozenset[str] = frozenset()
    sent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Sent:
    """A column that was sent once for all candidates."""

    value: Any
    place: str
    where: str


class ListReader:
    """Reads the bodies of list requests that a contract allows.

    >>> from poise.releases.contract import Input
    >>> inputs = (Input("user", "string", per="shown"), Input("dish", "string", per="shown"))
    >>> reader = ListReader(Contract("food", inputs, decides_on="shown", item="dish"), Limits())
    >>> came = reader.read(b'{"user": "u1", "candidates": [{"dish": "pho"}, {"dish": "udon"}, {"dish": "pho"}]}')
    >>> came.items, came.rows["user"].to_list(), came.repeated
    (['pho', 'udon'], ['u1', 'u1'], [(2, 0)])
    >>> reader.read(b'{"user": "u1", "candidates": [{"dish": 7}]}')
    Traceback (most recent call last):
    poise.errors.RequestError: candidates[0].dish: the number 7 came (allowed: a string)
    """

    def __init__(self, contract: Contract, limits: Limits) -> None:
        per, item = contract.decides_on, contract.item
        inputs = {spec.name: spec for spec in contract.inputs_of(per or "")}
        if per is None or item not in inputs:
            raise StateError(f"the contract lacks the item '{item}' that its decision lists", hint="release again")
        self.per = per
        self.item = item
        """The column that says which item a candidate is."""
        self._item = Field(replace(inputs.pop(item), required=True, nullable=False))
        self._others = {name: Field(spec) for name, spec in inputs.items()}
        longest = limits.string if self._item.any_string else None
        self._beside = tuple(name for name in self._others if name not in BESIDE)
        self._plain = PlainList(item, self._beside, longest)
        self._all = frozenset(self._others)
        self._mostly = frozenset((item, *self._beside))
        self._columns = (item, *self._others)
        self._form = RowForm({name: kind_of(field.spec.type) for name, field in self._others.items()})
        self._limits = limits

    def read(self, body: bytes) -> ReceivedList:
        """The candidates of `body`. Raises `NotJson`, `TooLarge` or `RequestError`: the place, what came, what may."""
        plain = self._plain.read(body) if len(body) <= self._limits.body else None
        if plain is not None and 0 < len(plain[0]) <= self._limits.candidates:
            return self._read_plain(*plain)
        return self._read(body)

    def _read_plain(self, items: list[Any], values: list[Any]) -> ReceivedList:
        """The form in which lists mostly come."""
        height = len(items)
        different = self._item.any_string and len(set(items)) == height
        own = {self.item: Different(items) if different else self._column(self._item, items)}
        once = dict(zip(self._beside, values, strict=True))
        shared = [self._shared(field, once.get(name, UNSET), name) for name, field in self._others.items()]
        rows = Candidates(own, OneRow(self._form, shared), self._columns, height)
        sent = self._mostly
        if UNSET in values:
            sent = frozenset((self.item, *(name for name, value in once.items() if value is not UNSET)))
        if different:
            return ReceivedList(self.per, rows, items, range(height), [], None, self._all, sent)
        return self._distinct(items, rows, None, self._all, sent)

    def _read(self, body: bytes) -> ReceivedList:
        """Any form."""
        content = decode(body, self._limits, LIST_FORM)
        time = self._time_and_per(content)
        candidates = self._candidates(content)
        context = self._context(content)
        once = self._once(content, context)
        keys = sum(map(len, candidates))
        names, items = self._names(candidates, once), self._items(candidates)
        own, shared = {self.item: self._column(self._item, items)}, dict[str, Any]()
        for name, field in self._others.items():
            if name in names:
                own[name] = self._column(field, self._values(field, candidates))
            else:
                sent = once.get(name, _Sent(UNSET, name, ""))
                shared[name] = self._shared(field, sent.value, sent.place)
        form = RowForm({name: self._form.kinds[name] for name in shared}) if names else self._form
        rows = Candidates(own, OneRow(form, list(shared.values())), self._columns, len(candidates))
        refuse_duplicates(body, len(content) + len(context) + keys, content)
        same = frozenset(self._others.keys() - names)
        return self._distinct(items, rows, time, same, frozenset((self.item, *once, *names)))

    def _time_and_per(self, content: Object) -> str | None:
        per, time = content.get(PER, self.per), content.get(TIME)
        if per != self.per:
            raise RequestError(f"{described(per)} came", field=PER, allowed=f"'{self.per}', or left out")
        if time is not None and not isinstance(time, str):
            raise RequestError(f"{described(time)} came", field=TIME, allowed="an ISO 8601 time")
        return time

    def _candidates(self, content: Object) -> list[dict[str, Any]]:
        """1 to the allowed number of objects."""
        most = f"1 to {self._limits.candidates:,} objects"
        if CANDIDATES not in content:
            came = "nothing came" + (" ('rows' are what /v1/predict takes)" if ROWS in content else "")
            raise RequestError(came, field=CANDIDATES, allowed=f"a list of {most}, each with '{self.item}'")
        found = content[CANDIDATES]
        if not isinstance(found, list) or not found:
            came = described(found) if found != [] else "an empty list"
            raise RequestError(f"{came} came", field=CANDIDATES, allowed=f"a list of {most}, each with '{self.item}'")
        if len(found) > self._limits.candidates:
            raise TooLarge(f"{len(found):,} candidates came", field=CANDIDATES, allowed=most)
        if set(map(type, found)) != _OBJECTS:
            at = next(i for i, one in enumerate(found) if type(one) is not dict)
            allowed = f'an object: {{"{self.item}": …}}'
            raise RequestError(f"{described(found[at])} came", field=f"{CANDIDATES}[{at}]", allowed=allowed)
        return found

    def _context(self, content: Object) -> Object:
        context = content.get(CONTEXT, {})
        if not isinstance(context, dict):
            raise RequestError(f"{described(context)} came", field=CONTEXT, allowed="an object, or left out")
        return context

    def _once(self, content: Object, context: Object) -> dict[str, _Sent]:
        """The columns that stand beside `candidates` or in `context`, each in one of the two."""
        found: dict[str, _Sent] = {}
        for name, value in content.items():
            if name not in BESIDE:
                self._known(name, shown(name), BESIDE)
                found[name] = _Sent(value, name, _BESIDE)
        for name, value in context.items():
            self._known(name, f"{CONTEXT}.{shown(name)}", frozenset())
            if name in found:
                raise RequestError("came twice: beside 'candidates' and in 'context'", field=name, allowed="once")
            found[name] = _Sent(value, f"{CONTEXT}.{name}", "in 'context'")
        return found

    def _known(self, name: str, place: str, words: frozenset[str]) -> None:
        """Refuse what is no column, and the item where it would be the same for all."""
        if name == self.item:
            raise RequestError("the item stands in each of the candidates, not once for all", field=place)
        if name not in self._others:
            hint = did_you_mean(name[:100], {*self._others, *words})
            raise RequestError("there is no such field", field=place, hint=hint)

    def _names(self, candidates: list[dict[str, Any]], once: Mapping[str, _Sent]) -> set[str]:
        """The columns other than the item that stand in candidates. Refuses unknown ones and those sent elsewhere."""
        names: set[str] = set().union(*candidates) - {self.item}
        wrong = names - self._others.keys()
        if wrong:
            at, name = next((i, n) for i, one in enumerate(candidates) for n in one if n in wrong)
            hint = did_you_mean(name[:100], {self.item, *self._others} - candidates[at].keys())
            raise RequestError("there is no such field", field=_place(at, shown(name)), hint=hint)
        for name in once:
            if name in names:
                at = next(i for i, one in enumerate(candidates) if name in one)
                text = f"came twice: in a candidate and {once[name].where}"
                raise RequestError(text, field=_place(at, name), allowed=f"once: {_PLACES}")
        return names

    def _items(self, candidates: list[dict[str, Any]]) -> list[Any]:
        item = self.item
        try:
            return [one[item] for one in candidates]
        except KeyError:
            at = next(i for i, one in enumerate(candidates) if self.item not in one)
            raise RequestError("nothing came", field=_place(at, self.item), allowed=self._item.allowed) from None

    def _values(self, field: Field, candidates: list[dict[str, Any]]) -> list[Any]:
        """What the candidates say of one column; where it is required, all of them must say something."""
        if field.spec.required:
            for at, one in enumerate(candidates):
                if field.name not in one:
                    raise RequestError("nothing came", field=_place(at, field.name), allowed=field.allowed)
        return [one.get(field.name) for one in candidates]

    def _column(self, field: Field, raw: list[Any]) -> Column:
        try:
            return field.column(raw, self._limits)
        except Unfit as error:
            place = _place(error.row, field.name)
            raise RequestError(f"{error.came} came", field=place, allowed=field.allowed) from None

    def _shared(self, field: Field, value: Any, place: str) -> Any:
        """What is the same for all candidates: checked once, whatever their number. value: `UNSET` where nothing
        came."""
        if value is UNSET:
            if field.spec.required:
                raise RequestError("nothing came", field=field.name, allowed=f"{field.allowed}; {_PLACES}")
            value = None
        try:
            return field.value(value, self._limits)
        except Unfit as error:
            raise RequestError(f"{error.came} came", field=place, allowed=field.allowed) from None

    def _distinct(
        self, items: list[Any], rows: Candidates, time: str | None, once: frozenset[str], sent: frozenset[str]
    ) -> ReceivedList:
        """Of candidates with the same item the first."""
        if len(set(items)) == len(items):
            return ReceivedList(self.per, rows, items, range(len(items)), [], time, once, sent)
        first: dict[Any, int] = {}
        repeated = [(at, one) for at, item in enumerate(items) if (one := first.setdefault(item, at)) != at]
        at = list(first.values())
        return ReceivedList(self.per, rows.take(np.array(at)), list(first), at, repeated, time, once, sent)


def _place(at: int, name: str) -> str:
    return f"{CANDIDATES}[{at}].{name}"
