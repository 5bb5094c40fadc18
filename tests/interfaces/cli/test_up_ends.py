"""How `poise up` ends when its server does."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from poise.errors import PoiseError

up = importlib.import_module("poise.interfaces.cli.up")


def ended(monkeypatch: pytest.MonkeyPatch, folder: Path, act: Any, *, once: bool = False) -> None:
    """Serve until `act` has happened to the server's process."""
    monkeypatch.setattr(up, "ask_once", lambda server, *_: act(server))
    up.serve_and_ask(SimpleNamespace(path=folder / "poise.yaml"), "127.0.0.1", 0, once)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV])
def test_a_server_that_is_killed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: signal.Signals) -> None:
    def kill(server: subprocess.Popen[str]) -> None:
        os.kill(server.pid, sign)

    with pytest.raises(PoiseError, match=f"the server was ended by {sign.name}") as error:
        ended(monkeypatch, tmp_path, kill)
    assert error.value.exit_code == 1
    assert ("memory" in str(error.value)) == (sign == signal.SIGKILL)


def test_a_server_that_ends_by_itself_is_told_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end:  # there is no such file
        ended(monkeypatch, tmp_path, lambda server: None)
    assert end.value.exit_code == 2 and "The server ended with exit code 2." in capsys.readouterr().out


def test_a_server_that_this_ends_is_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(monkeypatch, tmp_path, lambda server: None, once=True)
    assert "server" not in capsys.readouterr().out
