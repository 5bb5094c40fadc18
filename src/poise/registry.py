"""The plug-in registry: which kinds exist, filled in one visible place (the table below) and by entry points.

A plug-in is one file that holds its spec record, its behaviour and its name; this table says where it is. Modules are
imported only when a kind is asked for, so that reading `--help` or serving a release loads nothing it does not use.
A package adds a kind with an entry point in the group `poise.<role>`, e.g. `poise.feature`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from poise.errors import SpecError, did_you_mean

BUILT_IN: dict[str, dict[str, str]] = {
    "feature": {
        "columns": "poise.features.columns:Columns",
        "window": "poise.features.window:Window",
        "clock": "poise.features.clock:ClockParts",
        "compute": "poise.features.compute:Compute",
        "function": "poise.features.function:Function",
    },
    "learner": {
        "constant": "poise.models.constant:ConstantLearner",
        "rule": "poise.models.rule:RuleLearner",
        "linear": "poise.models.linear:LinearLearner",
        "trees": "poise.models.trees:TreesLearner",
    },
    "model": {
        "constant": "poise.models.constant:ConstantModel",
        "rule": "poise.models.rule_model:RuleModel",
        "linear": "poise.models.linear_model:LinearModel",
        "trees": "poise.models.trees_model:TreesModel",
    },
    "metric": {
        "log_loss": "poise.evaluation.log_loss:LogLoss",
        "auc": "poise.evaluation.auc:Auc",
        "average_precision": "poise.evaluation.average_precision:AveragePrecision",
        "brier": "poise.evaluation.brier:Brier",
        "calibration_error": "poise.evaluation.calibration_error:CalibrationError",
        "accuracy": "poise.evaluation.accuracy:Accuracy",
        "macro_f1": "poise.evaluation.macro_f1:MacroF1",
        "micro_f1": "poise.evaluation.micro_f1:MicroF1",
        "mae": "poise.evaluation.mae:MeanAbsoluteError",
        "rmse": "poise.evaluation.rmse:RootMeanSquaredError",
        "quantile_loss": "poise.evaluation.quantile_loss:QuantileLoss",
    },
    "list-metric": {
        "ndcg": "poise.evaluation.ndcg:Ndcg",
        "mrr": "poise.evaluation.mrr:Mrr",
        "recall": "poise.evaluation.recall:Recall",
    },
    "off-policy": {
        "ips": "poise.evaluation.ips:Ips",
        "snips": "poise.evaluation.snips:Snips",
        "direct": "poise.evaluation.direct:Direct",
        "doubly-robust": "poise.evaluation.doubly_robust:DoublyRobust",
    },
    "question": {
        "PA01": "poise.assessment.learnable:Learnable",
        "PA02": "poise.assessment.complex_enough:ComplexEnough",
        "PA03": "poise.assessment.for_which_part:ForWhichPart",
        "PA04": "poise.assessment.enough_data:EnoughData",
        "PA05": "poise.assessment.predictive_in_time:PredictiveInTime",
        "PA06": "poise.assessment.leakage:Leakage",
        "PA07": "poise.assessment.lasting:Lasting",
        "PA08": "poise.assessment.worth_it:WorthIt",
        "PA09": "poise.assessment.ethical:Ethical",
    },
    "check": {
        "type": "poise.data.check_type:TypeCheck",
        "required": "poise.data.check_required:RequiredCheck",
        "range": "poise.data.check_range:RangeCheck",
        "values": "poise.data.check_values:ValuesCheck",
        "pattern": "poise.data.check_pattern:PatternCheck",
        "rule": "poise.data.check_rule:RuleCheck",
        "future": "poise.data.check_future:FutureCheck",
    },
    "monitor": {
        "PM01": "poise.monitoring.schema:Schema",
        "PM02": "poise.monitoring.volume:Volume",
        "PM03": "poise.monitoring.feature_drift:FeatureDrift",
        "PM04": "poise.monitoring.score_drift:ScoreDrift",
        "PM11": "poise.monitoring.performance:Performance",
        "PM12": "poise.monitoring.estimate:Estimate",
        "PM13": "poise.monitoring.calibration:Calibration",
        "PM14": "poise.monitoring.slices:Slices",
        "PM15": "poise.monitoring.terms:Terms",
        "PM16": "poise.monitoring.feedback_loop:FeedbackLoop",
        "PM17": "poise.monitoring.latency:Latency",
        "PM18": "poise.monitoring.cost:Cost",
        "PM19": "poise.monitoring.staleness:Staleness",
        "PM20": "poise.monitoring.requirements:Requirements",
    },
    "judge": {"careful": "poise.data.careful:Careful"},
}


def names(role: str) -> list[str]:
    """The kinds of a role, in the order of the table, then those of entry points by name.

    >>> names("feature")[:2]
    ['columns', 'window']
    """
    return [*BUILT_IN[role], *sorted(_added(role))]


@cache
def get(role: str, name: str) -> Any:
    """The class of one kind. Unknown names raise `SpecError` with the nearest allowed word.

    >>> get("feature", "windw")
    Traceback (most recent call last):
    poise.errors.SpecError: there is no feature 'windw' (did you mean 'window'?)
    """
    target = BUILT_IN[role].get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        return getattr(import_module(module), attribute)
    added = _added(role)
    if name in added:
        return added[name].load()
    raise SpecError(f"there is no {role} '{name}'", hint=did_you_mean(name, names(role)))


@cache
def _added(role: str) -> dict[str, Any]:
    found = {point.name: point for point in entry_points(group=f"poise.{role}")}
    clash = sorted(set(found) & set(BUILT_IN[role]))
    if clash:
        raise SpecError(f"an installed package registers the {role} '{clash[0]}', which Poise has built in")
    return found
