"""`poise assess` as people and scripts call it: what it prints, writes and ends with."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import poise
from poise.errors import DataError
from poise.interfaces.cli import main

QUICK = ("--question", "PA01", "--question", "PA02")
SYSTEM = """
format: 1
system: shop
purpose: Foresee who leaves.
sources:
  visits:
    path: visits.csv
    id: visit
    time: at
    columns: {visit: string, at: time, a: float, b: float, left: bool}
    request: [a, b]
objectives:
  leaves: {type: binary, per: visits, label: {take: left}}
"""


Done = subprocess.CompletedProcess[str]


def assess(folder: Path, *words: str) -> Done:
    """The command in this process: its imports take longer than its work."""
    told, wrong = StringIO(), StringIO()
    command = ["poise", "assess", *words]
    with pytest.MonkeyPatch.context() as patch, chdir(folder), redirect_stdout(told), redirect_stderr(wrong):
        patch.setattr(sys, "argv", command)
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(command, code, told.getvalue(), wrong.getvalue())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table in which two columns matter together."""
    rng = np.random.default_rng(2)
    rows = 600
    a, b = rng.normal(size=(2, rows))
    left = rng.random(rows) < 1 / (1 + np.exp(-2 * (a + b)))
    at = [f"2025-{1 + n // 56:02}-{1 + n // 2 % 28:02}T{n % 2 * 12:02}:00:00Z" for n in range(rows)]
    folder = tmp_path_factory.mktemp("shop")
    frame = pl.DataFrame({"visit": [f"v{n}" for n in range(rows)], "at": at, "a": a, "b": b, "left": left})
    frame.write_csv(folder / "visits.csv")
    frame.with_columns(left=pl.lit(True)).write_csv(folder / "always.csv")
    frame.head(12).write_csv(folder / "tiny.csv")
    (folder / "empty.csv").write_text("", encoding="utf-8")
    (folder / "header.csv").write_text("a,b,left\n", encoding="utf-8")
    (folder / "broken.parquet").write_bytes(b"PAR1 no more")
    (folder / "table.xyz").write_text("a", encoding="utf-8")
    return folder


def test_it_says_what_to_do_and_where_the_page_is(shop: Path) -> None:
    done = assess(shop, "visits.csv", "--target", "left", *QUICK)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "visits: predict 'left' (yes or no) from 600 rows"
    assert re.match(r"✓ use ML \(confidence high: (over )?99", lines[2])
    assert lines[-1] == "report: assess-report.html" and all(len(line) <= 80 for line in lines)
    assert "\x1b" not in done.stdout, "no colour when it is piped"
    assert "Assessing" in done.stderr and "Assessing" not in done.stdout
    page = (shop / "assess-report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "Predicting “<bdi>left</bdi>”" in page


def test_json_is_one_document_with_its_format_and_writes_no_page(shop: Path, tmp_path: Path) -> None:
    done = assess(tmp_path, str(shop / "visits.csv"), "--target", "left", "--json", *QUICK)
    assert done.returncode == 0 and done.stderr == ""
    found = json.loads(done.stdout)
    assert found["format"] == 1 and list(tmp_path.iterdir()) == []
    one = found["assessments"][0]
    assert one["verdict"]["verdict"] == "use ML" and [a["code"] for a in one["answers"]] == ["PA01", "PA02"]
    assert {"verdict", "sentence", "because", "confidence", "sure", "next", "evidence"} == set(one["verdict"])
    documented = {
        "table",
        "target",
        "problem",
        "rows",
        "rows_used",
        "time",
        "key",
        "verdict",
        "answers",
        "columns",
        "notes",
    }
    assert documented <= set(one)
    answer = {
        "code",
        "title",
        "answer",
        "sentence",
        "change",
        "figure",
        "low",
        "high",
        "unit",
        "sure",
        "details",
        "findings",
    }
    assert set(one["answers"][0]) == answer


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["visits.csv", "--target", "lef"], 3, "there is no column 'lef' for the target (did you mean 'left'?)"),
        (["visits.csv", "--target", "left", "--time", "att"], 3, "did you mean 'at'?"),
        (["visit.csv", "--target", "left"], 3, "does not exist (did you mean 'visits.csv'?)"),
        (["empty.csv", "--target", "left"], 3, "empty"),
        (["header.csv", "--target", "left"], 3, "no values"),
        (["broken.parquet", "--target", "left"], 3, "cannot be read"),
        (["table.xyz", "--target", "left"], 3, "tells no format"),
        ([".", "--target", "left"], 3, "is a folder"),
        (["visits.csv"], 3, "--target, the column to predict is missing"),
        (["--target", "left"], 3, "the table is missing (poise assess data.csv --target COLUMN"),
        (["visits.csv", "--target", "left", "--problem", "binray"], 3, "did you mean 'binary'?"),
        (["visits.csv", "--target", "left", "--question", "PA1"], 3, "there is no question 'PA1' (did you mean 'PA0"),
        (["visits.csv", "--target", "left", "--skip", "PA01"], 3, "PA01 cannot be left out"),
        (["visits.csv", "--target", "left", "--sensitive", "aa"], 3, "--sensitive: there is no column 'aa'"),
        (["visits.csv", "--target", "left", "--known", "at,aa"], 3, "--known: there is no column 'aa'"),
        (["visits.csv", "--target", "left", "--expect", "use LM"], 3, "did you mean 'use ml'?"),
        (["visits.csv", "--target", "left", "--report", "no/where.html"], 6, "there is no folder no"),
        (["visits.csv", "--target", "left", "--report", "tiny.csv"], 6, "tiny.csv is no report of an assessment"),
        (["visits.csv", "--target", "left", "--write-system", "tiny.csv"], 6, "tiny.csv exists already"),
        (["visits.csv", "-f", "poise.yaml"], 3, "a system says itself what to predict: leave out a table"),
        (["-f", "none.yaml"], 2, "there is no file none.yaml"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(shop: Path, words: list[str], code: int, said: str) -> None:
    done = assess(shop, *words)
    assert said in done.stderr.replace("\n", " ") and "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code and done.stdout == ""


def test_odd_tables_get_a_verdict_and_not_an_error(shop: Path) -> None:
    always = assess(shop, "always.csv", "--target", "left")
    assert always.returncode == 0 and "✗ do not use ML" in always.stdout
    assert "nothing to tell apart" in " ".join(always.stdout.split())
    tiny = assess(shop, "tiny.csv", "--target", "left")
    assert tiny.returncode == 0 and "○ collect data first" in tiny.stdout and "only 12 rows" in tiny.stdout.lower()


def test_a_verdict_is_a_failure_only_where_another_is_expected(shop: Path) -> None:
    words = ["visits.csv", "--target", "left", *QUICK, "--report", "expected.html"]
    assert assess(shop, *words, "--expect", "use ml", "--expect", "use the rule").returncode == 0
    other = assess(shop, *words, "--expect", "do not use ML")
    assert other.returncode == 4 and "'left': the verdict is 'use ML' (expected: do not use ML)" in other.stderr
    assert "✓ use ML" in other.stdout and (shop / "expected.html").exists()


def test_files_of_others_are_not_overwritten_unless_asked(shop: Path, tmp_path: Path) -> None:
    mine = tmp_path / "assess-report.html"
    mine.write_text("mine", encoding="utf-8")
    words = [str(shop / "always.csv"), "--target", "left"]
    refused = assess(tmp_path, *words)
    assert refused.returncode == 6 and mine.read_text(encoding="utf-8") == "mine"
    assert assess(tmp_path, *words, "--force").returncode == 0
    assert assess(tmp_path, *words).returncode == 0, "a page of an earlier call is replaced"


def test_a_page_that_cannot_be_written_does_not_hide_the_verdict(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "assess-report.html").symlink_to(tmp_path / "none" / "page.html")
    words = [str(shop / "always.csv"), "--target", "left"]
    done = assess(tmp_path, *words)
    assert done.returncode == 0 and "no report: assess-report.html cannot be written" in done.stdout
    asked = assess(tmp_path, *words, "--report", "assess-report.html")
    assert asked.returncode == 6 and "assess-report.html cannot be written" in asked.stderr


def test_questions_can_be_chosen_and_left_out(shop: Path) -> None:
    words = ["visits.csv", "--target", "left", "--json", "--question", "PA08", "--question", "PA09", "--skip", "PA09"]
    found = json.loads(assess(shop, *words).stdout)
    assert [answer["code"] for answer in found["assessments"][0]["answers"]] == ["PA01", "PA02", "PA08"]


def test_a_system_is_written_that_is_valid(shop: Path, tmp_path: Path) -> None:
    file = tmp_path / "poise.yaml"
    words = [str(shop / "visits.csv"), "--target", "left", "--time", "at", *QUICK, "--write-system", str(file)]
    done = assess(tmp_path, *words)
    assert done.returncode == 0 and f"system: {file}; next: poise up -f {file}" in done.stdout, done.stderr
    checked = [sys.executable, "-m", "poise", "check", "-f", str(file)]
    assert subprocess.run(checked, capture_output=True, check=False).returncode == 0


def test_a_whole_system_is_assessed_per_objective(shop: Path) -> None:
    (shop / "poise.yaml").write_text(SYSTEM, encoding="utf-8")
    done = assess(shop, "-f", "poise.yaml", *QUICK, "--json")
    assert done.returncode == 0, done.stderr
    one = json.loads(done.stdout)["assessments"][0]
    assert (one["table"], one["target"], one["rows"]) == ("shop", "leaves", 600)
    assert one["verdict"]["verdict"] == "use ML" and set(one["columns"]) == {"visits_a", "visits_b"}
    assert one["time"] == "at" and not (shop / ".poise").exists()


def test_a_terminal_sees_bold_and_one_moving_line(shop: Path) -> None:
    reader, writer = pty.openpty()
    command = [sys.executable, "-m", "poise", "assess", "always.csv", "--target", "left"]
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "60"}
    env.pop("NO_COLOR", None)
    process = subprocess.Popen(command, cwd=shop, stdout=writer, stderr=subprocess.DEVNULL, env=env)
    os.close(writer)
    told = b""
    while True:
        try:
            piece = os.read(reader, 4_096)
        except OSError:
            break
        if not piece:
            break
        told += piece
    os.close(reader)
    assert process.wait() == 0
    assert b"\x1b[1m" in told
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told.decode())
    assert all(len(line) <= 60 for line in plain.splitlines())


def test_python_gives_the_same(shop: Path) -> None:
    frame = pl.read_csv(shop / "visits.csv")
    made = poise.assess(frame, "left", questions=["PA01", "PA02"], threads=1)
    assert made.verdict.verdict == "use ML" and "Predicting" in made._repr_html_()
    with pytest.raises(DataError, match="no table"):
        poise.assess(object(), "left")


def test_pandas_frames_are_taken(shop: Path) -> None:
    pandas = pytest.importorskip("pandas")
    made = poise.assess(pandas.read_csv(shop / "visits.csv"), "left", questions=["PA01"], threads=1)
    assert made.answer("PA01") is not None and made.answers[0].answer == "yes"


def test_importing_poise_stays_light() -> None:
    code = "import sys, poise; print(sorted(set(sys.modules) & {'numpy', 'polars', 'sklearn', 'lightgbm', 'jinja2'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
