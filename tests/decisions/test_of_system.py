"""The chooser of a whole system: terms against what models predict."""

from __future__ import annotations

import pytest

from poise.decisions.of_system import chooser_of, names_in_terms, ranker_of
from poise.errors import SpecError
from poise.spec.reading import read_text

SYSTEM = """
format: 1
system: calls
purpose: Call whom it is worth to call.
sources: {people: {path: people.csv, columns: {age: float, mood: category}, request: [age]}}
features: [columns: {from: people, take: age}]
objectives: {mood: {type: multi-class, per: people, label: {take: mood}}}
decision: {per: people, choose: [call, leave], terms: {worth: {call: 2 * mood.good - 1, leave: 0}}}
"""


def test_terms_read_classes() -> None:
    chooser = chooser_of(read_text(SYSTEM), {"mood": ("bad", "good")})
    assert chooser is not None and chooser.objective_names() == {"mood"}
    assert chooser.predicts("worth", "call") and not chooser.predicts("worth", "leave")


def test_a_class_that_the_data_do_not_have_is_named() -> None:
    with pytest.raises(SpecError, match=r"'mood.good': 'mood' has no class 'good' \(did you mean 'goods'\?\)"):
        chooser_of(read_text(SYSTEM), {"mood": ("bad", "goods")})


LISTS = """
format: 1
system: shops
purpose: List the shops that people will buy from.
sources:
  shops: {path: shops.csv, key: shop_id, columns: {shop_id: string, open: bool, price: float, mood: category}}
  shown:
    path: shown.csv
    columns: {row_id: string, page_id: string, shop_id: string, bought: bool, paid: float}
    id: row_id
features: [columns: {from: shops, take: price}]
objectives:
  buy: {type: binary, per: shown, label: {take: bought}}
decision:
  per: shown
  list: page_id
  item: shop_id
  where: shops.open
  terms: {orders: buy, sales: {is: buy * shops.price, unit: USD}}
  rule: 0 - shops_price
"""


def test_a_list_reads_its_terms_where_and_rule() -> None:
    system = read_text(LISTS)
    assert names_in_terms(system) == {"buy", "shops.open", "shops.price", "shops_price"}
    assert chooser_of(system) is None and ranker_of(read_text(SYSTEM)) is None
    ranker = ranker_of(system)
    assert ranker is not None and ranker.objective_names() == {"buy"}
    assert ranker.extra_names() == {"shops.open", "shops.price", "shops_price"}


def test_before_models_a_list_reads_where_and_rule() -> None:
    ranker = ranker_of(read_text(LISTS), rule_only=True)
    assert ranker is not None and ranker.rule_only
    assert ranker.extra_names() == {"shops.open", "shops_price"}
