"""Judging `decision.term` against what is live by logged decisions with propensities: an off-policy gate."""

from __future__ import annotations

from poise.evaluation.blocks import ENOUGH
from poise.evaluation.bootstrap import Interval
from poise.evaluation.finding import Against, Finding, Status, share_words
from poise.evaluation.foreseen import Foreseen
from poise.evaluation.off_policy_estimate import estimate, margin
from poise.evaluation.slices import LEAST_ROWS
from poise.evaluation.words import counted, number
from poise.spec.requirement import Requirement

ESTIMATOR = "doubly-robust"


def judge_foreseen(requirement: Requirement, found: Foreseen, live: str) -> Finding:
    """Whether the limit of what the candidate comes to, on the same decisions, clears the share of what is live.

    `insufficient` below 100 decisions or 20 blocks; `cannot tell`, with the reason, where the log cannot.
    """
    decisions = f"{counted(found.new.count, found.noun)} of {found.of} since {found.since}"
    blocks, n = found.new.blocks.count, found.new.count
    if n < LEAST_ROWS or blocks < ENOUGH:
        words = f"{requirement.metric} has {decisions}, in {counted(blocks, 'block')}"
        needed = f"at least {LEAST_ROWS} {found.noun}s in {ENOUGH} blocks are needed"
        return Finding("insufficient", f"{words}; {needed}", n=n, blocks=blocks, counts=found.noun)
    made, base = (estimate(ESTIMATOR, rows, found.now) for rows in (found.new, found.now))
    if made.refused is not None or base.refused is not None:
        words = f"{requirement.metric} cannot be told from {decisions}: {made.refused or base.refused}"
        return Finding("cannot tell", words, n=n, blocks=blocks, counts=found.noun)
    bound = requirement.at_least or requirement.at_most
    share, strictly = (1.0, True) if bound is None else (bound.value, False)
    worth = base.value.value
    over = margin(ESTIMATOR, found.new, found.now, share)
    clears = over.high <= 0 if requirement.at_most else over.low > 0 if strictly else over.low >= 0
    status: Status = "pass" if clears else "fail"
    label, name = requirement.metric, f"{live} (live)"
    if bound is None:
        words = f"{label} {number(made.value.value)} is {'' if clears else 'not shown to be '}better than the "
        words += f"{number(worth)} of {name}"
    else:
        words = share_words(label, made.value.value, worth, clears, requirement, name)
    return Finding(
        status,
        f"{words} ({_gain(made.gain, worth)}; n = {decisions}, worth {made.effective:,.0f} of the candidate's; told by "
        f"what came of them and how probable they were, {ESTIMATOR}{''.join(f'; {said}' for said in made.warnings)})",
        made.value.value,
        made.value.low,
        made.value.high,
        n,
        blocks,
        None,
        Against(name, worth, made.gain.value, made.gain.low, made.gain.high),
        found.noun,
    )


def _gain(gain: Interval, worth: float) -> str:
    """By how much it is more than what is live, with both limits.

    >>> _gain(Interval(0.02, -0.01, 0.05, 9, 9), 0.5)
    'a gain of +4.0 %, between -2.0 and +10.0 %'
    """
    if not worth:
        return f"a gain of {number(gain.value)}, between {number(gain.low)} and {number(gain.high)}"
    value, low, high = (100 * one / abs(worth) for one in (gain.value, gain.low, gain.high))
    return f"a gain of {value:+.1f} %, between {low:+.1f} and {high:+.1f} %"
