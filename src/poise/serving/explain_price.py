"""Why a price was chosen: what each price was foreseen to be worth, and what made the predictions at the one taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from poise.serving.explain import Explained, Record
from poise.serving.explain_place import stood_in
from poise.serving.explain_words import number, sentence


def price_choices(
    record: Record, weights: Mapping[str, float], explained: Explained, predictions: list[dict[str, Any]]
) -> dict[str, Any]:
    """The explanation of prices; `predictions` is what is said of each explained row in itself, at the price taken.

    What the log keeps of a row are the features at that price: other prices are explained by their terms alone.
    """
    rows = [_row(record, row, one) for row, one in zip(explained.rows, predictions, strict=True)]
    return {"weights": {"version": record["weights"], "values": dict(weights)}, "rows": rows}


def _row(record: Record, row: int, in_itself: Mapping[str, Any]) -> dict[str, Any]:
    actions = list(record["actions"])
    taken, best = record["chosen"][row], record["best"][row]
    head = {"row": row, "decision_id": record["ids"][row], "chosen": taken}
    if record["fallback"][row]:
        said = sentence(f"the price {taken} was taken by the rule, since no price could be scored", stood_in(record))
        return {**head, "fallback": True, **in_itself, "said": said}
    scores = np.array([np.nan if one is None else one for one in record["scores"][row]], np.float64)
    at = {action: j for j, action in enumerate(actions)}
    near = [actions[j] for j in (at[best] - 1, at[best] + 1) if 0 <= j < len(actions) and np.isfinite(scores[j])]
    beside = ", ".join(f"{number(scores[at[one]])} at {one}" for one in near)
    said = sentence(
        f"the price {taken} was taken to explore, in the place of {best}" if taken != best else "",
        f"{best} was best, worth {number(scores[at[best]])}" + (f" ({beside})" if beside else ""),
        stood_in(record),
    )
    told = {
        action: {
            "score": float(scores[j]) if np.isfinite(scores[j]) else None,
            "terms": {term: values[row][j] for term, values in record["terms"].items()},
        }
        for action, j in at.items()
    }
    return {**head, "actions": told, **in_itself, "said": said}
