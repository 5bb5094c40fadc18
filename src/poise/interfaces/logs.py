"""What a server says of itself on stderr: sentences for people, or one JSON object per line for programs.

Neither holds bodies, headers, queries or tokens. JSON lines are written by a thread of their own from a bounded queue:
whoever reads them slowly, or not at all, keeps no answer waiting; what does not fit is dropped, and how much is said.
"""

from __future__ import annotations

import datetime
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TextIO

import msgspec

from poise.interfaces.http import request_id

LogForm = Literal["text", "json"]
MOST_LINES = 10_000
"""Lines that wait to be written."""
ENDING = 2.0
"""Seconds that the end of a server waits for them."""
_ENCODE = msgspec.json.Encoder(enc_hook=str).encode


@contextmanager
def logging_as(form: LogForm) -> Iterator[None]:
    """While inside, log in this form: `text` as Python does, warnings and errors only; `json` also every request."""
    if form == "text":
        yield
        return
    root, ours = logging.getLogger(), logging.getLogger("poise")
    before, lines = ours.level, JsonLines(sys.stderr)
    root.addHandler(lines)
    ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(before)
        root.removeHandler(lines)
        lines.close()


class JsonLines(logging.Handler):
    """Writes each record as one line of JSON: `time` (UTC), `level`, `logger`, `message`, the `request_id` of the
    request it belongs to, what the record brings as `fields`, and `error` with the traceback of an exception."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: queue.Queue[bytes | None] = queue.Queue(MOST_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="poise-logs", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record, in the thread that logs it."""
        try:
            self._lines.put_nowait(line(record))
        except queue.Full:
            self._dropped += 1
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, for at most `ENDING` seconds."""
        try:
            self._lines.put(None, timeout=ENDING)
            self._thread.join(ENDING)
        except queue.Full:
            pass
        super().close()

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            self._put(text)
            dropped, self._dropped = self._dropped, 0
            if dropped:
                self._put(line(_record(f"{dropped} lines of the log were dropped: they are read too slowly")))

    def _put(self, text: bytes) -> None:
        try:
            self._stream.write(text.decode() + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads any more; a server goes on without that
            self._dropped += 1


def line(record: logging.LogRecord) -> bytes:
    """One record as JSON.

    >>> record = _record("they wait")
    >>> record.created = 0.5
    >>> line(record)
    b'{"time":"1970-01-01T00:00:00.500000Z","level":"warning","logger":"poise.logs","message":"they wait"}'
    """
    at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
    said: dict[str, object] = {
        "time": at.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    number = request_id.current.get()
    if number is not None:
        said["request_id"] = number
    said.update(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[1] is not None:
        said["error"] = "".join(traceback.format_exception(record.exc_info[1]))
    return _ENCODE(said)


def _record(message: str) -> logging.LogRecord:
    return logging.LogRecord("poise.logs", logging.WARNING, __file__, 0, message, None, None)
