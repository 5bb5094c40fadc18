"""JSON lines on stderr: what they hold, and that a reader who does not keep up stops nobody."""

from __future__ import annotations

import io
import json
import logging
import os
import threading

import pytest

from poise.interfaces.logs import MOST_LINES, JsonLines, logging_as


def test_each_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("poise.test")
    with logging_as("json"):
        log.info("two\nlines", extra={"fields": {"release": "r1"}})
        try:
            raise ValueError("a fault")
        except ValueError:
            log.exception("it went wrong")
        logging.getLogger("other").warning("of a library")
        logging.getLogger("other").info("details of a library")
    first, second, third = map(json.loads, capsys.readouterr().err.splitlines())
    assert first["message"] == "two\nlines" and first["release"] == "r1" and first["time"].endswith("Z")
    assert second["error"].endswith("ValueError: a fault\n")
    assert third["logger"] == "other"


def test_as_text_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("text"):
        assert not logging.getLogger("poise.http").isEnabledFor(logging.INFO)


def test_a_reader_that_does_not_read_stops_nobody() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w", buffering=1) as stream, os.fdopen(read) as reader:
        lines = JsonLines(stream)
        for number in range(MOST_LINES + 5_000):  # a pipe holds some hundred of them
            lines.emit(logging.LogRecord("poise.test", logging.INFO, "", 0, f"line {number} {'x' * 200}", None, None))
        said: list[str] = []
        thread = threading.Thread(target=lambda: said.extend(reader))
        thread.start()
        lines.close()
        stream.close()
        thread.join()
    told = [json.loads(one) for one in said]
    assert told[0]["message"].startswith("line 0 ")
    assert any("lines of the log were dropped" in one["message"] for one in told)


def test_a_reader_that_is_gone_stops_nobody() -> None:
    stream = io.StringIO()
    stream.close()
    lines = JsonLines(stream)
    lines.emit(logging.LogRecord("poise.test", logging.INFO, "", 0, "unread", None, None))
    lines.close()
