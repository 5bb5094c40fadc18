"""The explanation of one answer as callers see it: predictions, terms, rank, what would have changed it, a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from poise.errors import RequestError
from poise.serving.explain import Explained, Record, Release
from poise.serving.explain_choice import choices
from poise.serving.explain_list import listing
from poise.serving.explain_place import stood_in
from poise.serving.explain_price import price_choices
from poise.serving.explain_terms import by_size
from poise.serving.explain_words import number, plain, reasons, sentence
from poise.table import Column, Table


def explain(release: Release, record: Record, weights: Mapping[str, float], only: int | None = None) -> dict[str, Any]:
    """Why the answer of `record` was what it was.

    weights: the values of the version that it was decided by. only: one row; default all that the log has in full, of a
    list those that were shown; at most `MOST_EXPLAINED`. The features of rows that were not kept in full are not known;
    what needs them is left out.
    """
    explained = release.take_apart(record, only)
    head = release.head(record)
    predictions = [_row(release, explained, at) for at in range(len(explained.rows))]
    if record["kind"] == "list":
        return {**head, **listing(release, record, weights, explained, predictions, only)}
    if record["kind"] == "choice" and release.contract.price is not None:
        return {**head, **price_choices(record, weights, explained, predictions)}
    if record["kind"] == "choice":
        return {**head, **choices(release, record, weights, explained, predictions)}
    if record["kind"] != "predictions":
        raise RequestError(f"a record of the kind '{record['kind']}' is nothing that can be explained")
    rows = [
        {"row": row, **one, "said": _said(release, record, explained, at)}
        for at, (row, one) in enumerate(zip(explained.rows, predictions, strict=True))
    ]
    return {**head, "rows": rows}


def _row(release: Release, explained: Explained, at: int) -> dict[str, Any]:
    """The features of one row, and each prediction taken apart."""
    out: dict[str, Any] = {}
    for name, found in explained.objectives.items():
        output = release.objectives[name].output
        parts = [
            {
                "value": float(found.predicted[at, c]),
                "average": float(found.base[c]),
                "contributions": by_size({i: float(values[at, c]) for i, values in found.inputs.items()}),
            }
            for c in range(found.predicted.shape[1])
        ]
        out[name] = dict(zip(output.classes, parts, strict=True)) if output.classes else parts[0]
    read = {name for one in explained.used.values() for name in one.predictor.inputs}
    shown = explained.features.take(np.array([at]))
    values = {name: _shown(column) for name, column in shown.items() if name in read}
    return {"features": values, "predictions": out}


def _shown(column: Column) -> Any:
    (value,) = column.to_list()
    return f"{value[:200]}…" if isinstance(value, str) and len(value) > 200 else value


def _said(release: Release, record: Record, explained: Explained, at: int) -> str:
    """Of the first objective's prediction (of classes: the likeliest)."""
    name, found = next(iter(explained.objectives.items()))
    one = release.objectives[name]
    c = int(np.argmax(found.predicted[at]))
    what = plain(name) + (f" {one.output.classes[c]}" if one.output.classes else "")
    row: Table = explained.features.take(np.array([at]))
    value, base = float(found.predicted[at, c]), float(found.base[c])
    added: dict[str, float] = {i: float(values[at, c]) for i, values in found.inputs.items()}
    why = reasons(release.told(added), row, release.observed, release.called, up=value >= base)
    said = f"{what} is predicted to be {number(value)}; on average it is {number(base)}"
    return sentence(said, stood_in(record), f"what counted most: {why}" if why else "")
