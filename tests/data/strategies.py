"""Random sources, and random rows for them: mostly good, with all that goes wrong strewn in."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

TYPES = ("string", "category", "text", "int", "float", "bool", "time")
PATTERNS = ("o[0-9]+", "[a-z]{1,3}", "(?:a|b)*", "\\w+-?\\w*", "é+", "(?i)abc", "(a+)+")
DERIVE = {
    "int": "{c} * 2 + 0.1",
    "float": "sqrt(abs({c})) / 3",
    "time": "{c} + 2h",
    "bool": "not {c}",
    "string": "lower({c})",
    "category": "length({c})",
    "text": "coalesce({c}, 'none')",
}
RULES = {
    "int": "missing({c}) or {c} != 3",
    "float": "{c} < 100",
    "time": "{c} > instant(2020, 1, 1, 0, 'UTC')",
    "bool": "{c} or missing({c})",
    "string": "{c} != 'bad'",
    "category": "length({c}) < 9",
    "text": "not contains({c}, 'x')",
}
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.one_of(
    st.sampled_from(["a", "b", "ab", "o1", "o12", "bad", "Abc", "ééé", "", " a", "x-y", "true", "12", "null", "NA"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
TIMES = st.one_of(
    st.datetimes().map(lambda t: t.isoformat()),
    st.datetimes().map(lambda t: t.replace(year=2024).isoformat() + "Z"),
    st.datetimes().map(lambda t: t.replace(year=2023, day=1).isoformat(sep=" ", timespec="seconds") + "+08:00"),
    st.sampled_from(
        [
            *("2024-03-10T02:30:00", "2024-11-03T01:30:00", "2024-02-30T00:00:00", "2024-02-29T23:59:59.5"),
            *("2024-01-01", "2024-01-01T10:00", "2024-01-01T10:00Z", "2024-1-1T00:00:00Z", "2024-01-01t00:00:00z"),
            *(
                "2024-01-01T00:00:00.1234567Z",
                "2024-01-01T00:00:00+0800",
                "2024-01-01T00:00:00-23:00",
                "2031-01-01T00:00:00Z",
            ),
            *(
                "2024-01-01T00:00:60Z",
                "2024-01-01T24:00:00Z",
                " 2024-01-01T00:00:00Z",
                "2024-01-01T00:00:00.Z",
                "2025-12-31T23:59:59Z",
            ),
        ]
    ),
)
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "category": TEXTS,
    "text": TEXTS,
    "int": st.one_of(st.integers(-5, 20), st.integers(-(2**63), 2**63 - 1)),
    "float": st.one_of(FLOATS, st.integers(-5, 200), st.sampled_from([-0.0, 0.1, 5e-324, 1.7e308])),
    "bool": st.booleans(),
    "time": TIMES,
}
ODD = st.one_of(st.none(), TEXTS, FLOATS, st.booleans(), st.integers(), st.just([1, "a"]), st.just({"a": 1.5}), TIMES)


@st.composite
def columns(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """One to five columns with some checks."""
    found: dict[str, dict[str, Any]] = {}
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(TYPES))
        spec: dict[str, Any] = {"type": kind, "required": draw(st.booleans())}
        extra = draw(st.integers(0, 3))
        if extra == 1 and kind in ("int", "float"):
            spec |= {"min": draw(st.sampled_from([None, 0, -2.5])), "max": draw(st.sampled_from([None, 10, 7.5]))}
        if extra == 1 and kind in ("string", "text"):
            spec["pattern"] = draw(st.sampled_from(PATTERNS))
        if extra == 2 and kind != "time":
            listed = {"int": [1, 2, 3], "float": [0.1, 2, -0.0], "bool": [True]}.get(kind, ["a", "b", 12, True, "bad"])
            spec["values"] = listed
        if extra == 3:
            spec["from"] = f"came {number}"
        if extra == 3 and kind == "time":
            spec["format"] = "%Y-%m-%dT%H:%M:%SZ"
        found[f"c{number}"] = spec
    return found


@st.composite
def sources(draw: st.DrawFn) -> dict[str, Any]:
    """A log, a history or a table, with derived columns, rules and a `where` now and then."""
    specs: dict[str, Any] = draw(columns())
    source: dict[str, Any] = {"path": "rows.jsonl", "columns": specs}
    kind = draw(st.sampled_from(["log", "log with id", "history", "table"]))
    specs["k"] = draw(st.sampled_from([{"type": "string"}, {"type": "int"}]))
    if kind != "log":
        source["id" if kind == "log with id" else "key"] = ["k", "c0"] if draw(st.booleans()) else "k"
    if kind == "history" or (kind != "table" and draw(st.booleans())):
        specs["at"] = {"type": "time"}
        source["time"] = "at"
        if kind == "history" and draw(st.booleans()):
            source |= {"time": "begins", "derive": {"begins": "at + 1h"}}
    if draw(st.booleans()):
        column = draw(st.sampled_from([name for name in specs if name.startswith("c")]))
        source["derive"] = {**source.get("derive", {}), "d": DERIVE[specs[column]["type"]].format(c=column)}
    for place in ("rules", "where"):
        if draw(st.integers(0, 2)) == 0:
            column = draw(st.sampled_from([name for name in specs if name.startswith("c")]))
            text = RULES[specs[column]["type"]].format(c=column)
            source[place] = {"r": text} if place == "rules" else text
    return source


@st.composite
def rows(draw: st.DrawFn, source: dict[str, Any], most: int = 12) -> list[dict[str, Any]]:
    """Rows of a source; the first has every column."""
    keys = {name: spec.get("from", name) for name, spec in source["columns"].items()}
    found: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, most))):
        if found and draw(st.integers(0, 5)) == 0:
            row = dict(draw(st.sampled_from(found)))
            if draw(st.booleans()):
                row[keys["c0"]] = draw(GOOD[source["columns"]["c0"]["type"]])
            found.append(row)
            continue
        row = {}
        for name, spec in source["columns"].items():
            way = draw(st.integers(0, 14))
            if way == 0 and number:
                continue
            if name == "k" and way > 1:
                row[keys[name]] = draw(st.integers(0, 4)) if spec["type"] == "int" else f"k{draw(st.integers(0, 4))}"
            else:
                row[keys[name]] = draw(ODD if way == 1 else GOOD[spec["type"]])
        found.append(row)
    return found


def as_lines(found: list[dict[str, Any]]) -> list[bytes]:
    """Rows as JSON, each on one line."""
    return [json.dumps(row, ensure_ascii=False).encode() for row in found]
