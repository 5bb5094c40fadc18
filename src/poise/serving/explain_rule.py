"""Why a list that the rule sorted was in this order: what was missing, and the rule's place of each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from poise.decisions.rank import Ranker
from poise.serving.explain_place import drawn, level, position, stood_in
from poise.serving.explain_rows import NOT_KEPT, numbers
from poise.serving.explain_weights import ranks
from poise.serving.explain_words import listed, number, plain, sentence
from poise.serving.list_entries import stands_as


def by_rule(
    ranker: Ranker,
    record: Mapping[str, Any],
    weights: Mapping[str, float],
    rows: Mapping[int, Mapping[str, Any]],
    only: int | None,
) -> dict[str, Any]:
    """The explanation of a list in which no candidate had a score. rows: what is said of those kept in full."""
    why, rule = _why(record, weights), ranker.decision.rule
    told = [{**_row(ranker, record, row), **one} for row, one in rows.items()]
    if only is not None and not told:
        told = [{**_row(ranker, record, only), "not_kept": NOT_KEPT}]
    head = {"candidates": len(record["items"]), "by_rule": True, "missing": _missing(record, weights), "rows": told}
    if not len(np.flatnonzero(numbers(record["allowed"]) == 1)):
        return {**head, "said": sentence(f"no candidate could be shown: {ranker.decision.where} held for none")}
    how = "the order in which they were sent was kept" if rule is None else f"the rule sorted: {rule}"
    explored = record.get("explored")
    chance = f"of that the order was drawn, so that others are tried too ({explored['method']})" if explored else ""
    return {**head, "said": sentence(f"no candidate had a score, since {why}", how, chance)}


def _row(ranker: Ranker, record: Mapping[str, Any], row: int) -> dict[str, Any]:
    assert ranker.decision.item is not None
    values, allowed = numbers(record["scores"]), numbers(record["allowed"])
    name, at = record["items"][row], np.flatnonzero(allowed == 1)
    head = {stands_as(ranker.decision.item): name}
    if allowed[row] != 1:
        left_out = ranker.why_not(float(allowed[row]))
        said = sentence(f"'{name}' could not be shown: {left_out}")
        return {**head, "position": None, "rank": None, "score": None, "left_out": left_out, "said": said}
    sorted_by = np.where(np.isnan(values[at]), -np.inf, values[at])  # what the rule says nothing of comes last
    rank = ranks(sorted_by)[int(np.flatnonzero(at == row)[0])]
    others = int((sorted_by == (-np.inf if np.isnan(values[row]) else values[row])).sum()) - 1
    found = position(record, row, rank)
    value = float(values[row])
    worth = "the rule says nothing of it" if np.isnan(value) else f"the rule gives it {number(value)}"
    said = sentence(
        f"'{name}' is number {rank} of {len(at)} by the rule{level(others)}",
        worth if ranker.decision.rule is not None else "",
        drawn(found),
        stood_in(record),
    )
    return {**head, **found, "rank": rank, "score": record["scores"][row], "said": said}


def _missing(record: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, int]:
    """Of how many candidates that could be shown each term is missing that counts."""
    at = numbers(record["allowed"]) == 1
    gone = {t: int(np.isnan(numbers(values)[at]).sum()) for t, values in record["terms"].items() if weights.get(t)}
    return {term: count for term, count in gone.items() if count}


def _why(record: Mapping[str, Any], weights: Mapping[str, float]) -> str:
    if not record["terms"]:
        return "no model had been learned yet"
    of = int((numbers(record["allowed"]) == 1).sum())
    gone = [f"{plain(term)} was missing for {count} of {of}" for term, count in _missing(record, weights).items()]
    return listed(gone)
