"""Counting who uses what: exact, bounded, and not lost while the state database cannot be written."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import pytest

from poise.errors import StateError
from poise.releases.contract import Contract, Input, Output
from poise.serving import usage as counting
from poise.serving.answer import Used
from poise.serving.limits import Limits
from poise.serving.list_rows import ListReader
from poise.serving.rows import RequestReader
from poise.serving.usage import Usage
from poise.stores.state_base import UsageRow, Use


class Kept:
    """A state database that may fail."""

    def __init__(self) -> None:
        self.times: dict[Use, int] = {}
        self.broken = False

    def usage(self, token: str | None = None) -> Sequence[UsageRow]:
        return [UsageRow(use, times, 0, 0) for use, times in self.times.items() if token in (None, use.token)]

    def add_usage(self, times: Mapping[Use, int]) -> None:
        if self.broken:
            raise StateError("the state database is locked by another process")
        for use, more in times.items():
            self.times[use] = self.times.get(use, 0) + more


def used(*fields: str, contract: int = 1) -> Used:
    return Used(contract, "flights", frozenset(fields))


def test_requests_routes_and_fields_are_counted_each() -> None:
    kept = Kept()
    usage = Usage(kept)
    usage.count("web", "/v1/predict", used("carrier", "distance"))
    usage.count("web", "/v1/predict", used("carrier"))
    usage.count("web", "/v1/decide", used("carrier", contract=2))
    usage.count("web", "/v1/weights", None)
    usage.flush()
    usage.flush()
    assert kept.times == {
        Use("web", 0, "request", ""): 4,
        Use("web", 1, "route", "/v1/predict"): 2,
        Use("web", 1, "field", "flights.carrier"): 2,
        Use("web", 1, "field", "flights.distance"): 1,
        Use("web", 2, "route", "/v1/decide"): 1,
        Use("web", 2, "field", "flights.carrier"): 1,
    }


def test_what_cannot_be_written_waits(caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()
    usage, kept.broken = Usage(kept), True
    usage.count("web", "/v1/predict", used("carrier"))
    usage.flush()
    usage.count("web", "/v1/predict", used("carrier"))
    kept.broken = False
    usage.flush()
    assert kept.times[Use("web", 1, "field", "flights.carrier")] == 2
    assert "written later" in caplog.text


def test_memory_is_bounded_and_what_is_lost_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(counting, "MOST_SHAPES", 10)
    monkeypatch.setattr(counting, "MOST_USES", 20)
    usage = Usage(None)
    for n in range(500):
        usage.count("web", "/v1/predict", used(f"x{n % 40}"))
        assert len(usage._shapes) < 10 and len(usage._uses) <= 20
    assert len(usage.waiting()) == 20
    assert usage.waiting()[Use("web", 1, "route", "/v1/predict")] == 500, "what is known is counted on"
    assert "are lost: 20 wait" in caplog.text


def test_nothing_is_lost_between_threads() -> None:
    kept, over = Kept(), threading.Event()
    usage = Usage(kept)

    def flush() -> None:
        while not over.is_set():
            usage.flush()

    thread = threading.Thread(target=flush)
    thread.start()
    for n in range(20_000):
        usage.count("web", "/v1/predict", used("carrier") if n % 2 else used("carrier", "distance"))
    over.set()
    thread.join()
    usage.flush()
    assert kept.times[Use("web", 1, "field", "flights.carrier")] == 20_000
    assert kept.times[Use("web", 1, "field", "flights.distance")] == 10_000


INPUTS = tuple(Input(name, "string", per="shown", required=name == "dish") for name in ("dish", "user", "city", "hour"))


def test_readers_say_which_columns_came() -> None:
    rows = RequestReader(Contract("food", INPUTS, (Output("order", "binary", per="shown"),)), Limits())
    assert rows.read(b'{"rows": [{"dish": "pho"}, {"dish": "udon", "city": null}]}').sent == {"dish", "city"}
    assert rows.read(b'{"dish": "pho", "user": "u1"}').sent == {"dish", "user"}
    lists = ListReader(Contract("food", INPUTS, decides_on="shown", item="dish"), Limits())
    body = b'{"user": "u1", "context": {"city": "x"}, "candidates": [{"dish": "pho"}, {"dish": "pho"}]}'
    assert lists.read(body).sent == {"dish", "user", "city"}
