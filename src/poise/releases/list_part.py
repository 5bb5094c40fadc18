"""The part of the evidence that only decisions on lists have."""

from __future__ import annotations

from pydantic import Field

from poise.releases.part import Count, Number, Part


class TermResult(Part):
    """The mean of one term per row (per list, where lists are decided on) under one policy, with limits.

    `gain`: by how much that is more than what came of the lists as they were shown.
    """

    term: str = "?"
    unit: str | None = None
    policy: str = "?"
    value: Number = None
    low: Number = None
    high: Number = None
    gain: Number = None
    gain_low: Number = None
    gain_high: Number = None


class TermWorth(Part):
    """What an item is worth in one term, and what a unit of the term is worth."""

    term: str = "?"
    unit: str | None = None
    is_: str = Field("", alias="is")
    weight: Number = None


class ListScore(Part):
    """How well one policy orders the logged lists, by the utility that came true."""

    metric: str = "?"
    policy: str = "?"
    value: Number = None
    low: Number = None
    high: Number = None
    lists: Count = None
    left_out: Count = None
    telling: Count = None
    """How many of the lists could score otherwise in another order."""


class RungOrder(Part):
    """How well one rung alone sorts lists, and by how much better than the chosen one."""

    rung: str = "?"
    metric: str = "?"
    value: Number = None
    low: Number = None
    high: Number = None
    lists: Count = None
    gain: Number = None
    gain_low: Number = None
    gain_high: Number = None


class ListCounts(Part):
    """What was judged: lists, items, the length of the middle list, lists of one item, and the share of the shown
    items that would not have been eligible."""

    lists: Count = None
    rows: Count = None
    items: Count = None
    length: Number = None
    of_one: Count = None
    not_eligible: Number = None


class ExpectedOf(Part):
    """The lists of which is said what models expect."""

    lists: Count = None
    candidates: Number = None


class ExplorationEvidence(Part):
    """How strongly lists are explored, what that is expected to cost of each term, and what it may cost."""

    method: str = "?"
    top: Count = None
    strength: Number = None
    cost: dict[str, Number] | None = None
    bound: dict[str, Number] | None = None
    notes: tuple[str, ...] = ()


class ListEvidence(Part):
    """What is shown in which order, what that would have come to, and what the log says of places."""

    item: str | None = None
    list_: str | None = Field(None, alias="list")
    position: str | None = None
    show: Count = None
    where: str | None = None
    rule: str | None = None
    worth: tuple[TermWorth, ...] = ()
    exchange_rates: tuple[str, ...] = ()
    lists: ListCounts | None = None
    ranking: tuple[ListScore, ...] = ()
    silent: tuple[str, ...] = ()
    """Metrics that are left out of it: every order of every list scores the same."""
    predicted_share: Number = None
    """How much of the relevance lies in terms in which something is predicted."""
    known_before: tuple[str, ...] = ()
    """Terms that count and in which nothing is predicted."""
    reordered: tuple[TermResult, ...] = ()
    """The logged lists in another order of their items."""
    differs: dict[str, Number] = {}
    """Policy -> the share of the lists in which another item stands first than it would put there."""
    exposure: dict[str, tuple[Number, ...]] = {}
    """Term -> what places 1, 2, … keep of it."""
    exposure_assumed: bool = False
    expected: tuple[TermResult, ...] = ()
    """What models expect of longer lists."""
    expected_of: ExpectedOf | None = None
    exploration: ExplorationEvidence | None = None
