"""A running server shows what the newest look found, as `poise monitor` left it in the state database."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from poise.stores.state import State

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"
FOUND = {"code": "PM11", "monitor": "performance", "level": "alarm", "what": "late is worse", "subject": "late"}


def ask(port: int, path: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_the_newest_look_is_a_route_and_gauges(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'state.db'}"
    command = [sys.executable, str(STAND_INS), "--state", address]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(b":", 1)[1])
        status, body = ask(port, "/v1/monitor")
        assert status == 409 and "poise monitor" in json.loads(body)["hint"], "nobody has looked"
        with closing(State(address, "flights")) as state:
            state.put_document("look", "last", {"release": "r1", "alarms": 1, "findings": [FOUND]})
        assert json.loads(ask(port, "/v1/monitor")[1])["findings"] == [FOUND]
        ends, told = time.monotonic() + 20, ""
        wanted = 'poise_monitor_findings{code="PM11",level="alarm",monitor="performance"} 1'
        while wanted not in told:
            assert time.monotonic() < ends, [line for line in told.splitlines() if "monitor" in line]
            told = ask(port, "/metrics")[1].decode()
            time.sleep(0.05)
        age = next(line for line in told.splitlines() if line.startswith("poise_monitor_age_seconds "))
        assert 0 <= float(age.split()[1]) < 60
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
