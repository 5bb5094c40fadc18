"""Values of every spelling to their declared types; what does not fit is refused with its value."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from poise.data.parse import typed
from poise.errors import DataError
from poise.spec.source import ColumnSpec


def parsed(kind, values, *, text=False, zone="UTC", format=None, dtype=None):
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype, strict=False)})
    way = typed("x", ColumnSpec(type=kind, format=format), frame.schema["x"], zone, text=text)
    return frame.with_columns(way.value.alias("x"))["x"].to_list()


@pytest.mark.parametrize(
    ("kind", "came", "values"),
    [
        (
            "int",
            ["1", " 2 ", "3.0", "1e3", "1.5", "x", "1,234", "9007199254740993"],
            [1, 2, 3, 1000, None, None, None, 9007199254740993],
        ),
        ("int", [1.0, 2.5, float("nan"), 1e300], [1, None, None, None]),
        ("int", [True, None], [1, None]),
        ("float", ["1", "-.5", "1e400", "inf", "x", "1,2"], [1.0, -0.5, None, None, None, None]),
        ("float", [1.0, float("inf"), float("nan")], [1.0, None, None]),
        ("bool", ["True", "no", "1", "2", "Y", "f"], [True, False, True, None, True, False]),
        ("bool", [0, 1, 2], [False, True, None]),
        ("string", [1.0, 2.5, float("nan")], ["1", "2.5", None]),
        ("category", [True, False, None], ["true", "false", None]),
        ("category", [3, None], ["3", None]),
        ("text", ["", "NA"], ["", "NA"]),
    ],
)
def test_spellings(kind, came, values):
    assert parsed(kind, came) == values


def test_in_csv_some_words_are_missing():
    assert parsed("string", ["", "NA", "N/A", "NaN", "null", "NULL", "none", "x"], text=True) == [None] * 6 + [
        "none",
        "x",
    ]


def test_instants_of_many_forms_in_one_column():
    came = [
        "2013-03-01",
        "2013-03-01 05:17",
        "2013-03-01T05:17:00.5",
        "2013-03-01T05:17:00Z",
        "2013-03-01T05:17+08:00",
        "5",
    ]
    at = [
        None if v is None else v.strftime("%m-%d %H:%M:%S.%f")[:-5]
        for v in parsed("time", came, zone="America/New_York")
    ]
    assert at == [
        "03-01 05:00:00.0",
        "03-01 10:17:00.0",
        "03-01 10:17:00.5",
        "03-01 05:17:00.0",
        "02-28 21:17:00.0",
        None,
    ]


def test_instants_by_format():
    assert parsed("time", [20130301, 7], format="%Y%m%d") == [dt.datetime(2013, 3, 1, tzinfo=dt.UTC), None]
    assert parsed("time", ["1/3/13 5:07"], format="%d/%m/%y %H:%M") == [dt.datetime(2013, 3, 1, 5, 7, tzinfo=dt.UTC)]


def test_seconds_since_1970_are_one_instant_whatever_the_zone():
    came = dt.datetime(2024, 3, 31, 1, 30, tzinfo=dt.UTC)  # clocks in Berlin showed no 2:30 that day
    seconds = str(int(came.timestamp()))
    assert parsed("time", [seconds], format="%s", zone="Europe/Berlin") == [came]
    assert parsed("time", [int(seconds)], format="%s", zone="America/New_York") == [came]


def test_dates_and_naive_timestamps_stand_in_their_zone():
    midnight = dt.datetime(2013, 3, 1, 5, tzinfo=dt.UTC)
    assert parsed("time", [dt.date(2013, 3, 1)], zone="America/New_York") == [midnight]
    assert parsed("time", [dt.datetime(2013, 3, 1)], zone="America/New_York") == [midnight]


def test_nested_columns_are_refused():
    with pytest.raises(DataError, match="column 'x' holds List"):
        parsed("string", [["a"]])


def test_local_times_that_never_were_or_were_twice_are_refused(bench, make):
    bench.write("a.csv", "id,at\n1,2013-03-10 02:30\n2,2013-11-03 01:30\n3,2013-11-03 03:30\n4,noon\n5,\n")
    source = {"path": "a.csv", "id": "id", "time": "at", "columns": {"id": "string", "at": "time"}}
    report = bench.take(make("America/New_York", log=source))["log"]
    assert report.counts.reasons == {"local_time:at": 2, "type:at": 1, "missing:at": 1}
    assert report.counts.accepted == 1


def test_a_column_may_have_its_own_zone(bench, make):
    bench.write("a.csv", "id,at\n1,2013-03-10 02:30\n")
    columns = {"id": "string", "at": {"type": "time", "timezone": "Asia/Singapore"}}
    bench.take(make("America/New_York", log={"path": "a.csv", "id": "id", "time": "at", "columns": columns}))
    assert bench.lake.read("log")["_time"][0] == dt.datetime(2013, 3, 9, 18, 30, tzinfo=dt.UTC)
