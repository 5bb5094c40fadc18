"""The live weights as people see and change them: one handler behind HTTP, command line and pages.

A change names its reason and, if its author wants, the version that it follows; what it changes is said in sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from poise.clock import SECOND, Clock, to_text
from poise.decisions.exchange import exchange_rates, what_changed
from poise.decisions.weights import applied, checked, checked_some, counting
from poise.errors import NotNow, RequestError, did_you_mean
from poise.serving.body import described, shown, whole
from poise.serving.field import instant_of
from poise.spec.decision import Decision
from poise.stores.state_base import WeightsChange, WeightsRow

SEEDED = "the system file"
"""Why there is a version that nobody asked for."""
MOST_VERSIONS = 1_000
"""Versions in one answer over HTTP."""
WHO, WHY = 200, 2_000
"""Characters of a name and of a reason."""
CHANGE_FORM = '{"values": {"TERM": 0.5}, "why": "…"}, with "who", "expected_version" and "until" if wanted'
TAKE_BACK_FORM = '{"why": "…"}, with "to", "who" and "expected_version" if wanted'
_CHANGE = ("values", "why", "who", "expected_version", "until")
_TAKE_BACK = ("to", "why", "who", "expected_version")


class WeightsStore(Protocol):
    """What remembers weights: the state database of `stores`, or a stand-in of a test."""

    def weights(self) -> WeightsRow | None: ...
    def weight_versions(self, *, limit: int | None = None) -> Sequence[WeightsRow]: ...
    def set_weights(
        self,
        values: Mapping[str, float],
        *,
        why: str,
        who: str | None = None,
        expected: int | None = None,
        defaults: Mapping[str, float] | None = None,
        until: int | None = None,
    ) -> WeightsChange: ...
    def take_back_weights(
        self, *, why: str, who: str | None = None, to: int | None = None, expected: int | None = None
    ) -> WeightsChange: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that was asked for, checked. given: the weights that it names; values: those of all terms by it.
    expected: the version that must be live, None for any; base: the one that is; same: it would change nothing."""

    given: Mapping[str, float]
    values: Mapping[str, float]
    why: str
    who: str | None
    expected: int | None
    until: int | None
    base: int
    same: bool


class LiveWeights:
    """The weights of the system that decides by `decision`, kept in `store`; times are told in `zone`.

    unsaid: who it was where a change does not say; default the user who runs this process. token: the one by which
    changes come in, which the history names beside whoever they say it was. The terms are those of `decision`. A weight
    that was set for a term that it does not have is kept and told apart.
    """

    def __init__(
        self,
        decision: Decision,
        store: WeightsStore,
        zone: str = "UTC",
        *,
        unsaid: str | None = None,
        token: str | None = None,
    ) -> None:
        self._decision = decision
        self._store = store
        self._zone = zone
        self._unsaid = unsaid
        self._token = token

    def show(self) -> dict[str, Any]:
        """What is live, who set it when and why, what it says about the terms, and where the file says otherwise.

        Before anything was set, version 0 with what the file will seed.
        """
        live = self._store.weights()
        return self._told(live) | {"file": self._unlike_file(live)}

    def seed(self, why: str, who: str | None = None) -> None:
        """Make the file's weights live for every term that has no live weight yet; for no other."""
        self._store.set_weights({}, why=why, who=who, defaults=self._file)

    def history(self, limit: int | None = None) -> dict[str, Any]:
        """The newest `limit` versions (default all), the newest first, each with what it changed."""
        rows = list(self._store.weight_versions(limit=None if limit is None else limit + 1))
        before = [None, *rows][: len(rows)]
        told = [{**self._told(now), "changes": self._changes(was, now)} for was, now in zip(before, rows, strict=True)]
        return {"versions": told[::-1][:limit]}

    def change(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make `{"values", "why", "who"?, "expected_version"?, "until"?}` live; terms that `values` does not name keep
        theirs. until: an ISO 8601 time, from which on those before are live again; default never.

        The answer is `show()` with `changed`, `changes` in sentences, and `before`. Raises `RequestError` for what does
        not fit, weights that would all be 0 among it, and `Stale` where another version than the expected one is live;
        nothing has changed then.
        """
        made = self.ready(asked)
        live = self._store.set_weights(
            made.given, why=made.why, who=made.who, expected=made.expected, defaults=self._file, until=made.until
        )
        return self._after(live)

    def ready(self, asked: Mapping[str, Any]) -> Wanted:
        """What `asked` would make live, with nothing changed but that the file's weights are seeded; raises as `change`
        does."""
        known_fields(asked, _CHANGE)
        values = asked.get("values")
        if not isinstance(values, Mapping) or not values:
            came = "nothing" if "values" not in asked else described(values) if values != {} else "an empty object"
            allowed = f"an object of one or more terms, e.g. {{{_quoted(next(iter(self._decision.terms)))}: 0.5}}"
            raise RequestError(f"{came} came", field="values", allowed=allowed)
        given = checked_some(
            self._decision, {shown(str(term)): value for term, value in values.items()}, field="values"
        )
        reason, who, expected = (
            reason_of(asked),
            said_by(asked, self._token, self._unsaid),
            version_of(asked, "expected_version", 0),
        )
        until = self._until(asked)
        live = self._store.weights()
        counting(applied(self._decision, {**(live.values if live else {}), **given}), field="values")
        seeded = self._store.set_weights({}, why=SEEDED, expected=expected, defaults=self._file).now
        whole = applied(self._decision, {**seeded.values, **given})
        same = whole == applied(self._decision, seeded.values) and until == seeded.until
        then = None if expected is None else seeded.version
        return Wanted(given, whole, reason, who, then, until, seeded.version, same)

    def take_back(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make the values of version `to` (default those before the live ones) live again, as a new version.

        `asked` is `{"why", "to"?, "who"?, "expected_version"?}`; answers and raises as `change` does.
        """
        known_fields(asked, _TAKE_BACK)
        reason, who, expected = (
            reason_of(asked),
            said_by(asked, self._token, self._unsaid),
            version_of(asked, "expected_version", 0),
        )
        to = version_of(asked, "to", 1)
        return self._after(self._store.take_back_weights(why=reason, who=who, to=to, expected=expected))

    @property
    def _file(self) -> dict[str, float]:
        return checked(self._decision, self._decision.weights)

    def _until(self, asked: Mapping[str, Any]) -> int | None:
        text, now = asked.get("until"), Clock().now()
        if text is None:
            return None
        allowed = "an ISO 8601 time that is still to come, e.g. 2026-12-24T18:00"
        try:
            until = instant_of(text, self._zone) if isinstance(text, str) else None
        except ValueError:
            until = None
        if until is None:
            raise RequestError(f"{described(text)} came", field="until", allowed=allowed)
        if until <= now:
            raise NotNow(f"{described(text)} came, which is over", field="until", allowed=allowed)
        return until

    def _after(self, change: WeightsChange) -> dict[str, Any]:
        before = change.before
        told = {"changed": change.changed, "changes": self._changes(before, change.now)}
        if before is not None:
            told["before"] = {"version": before.version, "values": applied(self._decision, before.values)}
        return {**self._told(change.now), **told, "file": self._unlike_file(change.now)}

    def _changes(self, before: WeightsRow | None, now: WeightsRow) -> list[str]:
        return [] if before is None else what_changed(self._decision, before.values, now.values)

    def _told(self, row: WeightsRow | None) -> dict[str, Any]:
        values = applied(self._decision, row.values if row else {})
        return {
            "version": row.version if row else 0,
            "values": values,
            "units": {term: self._decision.terms[term].unit for term in values},
            "who": row.who if row else "system file",
            "when": to_text(row.at // SECOND * SECOND, self._zone) if row else None,
            "why": row.why if row else "the file's weights, until any are live",
            "until": to_text(row.until, self._zone) if row and row.until is not None else None,
            "exchange_rates": exchange_rates(self._decision, values),
            "unused": {term: value for term, value in row.values.items() if term not in values} if row else {},
        }

    def _unlike_file(self, live: WeightsRow | None) -> list[dict[str, Any]]:
        """Terms whose live weight is not the file's: the file only seeds them."""
        values = applied(self._decision, live.values if live else {})
        return [
            {"term": term, "live": values[term], "file": said}
            for term, said in self._file.items()
            if values[term] != said
        ]


def said_by(asked: Mapping[str, Any], token: str | None, unsaid: str | None) -> str | None:
    """Who asks, for the history: whom `who` names, and the token by which it came; else `unsaid`."""
    said = text_of(asked, "who", WHO)
    if token is None:
        return said or unsaid
    return f"{said} (token {token})" if said else f"token {token}"


def known_fields(asked: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raises `RequestError` for a field that there is not."""
    for name in asked:
        if name not in known:
            raise RequestError("there is no such field", field=shown(str(name)), hint=did_you_mean(str(name), known))


def reason_of(asked: Mapping[str, Any]) -> str:
    """The reason that a change must have. Raises `RequestError` where there is none."""
    text = text_of(asked, "why", WHY)
    if not text:
        raise RequestError("a change of weights needs a reason", field="why", allowed="a sentence for the history")
    return text


def text_of(asked: Mapping[str, Any], field: str, most: int) -> str:
    """A text of what was asked, "" where it is not there. Raises `RequestError` for what is none, or too long."""
    value = asked.get(field)
    if value is None:
        return ""
    allowed = f"a string of at most {most:,} characters"
    if not isinstance(value, str):
        raise RequestError(f"{described(value)} came", field=field, allowed=allowed)
    if len(value) > most:
        raise RequestError(f"a string of {len(value):,} characters came", field=field, allowed=allowed)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise RequestError("text that is not Unicode came", field=field, allowed=allowed) from None
    return value.strip()


def version_of(asked: Mapping[str, Any], field: str, least: int) -> int | None:
    """The number of a version, None where it is not there. Raises `RequestError` for what is none."""
    value = whole(asked.get(field))
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**53:
        allowed = "the number of a version, from 1" + ("" if least else "; 0 where none is live yet")
        raise RequestError(f"{described(value)} came", field=field, allowed=allowed)
    return value


def _quoted(text: str) -> str:
    return f'"{text}"'
