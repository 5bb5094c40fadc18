"""A list service as a competent team writes it without Poise: FastAPI, pandas and LightGBM. Runs on their versions.

    python plain_service.py FOLDER PORT

It checks requests with pydantic, joins users and items from data frames in memory, predicts both objectives with one
thread, weighs, sorts and answers. No time, no log, no limits, no live weights, no calibration.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lightgbm
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

FOLDER = Path(sys.argv[1])
OBJECTIVES = ("click", "worth")
SHOW = 10


class Candidate(BaseModel):
    """One item."""

    item_id: str


class Context(BaseModel):
    """What a request brings beside the user."""

    c0: float | None
    c1: float | None
    c2: float | None
    c3: float | None


class Listed(Context):
    """A request for a list."""

    user_id: str
    candidates: list[Candidate]


class One(Context):
    """A request for one prediction."""

    user_id: str
    item_id: str


class Objective:
    """A model and the features of users and items in its encoding."""

    def __init__(self, name: str) -> None:
        self.booster = lightgbm.Booster(model_file=str(FOLDER / f"{name}.txt"))
        self.columns = json.loads((FOLDER / f"{name}_columns.json").read_text())
        self.users = pd.read_csv(FOLDER / f"{name}_users.csv", index_col="user_id")
        self.items = pd.read_csv(FOLDER / f"{name}_items.csv", index_col="item_id")

    def predict(self, user: str, items: list[str], context: dict[str, float | None]) -> list[float]:
        """A prediction for each item."""
        frame = self.items.reindex(items)
        of_user = self.users.loc[user] if user in self.users.index else pd.Series(index=self.users.columns, dtype=float)
        frame = frame.assign(**of_user.to_dict(), **context)[self.columns]
        return self.booster.predict(frame, num_threads=1)


app = FastAPI()
models = {name: Objective(name) for name in OBJECTIVES}
weights = json.loads((FOLDER / "weights.json").read_text())


def context_of(asked: Context) -> dict[str, float | None]:
    """The features that came along."""
    return {"c0": asked.c0, "c1": asked.c1, "c2": asked.c2, "c3": asked.c3}


@app.post("/decide")
def decide(asked: Listed) -> dict:
    """The best items by weighted terms."""
    items = [one.item_id for one in asked.candidates]
    frame = pd.DataFrame({"item_id": items})
    for name, model in models.items():
        frame[name] = model.predict(asked.user_id, items, context_of(asked))
    frame["clicks"] = frame["click"]
    frame["income"] = frame["click"] * frame["worth"]
    frame["score"] = sum(weight * frame[term] for term, weight in weights.items())
    best = frame.sort_values("score", ascending=False, kind="stable").head(SHOW)
    return {"shown": best[["item_id", "score", "clicks", "income"]].to_dict("records")}


@app.post("/predict")
def predict(asked: One) -> dict:
    """Both predictions for one item."""
    found = {name: m.predict(asked.user_id, [asked.item_id], context_of(asked)) for name, m in models.items()}
    return {name: float(values[0]) for name, values in found.items()}


@app.get("/health/ready")
def ready() -> dict:
    """Whether it answers."""
    return {"ready": True}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
