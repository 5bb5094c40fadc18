"""What a release holds: loads and answers without the libraries that fitted it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from poise.errors import StateError
from poise.models.base import Examples, Problem
from poise.models.calibration import Calibration
from poise.models.predictor import Predictor
from poise.registry import get
from poise.table import Column

Case = tuple[Problem, Examples, Examples, Examples]

ANSWER = """
import sys, json, time
from pathlib import Path
import numpy as np
from poise.models.predictor import Predictor
from poise.table import Column, Table
folder = Path(sys.argv[1])
arrays = np.load(folder / "rows.npz", allow_pickle=False)
columns = json.loads((folder / "strings.json").read_text())
table = Table({**{n: Column.numbers(arrays[n]) for n in arrays.files if n != "expected"},
               **{n: Column.strings(v) for n, v in columns.items()}})
out = Predictor.load(folder / "model").predict(table)
assert np.array_equal(out.view(np.int64), arrays["expected"].view(np.int64)), "other bits"
heavy = {"sklearn", "lightgbm", "polars", "pandas", "deltalake", "pyarrow", "scipy.optimize"} & set(sys.modules)
assert not heavy, heavy
"""


def predictor(case: Case, rung: str) -> tuple[Predictor, np.ndarray]:
    problem, fit, tune, judge = case
    model = get("learner", rung)().fit(problem, fit, tune)
    calibration = Calibration.fit(problem, model.predict(tune.features), tune.target)
    fitted = Predictor(model, calibration)
    return fitted, fitted.predict(judge.features)


@pytest.mark.parametrize("rung", ["constant", "rule", "linear", "trees"])
def test_a_process_without_the_learners_gives_the_same_bits(rung: str, case: Case, tmp_path: Path) -> None:
    fitted, expected = predictor(case, rung)
    fitted.save(tmp_path / "model")
    features = case[3].features
    arrays = {name: column.values for name, column in features.items() if column.kind == "number"}
    np.savez(tmp_path / "rows.npz", expected=expected, **arrays)
    strings = {name: column.to_list() for name, column in features.items() if column.kind == "string"}
    (tmp_path / "strings.json").write_text(json.dumps(strings))
    done = subprocess.run([sys.executable, "-c", ANSWER, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_text_is_read_by_trees(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(["good", "bad", "slow", "pizza", "the"], 5)) for _ in range(600)]
    x = random.normal(size=600)
    target = (np.array(["good" in t for t in texts]) ^ (x > 0)) * 1.0
    from poise.table import Table

    table = Table({"t": Column.strings(texts), "x": Column.numbers(x)})
    rows = Examples(table, {"t": "text", "x": "number"}, target, None, np.arange(600))
    problem = Problem("binary")
    model = get("learner", "trees")().fit(problem, rows.take(np.arange(400)), rows.take(np.arange(400, 600)))
    assert any("out-of-fold score" in note for note in model.notes)
    fitted = Predictor(model, Calibration.identity("binary"))
    fitted.save(tmp_path)
    np.testing.assert_array_equal(Predictor.load(tmp_path).predict(table), fitted.predict(table))
    assert set(model.importance) == {"t", "x"}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("predictor.json", "{"),
        ("predictor.json", '{"format": 7, "kind": "trees"}'),
        ("model/model.json", '{"format": 1}'),
        ("model/arrays.npz", "no arrays"),
        ("model/trees_0.txt", None),
        ("calibration.json", "[]"),
    ],
)
def test_damaged_files_are_refused_in_a_sentence(
    file: str, content: str | None, binary_case: Case, tmp_path: Path
) -> None:
    predictor(binary_case, "trees")[0].save(tmp_path)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    with pytest.raises(StateError):
        Predictor.load(tmp_path)


def test_no_pickles_are_read(binary_case: Case, tmp_path: Path) -> None:
    predictor(binary_case, "trees")[0].save(tmp_path)
    np.savez(tmp_path / "model" / "arrays.npz", fill=np.array([{"a": 1}], object))
    with pytest.raises(StateError):
        Predictor.load(tmp_path)


def test_a_kernel_that_fails_its_probes_is_not_used(binary_case: Case, tmp_path: Path) -> None:
    fitted, expected = predictor(binary_case, "trees")
    fitted.save(tmp_path)
    path = tmp_path / "model" / "arrays.npz"
    arrays = dict(np.load(path, allow_pickle=False))
    arrays["scores0"] = arrays["scores0"] + 1e-9
    np.savez_compressed(path, **arrays)
    loaded = Predictor.load(tmp_path)
    assert any("LightGBM answers in place of the kernel" in note for note in loaded.notes)
    np.testing.assert_array_equal(loaded.predict(binary_case[3].features), expected)
