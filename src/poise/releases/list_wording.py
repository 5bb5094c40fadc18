"""What was found of a list decision in words: for the page and the terminal alike."""

from __future__ import annotations

from collections.abc import Sequence

from poise.evaluation.gate_list import ALL
from poise.releases.list_part import ExplorationEvidence, ListEvidence, ListScore, TermResult
from poise.releases.wording import cell, figure, metric_words, share

SORTED = {
    "model": "by the models",
    "rule": "by the rule",
    "live": "by the live release",
    "logged": "as they were shown",
    "constant": "in a random order",
}
"""Who sorted, as the end of a sentence."""
FEW = 0.1
"""A metric for which order matters in fewer than one list in ten says little."""


def sorted_words(policy: str) -> str:
    """Who sorted.

    >>> sorted_words("model"), sorted_words("revenue alone")
    ('by the models', 'by revenue alone')
    """
    return SORTED.get(policy, f"by {policy}")


def list_words(decision: ListEvidence) -> str:
    """What the models' order of the logged lists would have brought, beside what came and what the rule would have.

    Empty where there is nothing to compare.

    >>> results = [TermResult(term="sales", unit="USD", policy=p, value=v, gain=v - 2.5, gain_low=v - 2.6,
    ...                       gain_high=v - 2.4) for p, v in (("logged", 2.5), ("model", 2.91), ("rule", 2.44))]
    >>> list_words(ListEvidence(reordered=results))
    'Sorted by the models, the logged lists would have come to 2.91 USD each, against 2.50 USD as they were shown and
    2.44 USD by the rule.'
    """
    amounts = {policy: amount for policy in ("model", "logged", "rule") if (amount := _amounts(decision, policy))}
    if not {"model", "logged"} <= amounts.keys():
        return ""
    beside = " and ".join(f"{amounts[p]} {sorted_words(p)}" for p in ("logged", "rule") if p in amounts)
    said = f"Sorted by the models, the logged lists would have come to {amounts['model']} each, against {beside}."
    open_ends = [r.term for r in _of(decision, "model") if _open(r)]
    if open_ends:
        said += f" What is gained or lost in {' and '.join(open_ends)} over what was shown may be chance."
    return said


def _amounts(decision: ListEvidence, policy: str) -> str:
    return " and ".join(f"{cell(result.value)} {result.unit or result.term}" for result in _of(decision, policy))


def _of(decision: ListEvidence, policy: str) -> list[TermResult]:
    return [result for result in decision.reordered if result.policy == policy]


def _open(result: TermResult) -> bool:
    """Whether chance may be all there is to a gain."""
    return result.gain_low is None or result.gain_high is None or result.gain_low <= 0 <= result.gain_high


def shown_words(decision: ListEvidence, by_rule: bool = False) -> str:
    """What is shown, and what decides which; `by_rule`: there are no models yet.

    >>> shown_words(ListEvidence(item="shop", show=10, where="shops.open"))
    'At most 10 are shown of the candidates that a caller sends, each a shop: those for which shops.open holds, the ones
    of most utility first.'
    """
    if decision.item is None:
        return ""
    first = "in the order of the rule" if by_rule else "the ones of most utility first"
    which = f"those for which {decision.where} holds, {first}" if decision.where else first
    shown = f"At most {decision.show or 0:,} are shown of the candidates that a caller sends, each a {decision.item}"
    return f"{shown}: {which}."


def score_table(decision: ListEvidence) -> tuple[list[str], list[tuple[str, list[ListScore | None]]]]:
    """The scores of orders as a table: its metrics, and per policy one score for each of them."""
    metrics = list(dict.fromkeys(score.metric for score in decision.ranking))
    rows: dict[str, dict[str, ListScore]] = {}
    for score in decision.ranking:
        rows.setdefault(score.policy, {})[score.metric] = score
    return metrics, [(policy, [found.get(metric) for metric in metrics]) for policy, found in rows.items()]


def silent_words(decision: ListEvidence) -> str:
    """Which metrics cannot tell orders apart, or hardly; empty where all can.

    >>> silent_words(ListEvidence(silent=("mrr@10",)))
    'Not shown, as every order of every list scores the same (all of its items are relevant, or it is too short):
    MRR@10.'
    >>> silent_words(ListEvidence(ranking=(ListScore(metric="mrr@10", lists=200, telling=3),)))
    'In only 3 of 200 lists could another order have another MRR@10, so that it says little.'
    """
    said = []
    if decision.silent:
        named = " and ".join(metric_words(metric)[0] for metric in decision.silent)
        why = "(all of its items are relevant, or it is too short)"
        said.append(f"Not shown, as every order of every list scores the same {why}: {named}.")
    for score in {one.metric: one for one in decision.ranking}.values():
        if score.lists and score.telling is not None and score.telling < FEW * score.lists:
            of, name = f"{score.telling:,} of {score.lists:,} lists", metric_words(score.metric)[0]
            said.append(f"In only {of} could another order have another {name}, so that it says little.")
    return " ".join(said)


def known_words(decision: ListEvidence) -> str:
    """How much of the relevance is predicted at all; empty where all is, or where that is not known.

    >>> known_words(ListEvidence(predicted_share=0.41, known_before=("margin",)))
    'Of the worth that lists are scored by, 41 % lies in what is predicted. The rest (margin) is known before and sorted
    by as it is, which lifts every score here that uses it and says nothing of the models.'
    """
    found = decision.predicted_share
    if found is None or found > ALL:
        return ""
    rest = f" ({' and '.join(decision.known_before)})" if decision.known_before else ""
    return (
        f"Of the worth that lists are scored by, {share(found)} lies in what is predicted. The rest{rest} is known"
        " before and sorted by as it is, which lifts every score here that uses it and says nothing of the models."
    )


def term_table(
    results: Sequence[TermResult],
) -> tuple[list[tuple[str, str | None]], list[tuple[str, list[TermResult]]]]:
    """Results as a table: the terms with their units, and per policy one result for each of them."""
    columns = list(dict.fromkeys((result.term, result.unit) for result in results))
    rows: dict[str, list[TermResult]] = {}
    for result in results:
        rows.setdefault(result.policy, []).append(result)
    return columns, list(rows.items())


def gain_words(result: TermResult) -> str:
    """By how much a result is more than what came of the lists as they were shown.

    >>> gain_words(TermResult(gain=0.05, gain_low=0.02, gain_high=0.08)), gain_words(TermResult(gain=-0.01))
    ('+0.05 (0.02 to 0.08)', '−0.01')
    """
    if result.gain is None:
        return ""
    limits = (
        ""
        if result.gain_low is None or result.gain_high is None
        else (f" ({figure(result.gain_low)} to {figure(result.gain_high)})")
    )
    return f"{'+' if result.gain > 0 else ''}{figure(result.gain)}{limits}"


def exploration_words(found: ExplorationEvidence | None) -> str:
    """How lists are explored and what that is expected to cost.

    >>> exploration_words(None)
    'Off: every list is the best that the models know, and the log cannot tell what another order would have brought.'
    >>> exploration_words(ExplorationEvidence(method="epsilon", top=20, strength=0.1, cost={"sales": 0.012}))
    '10 % of the lists put their best 20 in a random order (epsilon). That is expected to cost 1.2 % of sales.'
    """
    if found is None:
        return (
            "Off: every list is the best that the models know, and the log cannot tell what another order would have"
            " brought."
        )
    if not found.strength:
        return "Off: no exploration keeps within what it may cost."
    if found.method == "epsilon":
        said = f"{share(found.strength)} of the lists put their best {found.top} in a random order (epsilon)."
    else:
        said = (
            f"The best {found.top} are drawn by their scores at temperature {figure(found.strength)} (Plackett-Luce):"
            " the closer two of them are, the more often they trade places."
        )
    return f"{said} {_cost_words(found)}"


def _cost_words(found: ExplorationEvidence) -> str:
    if not found.cost:
        return "What that costs is not known before models are learned."
    bound = found.bound or {}
    costs = [
        f"{share(max(lost or 0.0, 0.0))} of {term}"
        + (f" (at most {share(bound[term])} is allowed)" if term in bound else "")
        for term, lost in found.cost.items()
    ]
    return f"That is expected to cost {' and '.join(costs)}."


def differs_words(decision: ListEvidence) -> str:
    """In how many lists another item stands first than the rule or the live release would put there.

    >>> differs_words(ListEvidence(differs={"rule": 0.58}))
    'In 58 % of the logged lists the models put another item first than the rule.'
    """
    names = {"rule": "the rule", "live": "the live release"}
    said = [f"in {share(value)} another than {names.get(policy, policy)}" for policy, value in decision.differs.items()]
    if not said:
        return ""
    if len(said) == 1:
        policy, value = next(iter(decision.differs.items()))
        return (
            f"In {share(value)} of the logged lists the models put another item first than {names.get(policy, policy)}."
        )
    return f"Of the logged lists the models put first {' and '.join(said)} would."


def over_words(over: str) -> str:
    """The rows over which a term was compared.

    >>> over_words("all"), over_words("first")
    ('all that were shown', 'what the models rank first')
    """
    known = {
        "all": "all that were shown",
        "chosen": "what the models would show",
        "first": "what the models rank first",
    }
    return known.get(over, over)
