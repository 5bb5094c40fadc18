"""A process that a server asks: bounded, ended when it takes too long, started again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from poise.errors import Overloaded, PoiseError
from poise.interfaces.asked_process import AskedProcess, Refused

SCRIPT = """
import json, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("dies"):
        sys.exit(3)
    time.sleep(asked.get("takes", 0))
    if asked.get("wrong"):
        said = {"error": {"status": 404, "title": "None", "message": "it is not there"}}
    else:
        said = {"told": {"asked": asked, "long": "x" * asked.get("size", 0)}}
    print(json.dumps(said), flush=True)
"""


Asked = Callable[..., AskedProcess]


@pytest.fixture
def explainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Makes one that asks the script above, with other bounds."""
    (tmp_path / "script_of_test.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with ExitStack() as stack:

        def made(**bounds: Any) -> AskedProcess:
            asked = AskedProcess("script_of_test", tmp_path / "poise.yaml", "explanations", **bounds)
            stack.callback(asked.close)
            return asked

        yield made


def test_it_is_started_when_it_is_first_asked(explainer: Asked) -> None:
    made = explainer()
    assert made._process is None
    assert made.ask({"decision_id": "d"})["asked"] == {"decision_id": "d"}
    first = made._process
    assert len(made.ask({"size": 300_000})["long"]) == 300_000 and made._process is first
    made.close()
    assert first is not None and first.poll() is not None


def test_what_it_says_is_said_again(explainer: Asked) -> None:
    with pytest.raises(Refused, match="it is not there") as found:
        explainer().ask({"wrong": True})
    assert found.value.status == 404


def test_one_that_takes_too_long_is_ended(explainer: Asked) -> None:
    made = explainer(seconds=5.0)
    made.ask({})
    slow = made._process
    with pytest.raises(Overloaded, match="took longer than"):
        made.ask({"takes": 60})
    assert slow is not None and slow.poll() is not None
    assert made.ask({"after": 1})["asked"] == {"after": 1}


def test_one_that_dies_is_started_again(explainer: Asked) -> None:
    made = explainer()
    with pytest.raises(PoiseError, match="ended"):
        made.ask({"dies": True})
    assert made.ask({"after": 1})["asked"] == {"after": 1}


def test_no_more_wait_than_may(explainer: Asked) -> None:
    made = explainer(waiting=2)
    made.ask({})
    threads = [threading.Thread(target=made.ask, args=({"takes": 2},)) for _ in range(2)]
    for thread in threads:
        thread.start()
    while made._places._value:
        time.sleep(0.01)
    with pytest.raises(Overloaded, match="2 explanations"):
        made.ask({})
    for thread in threads:
        thread.join()
    assert made.ask({"after": 1})["asked"] == {"after": 1}
