"""The first answer of a server that was just started: asked for and shown, with the command that asks again."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from typing import Any

from poise.errors import StateError
from poise.interfaces.cli.terminal import say
from poise.interfaces.http.page import curl
from poise.interfaces.system import System
from poise.releases.contract import Contract
from poise.serving.example import example_request

NAMED = 5
"""Of the candidates that an answer leaves out, so many are printed."""


def ask_once(server: subprocess.Popen[str], system: System, token: str) -> None:
    """Wait for the address that the server prints, ask it a real question by `token`, and show question and answer.

    Raises `StateError` where the server ends before it answers.
    """
    assert server.stdout is not None
    line = server.stdout.readline()
    if not line.strip().startswith("{"):
        raise StateError("the server did not start", hint="its error stands above; 'poise serve' shows it again")
    address = json.loads(line)["address"]
    route, example = _example(system)
    body = json.dumps(example, ensure_ascii=False)
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(address + route, data=body.encode(), headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.loads(response.read())
    say(f"$ {curl(address, route, example, asks_token=bool(system.state.tokens()))}")
    say(json.dumps(shortened(answer), indent=2, ensure_ascii=False))
    say(f"The system answers at {address}", "bold green")


def _example(system: System) -> tuple[str, dict[str, Any]]:
    """A real request, and the route that answers it."""
    folder = system.live_folder()
    assert folder is not None
    contract = Contract.from_json(folder.json("contract"))
    return ("/v1/decide" if contract.decides_on else "/v1/predict"), example_request(contract, folder.json("evidence"))


def shortened(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as it is printed: of the candidates that are not shown only the first."""
    left_out = answer.get("left_out", [])
    if len(left_out) <= NAMED:
        return answer
    return {**answer, "left_out": [*left_out[:NAMED], f"… {len(left_out) - NAMED:,} more"]}
