"""What other weights would do: for every term what it would come to, who gains and who loses, how sure that is.

Told from lists or choices that the live release made while it explored, and what came of them. They are gathered by a
process of its own; here they are only reckoned with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from poise.clock import SECOND, to_text
from poise.decisions.choose import Chooser
from poise.decisions.exchange import exchange_rates, what_changed
from poise.decisions.exploration_cost import Basis, settle
from poise.decisions.explore_actions import settle_actions
from poise.decisions.weights import applied, checked_some, counting
from poise.errors import RequestError
from poise.evaluation.bootstrap import Interval
from poise.evaluation.choice_log import ChoiceLog
from poise.evaluation.list_log import ListLog
from poise.evaluation.off_policy import LoggedRows
from poise.evaluation.off_policy_estimate import Estimate, estimate, margin
from poise.serving.body import described, whole
from poise.spec.decision import Decision
from poise.spec.requirement import Requirement

ESTIMATOR = "doubly-robust"
BESIDE = "snips"
"""Told beside it: it uses no model, so that two that differ much say that one of them is not to be trusted."""
MOST = 20_000
"""Lists or choices that are reckoned with, the newest; a list takes about 0.2 ms, a choice far less."""
REMEMBERED = 64
"""Policies whose lists are kept ready: somebody who moves a slider comes back to where it was."""
UNLIMITED = (
    "the capacity of {} is not reckoned with: by other weights it may be asked for more often than there is room"
)
FORM = '{"values": {"TERM": 0.5}}, with "lists" if wanted'


@dataclass(frozen=True, slots=True)
class Asked:
    """Weights to look at, and the most lists (choices) to reckon with."""

    values: Mapping[str, float]
    lists: int = MOST

    @classmethod
    def of(cls, content: Mapping[str, Any], decision: Decision, live: Mapping[str, float]) -> Asked:
        """What `{"values": {…}, "lists"?: n}` asks; terms that it does not name keep their live weight.

        Raises `RequestError` for what does not fit.
        """
        for name in content:
            if name not in ("values", "lists"):
                raise RequestError("there is no such field", field=name[:100], allowed=FORM)
        values, lists = content.get("values"), whole(content.get("lists", MOST))
        if not isinstance(values, Mapping) or not values:
            came = "nothing" if values is None else described(values)
            raise RequestError(f"{came} came", field="values", allowed="an object of one or more terms")
        if isinstance(lists, bool) or not isinstance(lists, int) or not 1 <= lists <= MOST:
            raise RequestError(f"{described(lists)} came", field="lists", allowed=f"a whole number from 1 to {MOST:,}")
        made = applied(decision, {**live, **checked_some(decision, values, field="values")})
        counting(made, field="values")
        return cls(made, lists)


class Preview:
    """Effects of weights on the lists, or choices, of one log.

    left_out: reason -> how many could not be reckoned with. chooser: of choices, what chooses.
    """

    def __init__(
        self,
        decision: Decision,
        requirements: Sequence[Requirement],
        basis: Basis | None,
        log: ListLog | ChoiceLog,
        zone: str,
        left_out: Mapping[str, int] | None = None,
        chooser: Chooser | None = None,
    ) -> None:
        self._decision, self._basis, self._zone, self._chooser = decision, basis, zone, chooser
        self._requirements = [one for one in requirements if term_of(one) in decision.terms]
        self._log, self._left_out = log, dict(left_out or {})
        self._remembered = lru_cache(REMEMBERED)(self._under)

    @property
    def lists(self) -> int:
        """How many lists (choices) there are to reckon with."""
        return self._log.count

    @property
    def bounds(self) -> tuple[Requirement, ...]:
        """The requirements that hold weights back: of a term, over all lists, relative to what is live."""
        return tuple(one for one in self._requirements if one.relative_to == "live" and one.by is None)

    @property
    def noun(self) -> str:
        """What is reckoned with: `list` or `choice`."""
        return "list" if isinstance(self._log, ListLog) else "choice"

    def rows(self, values: Mapping[str, float], lists: int = MOST) -> dict[str, LoggedRows]:
        """The newest `lists` lists under some weights, per term; remembered for a while."""
        return self._remembered(tuple(values.items()), lists)

    def of(self, now: Mapping[str, float], asked: Asked) -> dict[str, Any]:
        """What `asked` would do beside the weights `now`, for JSON."""
        log = self._log.newest(asked.lists)
        before, after = (self.rows(values, asked.lists) for values in (now, asked.values))
        terms = [self._term(term, after[term], before[term]) for term in self._decision.terms]
        refused = next((one["refused"] for one in terms if one["refused"]), None)
        return {
            "values": dict(asked.values),
            "now": dict(now),
            "changes": what_changed(self._decision, now, asked.values),
            "exchange_rates": exchange_rates(self._decision, asked.values),
            "lists": log.count,
            "counts": f"{self.noun}s",
            "from": to_text(int(log.time[0]) // SECOND * SECOND, self._zone) if log.time[0] > 0 else None,
            "until": to_text(int(log.time[-1]) // SECOND * SECOND, self._zone) if log.time[-1] > 0 else None,
            "left_out": self._left_out,
            "refused": refused,
            "terms": terms,
            "requirements": [self._judged(one, after, before, refused) for one in self._requirements],
            "warnings": [
                *dict.fromkeys(said for one in terms for said in one.pop("warnings")),
                *([UNLIMITED.format(", ".join(self._decision.capacity))] if self._decision.capacity else []),
            ],
        }

    def _under(self, values: tuple[tuple[str, float], ...], lists: int) -> dict[str, LoggedRows]:
        weights, log, explore = dict(values), self._log.newest(lists), self._decision.explore
        if isinstance(log, ListLog):
            return log.under(weights, settle(explore, weights, self._basis, self._decision.show))
        assert self._chooser is not None
        choice = self._chooser.weigh(log.terms, weights)
        exploration = settle_actions(explore, self._chooser.actions, weights, self._basis)
        return log.under(exploration.policy(choice.chosen, ~np.isnan(choice.scores)))

    def _term(self, term: str, after: LoggedRows, before: LoggedRows) -> dict[str, Any]:
        made = estimate(ESTIMATOR, after, before)
        base = estimate(ESTIMATOR, before, before).value.value
        owners = list(dict.fromkeys(one.who for one in self._requirements if term_of(one) == term))
        beside = None if made.refused else estimate(BESIDE, after, before).gain
        return {
            "term": term,
            "unit": self._decision.terms[term].unit,
            "who": owners,
            "now": _finite(base),
            "then": _limits(made.value),
            "gain": _limits(made.gain) | {"share": _share(made.gain, base)},
            "effect": _effect(made),
            "sentence": _sentence(term, owners, made, base, self.noun),
            "estimator": ESTIMATOR,
            "beside": None if beside is None else {"estimator": BESIDE, "gain": _limits(beside)},
            "effective": round(made.effective, 1),
            "covered": round(made.covered, 4),
            "refused": made.refused,
            "warnings": list(made.warnings),
        }

    def _judged(
        self,
        requirement: Requirement,
        after: Mapping[str, LoggedRows],
        before: Mapping[str, LoggedRows],
        refused: str | None,
    ) -> dict[str, Any]:
        """Whether a requirement of a term would hold: against what the weights of now come to, where it is relative to
        what is live."""
        bound = requirement.at_least or requirement.at_most
        term = term_of(requirement)
        told = {"who": requirement.who, "metric": requirement.metric}
        if refused is not None or bound is None or requirement.relative_to != "live" or requirement.by is not None:
            why = refused or "only bounds relative to what is live are told from the log, over all lists"
            return {**told, "verdict": "cannot tell", "why": why}
        share = float(bound.value)
        over = margin(ESTIMATOR, after[term], before[term], share)
        low, high = (over.low, over.high) if requirement.at_least else (-over.high, -over.low)
        verdict = "holds" if low >= 0 else "breaks" if high < 0 else "cannot tell"
        if verdict == "holds" and self._decision.capacity:
            verdict = "cannot tell"  # who has to approve is told by it, and there may be no room for what it asks for
        side = "at least" if requirement.at_least else "at most"
        ratio = 100 * (1 + _ratio(estimate(ESTIMATOR, after[term], before[term]).gain.value, _now(before[term])))
        return {**told, "verdict": verdict, "why": f"{ratio:.1f} % of now, where {side} {100 * share:g} % is required"}


def _now(rows: LoggedRows) -> float:
    return estimate(ESTIMATOR, rows, rows).value.value


def term_of(requirement: Requirement) -> str:
    """The term of a decision that it is about; '' where it is about something else."""
    kind, _, term = requirement.metric.partition(".")
    return term if kind == "decision" else ""


def _finite(value: float) -> float | None:
    return value if value == value and abs(value) != float("inf") else None


def _limits(interval: Interval) -> dict[str, float | None]:
    return {name: _finite(getattr(interval, name)) for name in ("value", "low", "high")}


def _ratio(amount: float, base: float) -> float:
    return amount / abs(base) if base else float("nan")


def _share(gain: Interval, base: float) -> dict[str, float | None]:
    """The gain as a share of what the term comes to now."""
    return {name: _finite(_ratio(getattr(gain, name), base)) for name in ("value", "low", "high")}


def _effect(made: Estimate) -> str:
    if made.refused is not None:
        return "cannot tell"
    if made.gain.low > 0:
        return "gains"
    return "loses" if made.gain.high < 0 else "no clear change"


def _sentence(term: str, owners: Sequence[str], made: Estimate, base: float, noun: str) -> str:
    whose = f" ({', '.join(owners)})" if owners else ""
    if made.refused is not None:
        return f"{term}{whose}: cannot tell, {made.refused}"
    if not base:
        gain = made.gain
        return f"{term}{whose}: {gain.value:+.4g} per {noun} (between {gain.low:+.4g} and {gain.high:+.4g})"
    value, low, high = (100 * _ratio(one, base) for one in (made.gain.value, made.gain.low, made.gain.high))
    sure = {"gains": "gains", "loses": "loses"}.get(_effect(made), "no clear change")
    return f"{term}{whose} {sure}: {value:+.1f} % (between {low:+.1f} and {high:+.1f} %)"
