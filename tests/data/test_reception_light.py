"""What a server does with good rows, in a module that imports no Polars; `test_reception` runs it in a new process."""

from __future__ import annotations

from types import SimpleNamespace

from poise.data import json_keys, known_ids, quick_times
from poise.data.reception import Reception, rehearse
from poise.data.stored import Stored
from poise.spec.system import SystemSpec

SOURCE = {"path": "o.jsonl", "id": "order", "time": "at", "columns": {"order": "string", "at": "time", "n": "int"}}


def run() -> list[str]:
    """Two good rows and one that came before."""
    content = {"format": 1, "system": "shop", "purpose": "test", "sources": {"orders": SOURCE}}
    objective = {"type": "binary", "per": "orders", "label": {}}
    spec = SystemSpec.model_validate({**content, "objectives": {"o": objective}})
    reception = Reception(spec, {}, Stored(None, None))
    row = b'{"order": "%s", "at": "2025-01-01T10:00:00+08:00", "n": 3}'
    body = b'{"rows": [' + b",".join(row % name for name in (b"a", b"b", b"a")) + b"]}"
    (found,) = reception.judge([reception.read("orders", body, SimpleNamespace(body=10**6, rows=10))], 2 * 10**15)
    return list(found.fates)


def test_fates() -> None:
    assert run() == ["accepted", "accepted", "duplicate"]


def test_a_rehearsal_compiles_what_the_first_row_needs() -> None:
    rehearse()
    for function in (json_keys._keys, known_ids._add, quick_times._parsed):
        assert function.signatures, f"{function.__name__} is compiled when the first row comes"
