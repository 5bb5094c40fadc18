"""What gates read of a candidate: truth, predictions and slices of its judged rows, kept beside it until it is judged.

It is no part of the release: nothing that serves needs it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import StateError
from poise.evaluation.blocks import Blocks
from poise.evaluation.measures import DecisionMeasures, ObjectiveMeasures, Ranked
from poise.formats import CURRENT, migrate
from poise.table import Column

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The judged rows of a candidate, and real requests to rehearse with.

    requests: source -> rows as callers would have sent them. live: the release that baselines named `live` are of.
    lists and logged: bodies of requests to decide on a list, with as many candidates as callers may send, and with
    those alone that were shown.
    """

    objectives: Mapping[str, ObjectiveMeasures]
    decision: DecisionMeasures | None
    requests: Mapping[str, list[dict[str, Any]]]
    live: str | None = None
    lists: Sequence[Mapping[str, Any]] = ()
    logged: Sequence[Mapping[str, Any]] = ()

    def save(self, folder: Path) -> None:
        """Write arrays and JSON into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays: Arrays = {}
        content: dict[str, Any] = {
            "format": CURRENT["judged"],
            "requests": self.requests,
            "live": self.live,
            "lists": list(self.lists),
            "logged": list(self.logged),
            "reads": 0,
        }
        content["objectives"] = {n: _put_objective(arrays, n, m) for n, m in self.objectives.items()}
        content["decision"] = None if self.decision is None else _put_decision(arrays, self.decision)
        np.savez_compressed(folder / "judged.npz", **arrays)  # type: ignore[arg-type]
        (folder / "judged.json").write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Judged:
        """Read what `save` wrote. Raises `StateError` where it is gone."""
        content = _content(folder)
        with np.load(folder / "judged.npz", allow_pickle=False) as arrays:
            objectives = {n: _get_objective(arrays, n, c) for n, c in content["objectives"].items()}
            decision = None if content["decision"] is None else _get_decision(arrays, content["decision"])
        lists, logged = content.get("lists", []), content.get("logged", [])
        return cls(objectives, decision, content["requests"], content["live"], lists, logged)


def count_read(folder: Path) -> int:
    """Note that gates read these rows once more; how often they did, this time included."""
    content = _content(folder)
    content["reads"] += 1
    (folder / "judged.json").write_text(json.dumps(content), encoding="utf-8")
    return int(content["reads"])


def _content(folder: Path) -> dict[str, Any]:
    path = folder / "judged.json"
    if not path.exists():
        raise StateError(f"the judged rows of {folder.name} are gone", hint="run 'poise train' again")
    return migrate("judged", json.loads(path.read_text(encoding="utf-8")), where=str(path))


def _put_objective(arrays: Arrays, name: str, made: ObjectiveMeasures) -> dict[str, Any]:
    arrays[f"{name}/target"] = made.target
    arrays[f"{name}/prediction"] = made.prediction
    for baseline, values in made.baselines.items():
        arrays[f"{name}/baseline/{baseline}"] = values
    return {
        "type": made.type,
        "baselines": list(made.baselines),
        "blocks": _put_blocks(arrays, name, made.blocks),
        "slices": {by: _put_column(arrays, f"{name}/slice/{by}", column) for by, column in made.slices.items()},
        "ranked": _put_ranked(arrays, f"{name}/ranked", made.ranked),
        **_put_rows(arrays, name, made),
    }


def _get_objective(arrays: Mapping[str, NDArray[Any]], name: str, content: Mapping[str, Any]) -> ObjectiveMeasures:
    return ObjectiveMeasures(
        type=content["type"],
        target=arrays[f"{name}/target"],
        prediction=arrays[f"{name}/prediction"],
        blocks=_get_blocks(arrays, name, content["blocks"]),
        baselines={b: arrays[f"{name}/baseline/{b}"] for b in content["baselines"]},
        slices={by: _get_column(arrays, f"{name}/slice/{by}", c) for by, c in content["slices"].items()},
        ranked=_get_ranked(arrays, f"{name}/ranked", content.get("ranked")),
        time=arrays[f"{name}/time"] if content.get("timed") else None,
        fresh=arrays[f"{name}/fresh"] if content.get("beside") else None,
    )


def _put_rows(arrays: Arrays, name: str, made: ObjectiveMeasures | DecisionMeasures) -> dict[str, bool]:
    """When rows were asked for, and which of them the live release was not learned from."""
    if made.time is not None:
        arrays[f"{name}/time"] = made.time
    if made.fresh is not None:
        arrays[f"{name}/fresh"] = made.fresh
    return {"timed": made.time is not None, "beside": made.fresh is not None}


def _put_decision(arrays: Arrays, made: DecisionMeasures) -> dict[str, Any]:
    for policy, terms in made.terms.items():
        for term, values in terms.items():
            arrays[f"@decision/{policy}/{term}"] = values
    return {
        "policies": {policy: list(terms) for policy, terms in made.terms.items()},
        "blocks": _put_blocks(arrays, "@decision", made.blocks),
        "units": dict(made.units),
        "slices": {by: _put_column(arrays, f"@decision/slice/{by}", column) for by, column in made.slices.items()},
        "unknown": made.unknown,
        "ranked": _put_ranked(arrays, "@decision/ranked", made.ranked),
        **_put_rows(arrays, "@decision", made),
    }


def _get_decision(arrays: Mapping[str, NDArray[Any]], content: Mapping[str, Any]) -> DecisionMeasures:
    policies = content["policies"].items()
    return DecisionMeasures(
        terms={policy: {term: arrays[f"@decision/{policy}/{term}"] for term in terms} for policy, terms in policies},
        blocks=_get_blocks(arrays, "@decision", content["blocks"]),
        units=content["units"],
        slices={by: _get_column(arrays, f"@decision/slice/{by}", c) for by, c in content["slices"].items()},
        unknown=content["unknown"],
        ranked=_get_ranked(arrays, "@decision/ranked", content.get("ranked")),
        time=arrays["@decision/time"] if content.get("timed") else None,
        fresh=arrays["@decision/fresh"] if content.get("beside") else None,
    )


def _put_ranked(arrays: Arrays, name: str, made: Ranked | None) -> dict[str, Any] | None:
    if made is None:
        return None
    arrays[f"{name}/codes"] = made.codes
    arrays[f"{name}/relevance"] = made.relevance
    for policy, scores in made.scores.items():
        arrays[f"{name}/scores/{policy}"] = scores
    return {
        "scores": list(made.scores),
        "blocks": _put_blocks(arrays, name, made.blocks),
        "show": made.show,
        "predicted": made.predicted,
        "slices": {by: _put_column(arrays, f"{name}/slice/{by}", column) for by, column in made.slices.items()},
    }


def _get_ranked(arrays: Mapping[str, NDArray[Any]], name: str, content: Mapping[str, Any] | None) -> Ranked | None:
    if content is None:
        return None
    return Ranked(
        codes=arrays[f"{name}/codes"],
        relevance=arrays[f"{name}/relevance"],
        scores={policy: arrays[f"{name}/scores/{policy}"] for policy in content["scores"]},
        blocks=_get_blocks(arrays, name, content["blocks"]),
        show=content["show"],
        predicted=content.get("predicted"),
        slices={by: _get_column(arrays, f"{name}/slice/{by}", c) for by, c in content["slices"].items()},
    )


def _put_blocks(arrays: Arrays, name: str, blocks: Blocks) -> dict[str, Any]:
    arrays[f"{name}/blocks"] = blocks.codes
    return {"unit": blocks.unit, "count": blocks.count}


def _get_blocks(arrays: Mapping[str, NDArray[Any]], name: str, content: Mapping[str, Any]) -> Blocks:
    return Blocks(arrays[f"{name}/blocks"], content["unit"], content["count"])


def _put_column(arrays: Arrays, name: str, column: Column) -> dict[str, Any]:
    arrays[name] = column.values
    return {"kind": column.kind, "levels": None if column.levels is None else column.levels.tolist()}


def _get_column(arrays: Mapping[str, NDArray[Any]], name: str, content: Mapping[str, Any]) -> Column:
    if content["levels"] is not None:
        return Column.coded(arrays[name], content["levels"])
    return Column(content["kind"], arrays[name])
