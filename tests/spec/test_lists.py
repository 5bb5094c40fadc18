"""Decisions that list items: what is checked of them, on the example of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poise.errors import SpecError
from poise.spec.in_words import decision_lines
from poise.spec.reading import read_text
from poise.spec.source_types import given_to_rows, group_column, position_feature, position_type, request_types
from poise.spec.system import SystemSpec

PAGE = (Path(__file__).parents[2] / "docs" / "spec.md").read_text()
SYSTEMS = {m[1]: m[0] for m in re.finditer(r"(?<=```yaml\n)format: 1\nsystem: (\w+)\n.*?(?=```)", PAGE, re.DOTALL)}
MARKET, FILMS = SYSTEMS["restaurants"], SYSTEMS["films"]
ORDER = "engagement: {is: order, unit: orders}"
ROWS = "person: user_id\n    columns:\n      impression_id"
UNTIMED = """\
format: 1
system: shelf
purpose: Sort a shelf.
sources:
  seen:
    path: seen.csv
    columns: {visit: int, sku: category, place: int, price: float, bought: bool}
    request: [sku, price]
objectives:
  bought_it: {type: binary, per: seen, label: {take: bought}}
decision: {per: seen, list: visit, item: sku, position: place, terms: {sales: bought_it * price}}
"""


def fault(text: str, old: str, new: str) -> str:
    """What reading says after one piece of the text was replaced by another."""
    assert text.count(old) >= 1, old
    with pytest.raises(SpecError) as caught:
        read_text(text.replace(old, new, 1))
    return str(caught.value)


COLUMNS = [
    ("list: request_id", "list: request", "decision.list: source 'impressions' has no column 'request' (did you mean"),
    ("list: request_id", "list: shown_at", "decision.list: 'shown_at' is time; a list is one of string, category, int"),
    (
        "list: request_id",
        "list: impression_id",
        "decision.list: 'impression_id' identifies the rows of 'impressions', so that each is a list of its own "
        "(name the column that rows of one list share)",
    ),
    ("item: restaurant_id", "item: resturant_id", "decision.item: source 'impressions' has no column 'resturant_id'"),
    ("item: restaurant_id", "item: shown_at", "decision.item: 'shown_at' is time; an item is one of string, category"),
    (
        "item: restaurant_id",
        "item: impression_id",
        "decision.item: 'impression_id' identifies the rows of 'impressions', so that each shows another item",
    ),
    (
        "item: restaurant_id",
        "item: request_id",
        "decision.item: 'request_id' is the list as well; a list shows different items",
    ),
    ("  position: position", "  position: place", "decision.position: source 'impressions' has no column 'place'"),
    (
        "  position: position",
        "  position: user_id",
        "decision.position: 'user_id' is string; a position is a whole number, 1 for the first place "
        "(declare user_id: int, or derive a number from it)",
    ),
    (
        "position: {type: int, min: 1}",
        "position: {type: float}",
        "decision.position: 'position' is float; a position is a whole number",
    ),
    (
        "position: {type: int, min: 1}",
        "position: {type: int, min: 0}",
        "decision.position: 'position' may be 0; places count from 1 (where the file counts from 0, derive place: "
        "position + 1 and write position: place)",
    ),
    ("position: {type: int, min: 1}", "position: {type: int, values: [0, 1]}", "'position' may be 0; places count"),
    ("  per: impressions  ", "  per: impresions  ", "decision.per: there is no source 'impresions' (did you mean"),
    ("  per: impressions  ", "  per: orders  ", "decision.per: no objective is per 'orders'"),
]

REQUEST = [
    (
        ROWS,
        ROWS.replace("columns", "request: [user_id]\n    columns"),
        "sources.impressions.request: callers send one 'restaurant_id' per candidate, as it is the decision's item "
        "(add 'restaurant_id' to it)",
    ),
    (
        ROWS,
        ROWS.replace("columns", "request: {except: [restaurant_id]}\n    columns"),
        "as it is the decision's item (take 'restaurant_id' out of except:)",
    ),
    (
        ROWS,
        ROWS.replace("columns", "request: [user_id, restaurant_id, position]\n    columns"),
        "sources.impressions.request: 'position' cannot be sent: it says where the row was shown, which is not known "
        "before the list is made (take it out; models learn from it by themselves, as the feature "
        "impressions_position, and answer as for the first place)",
    ),
    (
        ROWS,
        ROWS.replace("columns", "request: [user_id, restaurant_id, request_id]\n    columns"),
        "'request_id' cannot be sent: it is the list of a row, which Poise gives it when it answers (take it out; "
        "where it says whose rows these are and callers know it, declare person: request_id)",
    ),
    (
        ROWS,
        ROWS.replace("columns", "request: [user_id, restaurant_id, impression_id]\n    columns"),
        "'impression_id' cannot be sent: it is the id of a row, which Poise gives it when it answers",
    ),
    (
        ROWS,
        ROWS.replace("columns", "request: [user_id, restaurant_id, shown_at]\n    columns"),
        "'shown_at' cannot be sent: it is the time of a row, which Poise gives it when it answers",
    ),
]

EXPRESSIONS = [
    ("restaurants.open ", "restaurants.opn ", "decision.where: there is no 'restaurants.opn' here (did you mean"),
    (
        "restaurants.open ",
        "restaurants.price ",
        "decision.where: 'restaurants.price' is a number; 'where' is true or false (compare it, e.g. "
        "restaurants.price > 0)",
    ),
    (
        "restaurants.open ",
        "order > 0.1 ",
        "decision.where: 'order' is predicted, and 'where' is known before anything is (use columns and features;",
    ),
    ("restaurants.open ", "promoted ", "decision.where: there is no 'promoted' here"),
    (
        "order: {type: binary,     per: impressions,",
        "order: {type: binary, per: impressions, at: shown_at + position * 1s,",
        "objectives.order.at: 'position' says where the row was shown, which is not known before the list is made",
    ),
    ("restaurants.open ", "position < 3 ", "decision.where: 'position' of 'impressions' says where the row was shown"),
    ("rule: orders_count_7d", "rule: order_count_7d", "there is no 'order_count_7d_by_restaurant_id' here (did you"),
    (
        "rule: orders_count_7d_by_restaurant_id",
        "rule: restaurants.cuisine",
        "decision.rule: 'restaurants.cuisine' is a string; items are sorted by a number, the largest first "
        "(e.g. rule: orders_count_1h_by_restaurant_id)",
    ),
    (
        "rule: orders_count_7d_by_restaurant_id",
        "rule: 1",
        "decision.rule: '1' is the same for every item, and so sorts",
    ),
    ("rule: orders_count_7d_by_restaurant_id", "rule: order", "'order' is predicted, and 'rule' is known before"),
    ("rule: orders_count_7d_by_restaurant_id", "rule: -impressions_position", "says where the row was shown"),
    ("rule: orders_count_7d_by_restaurant_id", "rule: request_id", "'request_id' of 'impressions' is the list of a"),
    ("restaurants.price - users.budget", "position * 2", "features[6].compute: 'position' of 'impressions' says where"),
    ("restaurants.price - users.budget", "impressions_position * 2", "the position, which expressions cannot read"),
    ("by: restaurant_id, over: [1d, 7d]", "by: position, over: [1d, 7d]", "'position' of 'impressions' says where the"),
    ("take: [city, budget]", "take: [city, budget], as: {city: impressions_position}", "is what the position is"),
]

TERMS = [
    (ORDER, "engagement: ordr", "decision.terms.engagement.is: there is no 'ordr' here (did you mean 'order'?)"),
    (ORDER, "engagement: value", "'value' is given 'order': it has a value only where that comes true (a term"),
    (ORDER, "engagement: order.yes", "'order.yes': 'order' is binary and has no classes (write order)"),
    (ORDER, "engagement: restaurants.cuisine", "decision.terms.engagement.is: 'restaurants.cuisine' is a string; a"),
    (ORDER, "engagement: order / position", "decision.terms.engagement.is: 'position' of 'impressions' says where"),
    (ORDER, "engagement: {unit: orders}", "the term 'engagement' does not say what an item is worth (write is: EX"),
    (
        ORDER,
        "engagement: {value: order, unit: orders}",
        "decision.terms.engagement: the term 'engagement' says what 'value' is worth, and this decision lists items "
        "(write engagement: {is: EXPRESSION, unit: UNIT}; actions go with 'choose')",
    ),
    (
        "cost: {engagement: 2%}",
        "cost: {engagment: 2%}",
        "decision.explore.cost.engagment: there is no term 'engagment'",
    ),
    ("cost: {engagement: 2%}", "cost: {engagement: 0%}", "cost.engagement: 0% came; write more than 0%"),
    ("cost: {engagement: 2%}", "cost: {engagement: 200%}", "200% came; write more than 0% and at most 100%"),
    ("cost: {engagement: 2%}", "cost: {engagement: 2%}, temperature: 1", "or 'temperature'; came: both"),
    (", cost: {engagement: 2%}", "", "or 'temperature'; came: neither"),
    ("  show: 10", "  show: 10\n  candidates: 9", "'candidates' is 9 and 'show' is 10: a request has as many"),
    ("revenue: 0.4", "revenu: 0.4", "decision.weights.revenu: there is no term 'revenu' (did you mean 'revenue'?)"),
    (
        "per: impressions, label: {from: orders, match: impression_id, within",
        "per: orders, label: {take: value > 9",
        "",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), COLUMNS + REQUEST + EXPRESSIONS + TERMS)
def test_what_does_not_fit_is_named_with_what_is_allowed(old: str, new: str, expected: str) -> None:
    assert expected in fault(MARKET, old, new)


def test_a_column_that_only_callers_know_is_asked_for_beside_the_others() -> None:
    text = MARKET.replace("      request_id: string", "      km: float\n      request_id: string")
    expected = (
        "decision.rule: 'km' of 'impressions' is not known to be sent with a request (if callers know it when they "
        "ask, declare request: [user_id, restaurant_id, km] in source 'impressions'; else read it from a source"
    )
    assert expected in fault(text, "rule: orders_count_7d_by_restaurant_id", "rule: -km")
    sent = ROWS.replace("columns", "request: [user_id, restaurant_id, km]\n    columns")
    read_text(text.replace(ROWS, sent).replace("rule: orders_count_7d_by_restaurant_id", "rule: -km"))


def test_a_faulty_derived_column_hides_no_other_fault() -> None:
    text = MARKET.replace(ROWS, ROWS.replace("columns", "derive: {slot: positon - 1}\n    columns"))
    found = fault(
        text, "order: {type: binary,     per: impressions,", "order: {type: binary, per: impressions, at: km,"
    )
    assert "sources.impressions.derive.slot: there is no 'positon' here (did you mean 'position'?)" in found
    assert "objectives.order.at: there is no 'km' here" in found
    asked = fault(text, "per: impressions, label", "per: impressions, at: request_id, label")
    assert "objectives.order.at: 'request_id' is the list of a row" in asked


def test_choosing_and_listing_do_not_mix(shop: str) -> None:
    found = fault(shop, "effort: {nothing: 0, coupon: -1}", "effort: order")
    assert "decision.terms.effort: the term 'effort' says what an item is worth ('is')" in found
    assert "write what each action is worth, {nothing: …, coupon: …}; 'is' goes with 'list'" in found
    assert "'where' goes with 'list'" in fault(shop, "  choose: [", "  where: true\n  choose: [")
    assert "either 'choose' (actions) or 'list' (items); came: both" in fault(shop, "  choose", "  list: a\n  choose")


def system(text: str) -> SystemSpec:
    return read_text(text)


def test_callers_send_the_item_the_person_and_keys_and_nothing_that_poise_gives() -> None:
    found = system(MARKET)
    assert request_types(found.sources["impressions"], found) == {"user_id": "string", "restaurant_id": "string"}
    assert request_types(found.sources["orders"], found) == {}
    assert found.decision is not None
    given = given_to_rows(found.sources["impressions"], found, found.decision)
    assert given == {"impression_id", "request_id", "shown_at", "position"}
    every = system(MARKET.replace(ROWS, ROWS.replace("columns", "request: {except: []}\n    columns")))
    assert list(request_types(every.sources["impressions"], every)) == ["user_id", "restaurant_id"]


def test_a_list_that_is_a_person_is_sent() -> None:
    assert list(request_types((films := system(FILMS)).sources["ratings"], films)) == ["user_id", "film_id"]
    nobody = FILMS.replace("    person: user_id", "    #")
    expected = "'user_id' of 'ratings' is the list of a row, which Poise gives it when it answers (where it says whose"
    assert expected in fault(nobody, "- window: {from: ratings, by: user_id", "- window: {from: ratings, by: user_id")
    users = "  users: {path: users.csv, key: user_id, columns: {user_id: string}}\n  films:\n"
    keyed = system(nobody.replace("  films:\n", users))
    assert list(request_types(keyed.sources["ratings"], keyed)) == ["user_id", "film_id"]


def test_ids_of_several_columns_and_of_numbers_identify_rows_of_lists() -> None:
    text = FILMS.replace("    person: user_id", "    id: [user_id, film_id]\n    person: user_id")
    found = system(text.replace("user_id: string", "user_id: int").replace("film_id: string", "film_id: int"))
    assert request_types(found.sources["ratings"], found) == {"user_id": "int", "film_id": "int"}


def test_the_position_is_a_feature_by_name_and_may_be_derived() -> None:
    found = system(MARKET)
    assert position_feature(found, "impressions") == "impressions_position"
    assert position_feature(found, "orders") is None
    assert position_type(found.sources["impressions"], found) == {"position": "int"}
    rows = "    derive: {place: position + 1}\n    person: user_id\n    columns:\n      impression_id"
    derived = MARKET.replace(f"    {ROWS}", rows).replace("  position: position ", "  position: place ")
    assert position_type((one := system(derived)).sources["impressions"], one) == {"place": "float"}
    text = MARKET.replace("per: impressions, label", "per: impressions, features: [impressions_position], label", 1)
    assert system(text).objectives["order"].features == ("impressions_position",)


def test_without_times_the_list_is_what_stays_together() -> None:
    shelf = system(UNTIMED)
    assert group_column(shelf.sources["seen"], shelf) == "visit"
    apart = system(UNTIMED.replace("    request", "    entity: sku\n    request"))
    assert group_column(apart.sources["seen"], apart) == "sku"
    plain = system(UNTIMED[: UNTIMED.index("decision:")])
    assert group_column(plain.sources["seen"], plain) is None


def test_a_decision_in_words() -> None:
    assert decision_lines(system(MARKET)) == [
        "top 10 restaurants by engagement (orders), revenue (USD)",
        "callers send user_id, and restaurant_id of each candidate",
        "only where restaurants.open",
        "explored by plackett-luce over the best 20",
    ]
    assert decision_lines(system(UNTIMED))[0] == "top 10 sku by sales"
    alone = UNTIMED.replace("[sku, price]", "[sku]").replace("bought_it * price", "bought_it")
    assert decision_lines(system(alone))[1] == "callers send sku of each candidate"
    assert "without a rule: there is no list before there are data to learn from" in decision_lines(system(UNTIMED))
