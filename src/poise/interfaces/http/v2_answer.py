"""The answer to a V2 inference request: JSON, and behind it the bytes of the outputs that were asked for as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from poise.interfaces.http.v2_models import Model
from poise.interfaces.http.v2_request import Inference
from poise.interfaces.http.v2_tensors import FP64
from poise.serving.answer import Answer, Predicted

_ENCODE = msgspec.json.Encoder().encode


def inferred(model: Model, asked: Inference, made: Predicted, contract: int) -> Answer:
    """The answer; outputs stand in the order in which they were asked for.

    What `/v1/predict` says beside its predictions are parameters here, which the protocol allows to be plain values
    only: `time`, `clock`, `contract`, `unknown.<feature>` for each feature that some rows had no value of, and of an
    output whose model could not answer `fallback`: what did, and why.
    """
    outputs: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for name, binary in model.wanted(asked).items():
        values = np.ascontiguousarray(made.scored.predictions[name], "<f8")
        told: dict[str, Any] = {"name": name, "datatype": FP64, "shape": list(values.shape)}
        mark = made.scored.fallbacks.get(name)
        says: dict[str, Any] = {"fallback": f"{mark['by']}: {mark['why']}"} if mark else {}
        if binary:
            parts.append(values.tobytes())
            says["binary_data_size"] = len(parts[-1])
        else:
            told["data"] = values.ravel().tolist()
        outputs.append({**told, **({"parameters": says} if says else {})})
    head = {"model_name": model.name, "model_version": made.head["release"]}
    named = {} if asked.id is None else {"id": asked.id}
    text = _ENCODE({**head, **named, "parameters": _parameters(made, contract), "outputs": outputs})
    release = made.head["release"]
    answer = Answer(200, text, kept=made.kept, instant=made.instant, release=release, used=made.used)
    if not parts:
        return answer
    return replace(
        answer,
        body=b"".join((text, *parts)),
        content_type="application/octet-stream",
        headers=((b"inference-header-content-length", str(len(text)).encode()),),
    )


def _parameters(made: Predicted, contract: int) -> Mapping[str, str | int]:
    unknown = {f"unknown.{name}": count for name, count in made.scored.unknown.items()}
    return {"time": made.head["time"], "clock": made.head["clock"]["kind"], "contract": contract, **unknown}
