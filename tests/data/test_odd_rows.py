"""Odd JSON, from body to lake: what reception said of a row is what the drain writes, and a file says it too."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.conftest import Bench, system
from tests.data.test_drain import Flow

from poise.data import delta
from poise.data.beyond import may_be_beyond, readable
from poise.data.judged import Judged
from poise.data.reception import Reception
from poise.data.stored import Stored
from poise.data.ward import entries
from poise.errors import PoiseError

ROOM = SimpleNamespace(body=10**7, rows=10_000)
COLUMNS = {"id": "string", "fee": "float", "n": "int", "name": "string", "at": "time"}
SOURCES = {"customers": {"path": "c.jsonl", "id": "id", "columns": COLUMNS}}
NUMBERS = [
    *("1e999", "-1e999", "1E400", "1E+400", "1e+0309", "0e999", "1e-999", "-0", "-0.0", "1e308", "0e-999"),
    *("1.7976931348623157e308", "1.7976931348623159e308", "2.5", "7", "1e2", "9007199254740993"),
    *("9" * n for n in (18, 19, 20, 38, 39, 40, 308, 309, 400)),
    *("-" + "9" * n for n in (19, 39, 309)),
    *("0." + "1" * 400, "1" * 300 + "e8", "1" * 300 + "e9", "1" * 40 + ".5", "0." + "0" * 50 + "1e340"),
    *("NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "1e", "0x1"),
]
STRINGS = [
    *(r'"\ud800"', r'"\udc00\ud800"', r'"\ud83d\ude00"', r'"\u0000"', r'"\u12"', '"\x01"', '"\t"', '"\x7f"', '"a\nb"'),
    *('"\u2028"', '"\ufeff"', '"1e999"', '"' + "9" * 50 + '"', '""', '"id 5e117"', '"\\"', r'"\n"', '"x'),
]
OTHERS = [
    *("null", "true", "[1e999]", '{"z": 1e999}', '{"z": [' + "9" * 60 + "]}", "[1, 2,]", "{}", "[]", "nul"),
    *("[" * 20 + "]" * 20, "[" * 31 + "1e999" + "]" * 31, "[" * 40 + "]" * 40, "[" * 2_000 + "]" * 2_000),
]
VALUES = st.sampled_from([*NUMBERS, *STRINGS, *OTHERS])


@st.composite
def odd_rows(draw: st.DrawFn) -> str:
    """A row, or nearly one, with one of eight ids: some come twice, with other content."""
    names = draw(
        st.lists(st.sampled_from([*COLUMNS, "more", "é"]).filter(lambda n: n != "id"), max_size=3, unique=True)
    )
    pairs = [f'"{name}": {draw(VALUES)}' for name in names]
    pairs.insert(0, f'"id": "r{draw(st.integers(0, 7))}"')
    before, after = draw(st.sampled_from([("", "")] * 12 + [("\ufeff", ""), ("", " {}"), (" ", "\r"), ("[", "]")]))
    comma = draw(st.sampled_from([""] * 9 + [","]))
    return before + "{" + ",\n".join(pairs) + comma + "}" + after


class Gate:
    """Reception before a journal, and the drain behind it."""

    def __init__(self, bench: Bench) -> None:
        self.spec = system(**SOURCES)
        self.flow = Flow(bench, self.spec)
        self.reception = Reception(self.spec, {}, Stored(self.flow.reader, None))
        self.told: list[tuple[bytes, str, list[str], list[str]]] = []

    def post(self, body: str) -> Judged | None:
        """One delivery; None where the body as a whole is refused."""
        try:
            delivery = self.reception.read("customers", body.encode(), ROOM)
        except PoiseError:
            return None
        (one,) = self.reception.judge([delivery], self.flow.bench.clock.at)
        firsts = self.flow.journal.append(one.entries)
        self.flow.journal.append([], [(first, self.flow.journal.at) for first in firsts])
        self.reception.written(one, firsts)
        for place, fate in enumerate(one.fates):
            codes, why = one.refused.get(place, ((), ()))
            self.told.append((delivery.rows[place], fate, list(codes), list(why)))
        return one

    def drain(self) -> None:
        self.flow.drain.once(everything=True)

    def close(self) -> None:
        self.flow.reader.close()
        self.flow.journal.close()

    def agrees(self) -> None:
        """The lake has what was told, row for row."""
        lake, of = self.flow.bench.lake, [fate for _, fate, *_ in self.told]
        accepted = [row for row, fate, *_ in self.told if fate == "accepted"]
        refused = [one[2:] for one in self.told if one[1] in ("quarantined", "conflict")]
        rows = [] if lake.version("customers") is None else lake.read("customers")["id"].to_list()
        assert rows == [json.loads(row, parse_int=str)["id"] for row in accepted]
        held = entries(lake, "customers").sort("_position")
        assert held.select("reasons", "why").rows() == [(codes, why) for codes, why in refused]
        for line, codes in held.select("row", "reasons").iter_rows():
            assert (set(json.loads(line)) == {"line"}) == (codes == ["line"])
        raw = lake.table("raw", "customers")
        kept = delta.scan(raw).select(pl.len()).collect().item() if delta.exists(raw) else 0
        assert kept == len(of) - of.count("duplicate")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(odd_rows(), min_size=1, max_size=12))
def test_the_drain_writes_what_reception_said_and_is_never_stuck(
    new_bench: Callable[[], Bench], rows: list[str]
) -> None:
    gate = Gate(new_bench())
    for row in rows:
        gate.post(row)
    gate.post("[" + ", ".join(row for row in rows if gate.post(row) is not None) + "]")
    gate.post('{"id": "last", "fee": 1}')
    gate.drain()
    gate.flow.restart().once(everything=True)
    gate.agrees()
    gate.close()


def test_a_huge_number_costs_its_row_only_and_is_said_to_be_of_no_type(new_bench: Callable[[], Bench]) -> None:
    gate = Gate(new_bench())
    gate.post('{"id": "p", "fee": 1e999}')
    gate.post('{"id": "q", "fee": 19.5, "undeclared": 1e999}')
    gate.post(f'{{"id": "r", "fee": {"9" * 60}, "undeclared": {"9" * 400}}}')
    gate.drain()
    gate.agrees()
    assert [fate for _, fate, *_ in gate.told] == ["quarantined", "accepted", "accepted"]
    assert gate.told[0][2] == ["type:fee"]
    assert gate.flow.accepted("customers")["fee"].to_list() == [19.5, 1e60]
    gate.close()


def test_rows_that_were_refused_as_broken_lines_are_kept_as_such(new_bench: Callable[[], Bench]) -> None:
    """As servers wrote them to the journal that could not read such a number, nor see what follows one."""
    gate = Gate(new_bench())
    lines = ['{"id": "p", "fee": 1e999}', '{"id": "p", "fee": 1e999,,}']
    for line in lines:
        gate.flow.refuse("customers", line.encode(), ["line"], ["the line is not a JSON object: 1e999"])
    gate.flow.take("customers", {"id": "q", "fee": 1})
    gate.drain()
    held = entries(gate.flow.bench.lake, "customers")
    assert held["reasons"].to_list() == [["line"]] * 2
    assert [json.loads(row) for row in held["row"]] == [{"line": line} for line in lines]
    assert gate.flow.raw("customers")["_line"].to_list() == [*lines, None]
    assert gate.flow.accepted("customers")["id"].to_list() == ["q"]
    gate.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(odd_rows().filter(lambda row: "\n" not in row.replace(",\n", "")), min_size=1, max_size=12))
def test_a_file_of_odd_rows_is_taken_in_and_says_of_each_what_reception_says(
    new_bench: Callable[[], Bench], rows: list[str]
) -> None:
    rows = [row.replace(",\n", ", ") for row in rows]
    rows = [row.replace('"id": "r', f'"id": "{at}', 1) for at, row in enumerate(rows)]
    bench, gate = new_bench(), Gate(new_bench())
    bench.write("c.jsonl", "\n".join(['{"id": "first", "fee": 1, "n": 1, "name": "", "at": null}', *rows]) + "\n")
    report = bench.take(gate.spec, live=True)["customers"]
    assert report.counts.rows_in == len(rows) + 1
    refused = {
        at: (codes, why) for at, codes, why in entries(bench.lake, "customers")[["_position", "reasons", "why"]].rows()
    }
    accepted = [] if bench.lake.version("customers") is None else bench.lake.read("customers")["_position"].to_list()
    for at, row in enumerate(rows, 2):
        one = gate.post(row)
        if one is None or row.lstrip(" ")[:1] != "{":  # no JSON, or no object: of a file, that is a broken line
            assert refused[at][0] == ["line"] or "[" * 40 in row, row
        elif one.refused:
            assert refused[at] == tuple(map(list, one.refused[0]))
        else:
            assert at in accepted, row
    gate.close()


@pytest.mark.parametrize("place", ['{"x": %s}', '{"y": [{"z":%s}]}'])
@pytest.mark.parametrize("number", NUMBERS[:-9], ids=lambda number: number[:12])
def test_every_number_that_polars_cannot_read_is_looked_at(number: str, place: str) -> None:
    line = (place % number).encode()
    assert may_be_beyond(line) or readable(line) is None


def test_most_lines_are_not_looked_at() -> None:
    line: dict[str, Any] = {"id": "8f14e45fceea167a5a36dedd4bea2543", "at": "2025-12-31T12:00:00.123456Z", "x": 1e-300}
    assert not may_be_beyond(json.dumps(line).encode())
