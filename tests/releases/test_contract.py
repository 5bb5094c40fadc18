"""The contract: made of what features need, with the domains of the system file, and widened for known callers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from poise.errors import StateError
from poise.releases.compatibility import compare
from poise.releases.contract import Contract, Input, Output, TermOutput
from poise.spec.source import ColumnType
from poise.spec.system import SystemSpec

TEXT = """
format: 1
system: payments
purpose: Find fraud.
timezone: Europe/Madrid
sources:
  payments:
    path: payments.csv
    id: id
    time: made
    columns:
      id: string
      made: {type: time, required: true}
      due: {type: time, timezone: Asia/Tokyo}
      amount: {type: float, required: true, min: 0}
      country: {type: category, values: [ES, FR]}
      iban: {type: string, pattern: '[A-Z]{2}.*'}
      fraud: bool
    derive: {wait: due - made}
    request: [made, due, amount, country, iban, wait]
objectives:
  fraud: {type: binary, per: payments, label: {take: fraud, within: 30d}}
  country: {type: multi-class, per: payments, label: {take: country, within: 30d}}
decision:
  per: payments
  choose: [allow, block]
  terms: {cost: {unit: EUR, allow: -fraud * amount, block: -1}}
"""
NEEDED: dict[str, dict[str, ColumnType]] = {
    "payments": {"amount": "float", "country": "category", "iban": "string", "due": "time", "wait": "float"}
}


@pytest.fixture(scope="module")
def system() -> SystemSpec:
    return SystemSpec.model_validate(YAML(typ="safe").load(TEXT))


def test_inputs_are_what_is_needed_with_their_domains(system: SystemSpec) -> None:
    contract = Contract.of(system, NEEDED, classes={"country": ["ES", "FR"]})
    assert contract.inputs == (
        Input("amount", "float", nullable=False, min=0.0, per="payments"),
        Input("country", "category", values=("ES", "FR"), per="payments"),
        Input("iban", "string", pattern="[A-Z]{2}.*", per="payments"),
        Input("due", "time", timezone="Asia/Tokyo", per="payments"),
        Input("wait", "float", per="payments"),
    )
    assert contract.outputs == (
        Output("fraud", "binary", "probability", per="payments"),
        Output("country", "multi-class", "probability", ("ES", "FR"), "payments"),
    )
    assert (contract.actions, contract.terms) == (("allow", "block"), (TermOutput("cost", "EUR"),))
    assert (contract.decides_on, contract.pers, contract.major) == ("payments", ("payments",), 1)


def test_times_are_read_in_the_zone_of_column_source_or_system(system: SystemSpec) -> None:
    contract = Contract.of(system, {"payments": {"made": "time"}})
    assert contract.inputs[0].timezone == "Europe/Madrid"


def test_a_later_release_need_not_break_callers(system: SystemSpec) -> None:
    first = Contract.of(system, {"payments": {"amount": "float", "country": "category"}})
    second = Contract.of(system, {"payments": {"amount": "float", "iban": "string"}}, earlier=first)
    by_name = {i.name: i for i in second.inputs}
    assert by_name["amount"].required
    assert not by_name["iban"].required, "callers do not know it"
    assert (by_name["country"].required, by_name["country"].used) == (False, False), "callers still send it"
    assert [c.kind for c in compare(first, second)] == ["compatible", "compatible"]
    third = Contract.of(system, {"payments": {"amount": "float", "country": "category"}}, earlier=second)
    assert [(i.name, i.required, i.used) for i in third.inputs] == [
        ("amount", True, True),
        ("country", False, True),
        ("iban", False, False),
    ]
    assert not [c for c in compare(second, third) if c.kind == "breaking"]


def test_a_new_column_that_may_not_be_null_breaks_callers(system: SystemSpec) -> None:
    first = Contract.of(system, {"payments": {"country": "category"}})
    second = Contract.of(system, NEEDED, earlier=first)
    assert [c.field for c in compare(first, second) if c.kind == "breaking"] == ["payments.amount"]


def test_json_leaves_out_what_is_not_set(system: SystemSpec) -> None:
    content = Contract.of(system, NEEDED).to_json()
    assert content["inputs"][4] == {
        "name": "wait",
        "type": "float",
        "required": True,
        "nullable": True,
        "used": True,
        "varies": False,
        "per": "payments",
    }
    assert content["format"] == 1


@pytest.mark.parametrize(
    "content",
    [{}, {"format": 2}, {"format": 1}, {"format": 1, "system": "a", "inputs": [{"nam": 1}], "outputs": []}],
)
def test_a_contract_that_cannot_be_read_is_named(content: dict[str, Any]) -> None:
    with pytest.raises(StateError, match="contract"):
        Contract.from_json(content)


NAMES = st.text(min_size=1, max_size=20)
VALUES = st.none() | st.lists(NAMES | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)).map(tuple)


@given(
    st.builds(
        Contract,
        system=NAMES,
        inputs=st.lists(
            st.builds(Input, name=NAMES, type=st.just("float"), min=st.none() | st.floats(-9, 9), values=VALUES)
        ).map(tuple),
        outputs=st.lists(st.builds(Output, NAMES, st.just("binary"), classes=st.lists(NAMES).map(tuple))).map(tuple),
        actions=st.lists(NAMES).map(tuple),
        terms=st.lists(st.builds(TermOutput, NAMES, st.none() | NAMES)).map(tuple),
        decides_on=st.none() | NAMES,
        major=st.integers(1, 9),
    )
)
def test_any_contract_comes_back_from_json(contract: Contract) -> None:
    back = Contract.from_json(json.loads(json.dumps(contract.to_json())))
    assert back == contract
    assert replace(back, major=10) != contract


def test_a_list_asks_for_its_item_even_if_no_model_reads_it() -> None:
    text = TEXT.replace("  choose: [allow, block]\n", "  list: iban\n  item: country\n  show: 3\n")
    text = text.replace("{unit: EUR, allow: -fraud * amount, block: -1}", "fraud")
    system = SystemSpec.model_validate(YAML(typ="safe").load(text))
    contract = Contract.of(system, {"payments": {"amount": "float", "wait": "float"}}, varies=["wait"])
    found = {i.name: (i.varies, i.required, i.nullable) for i in contract.inputs if i.used}
    assert found == {"country": (True, True, False), "amount": (False, True, False), "wait": (True, True, True)}
    assert (contract.item, contract.show, contract.lists, contract.actions) == ("country", 3, True, ())
    assert Contract.from_json(contract.to_json()) == contract


def test_a_contract_may_promise_no_prediction(system: SystemSpec) -> None:
    contract = replace(Contract.of(system, NEEDED), outputs=())
    assert contract.pers == ("payments",) and Contract.from_json(contract.to_json()) == contract
