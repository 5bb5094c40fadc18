"""Requirements as gates: the limit must clear the bound, too little evidence refuses, and sentences name the owner."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from poise.errors import SpecError
from poise.evaluation.blocks import Blocks
from poise.evaluation.measures import DecisionMeasures, Measured, Measures, ObjectiveMeasures, ServingMeasures
from poise.evaluation.requirements import Verdict, judge, judge_all
from poise.spec.requirement import Requirement
from poise.spec.system import SystemSpec
from poise.table import Column

N = 6000
RNG = np.random.default_rng(0)
P = RNG.uniform(0.1, 0.9, N)
BOROUGH = np.array(["Queens", "Bronx", "Brooklyn"])[np.arange(N) % 3]
Y = (RNG.random(N) < np.clip(P + np.where(BOROUGH == "Queens", 0.09, 0), 0, 1)).astype(float)
BLOCKS = Blocks(np.arange(N) // 100, "day", 60)
PROFIT = RNG.normal(1.0, 0.5, N)


def system() -> SystemSpec:
    return SystemSpec(
        format=1,
        system="shop",
        purpose="Sell.",
        sources={"shown": {"path": "x.csv", "columns": {"id": "string"}}},  # type: ignore[dict-item]
        objectives={"order": {"type": "binary", "per": "shown", "label": {"take": "id"}}},  # type: ignore[dict-item]
        decision={"per": "shown", "choose": ("a", "b"), "terms": {"profit": {"a": 1, "b": 0}}},  # type: ignore[arg-type]
    )


def order(**changes: Any) -> ObjectiveMeasures:
    given = {
        "type": "binary",
        "target": Y,
        "prediction": P,
        "blocks": BLOCKS,
        "baselines": {"constant": np.full(N, Y.mean()), "rule": np.clip(P + RNG.normal(size=N) / 3, 0.01, 0.99)},
        "slices": {"users.borough": Column.strings(BOROUGH.tolist())},
    }
    return ObjectiveMeasures(**{**given, **changes})


def measures(**changes: Any) -> Measures:
    profit = {"model": PROFIT, "rule": PROFIT - 0.1, "always a": PROFIT - 0.3, "always b": PROFIT - 0.2}
    given: dict[str, Any] = {
        "objectives": {"order": order()},
        "decision": DecisionMeasures({name: {"profit": values} for name, values in profit.items()}, BLOCKS),
        "serving": ServingMeasures(
            {1: np.full(500, 0.004), 100: np.linspace(0.01, 0.2, 500)},
            Measured.exact(1.2e6),
            Measured(0.01, 0.009, 0.011),
        ),
    }
    return Measures(**{**given, **changes})


def verdict(made: Measures | None = None, **requirement: Any) -> Verdict:
    return judge(Requirement(**{"who": "trust", **requirement}), system(), made or measures())


def test_the_worst_slice_refuses_in_its_owners_name() -> None:
    made = verdict(measures(live="r3"), metric="order.calibration_error", by="users.borough", at_most=0.05)
    assert made.refuses and made.status == "fail" and made.slice == "Queens" and made.n == 2000
    assert made.sentence.startswith("trust refuses: order.calibration_error in Queens 0.0")
    assert " > 0.05 (n = 2,000; the worst of 3 by users.borough); live stays r3" in made.sentence
    kept = made.to_dict()
    assert set(kept) >= {"who", "metric", "text", "status", "value", "low", "high", "n", "slice", "sentence", "allowed"}
    assert kept["text"] == "order.calibration_error at most 0.05, in each users.borough"
    json.dumps(kept, allow_nan=False)


def test_a_bound_is_passed_by_its_limit_only() -> None:
    loss = verdict(metric="order.log_loss", at_most=9)
    assert loss.status == "pass" and loss.low < loss.value < loss.high
    near = (loss.value + loss.high) / 2
    made = verdict(metric="order.log_loss", at_most=near)
    assert made.status == "fail" and "is within" in made.sentence and "but may be up to" in made.sentence
    assert verdict(metric="order.log_loss", at_most=loss.high + 1e-9).status == "pass"
    assert verdict(metric="order.auc", at_least=0.99).status == "fail"
    assert "< 0.99" in verdict(metric="order.auc", at_least=0.99).sentence
    assert verdict(metric="order.auc", at_least=0.6).status == "pass"


def test_better_than_a_baseline() -> None:
    made = verdict(metric="order.log_loss", better_than="rule", who="ml")
    assert made.status == "pass" and made.sentence.startswith("ml agrees: order.log_loss 0.5")
    assert "is better than the" in made.sentence and "of the rule (a gain of" in made.sentence
    same = measures(objectives={"order": order(baselines={"rule": P.copy()})})
    assert verdict(same, metric="order.log_loss", better_than="rule").status == "fail"
    assert "is not better than" in verdict(same, metric="order.log_loss", better_than="rule").sentence
    one, other = (np.clip(P + rng.normal(size=N) / 9, 0, 1) for rng in (np.random.default_rng(s) for s in (2, 5)))
    noisy = measures(objectives={"order": order(prediction=one, baselines={"rule": other})})
    unsure = verdict(noisy, metric="order.auc", better_than="rule")
    assert unsure.status == "fail" and "better than the" in unsure.sentence
    worst = verdict(metric="order.auc", better_than="constant", by="users.borough")
    assert worst.status == "pass" and worst.slice in BOROUGH


def test_live_means_the_rule_then_the_constant() -> None:
    made = verdict(metric="order.log_loss", at_most="100%", relative_to="live")
    assert made.status == "pass" and "100% of the" in made.sentence and "of the rule" in made.sentence
    assert "nothing is live" in made.sentence
    without = measures(objectives={"order": order(baselines={"constant": np.full(N, 0.5)})})
    made = verdict(without, metric="order.log_loss", at_most="100%", relative_to="live")
    assert "of the constant" in made.sentence and "nothing is live and there is no rule" in made.sentence
    live = measures(objectives={"order": order(baselines={"live": P, "rule": P})}, live="r7")
    assert "of r7 (live)" in verdict(live, metric="order.log_loss", at_most="101%", relative_to="live").sentence
    nothing = measures(objectives={"order": order(baselines={})})
    assert verdict(nothing, metric="order.log_loss", better_than="rule").status == "insufficient"


def test_decisions_relative_to_a_policy() -> None:
    made = verdict(metric="decision.profit", at_least="95%", relative_to="live", who="sales")
    assert made.status == "pass" and "at least 95% of the" in made.sentence and "nothing is live" in made.sentence
    assert verdict(metric="decision.profit", at_least="120%", relative_to="rule").status == "fail"
    assert verdict(metric="decision.profit", better_than="rule").status == "pass"
    assert "of the constant" in verdict(metric="decision.profit", better_than="constant").sentence
    assert verdict(metric="decision.profit", at_least=0.95).status == "pass"


def test_a_share_of_a_loss_is_a_larger_loss() -> None:
    costs = {"model": {"profit": -PROFIT * 1.04}, "rule": {"profit": -PROFIT}}
    made = measures(decision=DecisionMeasures(costs, BLOCKS))
    assert verdict(made, metric="decision.profit", at_least="95%", relative_to="rule").status == "pass"
    assert verdict(made, metric="decision.profit", at_least="97%", relative_to="rule").status == "fail"


def test_rows_without_a_known_term_are_left_out() -> None:
    gaps = PROFIT.copy()
    gaps[:1000] = np.nan
    made = measures(decision=DecisionMeasures({"model": {"profit": gaps}, "rule": {"profit": PROFIT - 1}}, BLOCKS))
    assert verdict(made, metric="decision.profit", better_than="rule").n == 5000


def test_what_cannot_be_told_does_not_refuse() -> None:
    hidden = DecisionMeasures({}, BLOCKS, unknown="the log holds no propensities")
    made = verdict(measures(decision=hidden), metric="decision.profit", at_least=1)
    assert made.status == "cannot tell" and not made.refuses
    assert "the log holds no propensities" in made.sentence and "only an experiment" in made.sentence


def test_too_little_evidence_refuses_unless_allowed() -> None:
    few = order(target=Y[:60], prediction=P[:60], blocks=BLOCKS.take(np.arange(60)), slices={})
    made = measures(objectives={"order": few})
    refused = verdict(made, metric="order.auc", at_least=0.5)
    assert refused.status == "insufficient" and refused.refuses
    assert "order.auc has 60 rows in 1 block by day; at least 100 rows in 20 blocks are needed" in refused.sentence
    passed = verdict(made, metric="order.auc", at_least=0.5, allow="insufficient")
    assert passed.status == "insufficient" and passed.allowed and not passed.refuses
    assert passed.to_dict()["allowed"] is True


def test_undefined_metrics_are_too_little_evidence() -> None:
    made = measures(objectives={"order": order(target=np.zeros(N))})
    found = verdict(made, metric="order.auc", at_least=0.5)
    assert found.status == "insufficient" and "only one class" in found.sentence


def test_allowing_too_little_evidence_does_not_allow_failing() -> None:
    made = verdict(metric="order.auc", at_least=0.99, allow="insufficient")
    assert made.status == "fail" and made.refuses and not made.allowed


def test_serving_numbers() -> None:
    assert verdict(metric="latency_p99", at_most="5ms").status == "pass"
    slow = verdict(metric="latency_p99", at_most="100ms", candidates=100, who="product")
    assert slow.status == "fail" and "latency_p99 with 100 rows per request 198ms > 100ms" in slow.sentence
    assert "(500 requests)" in slow.sentence
    assert verdict(metric="release_size", at_most="20MB").status == "pass"
    assert "1.2MB" in verdict(metric="release_size", at_most="1MB").sentence
    assert verdict(metric="cost_per_1000", at_most=0.0105).status == "fail"
    assert verdict(metric="cost_per_1000", at_most=0.02).status == "pass"


def test_serving_numbers_that_are_not_known_refuse() -> None:
    assert verdict(metric="training_cost", at_most=5).status == "insufficient"
    assert "costs" in verdict(metric="training_cost", at_most=5).sentence
    few = measures(serving=ServingMeasures({1: np.full(200, 0.004)}))
    assert "200 requests; at least 299 are needed" in verdict(few, metric="latency_p99", at_most="5ms").sentence
    assert verdict(metric="latency_p99", at_most="5ms", candidates=7).status == "insufficient"


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        ({"metric": "order.acu", "at_least": 0.5}, "did you mean 'auc'"),
        ({"metric": "order.rmse", "at_least": 0.5}, "does not fit a binary objective"),
        ({"metric": "ordr.auc", "at_least": 0.5}, "there is no metric 'ordr.auc'"),
        ({"metric": "decision.profits", "at_least": 0.5}, "did you mean 'profit'"),
        ({"metric": "latency_p99", "at_most": 0.5}, "is no bound on latency_p99"),
        ({"metric": "latency_p99", "at_most": "9ms", "by": "x"}, "`by` does not go with latency_p99"),
        ({"metric": "order.auc", "at_least": 0.5, "by": "users.boro"}, "did you mean 'users.borough'"),
    ],
)
def test_faults_are_named(requirement: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        verdict(**requirement)


def test_all_are_judged_in_order() -> None:
    asked = [Requirement(who=str(i), metric="order.auc", at_least=0.1 * i) for i in range(1, 10)]
    assert [made.requirement.who for made in judge_all(asked, system(), measures())] == [str(i) for i in range(1, 10)]


def test_the_evidence_says_what_a_score_was_compared_with() -> None:
    made = verdict(metric="order.auc", better_than="rule")
    found = made.to_dict()["against"]
    assert found["name"] == "the rule" and found["gain"] == pytest.approx(made.value - found["value"], abs=1e-12)
    assert found["gain_low"] <= found["gain"] <= found["gain_high"] and made.to_dict()["counts"] == "rows"
    assert verdict(metric="order.auc", at_least=0.5).to_dict()["against"] is None
