"""PA09: who is concerned, how groups fare, what stands for them, and who signed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from poise.assessment.base import Answer
from poise.assessment.case import Declared
from poise.assessment.ethical import Ethical, _gap
from poise.assessment.gaps import Gap
from poise.assessment.learnable import Learnable
from poise.assessment.people import Sensitive, people_of
from poise.assessment.reading import read_case
from poise.assessment.signing import QUESTIONS, read_answers, template
from poise.assessment.trials import Trials
from poise.assessment.verdict import Verdict, decide
from poise.errors import DataError
from tests.assessment.tables import table, trials_of

ROWS = 3_000
SIGNED = {
    "about_people": True, "may_be_automated": True, "name": "Ana Silva", "role": "product", "date": "2026-03-02",
    "answers": dict.fromkeys(QUESTIONS, "this is thought through"),
}  # fmt: skip


def applicants(**columns: Any) -> pl.DataFrame:
    """Women are as able, but are taken less often; their height tells them; ages do not matter."""
    rng = np.random.default_rng(0)
    woman = rng.random(ROWS) < 0.5
    skill = rng.normal(size=ROWS)
    hired = rng.random(ROWS) < 1 / (1 + np.exp(-(2 * skill - 1.5 * woman)))
    made = {
        "Geschlecht": np.where(woman, "w", "m"),
        "height": np.where(woman, 167.0, 180.0) + rng.normal(size=ROWS) * 6,
        "skill": skill,
        "y": np.where(hired, "yes", "no"),
    }
    return pl.DataFrame(made | columns)


def asked(frame: pl.DataFrame, **more: Any) -> tuple[Answer, Verdict]:
    trials = trials_of(frame)
    case = replace(trials.case, declared=Declared(**more))
    answer = Ethical().ask(case, trials)
    json.dumps(answer.to_dict())
    return answer, decide(case, [Learnable().ask(case, trials), answer])


def test_unanswered_the_verdict_is_needs_a_person() -> None:
    answer, made = asked(applicants())
    assert answer.answer == "needs a person" and "'Geschlecht' (gender)" in answer.sentence
    assert made.verdict == "needs a person" and made.evidence == "use ML"


def test_gaps_and_proxies_are_found_with_limits() -> None:
    answer, _ = asked(applicants())
    group = answer.details["groups"][0]
    shares = {row["group"]: row["truth"]["value"] for row in group["table"]}
    gap = next(one for one in group["gaps"] if one["measure"] == "truth")
    assert gap["group"] == "m" and gap["value"] == pytest.approx(shares["m"] - shares["w"])
    assert 0.1 < gap["low"] < gap["value"] < gap["high"]
    assert [proxy["column"] for proxy in group["proxies"]] == ["height"]
    assert group["proxies"][0]["auc"]["low"] > 0.85 and group["together"]["auc"]["value"] > 0.85
    said = " ".join(finding.sentence for finding in answer.findings)
    assert "below four fifths" in said and "Leaving out 'Geschlecht' (gender) would not hide it: 'height' (9" in said


def test_a_gap_of_hardly_a_point_is_a_note() -> None:
    one = Sensitive("sex", "gender", "name")
    small = _gap(one, Gap("missed", "the share that is missed", True, "f", "m", 0.02, 0.004, 0.036, 0.9))
    assert small.weight == "note" and "is 2 points higher where 'sex' is f than" in small.sentence
    assert small.sentence.endswith("(at least 0.4 points)")
    large = _gap(one, Gap("missed", "the share that is missed", True, "f", "m", 0.08, 0.04, 0.12, 0.5))
    assert large.weight == "warn"


def test_groups_alike_show_no_gap() -> None:
    rng = np.random.default_rng(1)
    answer, _ = asked(table("linear", 2_000).with_columns(sex=pl.Series(rng.choice(["f", "m"], 2_000))))
    assert not any(gap["shown"] for gap in answer.details["groups"][0]["gaps"])
    assert not answer.details["groups"][0]["proxies"]


@pytest.fixture(scope="module")
def hired() -> Trials:
    return trials_of(applicants())


def signed(hired: Trials, answers: dict[str, Any]) -> Answer:
    return Ethical().ask(replace(hired.case, declared=Declared(answers=answers)), hired)


def test_signed_and_complete_is_yes_and_anything_missing_is_named(hired: Trials) -> None:
    answer = signed(hired, SIGNED)
    assert answer.answer == "yes" and "Ana Silva (product) on 2026-03-02" in answer.sentence
    for lack in ("name", "date", "may_be_automated", "about_people"):
        answer = signed(hired, {k: v for k, v in SIGNED.items() if k != lack})
        assert answer.answer == "needs a person" and lack in answer.change
    answer = signed(hired, SIGNED | {"answers": SIGNED["answers"] | {"harm": "none"}})  # type: ignore[operator]
    assert answer.answer == "needs a person" and "'harm'" in answer.change


def test_a_person_may_say_no(hired: Trials) -> None:
    answer = signed(hired, SIGNED | {"may_be_automated": False})
    assert answer.answer == "no" and "must not" in answer.sentence


def test_without_people_nothing_is_held_up_but_said() -> None:
    answer, made = asked(table("linear", 800))
    assert answer.answer == "unclear" and "must still confirm" in answer.sentence
    assert made.verdict == "use ML"
    answer, _ = asked(table("linear", 800), answers={"about_people": False, "name": "Ana", "date": "2026-03-02"})
    assert answer.answer == "yes"


def test_the_sex_of_penguins_needs_no_signature() -> None:
    birds = table("linear", 100).with_columns(
        species=pl.Series(["a", "b"] * 50), sex=pl.Series(["f", "f", "m", "m"] * 25)
    )
    assert not people_of(read_case(birds, "y")).concerned
    assert people_of(read_case(birds.drop("species"), "y")).concerned
    assert people_of(read_case(birds.with_columns(owner_name="y", customer=1), "y")).concerned, (
        "those of pets are people"
    )
    named = replace(read_case(birds, "y"), declared=Declared(sensitive=("sex",)))
    assert people_of(named).concerned


def test_what_is_declared_is_sensitive_and_must_exist() -> None:
    answer, _ = asked(table("linear", 800), sensitive=("x1",))
    assert answer.answer == "needs a person" and answer.details["sensitive"][0]["found"] == "declared"
    with pytest.raises(DataError, match="no column 'x9'"):
        asked(table("linear", 800), sensitive=("x9",))


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("Sexo", ["h", "m"], "gender"), ("性别", ["男", "女"], "gender"), ("col7", ["Male", "Female"], "gender"),
        ("dateOfBirth", ["1980-02-01", "1975-04-05"], "age"), ("Alter", [23.0, 61.0], "age"),
        ("native-country", ["US", "FR"], "origin"), ("c", ["White", "Black", "Other"], "origin"),
        ("Familienstand", ["ledig", "geschieden"], "family"), ("has_disability", [0.0, 1.0], "health"),
        ("konfession", ["a", "b"], "religion"),
    ],
)  # fmt: skip
def test_sensitive_columns_are_found_in_several_languages(name: str, values: list[Any], kind: str) -> None:
    column = np.array([values[i % len(values)] for i in range(300)])
    frame = table("linear", 300).with_columns(pl.Series(name, column))
    found = people_of(read_case(frame, "y")).sensitive
    assert [(one.column, one.kind) for one in found] == [(name, kind)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("HouseAge", [3.0, 40.0]), ("page", [3.0, 40.0]), ("age", [0.1, 0.4]), ("Age", [28.0, 365.0]),
        ("average", [1.0, 2.0]), ("stage", ["a", "b"]), ("colour", ["white", "red"]), ("size", ["m", "l", "s"]),
        ("sussex", [1.0, 2.0]), ("postcode", ["N1", "N2"]), ("racetrack", ["a", "b"]),
    ],
)  # fmt: skip
def test_what_only_sounds_like_people_is_left_alone(name: str, values: list[Any]) -> None:
    column = np.array([values[i % len(values)] for i in range(300)])
    found = people_of(read_case(table("linear", 300).with_columns(pl.Series(name, column)), "y"))
    assert not found.concerned, found


def test_customers_and_what_is_decided_about_them_are_people() -> None:
    frame = table("linear", 300).with_columns(customerID=pl.Series([f"c{i}" for i in range(300)]))
    assert people_of(read_case(frame, "y")).persons == ("customerID",)
    assert people_of(read_case(table("linear", 300).rename({"y": "churned"}), "churned")).target


def test_the_template_is_read_back(hired: Trials, tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text(template(hired.case))
    found = read_answers(str(tmp_path / "answers.yaml"))
    assert set(found["answers"]) == set(QUESTIONS)
    assert signed(hired, found).answer == "needs a person"
    with pytest.raises(DataError, match="did you mean 'name'"):
        read_answers("{nam: Ana}")
    with pytest.raises(DataError, match="did you mean 'harm'"):
        read_answers("{answers: {harms: nobody at all}}")
