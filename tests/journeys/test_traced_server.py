"""A trace of the calls of `poise serve`: the disk has an event before its caller hears of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from poise.rollout.connection import Connection
from tests.journeys.replaying import serving
from tests.serving.bare import ASKED, row, written

EVENTS = 10
SYNCED = re.compile(r"fdatasync(\(\d+<[^>]*journal\.db-wal>| resumed>).*= 0$")
TOLD = re.compile(r"(write|writev|sendto|sendmsg)\(\d+<.*HTTP/1\.1 200")


@pytest.mark.skipif(
    shutil.which("strace") is None and not os.environ.get("CI"), reason="no strace is installed (apt: strace)"
)
def test_the_disk_has_it_before_it_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    system, out = written(tmp_path / "bare"), tmp_path / "trace"
    with serving(system.path) as server, Connection(server.port, 120.0) as to:
        to.exchange(to.request("/v1/events/seen", json.dumps(row("first")).encode()))  # compiles
        calls = "trace=fdatasync,write,writev,sendto,sendmsg"
        command = ["strace", "-f", "-qq", "-y", "-s", "60", "-e", calls, "-o", str(out), "-p", str(server.process.pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            time.sleep(2)
            if strace.poll() is not None:
                assert strace.stderr is not None
                pytest.skip(f"strace may not trace here: {strace.stderr.read().strip()}")
            for n in range(EVENTS):
                for path, body in (("/v1/events/seen", json.dumps(row(n)).encode()), ("/v1/decide", ASKED)):
                    status, said = to.exchange(to.request(path, body))
                    assert status == 200, said
            strace.terminate()
    synced, answers = 0, 0
    for line in out.read_text(encoding="utf-8", errors="replace").splitlines():
        synced += bool(SYNCED.search(line))
        if TOLD.search(line):
            answers += 1
            assert synced, f"answer {answers} came before the log was synced"
            synced = 0
    assert answers == 2 * EVENTS, "events and durable decisions, one at a time"
