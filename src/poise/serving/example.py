"""Requests to try: with real values where the evidence of a release holds some, else with values that are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.releases.contract import Contract, Input
from poise.serving.list_rows import BESIDE, CANDIDATES, CONTEXT

MOST = 10
"""Candidates of an example that is put together from rows."""
_VALUES: Mapping[str, str | float | bool] = {"int": 1, "float": 1.0, "bool": True, "time": "2026-01-01T12:00:00+00:00"}


def example_row(contract: Contract, evidence: Mapping[str, Any], per: str) -> dict[str, Any]:
    """A row that a caller could send for a prediction.

    >>> example_row(Contract("shop", (Input("price", "float", min=2.0, per="sales"),)), {}, "sales")
    {'price': 2.0}
    """
    known = evidence.get("examples", {}).get(per, ())
    return dict(known[0]) if known else {spec.name: _value(spec) for spec in contract.inputs_of(per)}


def example_request(contract: Contract, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """A body for `/v1/decide`, or for `/v1/predict` where nothing is decided: a real list where one was logged.

    >>> inputs = (Input("user", "string", per="shown"), Input("dish", "string", per="shown", varies=True))
    >>> rows = [{"user": "u1", "dish": "pho"}, {"user": "u1", "dish": "udon"}]
    >>> contract = Contract("food", inputs, decides_on="shown", item="dish")
    >>> example_request(contract, {"examples": {"shown": rows}})
    {'user': 'u1', 'candidates': [{'dish': 'pho'}, {'dish': 'udon'}]}
    """
    per = contract.decides_on or contract.pers[0]
    if contract.item is None:
        return {name: v for name, v in example_row(contract, evidence, per).items() if name != contract.price}
    logged = evidence.get("list_examples", ())
    found = dict(logged[0]) if logged else _list_of(contract, contract.item, evidence, per)
    return {**{name: value for name, value in found.items() if name != CANDIDATES}, CANDIDATES: found[CANDIDATES]}


def _list_of(contract: Contract, item: str, evidence: Mapping[str, Any], per: str) -> dict[str, Any]:
    """A list put together from rows of other requests: what is the same for all candidates is the first row's."""
    rows = evidence.get("examples", {}).get(per, ())[:MOST] or [example_row(contract, {}, per)]
    own = {item, *(spec.name for spec in contract.inputs_of(per) if spec.varies)}
    different: dict[Any, dict[str, Any]] = {}
    for row in rows:
        different.setdefault(row[item], {name: value for name, value in row.items() if name in own})
    shared = {name: value for name, value in rows[0].items() if name not in own}
    return {**(shared if shared.keys().isdisjoint(BESIDE) else {CONTEXT: shared}), CANDIDATES: list(different.values())}


def _value(spec: Input) -> str | float | bool | None:
    if spec.values:
        return spec.values[0]
    if spec.pattern is not None and spec.nullable:
        return None
    if spec.type in ("int", "float"):
        low = spec.min if spec.min is not None else min(1.0, spec.max if spec.max is not None else 1.0)
        return int(low) if spec.type == "int" else low
    return _VALUES.get(spec.type, "example")
