"""The drain of a server, seen from the server: a process of its own, started, listened to, started again, ended."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from poise.data import rows_file
from poise.data.id_hash import Hashes
from poise.errors import PoiseError, StateError
from poise.interfaces.behind import OWN_GROUP, Starting, bring_forward
from poise.interfaces.troubles import Troubles
from poise.serving.coming_in import Taken
from poise.serving.inlet import Inlet
from poise.table import History

_LOG = logging.getLogger("poise.drain")
AGAIN = 5.0
"""Seconds after which a drain that ended is started again."""
BUSY = 1.0
"""Seconds after which rows that could not be taken in are handed over again."""
ENDING = 60.0
"""Seconds that it may take to write what waits once it is told to end; the journal keeps what it does not write."""


class Drainer:
    """Runs `poise.interfaces.draining` from `begin` until this is left, on one core and behind what answers.

    Rows that others wrote to the lake are handed to the inlet, which makes them visible; what is safe in the lake and
    in the snapshot leaves the journal. release: whose snapshot that is. versions: what of the lake the server began
    with.
    """

    def __init__(self, file: Path, release: Path, inlet: Inlet, versions: Mapping[str, int]) -> None:
        self._command = [sys.executable, "-m", "poise.interfaces.draining", str(file)]
        self._releases: tuple[Path, ...] = (release,)
        self._running: tuple[Path, ...] = ()
        self._inlet, self._versions = inlet, dict(versions)
        self._over, self._ready = threading.Event(), threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._starting: Starting | None = None
        self._awaited = False
        self._extended, self._troubles = time.monotonic(), Troubles()
        self._thread = threading.Thread(target=self._run, name="poise-drainer", daemon=True)

    def begin(self) -> None:
        """Start it, once the server answers."""
        self._thread.start()

    @property
    def snapshot_age(self) -> float:
        """Seconds since the snapshot was extended, or since this was made."""
        return time.monotonic() - self._extended

    @property
    def releases(self) -> tuple[Path, ...]:
        """The releases that it knows, first the one whose snapshot it extends."""
        return self._releases

    def follow(self, releases: Sequence[Path], versions: Mapping[str, int], wait: float = 0.0) -> None:
        """Go on for other releases: the process ends when it has written what waits, and another one begins.

        versions: what of the lake the server has of sources that it did not have before. wait: seconds that this may
        take to return once the next one is at work. Raises `StateError` where that is not enough.
        """
        self._versions = {**versions, **self._versions}
        self._ready.clear()
        self._awaited = bool(wait)
        self._releases = tuple(releases)
        process = self._process
        if process is not None:
            _close(process.stdin)
            if wait:
                _hurry(process)
        if wait and self._thread.ident is not None and not self._ready.wait(wait):
            raise StateError(f"the drain did not begin again within {wait:g} s")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        process = self._process
        if process is not None:
            _close(process.stdin)
            _hurry(process)
            try:
                process.wait(ENDING)
            except subprocess.TimeoutExpired:
                _LOG.warning("the drain did not end in %g s; what it did not write stays in the journal", ENDING)
                process.kill()
        if self._thread.ident is not None:
            self._thread.join(timeout=AGAIN)

    def _run(self) -> None:
        while not self._over.is_set():
            self._running = self._releases
            with subprocess.Popen(
                [*self._command, *map(str, self._running)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env={**os.environ, "POLARS_MAX_THREADS": "1"},
                process_group=OWN_GROUP,
            ) as process:
                self._process, self._starting = process, None if self._awaited else Starting(process.pid)
                if self._over.is_set() or self._running != self._releases:
                    _close(process.stdin)
                assert process.stdout is not None
                for line in process.stdout:
                    self._hear(process, line)
                self._started()
            if not self._over.is_set() and self._running == self._releases:
                _LOG.warning("the drain ended with %s; it begins again in %g s", process.returncode, AGAIN)
                self._over.wait(AGAIN)

    def _hear(self, process: subprocess.Popen[str], line: str) -> None:
        try:
            said: dict[str, Any] = json.loads(line)
            if "ready" in said:
                self._started()
                self._tell(process, versions=self._versions)
                if self._running == self._releases:
                    self._ready.set()
            for source, why in said.get("stuck", {}).items():
                _LOG.warning("rows of '%s' stay in the journal: %s", source, why)
            if "trouble" in said and self._troubles.new(said["trouble"]):
                _LOG.warning("the drain goes on later: %s", said["trouble"])
            for source, rows in said.get("expired", {}).items():
                _LOG.info("%d rows of '%s' were older than its 'keep' and are deleted", rows, source)
            if "snapshot" in said:
                self._extended = time.monotonic()
                _LOG.info("the snapshot is extended to the lake's versions %s", said["snapshot"])
            if said.get("prune"):
                self._inlet.prune(said["prune"])
            for source, paths in said.get("rows", {}).items():
                self._take_up(process, source, said, [(Path(path), upto) for path, upto in paths])
        except Exception:  # the thread that listens must live on
            _LOG.exception("what the drain said could not be used: %s", line[:500])

    def _started(self) -> None:
        if self._starting is not None:
            self._starting.ready()

    def _take_up(
        self, process: subprocess.Popen[str], source: str, said: Mapping[str, Any], paths: Sequence[tuple[Path, int]]
    ) -> None:
        """Rows of files that were taken in beside this server."""
        if source in said.get("rewritten", ()):
            _LOG.warning("rows of '%s' were replaced in the lake; start the server again to answer from them", source)
        position, version = None, said["lake"][source][1]
        seen = []
        for path, upto in paths:
            rows, prints = rows_file.read(path)
            taken = self._until_taken(rows, prints, upto)
            position = taken.position
            seen.append((upto, taken.seen))
            path.unlink(missing_ok=True)
        self._versions[source] = version
        whole = source not in said.get("rewritten", ())  # else the lake has rows that this server does not know
        self._tell(process, taken={source: [position if whole else None, version]}, seen={source: seen})

    def _until_taken(self, rows: History, prints: Hashes | None, upto: int) -> Taken:
        """Hand rows to the inlet, again and again while it is busy; see `Inlet.take_up`."""
        while True:
            try:
                return self._inlet.take_up(rows, prints, upto)
            except PoiseError as error:
                _LOG.warning("rows of '%s' from files wait to be taken in: %s", rows.source, error)
                if self._over.wait(BUSY):
                    raise

    def _tell(self, process: subprocess.Popen[str], **what: Any) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()
        except (BrokenPipeError, ValueError):  # it is ending: the next one is told
            return


def _hurry(process: subprocess.Popen[str]) -> None:
    """Somebody waits until it has ended."""
    if process.poll() is None:  # else the number may be that of another one
        bring_forward(process.pid)


def _close(stream: IO[str] | None) -> None:
    assert stream is not None
    try:
        stream.close()
    except BrokenPipeError:
        return
