"""PA08: is it repetitive, at scale, affordable when wrong, and worth its cost? By what people declare it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.assessment.base import Answer, Finding, Question
from poise.assessment.break_even import BreakEven, break_even
from poise.assessment.case import Case
from poise.assessment.costs import EXAMPLE, Costs, costs_of
from poise.assessment.policies import Played, chosen, played, threshold
from poise.assessment.trials import Trials
from poise.clock import DAY
from poise.evaluation.bootstrap import Resampled, mean_sums
from poise.evaluation.slices import Slice, hold, slices_of
from poise.evaluation.words import number

Floats = NDArray[np.float64]
MONTH = 30.44 * DAY
ROUND = 1_000.0
"""Decisions that figures are about where nobody says how many there are a month."""
MOST_INPUTS = 60
"""Inputs whose values are looked through for the worst slice, the first of them."""
FEW = 100.0
"""Fewer decisions a month than this a person can take."""


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """Money: the gain of ML over the best that looks at nothing, per row, and what each decision must bring."""

    costs: Costs
    made: Played
    gain: Resampled
    beyond_rule: Resampled
    decisions: float
    declared: bool
    """Whether `decisions` is a declared number a month; else it is `ROUND`, and running costs are left aside."""

    @property
    def needed(self) -> float:
        """What each decision must gain."""
        return self.costs.needed(self.decisions) if self.declared else 0.0

    def money(self, value: float) -> str:
        """An amount with its currency."""
        return f"{number(value)} {self.costs.currency}".rstrip()

    @property
    def each_time(self) -> str:
        """How many decisions amounts are about."""
        return f"{number(self.decisions, 9)} decisions" + (" a month" if self.declared else "")


class WorthIt(Question):
    """Does what ML decides bring more than always the same answer, than the rule, and than it costs?"""

    code: ClassVar[str] = "PA08"
    title: ClassVar[str] = "Is it worth its cost, and affordable when wrong?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """By declared values; without them, unclear, and what they would have to be.

        Raises `DataError` for values that contradict themselves; `costs.costs_of` tells beforehand.
        """
        costs = costs_of(case)
        if costs is None or costs.outcomes is None:
            return self._undeclared(case, trials, costs)
        made = played(case, trials, costs)
        monthly = costs.per_month or _observed(case)
        book = Ledger(
            costs, made, _spread(made.ml - made.fixed, trials), _spread(made.ml - made.rule, trials),
            monthly or ROUND, monthly is not None,
        )  # fmt: skip
        worst = worst_slices(case, trials, made.ml - made.fixed)
        details = _details(case, trials, book, worst)
        findings = _findings(case, book, worst)
        figures: dict[str, Any] = {
            "figure": book.gain.value * book.decisions, "low": book.gain.low() * book.decisions,
            "high": book.gain.high() * book.decisions, "details": details, "findings": findings,
            "unit": f"{costs.currency or 'money'} per {book.each_time}, beyond {made.always}",
        }  # fmt: skip
        return self._by_money(book, figures)

    def _by_money(self, book: Ledger, figures: dict[str, Any]) -> Answer:
        gain, needed, made = book.gain, book.needed, book.made
        side = "more" if gain.value >= 0 else "less"
        what = f"{book.each_time} by ML bring {book.money(abs(gain.value) * book.decisions)} {side} than {made.always}"
        if gain.high() <= needed:
            said = f"No: {what} (at most {book.money(gain.high() * book.decisions)}){_against_cost(book)}."
            return self.answer("no", said, _change(book), sure=1 - gain.chance_above(max(needed, 1e-12)), **figures)
        if gain.low() <= needed:
            low, high = (book.money(end * book.decisions) for end in (gain.low(), gain.high()))
            said = f"Unclear: {what}; the gain is between {low} and {high}{_against_cost(book)}."
            return self.answer("unclear", said, "More rows would narrow that. " + _change(book), **figures)
        if book.beyond_rule.high() <= needed and made.rule.mean() > made.fixed.mean():
            said = (
                f"No: the rule brings as much. {what}, but at most"
                f" {book.money(max(book.beyond_rule.high(), 0) * book.decisions)} more than the rule"
                f"{_against_cost(book)}."
            )
            figures["details"]["instead"] = "the rule"
            sure = 1 - book.beyond_rule.chance_above(max(needed, 1e-12))
            return self.answer("no", said, "Columns that say more than the rule.", sure=sure, **figures)
        said = f"Yes: {what} (at least {book.money(gain.low() * book.decisions)}){_payback_words(book)}."
        change = f"It would be no if a decision gained less than {book.money(needed)}." if needed else _change(book)
        return self.answer("yes", said, change, sure=1 - gain.chance_below(needed), **figures)

    def _undeclared(self, case: Case, trials: Trials, costs: Costs | None) -> Answer:
        found = break_even(case, trials)
        monthly = (costs and costs.per_month) or _observed(case)
        said = f"Nobody said what answers are worth. {found.sentence}"
        details = {
            "declared": False, "per_month": monthly, "unit": found.unit, "gain": found.gain.to_dict(),
            "break_even": {"low": _n(found.low), "best": _n(found.best), "high": _n(found.high)},
            "table": list(found.table),
        }  # fmt: skip
        if costs is not None and costs.per_month and found.shown:
            least = costs.needed(costs.per_month) / found.gain.value
            if least > 0:
                details["least_price"] = least
                said += (
                    f" To pay for itself, {_one(case)} must then be worth"
                    f" at least {number(least)} {costs.currency}".rstrip()
                    + "."
                )
        change = f"Declare what answers are worth, e.g. --costs '{EXAMPLE[case.problem]}'."
        figures = _ratios(found) if case.problem == "binary" else _gains(found)
        return self.answer("unclear", said, change, details=details, **figures)


def _ratios(found: BreakEven) -> dict[str, Any]:
    return {"figure": found.best, "low": found.low, "high": found.high, "unit": "a miss in false alarms"}


def _gains(found: BreakEven) -> dict[str, Any]:
    gain = found.gain
    return {"figure": gain.value, "low": gain.low, "high": gain.high, "unit": f"{found.unit} gained per decision"}


def _one(case: Case) -> str:
    return {
        "binary": "a false alarm avoided", "multi-class": "one more right answer", "regression": "one unit nearer"
    }[case.problem]  # fmt: skip


def _spread(values: Floats, trials: Trials) -> Resampled:
    return Resampled(mean_sums(values, trials.blocks), seed=trials.seed)


def _observed(case: Case) -> float | None:
    """Rows a month in the table; None without time."""
    if not case.timed:
        return None
    span = float(case.time.max() - case.time.min())
    return case.rows_in / (span / MONTH) if span >= DAY else None


def _against_cost(book: Ledger) -> str:
    if not book.needed:
        return ""
    return f", and {book.money(book.needed * book.decisions)} are needed to pay for it"


def _payback_words(book: Ledger) -> str:
    running = book.costs.each_month(book.decisions)
    if not book.declared:
        return ""
    said = f", before {book.money(running)} to run it" if running else ""
    months = payback(book)
    if not book.costs.build or months is None:
        return said
    return f"{said}; the {book.money(book.costs.build)} to build it are back in {number(months[0], 2)} months" + (
        f" (at most {number(months[1], 2)})"
    )


def payback(book: Ledger) -> tuple[float, float] | None:
    """Months until what was built is paid back, and the most that it may take; None where that is never."""
    running = book.costs.each_month(book.decisions)
    likely, least = (value * book.decisions - running for value in (book.gain.value, book.gain.low()))
    if not book.declared or least <= 0:
        return None
    return book.costs.build / likely, book.costs.build / least


def _change(book: Ledger) -> str:
    if book.costs.outcomes is not None and book.gain.value > 0 and book.needed:
        least = book.needed / book.gain.value * book.decisions
        return f"It would pay from about {number(least, 2)} decisions a month on."
    return "Other values of right and wrong answers, or better predictions."


def worst_slices(case: Case, trials: Trials, gain: Floats, most: int = 5) -> list[dict[str, Any]]:
    """Where ML gains least, worst first; limits hold for all slices together. Empty where no slice has enough rows."""
    slices: list[Slice] = []
    for name in list(case.types)[:MOST_INPUTS]:
        if case.types[name] != "text":
            slices += slices_of(name, case.table[name].take(trials.judge), trials.blocks).enough
    slices = [one for one in slices if len(one.rows) < len(gain)]

    def spread(rows: NDArray[np.int64]) -> Resampled:
        return Resampled(mean_sums(gain[rows], trials.blocks.take(rows)), seed=trials.seed)

    tested = hold(slices, spread, 0.0, at_most=True, strictly=True)
    tested.sort(key=lambda one: one.value)
    return [
        {
            "column": case.column_of(one.slice.by), "input": one.slice.by, "value": one.slice.value,
            "rows": len(one.slice.rows), "gain": one.value, "high": _n(one.limit), "loses": one.clears,
        }
        for one in tested[:most]
    ]  # fmt: skip


def _details(case: Case, trials: Trials, book: Ledger, worst: list[dict[str, Any]]) -> dict[str, Any]:
    made, gain = book.made, book.gain
    possible = float(made.perfect.mean() - made.fixed.mean())
    months = payback(book)
    details: dict[str, Any] = {
        "declared": True,
        "currency": book.costs.currency,
        "decisions": book.decisions,
        "a_month": book.declared,
        "policies": {
            "ML": float(made.ml.mean()), "rule": float(made.rule.mean()), made.always: float(made.fixed.mean()),
            "every answer right": float(made.perfect.mean()),
        },
        "gain": {"value": gain.value, "low": _n(gain.low()), "high": _n(gain.high())},
        "beyond_rule": {
            "value": book.beyond_rule.value, "low": _n(book.beyond_rule.low()), "high": _n(book.beyond_rule.high())
        },
        "needed": book.needed,
        "quality": gain.value / possible if possible > 0 else None,
        "break_even_quality": book.needed / possible if possible > 0 else None,
        "payback_months": None if months is None or not book.costs.build else {"value": months[0], "high": months[1]},
        "worst": worst,
    }  # fmt: skip
    if case.problem == "binary":
        assert book.costs.outcomes is not None
        details["threshold"] = threshold(book.costs.outcomes)
        details["confusion"] = _confusion(trials, book.costs.outcomes)
        details["by_threshold"] = _by_threshold(trials, book)
    return details


def _confusion(trials: Trials, outcomes: Floats) -> dict[str, float]:
    """The share of each outcome among all decisions."""
    truth, alarm = trials.target.astype(bool), chosen(trials.learned, outcomes) == 1
    found = {
        "hit": truth & alarm,
        "miss": truth & ~alarm,
        "false_alarm": ~truth & alarm,
        "correct_rejection": ~truth & ~alarm,
    }
    return {name: float(rows.mean()) for name, rows in found.items()}


def _by_threshold(trials: Trials, book: Ledger) -> list[dict[str, float]]:
    """What other thresholds would bring per decision: to look at, not to choose by."""
    outcomes, truth = book.costs.outcomes, trials.target.astype(np.int64)
    assert outcomes is not None
    at = np.unique(np.quantile(trials.learned, np.linspace(0, 1, 41)))
    return [
        {"threshold": float(t), "gain": float((outcomes[truth, (trials.learned >= t) * 1] - book.made.fixed).mean())}
        for t in at
    ]


def _findings(case: Case, book: Ledger, worst: list[dict[str, Any]]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for one in worst:
        if one["loses"]:
            said = (
                f"Where {one['input']} is {one['value']} ({one['rows']:,} rows), a decision by ML loses"
                f" {book.money(-one['gain'])} against {book.made.always}: leave these out"
            )
            found.append(Finding(said, "warn", (one["column"],)))
    rule = book.beyond_rule
    if rule.low() <= 0:
        most = book.money(max(rule.high(), 0.0) * book.decisions)
        found.append(Finding(f"Not shown to bring more than the rule (at most {most} per {book.each_time})", "note"))
    if book.declared and not book.costs.per_month:
        said = f"--costs names no per_month: {number(book.decisions, 2)} decisions a month are taken, as in the table"
        found.append(Finding(said, "note", (case.time_name,) if case.time_name else ()))
    if not book.declared and (book.costs.build or book.costs.run_per_month or book.costs.core_hour):
        found.append(Finding("--costs names no per_month, so what it costs to build and to run could not be set"
                             " against what it brings", "warn"))  # fmt: skip
    if book.declared and book.decisions < FEW:
        said = f"Only {number(book.decisions, 2)} decisions a month: a person can take them"
        found.append(Finding(said, "warn"))
    return tuple(found)


def _n(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
