"""Rehearsing servers: the stand-in release on the real server, and fake servers that misbehave."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from poise.errors import StateError
from poise.rollout.rehearsal import measure, rehearse
from poise.rollout.server_process import PORT, running

STAND_INS = Path(__file__).parents[1] / "serving" / "stand_ins.py"
REAL = [sys.executable, str(STAND_INS), "--port", PORT]

FAKE = """
    import http.server, sys, time

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        asked = 0

        def answer(self, status, text):
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            self.answer(200, b"ready")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            Handler.asked += 1
            {act}

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def fake(tmp_path: Path, act: str) -> list[str]:
    script = tmp_path / "fake.py"
    script.write_text(textwrap.dedent(FAKE).replace("{act}", act))
    return [sys.executable, str(script), PORT]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_real_server_is_measured_and_ended(stand_ins: ModuleType) -> None:
    bodies = [json.dumps({"rows": [{**stand_ins.ROW, "distance": d}]}).encode() for d in range(100, 400)]
    with running(REAL) as server:
        found = measure(server, bodies, "/v1/decide", 400, rows_per_request=1)
        pid = server.process.pid
    assert gone(pid)
    assert found.requests == len(found.latencies) == 400
    assert found.errors == {}
    assert 0 < found.latency_p50 <= found.latency_p99 <= found.quantile(0.99).high < 5
    assert found.cpu_seconds_per_request is not None and 0 < found.cpu_seconds_per_request < 0.1
    assert json.loads(found.answers_sample[0])["decisions"][0]["chosen"] == "nothing"
    assert found.to_dict()["candidates"] == 1


def test_errors_are_counted_by_status_and_kept_as_samples(tmp_path: Path) -> None:
    act = "self.answer(200 if Handler.asked % 10 else 422, body)"
    found = rehearse(fake(tmp_path, act), [b"{}"], "/v1/predict", 100)
    assert found.errors == {422: 10}
    assert len(found.latencies) == 90


def test_a_server_that_hangs_up_is_asked_anew(tmp_path: Path) -> None:
    act = 'self.__setattr__("close_connection", True) if Handler.asked % 10 == 0 else self.answer(200, b"{}")'
    found = rehearse(fake(tmp_path, act), [b"{}"], "/v1/predict", 100)
    assert 0 < found.errors[0] <= 20
    assert len(found.latencies) == 100 - found.errors[0]


def test_latencies_are_those_of_the_server(tmp_path: Path) -> None:
    found = rehearse(
        fake(tmp_path, 'time.sleep(0.02); self.answer(200, b"{}")'), [b"{}"], "/v1/predict", 40, connections=4
    )
    assert found.latency_p50 >= 0.02
    assert found.seconds < 40 * 0.05
    assert len(found.latencies) == 40
    assert found.to_dict()["latency_p99_high"] is None  # 40 requests say nothing certain of a 99th percentile


def test_a_server_that_refuses_everything_is_an_error_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="answered none of 20 requests to /v1/predict: no such route"):
        rehearse(fake(tmp_path, 'self.answer(404, b"no such route")'), [b"{}"], "/v1/predict", 20)


def test_a_server_that_ends_is_quoted() -> None:
    script = "print('the lake is on fire'); raise SystemExit(3)"
    with pytest.raises(StateError, match=r"ended with exit code 3 before it was ready.*\n  the lake is on fire"):
        rehearse([sys.executable, "-c", script], [b"{}"], "/v1/predict", 1)


def test_a_server_that_never_gets_ready_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(StateError, match=r"was not ready within 1 s; it said nothing"):
        rehearse([sys.executable, "-c", script], [b"{}"], "/v1/predict", 1, timeout=1)
    assert gone(int(note.read_text()))


def test_a_command_that_does_not_exist_is_said() -> None:
    with pytest.raises(StateError, match="could not be started"):
        rehearse(["no-such-command"], [b"{}"], "/v1/predict", 1)


def test_the_environment_is_handed_on(tmp_path: Path) -> None:
    act = 'self.answer(200, __import__("os").environ["POISE_PROBE"].encode())'
    found = rehearse(fake(tmp_path, act), [b"{}"], "/v1/predict", 3, env={"POISE_PROBE": "here"})
    assert found.answers_sample == ("here", "here", "here")
    assert isinstance(found.latencies, np.ndarray)


def test_an_answer_by_a_fallback_counts_as_none(tmp_path: Path) -> None:
    text = """self.answer(200, b'{"fallbacks":{"late":{"by":"rule"}}}' if Handler.asked % 2 else b"{}")"""
    found = rehearse(fake(tmp_path, text), [b"{}"], "/v1/decide", 10)
    assert found.errors == {503: 5} and len(found.latencies) == 5
