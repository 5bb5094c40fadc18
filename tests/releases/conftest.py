"""Evidence as training writes it: of flights, whole, refused, and with names that people should not use but will."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from poise.interfaces.system import System

LATE: dict[str, Any] = {
    "type": "binary",
    "per": "schedule",
    "metric": "log_loss",
    "chosen": "trees",
    "describes": "312 trees of up to 31 leaves in 27 inputs",
    "engine": {"name": "mask tables", "bytes": 6_810_000, "seconds": 0.0412},
    "reason": "trees gains 0.0213 in log loss over linear (at least 0.0181), more than the 0.000712 it must be worth.",
    "smallest_gain": None,
    "labels": {
        "rows": 336776,
        "usable": 327346,
        "immature": 0,
        "not_given": 0,
        "unmatched": 0,
        "impossible": 9430,
        "no_time": 0,
        "multiple": 0,
    },
    "balance": {"true": 77630, "false": 249716},
    "parts": {
        "kind": "time",
        "border": 2210,
        "unusable": 9430,
        "fit": {"rows": 195081, "from": "2013-01-01T03:15:00-05:00", "to": "2013-08-07T19:59:00-04:00"},
        "tune": {"rows": 48770, "from": "2013-08-09T22:01:00-04:00", "to": "2013-10-03T05:59:00-04:00"},
        "calibrate": {"rows": 32514, "from": "2013-10-05T06:01:00-04:00", "to": "2013-11-08T05:59:00-05:00"},
        "judge": {"rows": 48211, "from": "2013-11-10T06:01:00-05:00", "to": "2013-12-31T21:59:00-05:00"},
    },
    "rungs": [
        {
            "name": "constant",
            "score": 0.5537,
            "low": 0.5291,
            "high": 0.5789,
            "against": None,
            "gain": None,
            "gain_low": None,
            "needed": 0.000712,
            "kept": True,
            "seconds": 0.011,
            "bytes": 412,
            "latency_us": 0.4,
            "notes": [],
            "sentence": "constant is the simplest: log loss 0.554.",
        },
        {
            "name": "rule",
            "score": 0.5381,
            "low": 0.5119,
            "high": 0.5643,
            "against": "constant",
            "gain": 0.0156,
            "gain_low": 0.0112,
            "needed": 0.000712,
            "kept": True,
            "seconds": 0.92,
            "bytes": 2901,
            "latency_us": 2.2,
            "notes": [],
            "sentence": "rule gains 0.0156 in log loss over constant (at least 0.0112).",
        },
        {
            "name": "linear",
            "score": 0.5038,
            "low": 0.4789,
            "high": 0.5288,
            "against": "rule",
            "gain": 0.0343,
            "gain_low": 0.0297,
            "needed": 0.000712,
            "kept": True,
            "seconds": 21.4,
            "bytes": 41822,
            "latency_us": 9.1,
            "notes": ["312 rare levels were merged"],
            "sentence": "linear gains 0.0343 in log loss over rule (at least 0.0297).",
        },
        {
            "name": "trees",
            "score": 0.4825,
            "low": 0.4582,
            "high": 0.5069,
            "against": "linear",
            "gain": 0.0213,
            "gain_low": 0.0181,
            "needed": 0.000712,
            "kept": True,
            "seconds": 38.2,
            "bytes": 1482221,
            "latency_us": 31.0,
            "notes": [],
            "sentence": "trees gains 0.0213 in log loss over linear (at least 0.0181).",
        },
    ],
    "judge": {
        "rows": 48211,
        "blocks": 52,
        "block": "day",
        "metrics": [
            {"name": "log_loss", "bigger_is_better": False, "value": 0.5012, "low": 0.4711, "high": 0.5321},
            {"name": "auc", "bigger_is_better": True, "value": 0.7123, "low": 0.6987, "high": 0.7258},
            {"name": "calibration_error", "bigger_is_better": False, "value": 0.0412, "low": 0.0198, "high": 0.0631},
        ],
        "baselines": {
            "constant": {"log_loss": 0.5701, "auc": 0.5, "calibration_error": 0.0377},
            "rule": {"log_loss": 0.5533, "auc": 0.6121, "calibration_error": None},
        },
        "slices": [
            {
                "by": "schedule.carrier",
                "value": value,
                "rows": rows,
                "metric": "log_loss",
                "score": score,
                "low": score - 0.04,
                "high": score + 0.05,
            }
            for value, rows, score in [
                ("YV", 88, 0.671),
                ("F9", 102, 0.633),
                ("EV", 8211, 0.561),
                ("FL", 401, 0.548),
                ("MQ", 3819, 0.531),
                ("B6", 8402, 0.522),
                ("WN", 1833, 0.511),
                ("UA", 9110, 0.489),
                ("AA", 4979, 0.467),
                ("DL", 7312, 0.442),
            ]
        ],
        "calibration": [
            {
                "predicted": p,
                "realised": p * 1.08 + 0.01,
                "low": p * 1.08 - 0.02,
                "high": p * 1.08 + 0.04,
                "rows": 4821,
            }
            for p in (0.06, 0.09, 0.12, 0.15, 0.18, 0.21, 0.25, 0.31, 0.40, 0.62)
        ],
    },
    "importance": [
        {"feature": name, "share": share, "origin": origin}
        for name, share, origin in [
            ("leaves_at", 0.181, "hour(departs, 'America/New_York')"),
            ("departures_mean_dep_delay_3h_by_origin", 0.142, "mean of dep_delay of departures over 3h by origin"),
            ("arrivals_mean_was_late_7d_by_carrier", 0.102, "mean of was_late of arrivals over 7d by carrier"),
            ("weather_visib", 0.087, "visib of weather"),
            ("schedule_dest", 0.083, "dest of schedule"),
            ("arrivals_last_arr_delay_12h_by_tailnum", 0.071, "last arr_delay of arrivals over 12h by tailnum"),
            ("schedule_carrier", 0.064, "carrier of schedule"),
            ("weather_pressure", 0.05, "pressure of weather"),
            ("weather_humid", 0.041, "humid of weather"),
            ("scheduled_minutes", 0.039, "(arrives - departs) / 1min"),
            ("planes_model", 0.031, "model of planes"),
            ("clock_weekday", 0.028, "weekday of the request"),
            ("schedule_distance", 0.024, "distance of schedule"),
            ("planes_year", 0.021, "year of planes"),
            ("weather_wind_gust", 0.0, "wind_gust of weather"),
        ]
    ],
    "warnings": ["Early stopping took 312 rounds."],
}

DELAY: dict[str, Any] = {
    "type": "regression",
    "per": "schedule",
    "metric": "rmse",
    "chosen": "constant",
    "reason": "constant is the simplest: rmse 40.2. linear stays out; this data would have shown a gain from 1.6 on"
    " (52 blocks by day).",
    "smallest_gain": 1.62,
    "labels": {"rows": 336776, "usable": 327346, "impossible": 9430},
    "rungs": [
        {
            "name": "constant",
            "score": 40.2,
            "low": 36.1,
            "high": 44.9,
            "needed": 0.04,
            "kept": True,
            "seconds": 0.01,
            "bytes": 300,
            "latency_us": 0.3,
            "sentence": "constant is the simplest: rmse 40.2.",
        },
        {
            "name": "linear",
            "score": 39.8,
            "low": 35.9,
            "high": 44.0,
            "against": "constant",
            "gain": 0.4,
            "gain_low": -0.31,
            "needed": 0.04,
            "kept": False,
            "seconds": 12.1,
            "bytes": 40100,
            "latency_us": 8.0,
            "sentence": "linear gains 0.4 in rmse over constant, but that may be chance (at least -0.31).",
        },
    ],
    "judge": {
        "rows": 48211,
        "blocks": 52,
        "block": "day",
        "metrics": [{"name": "rmse", "bigger_is_better": False, "value": 41.7, "low": 37.2, "high": 46.0}],
        "baselines": {"constant": {"rmse": 41.7}},
    },
}

EVIDENCE: dict[str, Any] = {
    "format": 1,
    "system": "flights",
    "purpose": "Two hours before departure, warn or rebook the passengers of flights that will arrive late.",
    "release": "r4",
    "candidate": "c9",
    "created": "2026-03-02T11:05:09-05:00",
    "verdict": "released",
    "live": "r3",
    "data": {
        "sources": {
            "arrivals": {
                "version": 3,
                "rows": 336776,
                "from": "2013-01-01T07:32:00-05:00",
                "to": "2014-01-01T00:20:00-05:00",
            },
            "schedule": {
                "version": 3,
                "rows": 336776,
                "from": "2013-01-01T05:15:00-05:00",
                "to": "2013-12-31T23:59:00-05:00",
                "quarantined": 1,
            },
            "planes": {"version": 1, "rows": 3322, "from": None, "to": None, "quarantined": 70},
            "weather": {
                "version": 2,
                "rows": 26114,
                "from": "2013-01-01T01:00:00-05:00",
                "to": "2013-12-30T18:00:00-05:00",
                "quarantined": 1,
            },
        }
    },
    "objectives": {"late": LATE, "delay": DELAY},
    "decision": {
        "actions": ["nothing", "warn", "rebook"],
        "weights": {"cost": 1.0},
        "chosen_share": {"nothing": 0.8012, "warn": 0.1499, "rebook": 0.0489},
        "terms": [
            {"term": "cost", "unit": "USD", "policy": policy, "value": value, "low": low, "high": high}
            for policy, value, low, high in [
                ("model", -2.31, -2.52, -2.11),
                ("rule", -2.74, -2.99, -2.5),
                ("always nothing", -2.74, -2.99, -2.5),
                ("always warn", -2.37, -2.5, -2.25),
                ("always rebook", -9.23, -9.25, -9.21),
            ]
        ],
    },
    "requirements": [
        {
            "who": "operations",
            "metric": "late.auc",
            "text": "late.auc at least 0.65",
            "status": "pass",
            "value": 0.7123,
            "low": 0.6987,
            "high": 0.7258,
            "n": 48211,
            "blocks": 52,
            "sentence": "operations agrees: late.auc 0.712 (at least 0.699) >= 0.65 (n = 48,211)",
            "allowed": False,
        },
        {
            "who": "passengers",
            "metric": "late.calibration_error",
            "text": "late.calibration_error at most 0.08, in each schedule.origin",
            "status": "insufficient",
            "value": None,
            "low": None,
            "high": None,
            "n": 48211,
            "blocks": 12,
            "slice": "EWR",
            "sentence": "passengers allows too little evidence: 48,211 rows in 12 blocks by day",
            "allowed": True,
        },
        {
            "who": "sales",
            "metric": "decision.cost",
            "text": "decision.cost at least 95% of the live release's",
            "status": "cannot tell",
            "value": None,
            "n": 0,
            "sentence": "sales cannot tell yet: decisions were logged without propensities",
            "allowed": False,
        },
        {
            "who": "product",
            "metric": "latency_p99",
            "text": "latency_p99 at most 100ms, with 10 rows per request",
            "status": "pass",
            "value": 0.0031,
            "low": 0.0028,
            "high": 0.0042,
            "n": 300,
            "sentence": "product agrees: latency p99 3.1ms (at most 4.2ms) <= 100ms (n = 300)",
            "allowed": False,
        },
    ],
    "serving": {
        "requests": 300,
        "candidates": 10,
        "latency_p50": 0.00121,
        "latency_p99": 0.0031,
        "latency_p99_high": 0.0042,
        "cpu_seconds_per_request": 0.00094,
        "release_size": 3123456,
        "cost_per_1000": 0.0000104,
        "sizes": [
            {"requests": 400, "candidates": 1, "latency_p50": 0.0009, "latency_p99": 0.0021, "errors": {}},
            {"requests": 400, "candidates": 10, "latency_p50": 0.00121, "latency_p99": 0.0031, "errors": {"503": 2}},
        ],
    },
    "training": {
        "seconds": 81.2,
        "core_seconds": 131.9,
        "cost": 0.00147,
        "currency": "USD",
        "peak_memory": 1_812_000_000,
    },
    "unknown": ["No release was live, so what is required relative to the live one was compared with the rule."],
    "limits": ["delay is the constant: it says the same of every flight."],
    "judge_reads": 1,
}


@pytest.fixture
def evidence() -> dict[str, Any]:
    """A released candidate, with everything measured."""
    return copy.deepcopy(EVIDENCE)


@pytest.fixture
def refused(evidence: dict[str, Any]) -> dict[str, Any]:
    """The first attempt, refused by operations."""
    evidence["verdict"] = "refused"
    del evidence["release"]
    evidence["requirements"][0] |= {
        "status": "fail",
        "value": 0.61,
        "low": 0.597,
        "high": 0.624,
        "text": "late.auc at least 0.68",
        "sentence": "operations refuses: late.auc 0.61 < 0.68 (n = 48,211); live stays r3",
    }
    return evidence


@pytest.fixture(scope="session")
def little_market() -> ModuleType:
    """`little_market.py` beside this file, by path: tests are no package."""
    spec = importlib.util.spec_from_file_location("little_market", Path(__file__).with_name("little_market.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def market(little_market: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> System:
    """The little market, ingested and trained once."""
    system: System = little_market.write(tmp_path_factory.mktemp("market"))
    system.ingest()
    system.train()
    return system
