"""Telling a webhook of alarms: once each, again after a failure, and never for long."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from tests.monitoring.conftest import TEXT, Stream, days

from poise.interfaces import webhook
from poise.interfaces.monitoring import Monitoring


@contextmanager
def listening(statuses: list[int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that answers with these statuses in turn, then with 204; where it is, and what it was told."""
    told: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(statuses.pop(0) if statuses else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


class Shop:
    system, release = "shop", "r1"


def test_what_was_not_taken_is_told_again_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSE", 0.0)
    with listening([500, 503]) as (url, told):
        assert webhook.tell(url, Shop(), [{"code": "PM11", "detail": {"series": [1.0]}}]) is None
        assert len(told) == 3 and told[0] == told[2]
        assert told[0]["findings"] == [{"code": "PM11"}] and told[0]["alarms"] == 1
    with listening([500] * 9) as (url, told):
        said = webhook.tell(url, Shop(), [{"code": "PM11"}] * 60)
        assert said is not None and "3 tries" in said
        assert len(told) == webhook.TRIES and len(told[0]["findings"]) == webhook.MOST and told[0]["alarms"] == 60
    gone = webhook.tell(url, Shop(), [{"code": "PM11"}])
    assert gone is not None and "refused" in gone


def test_an_alarm_is_told_once_and_again_where_nobody_took_it(
    stream: Stream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "PAUSE", 0.0)
    with listening([500] * webhook.TRIES) as (url, told):
        text = TEXT.replace("monitoring: {", f"monitoring: {{webhook: '{url}', ")
        watching = Monitoring(stream(days(84, 105), days(105, 126, slope=-1.8), text=text))
        first = watching.look(telling=True)
        assert first.told is not None and "told again by the next look" in first.told
        second = watching.look(telling=True)
        assert len(told) == webhook.TRIES + 1
        assert {one["code"] for one in told[-1]["findings"]} >= {"PM11", "PM13", "PM20"}
        assert second.told == f"the webhook was told of {len(second.alarms)}"
        third = watching.look(telling=True)
        assert third.told is None and len(told) == webhook.TRIES + 1, "what was told is not told again"
