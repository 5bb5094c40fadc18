"""Cross-checks: what does not fit together, at its key, in exact words where they matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from poise import registry
from poise.errors import SpecError
from poise.spec.crosscheck import check
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec

Fault = Callable[[str, str], str]
VISITS = "columns:\n      visit_id: string"

SOURCES = [
    (
        "time: came_at",
        "time: cameat",
        "15:11: sources.visits.time: source 'visits' has no column 'cameat' (did you mean 'came_at'?)",
    ),
    (
        "time: came_at",
        "time: on_day",
        "source 'visits' has no column 'on_day' (declare it: columns: {on_day: time, …})",
    ),
    ("time: came_at", "time: spent", "sources.visits.time: 'spent' is float; a column of type time is needed"),
    (
        "key: user_id",
        "key: userid",
        "sources.users.key: source 'users' has no column 'userid' (did you mean 'user_id'?)",
    ),
    (
        "key: user_id",
        "key: budget",
        "sources.users.key: 'budget' is float; a key is one of string, category, int, bool",
    ),
    ("key: user_id", "key: user_id\n    id: user_id", "not both"),
    (
        "key: user_id",
        "key: user_id\n    late: 1h",
        "sources.users.late: 'late' goes with 'time', which this source does not declare",
    ),
    ("key: user_id", "key: user_id\n    person: user", "sources.users.person: source 'users' has no column 'user'"),
    (
        "key: user_id",
        "key: user_id\n    timezone: Asia/Singapur",
        "there is no time zone 'Asia/Singapur' (did you mean 'Asia/Singapore'?)",
    ),
    ("late: 1h", "entity: user_id", "sources.orders.entity: 'entity' keeps rows of sources without time together"),
    ("late: 1h", "late: -1h", "sources.orders.late: a row cannot come in before it happened"),
    ("late: 1h", "keep: 1h", "sources.orders.keep: rows are kept for a day at least"),
    (
        "key: user_id",
        "key: user_id\n    keep: 2y",
        "sources.users.keep: 'keep' goes with 'time', which this source does not declare",
    ),
    ("late: 1h", "known: value", "sources.orders.known: 'value' is float; a column of type time is needed"),
    ("late: 1h", "complete_until: soon", "sources.orders.complete_until: 'soon' is not an instant"),
    (
        "late: 1h",
        "where: value + 1",
        "sources.orders.where: 'value + 1' is a number; a condition is needed (e.g. price > 0)",
    ),
    ("late: 1h", "where: valu > 1", "there is no 'valu' here (did you mean 'value'?)\n    valu > 1\n    ^"),
    ("big: value > 100", "big: value >", "sources.orders.derive.big: the expression ends where a value should stand"),
    ("big: value > 100", "value: value > 100", "'value' is a declared column already; another name is needed"),
    (
        "big: value > 100",
        "gap: ordered_at - ordered_at",
        "is a duration, which a column cannot hold (divide it: (ordered_at - ordered_at) / 1min)",
    ),
    ("spent < 900", "spent", "sources.visits.rules.sane: 'or' needs a bool on both sides; came: bool or number"),
    ("min: 0, max: 1000", "min: 9, max: 3", "min 9 is above max 3: every value would be refused"),
    ("min: 0, max: 1000", "min: .inf", "'min' must be a finite number; leave it out for no bound"),
    ("min: 0, max: 1000", "values: [a]", "'a' is not a value of a column of type float"),
    ("min: 0, max: 1000", "values: []", "an empty list allows nothing"),
    ("min: 0, max: 1000", "pattern: x", "'pattern' matches strings; 'spent' is float"),
    ("min: 0, max: 1000", "format: '%Y'", "'format' goes with columns of type time; 'spent' is float"),
    ("values: [phone, desk]", "min: 3", "'min' bounds numbers; 'device' is category"),
    (
        "values: [phone, desk]",
        "pattern: '('",
        "'(' is not a regular expression: missing ), unterminated subpattern at position 0",
    ),
    ("values: [phone, desk]", "pattern: '(?=a)'", "'(?=a)' looks around or back, which patterns here cannot"),
    (
        "came_at: time",
        "came_at: {type: time, timezone: Mars}",
        "there is no time zone 'Mars' (IANA names are meant, e.g. Asia/Singapore)",
    ),
    ("city: category", "home-city: category", "write home_city: {type: category, from: 'home-city'}"),
    ("city: category", "in: category", "'in' is a word of the expression language and cannot be a name"),
    (
        "request: [user_id, device]",
        "request: [user_id, devise]",
        "source 'visits' has no column 'devise' (did you mean 'device'?)",
    ),
    (
        "request: [user_id, device]",
        "request: {except: [x]}",
        "sources.visits.request.except: there is no declared column 'x'",
    ),
    (
        "  users:",
        "  decisions: {path: x, columns: {a: int}}\n  users:",
        "'decisions' is a source that Poise itself keeps",
    ),
]

LABELS = [
    (
        "from: orders, match",
        "from: order, match",
        "objectives.order.label.from: there is no source 'order' (did you mean 'orders'?)",
    ),
    ("match: visit_id,", "match: visitid,", "source 'orders' has no column 'visitid' (did you mean 'visit_id'?)"),
    (
        "match: visit_id,",
        "match: {value: visit_id},",
        "'value' of 'orders' is float, 'visit_id' of 'visits' string: they never match",
    ),
    (
        "match: visit_id, ",
        "",
        "objectives.order.label: a label from 'orders' needs 'match' (columns that 'orders' and 'visits' both have)",
    ),
    ("match: visit_id, take: value,", "match: visit_id,", "objectives.value.label: a regression label needs 'take'"),
    ("take: value,", "take: valu,", "there is no 'valu' here (did you mean 'value'?)"),
    ("take: value,", "take: order_id,", "'order_id' is a string; a regression learns a number"),
    ("take: value,", "take: sum(order_id),", "'order_id' is a string; sum is taken of numbers"),
    ("take: value,", "take: ordered_at,", "'ordered_at' is a time; a regression learns a number"),
    ("take: value,", "take: [value, big],", "a list of 2 makes a multi-label objective; this one is regression"),
    ("take: value,", "take: 3,", "'3' is the same in every row; there is nothing to learn"),
    (
        "take: value,",
        "take: value, split: ',',",
        "'split' goes with a multi-label objective that takes one text column",
    ),
    ("within: 6h}", "within: -6h}", "objectives.order.label.within: a duration of 0 or more is needed"),
    ("label: {from: orders, match: visit_id, within: 6h}", "label: {take: spent}", None),
    (
        "label: {from: orders, match: visit_id, within: 6h}",
        "label: {take: device == 'desk'}",
        "objectives.order.label.take: the label is made of 'device', which callers send: it would be its own feature "
        "(take 'device' out of request: of 'visits')",
    ),
    ("label: {from: orders, match: visit_id, within: 6h}", "label: {}", "a label in the row itself needs 'take'"),
    (
        "label: {from: orders, match: visit_id, within: 6h}",
        "label: {take: count}",
        "count is taken over matched rows; a label in the row itself has none",
    ),
    (
        "label: {from: orders, match: visit_id, within: 6h}",
        "label: {take: spent, match: visit_id}",
        "'match' goes with 'from'",
    ),
    ("from: orders, match: visit_id, within", "from: users, match: user_id, within", None),
]

OBJECTIVES = [
    ("per: visits", "per: visit", "objectives.order.per: there is no source 'visit' (did you mean 'visits'?)"),
    ("given: order", "given: ordr", "objectives.value.given: there is no objective 'ordr' (did you mean 'order'?)"),
    (
        "given: order",
        "given: value",
        "objectives.value.given: 'value' is regression; an objective can only be given a binary one",
    ),
    ("given: order", "given: order\n    at: came_at", "given 'order', 'value' is asked when that is: leave out 'at'"),
    ("given: order", "worth: 120%", "objectives.value.worth: 1.2 is not a share of a gain: 0 to 1, or 0% to 100%"),
    (
        "given: order",
        "worth: 2%\n    prefer: best",
        "objectives.value.worth: 'worth' does nothing beside",
    ),
    (
        "given: order",
        "rule: 5\n    rungs: [linear]",
        "objectives.value.rule: 'rule' does nothing here, as",
    ),
    ("given: order", "metric: auc", "objectives.value.metric: auc does not fit a regression objective"),
    ("given: order", "metric: rsme", "objectives.value.metric: there is no metric 'rsme' (did you mean 'rmse'?)"),
    (
        "given: order",
        "rungs: [linear, tree]",
        "objectives.value.rungs: there is no rung 'tree' (did you mean 'trees'?)",
    ),
    ("given: order", "at: came_at - 2", "(write a duration, e.g. 2h, or n * 1min)"),
    ("given: order", "at: spent", "objectives.value.at: 'spent' is a number; an instant is needed (e.g. departs - 2h)"),
    (
        "given: order",
        "features: [users_cty]",
        "objectives.value.features: there is no feature 'users_cty' (did you mean 'users_city'?)",
    ),
    (
        "given: order",
        "rule: users_city2",
        "objectives.value.rule: there is no 'users_city2' here (did you mean 'users_city'?)",
    ),
    (
        "given: order",
        "rule: spent * 2",
        "objectives.value.rule: 'spent' of 'visits' is not known to be sent with a request",
    ),
    (
        "given: order",
        "rule: orders.value",
        "'orders' is an event log: it has no key by which to look up 'value' (use a window feature)",
    ),
    (
        "  value:\n    type",
        "  users:\n    type",
        "objectives.users: 'users' is a source; an objective needs another name",
    ),
    ("  value:\n    type", "  device:\n    type", "objectives.device: 'device' is a request column of 'visits'"),
    ("  value:\n    type", "  decision:\n    type", "an objective cannot be named 'decision'"),
    ("  value:\n    type", "  clock_hour:\n    type", "'clock_hour' is an objective; rename the feature with 'as:'"),
]

FEATURES = [
    ("take: [city, budget]", "take: [cty]", "features[0].columns: source 'users' has no column 'cty'"),
    ("from: users, take", "from: usrs, take", "features[0].columns: there is no source 'usrs' (did you mean 'users'?)"),
    ("take: [device]", "take: [spent]", "features[1].columns: "),
    ("over: [7d], take: [count", "over: [7d], take: [cont", "features[2].window"),
    ("by: user_id, over", "by: visit, over", "features[2].window: window over 'orders'"),
    (
        "- clock: [hour]",
        "- clock: [hour]\n  - clock: [hour]",
        "features[4].clock: two features are named 'clock_hour' (rename one with 'as:')",
    ),
    ("odd: users.budget / 2", "odd: users.city / 2", "came: string / number"),
    ("odd: users.budget / 2", "device: users.budget / 2", "'device'"),
    (
        "odd: users.budget / 2",
        "odd: spent",
        "features[4].compute: 'spent' of 'visits' is not known to be sent with a request",
    ),
]

DECISION = [
    ("per: visits\n  choose", "per: orders\n  choose", "decision.per: no objective is per 'orders'"),
    ("coupon: -1", "copon: -1", "decision.terms.effort.copon: there is no action 'copon' (did you mean 'coupon'?)"),
    (
        "coupon: -1",
        "copon: -1",
        "decision.terms.effort: the term 'effort' says nothing of the action 'coupon' (write coupon: 0)",
    ),
    ("effort: 0.5", "efort: 0.5", "decision.weights.efort: there is no term 'efort' (did you mean 'effort'?)"),
    ("effort: 0.5", "effort: .nan", "decision.weights.effort: the weight of 'effort' must be a finite number"),
    (
        "revenue: 1, effort: 0.5",
        "revenue: 0, effort: 0",
        "decision.weights: all weights are 0, and nothing better than anything else (give at least one",
    ),
    ("coupon: -1", "coupon: ordr", "decision.terms.effort.coupon: there is no 'ordr' here (did you mean 'order'?)"),
    ("coupon: -1", "coupon: value", "'value' is given 'order': it has a value only where that comes true (a term"),
    ("coupon: -1", "coupon: order.yes", "'order.yes': 'order' is binary and has no classes (write order)"),
    ("coupon: -1", "coupon: spent", "'spent' of 'visits' is not known to be sent with a request"),
    ("coupon: -1", "coupon: device", "decision.terms.effort.coupon: 'device' is a string; a term is a number"),
    ("choose: [nothing, coupon]", "choose: [nothing, coupon, coupon]", "'choose' names an action twice"),
    (
        "choose: [nothing, coupon]",
        "choose: [nothing, coupon]\n  rule: both",
        "decision.rule: there is no action 'both'",
    ),
]

REQUIREMENTS = [
    (
        "order.log_loss",
        "order.logloss",
        "requirements[0].metric: there is no metric 'logloss' (did you mean 'log_loss'?)",
    ),
    ("order.log_loss", "ordr.log_loss", "requirements[0].metric: there is no objective 'ordr' (did you mean 'order'?)"),
    ("order.log_loss", "value.log_loss", "requirements[0].metric: log_loss does not fit a regression objective"),
    ("decision.revenue", "decision.revenu", "the decision has no term 'revenu' (did you mean 'revenue'?)"),
    ("latency_p99", "latency_99", "there is no metric 'latency_99' (did you mean 'latency_p99'?)"),
    (
        "at_most: 100ms",
        "at_most: 20MB",
        "requirements[3].at_most: '20MB' is no bound on latency_p99 (write e.g. 100ms)",
    ),
    (
        "at_most: 20MB",
        "at_most: 100ms",
        "requirements[4].at_most: '100ms' is no bound on release_size (write e.g. 20MB)",
    ),
    ("at_most: 0.02", "at_most: 2%", "requirements[5].at_most: '2%' is no bound on cost_per_1000 (write e.g. 0.02)"),
    ("at_least: 95%, relative_to: live", "at_least: 95%", "'95%' of what? decision.revenue is no share"),
    ("order.log_loss, better_than: rule", "order.calibration_error, at_most: 5%", None),
    (
        "order.log_loss, better_than: rule",
        "value.calibration_error, at_most: 5%",
        "'5%' of what?",
    ),
    ("better_than: rule", "at_most: 100ms", "'100ms' is no bound on order.log_loss (write a number or a percentage)"),
    ("better_than: rule", "at_most: .nan", "a finite number is needed"),
    ("better_than: rule", "better_than: rule, candidates: 3", "'candidates' goes with latency_p50 and latency_p99"),
    ("candidates: 10", "by: device", "'by' does not go with latency_p99"),
    (
        "by: users.city",
        "by: users.cty",
        "requirements[2].by: source 'users' has no column 'cty' (did you mean 'city'?)",
    ),
    ("by: users.city", "by: devise", "requirements[2].by: there is no column 'devise' (did you mean 'device'?)"),
    (
        "by: users.city",
        "by: orders.value",
        "'orders.value' cannot be looked up: rows of 'visits' lack the key of 'orders'",
    ),
    ("costs: {currency: USD, core_hour: 0.04}", "", "cost_per_1000 needs prices, and the file has no 'costs'"),
    ("who: ml", "who: ' '", "requirements[0].who: a requirement needs its owner"),
]

WHOLE = [
    (
        "timezone: Asia/Singapore",
        "timezone: Asia/Singapur",
        "timezone: there is no time zone 'Asia/Singapur' (did you mean",
    ),
    (
        "costs:",
        "parts: {fit: 0.9}\ncosts:",
        "parts: the parts sum to 1.3, not to 1: fit 0.9, tune 0.15, calibrate 0.1, judge 0.15",
    ),
    (
        "costs:",
        "parts: {fit: 70%, calibrate: 0}\ncosts:",
        "parts.calibrate: the part 'calibrate' is 0; each part needs more than 0",
    ),
    (
        "purpose: Say which visits end in an order.",
        "purpose: ''",
        "purpose: a sentence is needed: what the business wants",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "message"), [*SOURCES, *LABELS, *OBJECTIVES, *FEATURES, *DECISION, *REQUIREMENTS, *WHOLE]
)
def test_faults(shop: str, fault: Fault, old: str, new: str, message: str | None) -> None:
    if message is None:
        read_text(shop.replace(old, new, 1))
    else:
        found = fault(old, new)
        assert message in found and found.startswith("poise.yaml:")


def test_paths_without_a_file(shop: str) -> None:
    system = read_text(shop)
    broken = system.model_copy(update={"timezone": "Mars"})
    assert [error.where for error in check(broken)] == ["timezone"]
    assert check(system) == []


def test_rings_of_given() -> None:
    objective = "{type: binary, per: s, given: %s, label: {take: x}}"
    text = "format: 1\nsystem: x\npurpose: p\nsources: {s: {path: f, columns: {x: bool}}}\nobjectives:\n"
    with pytest.raises(SpecError, match="given each other in a ring: a -> b -> a"):
        read_text(text + f"  a: {objective % 'b'}\n  b: {objective % 'a'}")
    with pytest.raises(SpecError, match="'a' cannot be given itself"):
        read_text(text + f"  a: {objective % 'a'}")


def test_a_label_of_the_same_row_in_another_source() -> None:
    """Two sources over one file, matched by the id of the row: what callers send is no label."""
    text = (
        "format: 1\nsystem: x\npurpose: p\nsources:\n"
        "  s: {path: f.csv, id: i, time: t, request: [b], columns: &c {i: string, t: time, b: bool, d: bool}}\n"
        "  l: {path: f.csv, id: i, time: t, columns: *c}\n"
        "objectives: {o: {type: binary, per: s, label: {from: l, match: i, take: %s, within: 1h}}}\n"
    )
    read_text(text % "d")
    with pytest.raises(SpecError, match="the label is made of 'b', which callers send"):
        read_text(text % "b")


MULTI = """\
format: 1
system: films
purpose: p
sources:
  films: {path: f.csv, id: i, request: [y], columns: {i: string, y: int, c: category, g: text, k: bool, l: bool}}
features:
  - columns: {from: films, take: [y]}
objectives: {o: %s}
"""


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("{type: multi-class, per: films, label: {take: c}}", None),
        ("{type: multi-label, per: films, label: {take: [k, l]}}", None),
        ("{type: multi-label, per: films, label: {take: g, split: '|'}}", None),
        ("{type: multi-label, per: films, label: {take: g}}", "a multi-label objective needs several labels"),
        ("{type: multi-label, per: films, label: {take: [k]}}", "a multi-label objective needs several labels"),
        (
            "{type: multi-label, per: films, label: {take: [k, c]}}",
            "'c' is a string; each label of a list is true or false",
        ),
        ("{type: multi-label, per: films, label: {take: k, split: '|'}}", "'k' is a bool; 'split' needs text"),
        (
            "{type: binary, per: films, label: {take: c}}",
            "'c' is a string; a binary label is true or false (or 1 or 0)",
        ),
        ("{type: binary, per: films, label: {take: c}}", "(compare it, e.g. c == 'yes')"),
        ("{type: binary, per: films, label: {take: k, within: 1d}}", "'within' counts from a row's time"),
        ("{type: binary, per: films, at: y, label: {take: k}}", "'y' is a number; an instant is needed"),
        (
            "{type: multi-class, per: films, label: {take: c}, metric: rmse}",
            "rmse does not fit a multi-class objective",
        ),
    ],
)
def test_problem_types(objective: str, message: str | None) -> None:
    if message is None:
        read_text(MULTI % objective)
        return
    with pytest.raises(SpecError) as caught:
        read_text(MULTI % objective)
    assert message in str(caught.value)


def test_classes_in_terms() -> None:
    text = MULTI % "{type: multi-class, per: films, label: {take: c}}"
    decision = "decision: {per: films, choose: [a, b], terms: {t: {a: %s, b: 0}}}"
    read_text(text + decision % "o.drama - o.`science fiction`")
    with pytest.raises(SpecError, match=r"'o' has one value per class \(write o.CLASS, e.g. o.yes\)"):
        read_text(text + decision % "o")


class Nowhere:
    """A kind of feature that no rows can carry."""

    @classmethod
    def split(cls, spec: Any) -> tuple[Any, ...]:
        return (spec,)

    @classmethod
    def bind(cls, spec: Any, system: SystemSpec, per: str) -> None:
        return None


def test_a_feature_that_no_rows_carry(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    system = read_text(shop)
    real = registry.get
    monkeypatch.setattr(registry, "get", lambda role, name: Nowhere if name == "clock" else real(role, name))
    assert [str(error) for error in check(system)] == [
        "features[3].clock: the rows of no objective can carry this feature"
    ]


def test_replay_needs_time() -> None:
    text = (MULTI % "{type: multi-class, per: films, label: {take: c}}") + "clock: replay\n"
    with pytest.raises(SpecError, match="'replay' is moved by event times, and no source has a 'time'"):
        read_text(text)
