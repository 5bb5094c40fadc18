"""A process that a server asks what takes long: started when it is first asked, bounded, ended.

Explanations and previews take up to seconds of computing and read the lake. In processes of their own they take no time
from those who wait for decisions, and one that takes too long can be ended.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import msgspec

from poise.errors import Overloaded, PoiseError, RequestError
from poise.interfaces.behind import OWN_GROUP

_LOG = logging.getLogger("poise.asked")
WAITING = 8
"""So many answers may be asked for at once; one is made at a time."""
SECONDS = 20.0
"""What one may take, the wait for others and the start of the process included."""


class Refused(RequestError):
    """What the process said of a question that it could not answer; statuses and sentences are its own."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.status = int(said["status"])
        self.title = str(said["title"])
        super().__init__(said["message"], field=said.get("field"), hint=said.get("hint"))


class AskedProcess:
    """Asks the module `module` of one system file, which answers line by line (see `answering_lines`); any thread may.

    what: it is asked for, in words. seconds, waiting: bounds; beyond them `Overloaded` is raised, and a process that
    took too long is ended.
    """

    def __init__(self, module: str, file: Path, what: str, *, seconds: float = SECONDS, waiting: int = WAITING) -> None:
        self._command = [sys.executable, "-m", module, str(file)]
        self._what = what
        self._seconds, self._places = seconds, threading.Semaphore(waiting)
        self._waiting = waiting
        self._one = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question.

        Raises `Refused` with what the process says, `Overloaded` where too many ask or it takes too long.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded(f"{self._waiting} {self._what} are being made, as many as are allowed at once")
        until = time.monotonic() + self._seconds
        try:
            if not self._one.acquire(timeout=self._seconds):
                raise Overloaded(f"other {self._what} took {self._seconds:g} s")
            try:
                told = self._told(msgspec.json.encode(question) + b"\n", until)
            finally:
                self._one.release()
        finally:
            self._places.release()
        if "error" in told:
            raise Refused(told["error"])
        answer: dict[str, Any] = told["told"]
        return answer

    def close(self) -> None:
        """End the process, if there is one."""
        with self._one:
            self._end()

    def _told(self, question: bytes, until: float) -> dict[str, Any]:
        if self._process is not None and self._process.poll() is not None:
            self._end()  # it died meanwhile: out of memory, or somebody ended it
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                process_group=OWN_GROUP,
            )
        try:
            line = self._exchanged(self._process, question, until)
        except BaseException:
            self._end()
            raise
        told: dict[str, Any] = json.loads(line)
        return told

    def _exchanged(self, process: subprocess.Popen[bytes], question: bytes, until: float) -> bytes:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(question)
            process.stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None
        parts: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not parts or not parts[-1].endswith(b"\n"):
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise Overloaded(f"{self._what} took longer than {self._seconds:g} s")
                part = os.read(process.stdout.fileno(), 1 << 16)
                if not part:
                    raise self._gone()
                parts.append(part)
        return b"".join(parts)

    def _gone(self) -> PoiseError:
        return PoiseError(f"the process that makes {self._what} ended; its reason is in the server's log")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        continue


def answering_lines(answer: Callable[[Mapping[str, Any]], dict[str, Any]], lines: IO[str], out: IO[str]) -> None:
    """Within such a process: answer line by line until there are no more. What `answer` raises is written as what an
    HTTP answer needs of it."""
    for line in lines:
        out.write(json.dumps(_written(answer, json.loads(line))) + "\n")
        out.flush()


def _written(answer: Callable[[Mapping[str, Any]], dict[str, Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"told": answer(asked)}
    except PoiseError as error:
        field = error.field if isinstance(error, RequestError) else None
        said = {"message": error.message, "hint": error.hint, "field": field}
        return {"error": {"status": error.status, "title": error.title, **said}}
    except Exception:
        _LOG.exception("a question could not be answered")
        return {"error": {"status": 500, "title": "Fault", "message": "an unexpected error, logged"}}
