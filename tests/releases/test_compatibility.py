"""Which changes of a contract break callers: each rule of the design, and what a widened domain promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import RequestError
from poise.releases.compatibility import compare
from poise.releases.contract import Contract, Input, Output, TermOutput
from poise.serving.field import Field, Unfit
from poise.serving.limits import Limits
from poise.serving.rows import RequestReader

PRICE = Input("price", "float", min=0.0, max=100.0, per="sales")
CITY = Input("city", "category", values=("Queens", "Bronx"), per="sales")
WHEN = Input("when", "time", timezone="UTC", nullable=False, per="sales")
SALE = Output("sale", "binary", "probability", per="sales")
KIND = Output("kind", "multi-class", "probability", ("a", "b"), per="sales")
TAGS = Output("tags", "multi-label", "probability", ("x", "y"), per="sales")
WORTH = Output("worth", "regression", "USD", per="sales")
OLD = Contract(
    "shop",
    inputs=(PRICE, CITY, WHEN),
    outputs=(SALE, KIND, TAGS, WORTH),
    actions=("allow", "block"),
    terms=(TermOutput("cost", "USD"),),
    decides_on="sales",
)


def with_input(old: Input, **changes: Any) -> Contract:
    return replace(OLD, inputs=tuple(replace(i, **changes) if i is old else i for i in OLD.inputs))


def with_output(old: Output, **changes: Any) -> Contract:
    return replace(OLD, outputs=tuple(replace(o, **changes) if o is old else o for o in OLD.outputs))


def plus(*inputs: Input) -> Contract:
    return replace(OLD, inputs=(*OLD.inputs, *inputs))


BREAKING = {
    "a required input": (plus(Input("age", "int", per="sales")), "sales.age", "must be sent"),
    "an input that may no longer be sent": (replace(OLD, inputs=(PRICE, CITY)), "sales.when", "no longer be sent"),
    "a higher minimum": (with_input(PRICE, min=1.0), "sales.price", "smallest value was 0 and is now 1"),
    "a lower maximum": (with_input(PRICE, max=99.5), "sales.price", "largest value was 100 and is now 99.5"),
    "a new bound": (with_input(CITY, min=3.0), "sales.city", "smallest value was not bounded and is now 3"),
    "fewer values": (with_input(CITY, values=("Queens",)), "sales.city", "no longer be Bronx"),
    "values where any went": (with_input(PRICE, values=(1.0,)), "sales.price", "must now be one of 1.0"),
    "a pattern": (with_input(CITY, pattern="Q.*"), "sales.city", "must now match Q"),
    "null refused": (with_input(PRICE, nullable=False), "sales.price", "no longer be null"),
    "another type": (with_input(PRICE, type="int"), "sales.price", "was of type float and is now int"),
    "a string read as time": (with_input(CITY, type="time"), "sales.city", "was of type category and is now time"),
    "another zone": (with_input(WHEN, timezone="Asia/Tokyo"), "sales.when", "read in UTC and are now in Asia/Tokyo"),
    "a removed output": (replace(OLD, outputs=OLD.outputs[1:]), "sale", "no longer predicted"),
    "another problem": (with_output(SALE, type="regression"), "sale", "was binary and is now regression"),
    "another unit": (with_output(WORTH, unit="EUR"), "worth", "unit was USD and is now EUR"),
    "an output of other rows": (with_output(SALE, per="visits"), "sale", "now for rows of visits"),
    "a class less": (with_output(KIND, classes=("a",)), "kind", "no longer has the class b"),
    "a class more": (with_output(KIND, classes=("a", "b", "c")), "kind", "now has the class c"),
    "a label less": (with_output(TAGS, classes=("x",)), "tags", "no longer has the class y"),
    "a new action": (replace(OLD, actions=("allow", "review", "block")), "decision.review", "action is new"),
    "an action less": (replace(OLD, actions=("allow",)), "decision.block", "no longer offered"),
    "a term less": (replace(OLD, terms=()), "decision.cost", "no longer reported"),
    "a term's unit": (replace(OLD, terms=(TermOutput("cost", "EUR"),)), "decision.cost", "USD and is now EUR"),
    "a term without unit": (replace(OLD, terms=(TermOutput("cost"),)), "decision.cost", "now not given"),
    "no decision": (replace(OLD, decides_on=None), "decision", "no longer for rows of sales"),
    "a decision on other rows": (replace(OLD, decides_on="visits"), "decision", "now for rows of visits"),
    "another price": (replace(OLD, price="price"), "decision.price", "set no input and now set price"),
    "another system": (replace(OLD, system="bank"), "system", "was shop and is now bank"),
}
COMPATIBLE = {
    "a new optional input": (plus(Input("age", "int", required=False, per="sales")), "sales.age", "left out"),
    "an input that may be left out": (with_input(PRICE, required=False), "sales.price", "now be left out"),
    "a lower minimum": (with_input(PRICE, min=-1.0), "sales.price", "is now -1"),
    "no maximum": (with_input(PRICE, max=None), "sales.price", "is now not bounded"),
    "more values": (with_input(CITY, values=("Bronx", "Queens", "Kings")), "sales.city", "also be Kings"),
    "any value": (with_input(CITY, values=None), "sales.city", "any value"),
    "null allowed": (with_input(WHEN, nullable=True), "sales.when", "may now be null"),
    "a new output": (replace(OLD, outputs=(*OLD.outputs, Output("late", "binary"))), "late", "predicted too"),
    "a new label": (with_output(TAGS, classes=("x", "y", "z")), "tags", "now has the class z"),
    "a new term": (replace(OLD, terms=(*OLD.terms, TermOutput("time", "h"))), "decision.time", "reported too"),
}


@pytest.mark.parametrize("case", BREAKING)
def test_what_breaks_callers(case: str) -> None:
    new, field, words = BREAKING[case]
    changes = compare(OLD, new)
    assert [(c.kind, c.field) for c in changes] == [("breaking", field)]
    assert words in changes[0].sentence


@pytest.mark.parametrize("case", COMPATIBLE)
def test_what_callers_need_not_know(case: str) -> None:
    new, field, words = COMPATIBLE[case]
    changes = compare(OLD, new)
    assert [(c.kind, c.field) for c in changes] == [("compatible", field)]
    assert words in changes[0].sentence


def test_no_change_is_no_change_and_order_and_kinds_of_strings_are_none() -> None:
    assert compare(OLD, OLD) == []
    turned = replace(OLD, inputs=OLD.inputs[::-1], outputs=OLD.outputs[::-1], actions=OLD.actions[::-1])
    assert compare(OLD, turned) == []
    assert compare(OLD, with_input(CITY, type="text")) == []
    assert compare(OLD, with_input(PRICE, used=False)) == []


def test_int_to_float_is_wider_and_a_first_decision_is_new() -> None:
    whole = Contract("shop", (Input("n", "int", per="sales"),))
    assert [c.kind for c in compare(whole, Contract("shop", (Input("n", "float", per="sales"),)))] == ["compatible"]
    assert [c.kind for c in compare(replace(OLD, decides_on=None, actions=()), OLD)] == ["compatible"]


@pytest.mark.parametrize(("decides_on", "then"), [(None, "refused"), ("visits", "of visits")])
def test_rows_that_say_nothing_of_their_source_go_on_being_rows_of_it(decides_on: str | None, then: str) -> None:
    old = Contract("shop", (Input("n", "int", per="sales"),), (SALE,))
    new = replace(old, outputs=(SALE, Output("back", "binary", per="visits")), decides_on=decides_on)
    changes = {(c.kind, c.field): c.sentence for c in compare(old, new)}
    assert changes["breaking", "per"] == f"rows without it were of sales and are now {then}"
    sent = b'{"n": 1}'
    assert RequestReader(old, Limits()).read(sent).per == "sales"
    with pytest.raises(RequestError):
        RequestReader(new, Limits()).read(sent)
    assert ("breaking", "per") not in {(c.kind, c.field) for c in compare(old, replace(new, decides_on="sales"))}


def test_what_breaks_is_named_first() -> None:
    changes = compare(OLD, replace(with_input(PRICE, min=-5.0), actions=("allow", "block", "ask")))
    assert [c.kind for c in changes] == ["breaking", "compatible"]


NUMBERS = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0])
STRINGS = st.sampled_from(["a", "b", "ab", ""])
SENT = st.lists(st.none() | NUMBERS | st.integers(-2, 2) | STRINGS | st.booleans(), min_size=20, max_size=20)


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    kind = draw(st.sampled_from(["int", "float", "bool", "string", "category", "text"]))
    number = kind in ("int", "float")
    values = st.lists(NUMBERS if number else STRINGS, min_size=1).map(tuple)
    return Input(
        "x",
        kind,
        nullable=draw(st.booleans()),
        min=draw(st.none() | NUMBERS) if number else None,
        max=draw(st.none() | NUMBERS) if number else None,
        values=draw(st.none() | values) if kind != "bool" else None,
        pattern=draw(st.sampled_from([None, "a.*", "b?"])) if not number and kind != "bool" else None,
        per="sales",
    )


def fits(spec: Input, value: Any) -> bool:
    try:
        Field(spec).column([value], Limits())
    except Unfit:
        return False
    return True


@given(inputs(), inputs(), SENT)
def test_what_is_called_compatible_takes_all_that_was_taken(old: Input, new: Input, sent: list[Any]) -> None:
    changes = compare(Contract("shop", (old,)), Contract("shop", (new,)))
    if not any(c.kind == "breaking" for c in changes):
        assert [v for v in sent if fits(old, v) and not fits(new, v)] == []


@pytest.mark.parametrize(
    ("show", "item", "kind", "field"),
    [
        (12, "shop", "breaking", "decision.show"),
        (8, "shop", "compatible", "decision.show"),
        (10, "dish", "breaking", "decision.item"),
        (None, None, "breaking", "decision"),
    ],
)
def test_lists_may_get_shorter_but_nothing_else(show: int | None, item: str | None, kind: str, field: str) -> None:
    old = Contract("shop", decides_on="shown", item="shop", show=10)
    new = Contract("shop", decides_on="shown", item=item, show=show, actions=() if item else ("a", "b"))
    assert [(c.kind, c.field) for c in compare(old, new)] == [(kind, field)]
    assert compare(old, old) == []
