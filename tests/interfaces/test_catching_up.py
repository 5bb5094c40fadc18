"""What a server that was killed left in the journal reaches the lake before anybody reads that."""

from __future__ import annotations

import json

import pytest
from tests.interfaces.test_draining import shown, system  # noqa: F401 (a fixture)

from poise.clock import Clock
from poise.data import delta
from poise.data.journal import Journal
from poise.data.journal_record import Entry
from poise.errors import PoiseError
from poise.interfaces.cli.ingest import show
from poise.interfaces.system import System


def left_behind(system: System, *names: str) -> None:  # noqa: F811
    """A server takes rows in and dies: of the last group nobody wrote when it was known."""
    journal = Journal.open(system.settings.journal, Clock())
    shown(journal, *names)
    row = {"shown_id": "late", "page": "p", "dish": "soup", "price": 1, "at": "2025-06-01"}
    journal.append([Entry("events", "shown", 1, json.dumps(row).encode())])
    journal.append([Entry("decisions", "", 1, b'{"kind":"list","at":1,"release":"r1","per":"shown"}')])
    journal.close()


def test_ingest_writes_what_waits_first_and_says_so(system: System, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    left_behind(system, "a", "b")
    report = system.ingest()
    assert "3 of shown, 1 answers" in report.notes[0] and report.to_dict()["notes"] == list(report.notes)
    assert system.lake.read("shown")["shown_id"].to_list() == ["a", "b", "late"]
    assert delta.scan(system.lake.decisions).collect().height == 1
    show(report)
    assert "rows that waited in the journal" in capsys.readouterr().out
    assert not system.ingest().notes, "once"
    assert system.lake.read("shown").height == 3


def test_nothing_is_written_beside_a_server(system: System) -> None:  # noqa: F811
    journal = Journal.open(system.settings.journal, Clock())
    shown(journal, "a")
    said: list[str] = []
    assert not system.ingest().notes
    with pytest.raises(PoiseError):
        system.train(like="candidate-none", progress=said.append)
    assert "a server takes rows in" in said[0]
    journal.close()
    system.train(progress=said.append)
    assert any("1 of shown" in one for one in said)
    assert system.lake.read("shown").height == 1


def test_rows_of_new_columns_are_written_once_the_lake_has_them(system: System) -> None:  # noqa: F811
    file = system.path.parent / "shown.csv"
    file.write_text("shown_id,page,dish,price,at\nf,p,soup,2,2025-01-02\n")
    system.ingest()
    left_behind(system, "a")
    system.path.write_text(system.text.replace("price: float", "price: int"), encoding="utf-8")
    report = System.read(system.path).ingest()
    assert "2 of shown" in report.notes[-1]
    rows = system.lake.read("shown")
    assert rows["shown_id"].to_list() == ["f", "a", "late"] and rows["price"].dtype.is_integer()
