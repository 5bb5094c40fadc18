"""A system whose callers are known: a token for whoever sends events, one for whoever asks, one for whoever decides."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from poise.interfaces import tokens
from poise.interfaces.system import System
from tests.serving.bare import row, written

SENT = {"price": 3.0, "candidates": [{"dish": "soup"}, {"dish": "rice"}]}


@contextmanager
def serve(system: System, *options: str) -> Iterator[int]:
    """`poise serve` with its own defaults, as an operator starts it."""
    command = [sys.executable, "-m", "poise", "serve", "-f", str(system.path), "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        try:
            yield int(json.loads(line)["address"].rsplit(":", 1)[1])
        finally:
            process.terminate()
            process.wait(60)
    assert process.returncode == 0


def ask(port: int, method: str, path: str, token: str | None, body: object = None) -> tuple[int, Any]:
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_everybody_does_what_their_token_is_for(tmp_path: Path) -> None:
    system = written(tmp_path)
    made = {
        name: tokens.add(system.state, name, [role]).secret
        for name, role in (("shop", "ingest"), ("site", "predict"), ("desk", "operate"))
    }
    report = system.release()
    assert report.outcome is not None and report.outcome.released, "a rehearsal asks by a token of its own"

    with serve(system, "--host", "0.0.0.0", "--plain-http") as port:
        assert ask(port, "POST", "/v1/decide", None, SENT)[0] == 401
        status, fates = ask(port, "POST", "/v1/events/seen", made["shop"], row(1))
        assert status == 200 and fates["counts"]["accepted"] == 1
        assert ask(port, "POST", "/v1/events/seen", made["site"], row(2))[0] == 403
        status, answer = ask(port, "POST", "/v1/decide", made["site"], SENT)
        assert status == 200 and answer["shown"][0]["dish"] == "soup"
        assert ask(port, "POST", "/v1/decide", made["site"], {**SENT, "time": "2020-01-01T00:00Z"})[0] == 422
        change = {"values": {"joy": 2.0}, "why": "a test", "who": "ana"}
        assert ask(port, "PUT", "/v1/weights", made["site"], change)[0] == 403
        assert ask(port, "PUT", "/v1/weights", made["desk"], change)[1]["who"] == "ana (token desk)"
        used = {one["token"]: one for one in ask(port, "GET", "/v1/usage", made["desk"])[1]["consumers"]}
    (contract,) = used["site"]["contracts"]
    assert [field["name"] for field in contract["fields"]] == ["seen.dish", "seen.price"]
    assert used["shop"]["contracts"] == [] and used["shop"]["requests"] == 1
    assert [line.subject for line in system.state.history() if line.act == "add"][:3] == [
        "token shop",
        "token site",
        "token desk",
    ]


def test_up_asks_its_first_question_beside_all_tokens(tmp_path: Path) -> None:
    system = written(tmp_path)
    tokens.add(system.state, "site", ["predict"])
    command = [sys.executable, "-m", "poise", "up", "--once", "--port", "0", "-f", str(system.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '-H "authorization: Bearer $POISE_TOKEN"' in done.stdout and '"shown"' in done.stdout
    assert "poise_" not in done.stdout + done.stderr
