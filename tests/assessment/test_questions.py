"""The first two questions and the verdict, on tables whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from benchmarks.assess.kinds import drawn

from poise.assessment.assess import Assessment, assess
from poise.assessment.base import Answer, Finding
from poise.assessment.enough_data import EnoughData
from poise.assessment.folds import shuffles
from poise.assessment.learnable import Learnable, by_chance
from poise.assessment.permutation import permuted
from poise.assessment.reading import read_case
from poise.assessment.trials import Trials
from poise.assessment.verdict import decide
from tests.assessment.tables import in_time, table, trials_of

FIRST = ("PA01", "PA02")
CLEAR = [
    ("noise", 500, "do not use ML"),
    ("rule", 500, "use the rule"),
    ("linear", 500, "use ML"),
    ("noise", 1_500, "do not use ML"),
]


def assessed(frame: pl.DataFrame, **more: str) -> Assessment:
    return assess(read_case(frame, "y", **more), codes=FIRST)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("truth", "rows", "verdict"),
    [
        ("noise", 600, "do not use ML"),
        *(pytest.param(*one, marks=pytest.mark.soak) for one in CLEAR),
        ("rule", 600, "use the rule"),
        ("linear", 600, "use ML"),
        ("together", 1_500, "use ML"),
        ("linear", 40, "collect data first"),
    ],
)
def test_the_verdict_is_the_truth(truth: str, rows: int, verdict: str) -> None:
    made = assessed(table(truth, rows))
    assert made.verdict.verdict == verdict, made.verdict.sentence
    assert made.verdict.because and made.verdict.next


def test_a_rule_is_not_sure_where_ml_likely_adds_more_than_is_shown() -> None:
    """A second column that helps, in too few rows to show it: the rule stands until it is shown, and says how sure."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = (2 * x[:, 0] + 0.7 * x[:, 1] + rng.logistic(size=200) > 0) * 1
    made = assessed(pl.DataFrame({**{f"x{j}": x[:, j] for j in range(3)}, "y": y}))
    answer = made.answer("PA02")
    assert answer is not None and answer.sentence.startswith("Not shown") and answer.figure > 0.05
    assert answer.sure is not None and answer.sure < 0.2 and made.verdict.confidence == "low"


def test_later_rows_are_what_counts() -> None:
    """The truth turns round half-way: shuffled rows hide it, later ones do not."""
    frame = in_time(table("rule", 800)).with_columns(
        y=pl.when(pl.int_range(800) < 400).then(pl.col("y")).otherwise(1 - pl.col("y"))
    )
    later = Trials(read_case(frame, "y", time="asked"))
    assert later.skill(later.prediction("rule")).value < 0


def test_copies_of_noise_are_no_foresight() -> None:
    frame = pl.concat([table("noise", 100)] * 5)
    assert assessed(frame).verdict.verdict in ("do not use ML", "collect data first")


def test_noise_of_whole_keys_is_no_foresight() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"k": np.repeat(np.arange(80), 10), "y": np.repeat(rng.integers(0, 2, 80), 10)})
    frame = frame.with_columns(x=pl.Series(np.repeat(rng.normal(size=80), 10) + rng.normal(size=800) / 1e3))
    assert assessed(frame).verdict.verdict in ("use ML", "use the rule"), "which is what a key is for"
    assert assessed(frame, key="k").verdict.verdict in ("do not use ML", "collect data first")


def test_what_chance_hardly_gives_is_not_called_nothing() -> None:
    """However little the models explain: an association that shuffling never reaches leaves the question open."""
    case = read_case(table("noise", 600), "y")
    plain, tied_ = Trials(case), Trials(case)
    tied_.once("by chance", lambda: 0.001)
    for trials, learnable, enough in ((plain, "no", "yes"), (tied_, "unclear", "no")):
        assert Learnable().ask(case, trials).answer == learnable
        assert EnoughData().ask(case, trials).answer == enough


def test_a_rarer_kind_of_few_rows_is_not_enough() -> None:
    frame = table("noise", 300).with_columns(y=(pl.int_range(300) % 100 == 7).cast(pl.Int64))
    made = assessed(frame)
    assert made.verdict.verdict == "collect data first"
    assert "Only 3 of 300 rows are '1'" in made.verdict.sentence


def test_obstacles_decide_before_anything_is_learned() -> None:
    made = assessed(table("rule", 100).with_columns(y=pl.lit("same")))
    assert (
        made.verdict.verdict == "do not use ML"
        and not made.answers
        and "'same' in all 100 rows" in made.verdict.sentence
    )
    assert assessed(table("rule", 20)).verdict.verdict == "collect data first"


def test_too_few_times_are_an_answer_and_no_error() -> None:
    frame = table("rule", 100).with_columns(t=pl.lit("2024-01-01"))
    assert assessed(frame, time="t").verdict.verdict == "collect data first"


def test_chance_is_small_for_foresight_only() -> None:
    known, nothing = (trials_of(table(truth, 600)) for truth in ("linear", "noise"))
    assert by_chance(known, known.learned) < 0.01 < by_chance(nothing, nothing.learned)


@pytest.mark.parametrize("kind", ["regression", "multi-class"])
def test_other_problems_are_answered_alike(kind: str) -> None:
    rng = np.random.default_rng(0)
    frame = table("noise", 600).with_columns(pl.Series("z", rng.normal(size=600)))
    value = frame["x0"] + frame["x1"] + 0.5 * frame["z"]
    classes = np.array(["low", "middle", "high"])[np.digitize(value.to_numpy(), [-0.7, 0.7])]
    y = value if kind == "regression" else pl.Series(classes)
    made = assessed(frame.drop("z").with_columns(y=y))
    assert made.case.problem == kind and made.verdict.verdict == "use ML"


def say(code: str, answer: str, **more: object) -> Answer:
    return Answer(code, code, answer, f"{code} says {answer}.", f"change {code}", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([say("PA01", "yes"), say("PA02", "yes")], "use ML"),
        ([say("PA01", "yes"), say("PA02", "no")], "use the rule"),
        ([say("PA01", "no"), say("PA02", "yes")], "do not use ML"),
        ([say("PA01", "unclear")], "collect data first"),
        ([say("PA01", "yes"), say("PA02", "yes"), say("PA04", "no")], "collect data first"),
        ([say("PA01", "yes"), say("PA02", "yes"), say("PA05", "no")], "do not use ML"),
        ([say("PA01", "yes"), say("PA02", "no"), say("PA06", "no")], "needs a person"),
        ([say("PA01", "yes"), say("PA02", "yes"), say("PA08", "no")], "do not use ML"),
        ([say("PA01", "yes"), say("PA03", "no", details={"part": "city is Rome"})], "use ML for this part"),
        ([say("PA01", "yes"), say("PA02", "yes"), say("PA09", "needs a person")], "needs a person"),
        ([say("PA01", "no"), say("PA09", "needs a person")], "do not use ML"),
        ([say("PA01", "yes"), say("PA02", "yes"), say("PA09", "no")], "do not use ML"),
        ([say("PA01", "yes"), say("PA08", "no", details={"instead": "the rule"})], "use the rule"),
        ([say("PA02", "yes"), say("PA06", "yes")], "needs a person"),
        ([], "needs a person"),
    ],
)  # fmt: skip
def test_answers_decide_in_order(answers: list[Answer], verdict: str) -> None:
    assert decide(read_case(table("rule", 50), "y"), answers).verdict == verdict


def test_what_a_person_must_answer_keeps_what_the_figures_say() -> None:
    answers = [say("PA01", "yes", sure=0.99), say("PA02", "yes", sure=0.9), say("PA09", "needs a person")]
    made = decide(read_case(table("rule", 50), "y"), answers)
    assert made.evidence == "use ML" and made.because == ("PA09", "PA01", "PA02") and made.confidence == "medium"


def test_who_signs_that_it_must_not_be_automated_decides() -> None:
    made = decide(read_case(table("rule", 50), "y"), [say("PA01", "yes"), say("PA02", "yes"), say("PA09", "no")])
    assert made.because == ("PA09",) and made.evidence == "use ML"


def test_what_could_undo_it_is_told_with_the_verdict() -> None:
    leak = Finding("'x' is known late.", "warn", ("x",))
    answers = [say("PA01", "yes"), say("PA02", "yes"), say("PA06", "unclear", findings=(leak,)), say("PA07", "no")]
    made = decide(read_case(table("rule", 50), "y"), answers)
    assert made.verdict == "use ML" and "PA07 says no." in made.sentence
    assert made.next[0] == "Check first: 'x' is known late." and "change PA07" in made.next


@pytest.mark.parametrize("answer", ["no", "unclear"])
def test_a_part_is_told_where_nothing_is_shown_over_all_rows(answer: str) -> None:
    part = {"part": {"words": "city is 'Rome'"}}
    made = decide(read_case(table("rule", 50), "y"), [say("PA01", answer), say("PA03", "no", details=part)])
    assert made.verdict in ("do not use ML", "collect data first")
    assert "PA03 says no." in made.sentence and "Ask again about the rows where city is 'Rome' alone." in made.next


LEAKY = ("PA01", "PA02", "PA06")


def test_what_gives_the_answer_away_decides_nothing() -> None:
    """The verdict without the copy is that of the table without it, and both figures are told."""
    frame = table("linear", 600)
    copy = frame.with_columns(note=pl.col("y").replace_strict({0: "kept", 1: "lost"}))
    made = assess(read_case(copy, "y"), codes=LEAKY)
    bare = assess(read_case(frame, "y"), codes=LEAKY)
    assert (made.verdict.verdict, made.verdict.evidence) == ("needs a person", bare.verdict.verdict)
    assert [answer.code for answer in made.answers] == list(LEAKY)
    for code in FIRST:
        one, other = made.answer(code), bare.answer(code)
        assert one is not None and other is not None and one.figure == other.figure, "as if the column were not there"
    leaks, learnable = made.answer("PA06"), made.answer("PA01")
    assert leaks is not None and leaks.details["beside"]["columns"] == ["note"]
    assert learnable is not None and leaks.details["beside"]["without"] == learnable.figure
    said = f"Without 'note': use ML, {learnable.figure * 100:.0f} % of what is uncertain is explained; with it: 100 %."
    assert said in made.verdict.sentence and said in " ".join(str(made).split())
    assert any("without 'note'" in note for note in made.to_dict()["notes"])


def test_a_copy_of_noise_is_not_to_be_used() -> None:
    frame = table("noise", 600).with_columns(note=pl.col("y") * 3)
    made = assess(read_case(frame, "y"), codes=LEAKY)
    assert (made.verdict.verdict, made.verdict.evidence) == ("needs a person", "do not use ML")


def test_a_table_of_nothing_but_a_copy_is_judged_as_it_is() -> None:
    frame = table("noise", 600).select("y", note=pl.col("y") + pl.col("x0") / 1e4)
    made = assess(read_case(frame, "y"), codes=LEAKY)
    assert made.verdict.verdict == made.verdict.evidence == "needs a person"


def test_rows_of_one_key_are_no_evidence_of_each_other_in_time() -> None:
    """Customers of noise whose tie to the columns no movement in time gives, but an exchange of customers does."""
    world, _ = drawn("noise: rows of customers", 1_025, 600)
    case = read_case(world.frame, "outcome", time=world.time, key=world.key)
    by_time, by_key = shuffles(case, np.arange(case.rows), 9)
    assert by_time.shape == by_key.shape == (9, case.rows)
    assert permuted(case) > permuted(replace(case, groups=None)) == pytest.approx(0.005)


def test_what_holds_for_new_keys_too_is_learned_in_time() -> None:
    rng = np.random.default_rng(0)
    frame = in_time(table("linear", 1_200)).with_columns(k=pl.Series(rng.integers(0, 60, 1_200)))
    made = assess(read_case(frame, "y", time="asked", key="k"), codes=FIRST)
    assert made.verdict.verdict == "use ML"
