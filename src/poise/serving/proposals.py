"""Changes of weights that stakeholders approve first: those whose requirement the log does not show to hold by them.

A requirement says what its owner accepts. A change by which it holds, as the log shows, needs nobody; one by which it
may break waits for its owner. Taking back and expiry need nobody: what was in force before is back at once. To go back
to any other version is a change as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from poise.clock import SECOND, Clock, to_text
from poise.decisions.exchange import what_changed
from poise.errors import NotNow, PoiseError, RequestError
from poise.serving.weights import WHO, LiveWeights, WeightsStore, known_fields, reason_of, said_by, text_of, version_of
from poise.spec.decision import Decision
from poise.spec.requirement import Requirement
from poise.stores.state_base import DocumentRow, WeightsChange, WeightsRow

Foresee = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""What a change would do, as `Preview.of` tells it; raises `NotNow` where that cannot be told."""
Act = Callable[[Mapping[str, Any]], dict[str, Any]]
APPROVE_FORM = '{"as": "STAKEHOLDER", "why": "…"}, with "who" and "expected_version" if wanted'
WITHDRAW_FORM = '{"why": "…"}, with "who" if wanted'
STANDINGS = ("open", "applied", "declined", "withdrawn", "overtaken")
SPEAKS_FOR = "speaks-for"
"""The documents that say for which stakeholders a token speaks: by the token's name, `{"for": [...]}`."""
HOLDS = "holds"


class NotTheirs(RequestError):
    """An approval by a token that does not speak for that stakeholder (HTTP 403)."""

    status = 403
    title = "The token speaks for somebody else"


class ProposalsStore(WeightsStore, Protocol):
    """What remembers proposals: the state database of `stores`."""

    def document(self, kind: str, name: str) -> DocumentRow | None: ...

    def weights_before(self) -> WeightsRow | None: ...
    def proposals(self, *, standing: str | None = None) -> Sequence[DocumentRow]: ...
    def propose(
        self,
        values: Mapping[str, float],
        waits: Mapping[str, Sequence[str]],
        *,
        base: int,
        why: str,
        who: str | None = None,
        until: int | None = None,
        foreseen: Mapping[str, Any] | None = None,
    ) -> DocumentRow: ...
    def approve(
        self, name: str, stakeholder: str, *, why: str, who: str | None = None, expected: int | None = None
    ) -> tuple[DocumentRow, WeightsChange | None]: ...
    def decline(
        self, name: str, stakeholder: str, *, why: str, who: str | None = None, expected: int | None = None
    ) -> DocumentRow: ...
    def withdraw(self, name: str, *, why: str, who: str | None = None) -> DocumentRow: ...


class Proposals:
    """The proposals of one system. speaks_for: the stakeholders that the caller's token speaks for; None where callers
    are not known by tokens, and are believed."""

    def __init__(
        self,
        decision: Decision,
        requirements: Sequence[Requirement],
        store: ProposalsStore,
        zone: str = "UTC",
        *,
        unsaid: str | None = None,
        token: str | None = None,
        speaks_for: Sequence[str] | None = None,
    ) -> None:
        self._decision, self._store, self._zone = decision, store, zone
        self._owned = [one for one in requirements if one.metric.startswith("decision.")]
        self._unsaid, self._token, self._speaks_for = unsaid, token, speaks_for

    def change(self, live: LiveWeights, asked: Mapping[str, Any], foresee: Foresee) -> dict[str, Any]:
        """Change weights, or propose it where it waits for somebody; `asked` is as for `LiveWeights.change`.

        A proposal is answered with `proposal` (as `show` tells one) and `changed` false. Raises as `LiveWeights.change`
        does, and what `foresee` raises beside `NotNow`; nothing has changed then.
        """
        if self._decision.approval == "nobody" or not self._owned:
            return live.change(asked)
        return self._unless_waited_for(live, asked, foresee, live.change, asked)

    def take_back(self, live: LiveWeights, asked: Mapping[str, Any], foresee: Foresee) -> dict[str, Any]:
        """Take weights back; `asked` is as for `LiveWeights.take_back`. To those before nobody has to agree; to any
        other version it is asked for, proposed and raised as by `change`."""
        to, before = version_of(asked, "to", 1), self._store.weights_before()
        found = next((one for one in self._store.weight_versions() if one.version == to), None)
        needless = self._decision.approval == "nobody" or not self._owned or (before and before.version == to)
        if found is None or needless:
            return live.take_back(asked)
        known_fields(asked, ("to", "why", "who", "expected_version"))
        values = {term: value for term, value in found.values.items() if term in self._decision.terms}
        change = {**{name: value for name, value in asked.items() if name != "to"}, "values": values}
        return self._unless_waited_for(live, change, foresee, live.take_back, asked)

    def _unless_waited_for(
        self, live: LiveWeights, change: Mapping[str, Any], foresee: Foresee, act: Act, asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Do it at once, or propose the change where it waits for somebody."""
        made = live.ready(change)
        told, waits = (None, {}) if made.same else self._waits(made.values, foresee)
        if not waits:
            return act({**asked, "expected_version": made.base})
        row = self._store.propose(
            made.given, waits, base=made.base, why=made.why, who=made.who, until=made.until, foreseen=told
        )
        return {**live.show(), "changed": False, "changes": [], "proposal": self._told(row)}

    def show(self, *, standing: str | None = None) -> dict[str, Any]:
        """All proposals, the newest first, or only those that stand so (`open`, `applied`, `declined`, …)."""
        versions = self._store.weight_versions()
        told = [self._told(row, versions) for row in reversed(self._store.proposals())]
        return {"proposals": [one for one in told if standing in (None, one["standing"])]}

    def approve(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Approve `{"as", "why", "who"?, "expected_version"?}`. Raises `RequestError` for what does not fit,
        `NotTheirs` for a token that does not speak for that stakeholder, `NotNow` and `Stale` as the store does."""
        stakeholder, reason, who, expected = self._read(asked)
        row, change = self._store.approve(name, stakeholder, why=reason, who=who, expected=expected)
        if row.value["standing"] == "overtaken":
            raise NotNow(f"proposal {name} is overtaken: {row.value['ended']['why']}", hint="propose it anew")
        return {"proposal": self._told(row), "changed": change is not None}

    def decline(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Say no; asked and raised as for `approve`."""
        stakeholder, reason, who, expected = self._read(asked)
        row = self._store.decline(name, stakeholder, why=reason, who=who, expected=expected)
        return {"proposal": self._told(row), "changed": False}

    def withdraw(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take a proposal back: `{"why", "who"?}`."""
        known_fields(asked, ("why", "who"))
        row = self._store.withdraw(name, why=reason_of(asked), who=said_by(asked, self._token, self._unsaid))
        return {"proposal": self._told(row), "changed": False}

    def _waits(
        self, values: Mapping[str, float], foresee: Foresee
    ) -> tuple[Mapping[str, Any] | None, dict[str, list[str]]]:
        """What the change would do, and who has to approve it: owner -> why."""
        try:
            told: Mapping[str, Any] | None = foresee({"values": dict(values)})
            unknown = ""
        except PoiseError as error:
            if error.status != NotNow.status:
                raise
            told, unknown = None, error.message
        judged: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for found in () if told is None else told["requirements"]:
            judged.setdefault((found["who"], found["metric"]), []).append(found)
        waits: dict[str, list[str]] = {}
        # One owner may have several bounds on one term: each of them must hold.
        for who, metric in dict.fromkeys((one.who, one.metric) for one in self._owned):
            verdicts = judged.get((who, metric), ())
            said = [f"{one['verdict']}: {one['why']}" for one in verdicts if one["verdict"] != HOLDS]
            if not verdicts:
                said = [unknown or "no log tells it"]
            if said:
                waits.setdefault(who, []).append(f"{metric} ({'; '.join(said)})")
        return told, waits

    def _read(self, asked: Mapping[str, Any]) -> tuple[str, str, str | None, int | None]:
        known_fields(asked, ("as", "why", "who", "expected_version"))
        stakeholder = text_of(asked, "as", WHO)
        if not stakeholder:
            owners = ", ".join(dict.fromkeys(one.who for one in self._owned))
            raise RequestError("it is not said whose approval this is", field="as", allowed=owners or "nobody's")
        if self._speaks_for is not None and stakeholder not in self._speaks_for:
            said = ", ".join(self._speaks_for) or "nobody"
            raise NotTheirs(
                f"the token '{self._token}' speaks for {said}, not for {stakeholder}",
                hint="`poise tokens add NAME --role read --speaks-for STAKEHOLDER` makes one that does",
            )
        return (
            stakeholder,
            reason_of(asked),
            said_by(asked, self._token, self._unsaid),
            version_of(asked, "expected_version", 1),
        )

    def _told(self, row: DocumentRow, versions: Sequence[WeightsRow] | None = None) -> dict[str, Any]:
        """versions: all of the weights, where the caller has looked already."""
        value, versions = row.value, self._store.weight_versions() if versions is None else versions
        before = next((one.values for one in versions if one.version == value["base"]), {})
        standing = _standing(value, versions)
        waiting = sorted(set(value["waits"]) - set(value["approved"])) if standing == "open" else []
        foreseen = value["foreseen"] or {}
        return {
            "name": row.name,
            "version": row.version,
            "standing": standing,
            "values": value["values"],
            "changes": what_changed(self._decision, before, {**before, **value["values"]}),
            "base": value["base"],
            "who": value["who"],
            "why": value["why"],
            "when": self._time(row.made),
            "until": self._time(value["until"]),
            "touches": value["waits"],
            "approved": {owner: self._said(one) for owner, one in value["approved"].items()},
            "waits_for": waiting,
            "yours": [owner for owner in waiting if self._speaks_for is None or owner in self._speaks_for],
            "ended": self._said(value["ended"]),
            "foreseen": [one["sentence"] for one in foreseen.get("terms", ())],
        }

    def _said(self, one: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return None if one is None else {**one, "at": self._time(one["at"])}

    def _time(self, instant: int | None) -> str | None:
        return None if instant is None else to_text(instant // SECOND * SECOND, self._zone)


def _standing(value: Mapping[str, Any], versions: Sequence[WeightsRow]) -> str:
    """Where a proposal stands. One that can only be found overtaken, once somebody approves it, waits for nobody."""
    live = versions[-1].version if versions else 0
    over = value["until"] is not None and value["until"] <= Clock().now()
    return "overtaken" if value["standing"] == "open" and (value["base"] != live or over) else str(value["standing"])
