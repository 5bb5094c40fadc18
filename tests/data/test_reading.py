"""Files of every format give the same rows; what cannot be read is one clear sentence."""

from __future__ import annotations

import gzip

import polars as pl
import pytest
from deltalake import write_deltalake

from poise.errors import DataError

ORDERS = pl.DataFrame({"order": ["a", "b", "c"], "value": [1.5, None, 3.0], "n": [1, 2, 3]})
SOURCE = {"id": "order", "columns": {"order": "string", "value": "float", "n": "int"}}


def written(bench, kind):
    base = bench.base
    if kind == "parquet":
        ORDERS.write_parquet(base / "orders.parquet")
        return "orders.parquet"
    if kind == "csv":
        ORDERS.write_csv(base / "orders.csv")
        return "orders.csv"
    if kind == "semicolons":
        ORDERS.write_csv(base / "orders.csv", separator=";", include_bom=True)
        return "orders.csv"
    if kind == "tabs":
        ORDERS.write_csv(base / "orders.tsv", separator="\t")
        return "orders.tsv"
    if kind == "csv.gz":
        (base / "orders.csv.gz").write_bytes(gzip.compress(ORDERS.write_csv().encode()))
        return "orders.csv.gz"
    if kind == "jsonl":
        ORDERS.write_ndjson(base / "orders.jsonl")
        return "orders.jsonl"
    if kind == "jsonl.gz":
        (base / "orders.jsonl.gz").write_bytes(gzip.compress(ORDERS.write_ndjson().encode()))
        return "orders.jsonl.gz"
    if kind == "delta":
        write_deltalake(str(base / "orders"), ORDERS)
        return "orders"
    (base / "orders").mkdir()
    for n in range(3):
        ORDERS[n : n + 1].write_parquet(base / "orders" / f"{n}.parquet")
    (base / "orders" / "_SUCCESS").write_text("")
    return "orders" if kind == "folder" else "orders/*.parquet"


KINDS = ["parquet", "csv", "semicolons", "tabs", "csv.gz", "jsonl", "jsonl.gz", "delta", "folder", "glob"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_same_rows(bench, make, kind):
    spec = make(orders={"path": written(bench, kind), **SOURCE})
    report = bench.take(spec)["orders"]
    assert (report.counts.rows_in, report.counts.accepted) == (3, 3)
    assert bench.lake.read("orders", ["order", "value", "n"]).sort("order").equals(ORDERS)
    again = bench.take(spec)["orders"]
    assert (again.counts.duplicates, again.unchanged) == (3, again.files)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("nope.csv", None, "there is no file nope.csv"),
        ("none/*.csv", None, "no file matches none/"),
        ("a.dat", "x", "tells no format"),
        ("a.csv", "", "empty file"),
        ("a.csv", "order,value,n\n", "has no rows"),
        ("a.csv", "order,val,n\n1,2,3\n", "has no column 'value' (did you mean 'val'?)"),
        ("a.csv", "order,value,n,n\n1,2,3,4\n", "names the column 'n' twice"),
        ("a.parquet", "not parquet", "cannot be read as parquet"),
        ("a.jsonl", "", "empty file"),
        ("a.jsonl", '{"order": "1", "n": 2}\n', "has no column 'value'"),
    ],
)
def test_what_cannot_be_read_is_said(bench, make, path, content, said):
    if content is not None:
        bench.write(path, content)
    with pytest.raises(DataError) as caught:
        bench.take(make(orders={"path": path, **SOURCE}))
    assert said in str(caught.value)
    assert "sources.orders" in str(caught.value)


def test_text_that_is_not_utf8_is_said(bench, make):
    (bench.base / "a.csv").write_bytes("order,value,n\né,1,2\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        bench.take(make(orders={"path": "a.csv", **SOURCE}))


def test_an_unclosed_quote_is_said(bench, make):
    bench.write("a.csv", 'order,value,n\n1,"2,3\n4,5,6\n')
    with pytest.raises(DataError, match=r"a\.csv cannot be read as csv"):
        bench.take(make(orders={"path": "a.csv", **SOURCE}))


def test_a_near_name_of_a_missing_file_is_offered(bench, make):
    bench.write("orders.csv", "order,value,n\n")
    with pytest.raises(DataError, match=r"did you mean 'orders\.csv'"):
        bench.take(make(orders={"path": "order.csv", **SOURCE}))


def test_undeclared_columns_are_named(bench, make):
    bench.write("a.csv", "order,value,n,note,x\n1,2,3,hello,\n")
    assert bench.take(make(orders={"path": "a.csv", **SOURCE}))["orders"].undeclared == ("note", "x")


def test_lines_with_too_many_or_too_few_fields_are_refused_as_they_came(bench, make):
    bench.write("a.csv", 'order,value,n\n1,2,3\n4,5\n6,7,8,9\n"10,5",11,12\n13,,\n')
    report = bench.take(make(orders={"path": "a.csv", **SOURCE}))["orders"]
    assert report.counts.reasons == {"line": 2}
    assert bench.lake.read("orders")["order"].to_list() == ["1", "10,5", "13"]


def test_quoted_fields_may_span_lines(bench, make):
    bench.write("a.csv", 'order,value,n\n"1\n1",2,3\n4,5,6\n')
    assert bench.take(make(orders={"path": "a.csv", **SOURCE}))["orders"].counts.accepted == 2


def test_a_broken_json_line_costs_its_row_only(bench, make):
    lines = [
        '{"order": "1", "value": 1, "n": 2}',
        '{"order": "2", "va',
        "[1]",
        "",
        '{"order": 3, "value": "x", "n": 3.0}',
    ]
    bench.write("a.jsonl", "\n".join(lines))
    report = bench.take(make(orders={"path": "a.jsonl", **SOURCE}))["orders"]
    assert (report.counts.rows_in, report.counts.accepted) == (4, 1)
    assert report.counts.reasons == {"line": 2, "type:value": 1}


def test_a_folder_says_which_files_it_passed_over(bench, make):
    bench.write("in/a.csv", "order,value,n\n1,2,3\n")
    bench.write("in/readme.txt", "hello")
    warnings = bench.take(make(orders={"path": "in", **SOURCE}))["orders"].warnings
    assert warnings == ["1 files of no known format were not read, e.g. in/readme.txt"]
