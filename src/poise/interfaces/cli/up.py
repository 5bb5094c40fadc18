"""`poise up`: from the file to a system that answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Annotated

import typer

from poise.errors import PoiseError, Refused
from poise.interfaces.cli import ingest as ingesting
from poise.interfaces.cli import release as releasing
from poise.interfaces.cli.first_answer import ask_once
from poise.interfaces.cli.terminal import FILE, FileOption, heading, say, working
from poise.interfaces.cli.train import starting
from poise.interfaces.cli.weights import differing
from poise.interfaces.system import System
from poise.releases.folder import ReleaseFolder
from poise.rollout.stages import under_way
from poise.serving.tokens import STARTER, new_token


def up(
    file: FileOption = FILE,
    host: Annotated[str, typer.Option(help="The address of this machine to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8080,
    once: Annotated[bool, typer.Option("--once", help="Stop after the first answered request.")] = False,
) -> None:
    """Ingest, train, release and serve; what is done already is not done again."""
    system = System.read(file)
    heading(f"{system.spec.system}: {system.spec.purpose}")
    with working("Ingesting") as step:
        report = system.ingest(progress=lambda source, rows: step(f"{source}: {rows:,} rows"))
    ingesting.show(report)
    made = system.up_to_date()
    if made is None:
        _make(system)
    else:
        _made_before(system, made)
    differing(system)
    serve_and_ask(system, host, port, once)


def _make(system: System) -> None:
    """Train and release, unless the rule would only take the place of the rule, or a release is under way."""
    now = under_way(system.state)
    if now is not None:
        say(f"{now.release} is under way ({now.stage}), so that nothing is made meanwhile: poise rollout", "yellow")
        return
    with working("Training") as step:
        trained = system.train(progress=step)
    say(str(trained))
    starting(trained)
    if system.adds_nothing(trained.folder):
        say(f"{_live(system)} stays live: it sorts by this rule already.", "bold")
        return
    with working("Releasing") as step:
        report = system.release(trained.folder.name, progress=step)
    releasing.show(report, under_way(system.state))
    assert report.outcome is not None
    if not report.outcome.released:
        _go_on_or_end(system)


def _made_before(system: System, made: ReleaseFolder) -> None:
    """Say what became of the release that was made of this file and these rows."""
    evidence = made.json("evidence")
    say(f"{made.name} was made of this file and these rows already ({evidence['verdict']}).")
    if evidence["verdict"] != "released":
        for requirement in evidence["requirements"]:
            if requirement["status"] in ("fail", "insufficient") and not requirement["allowed"]:
                say(f"  ✗ {requirement['sentence']}", "bold red")
        _go_on_or_end(system)
    elif (now := under_way(system.state)) is not None:
        say(f"{now.release} is under way ({now.stage}), beside {now.against}: poise rollout")
    elif _live(system) not in (None, made.name):
        say(f"{_live(system)} is live, after a rollback or a promotion, and answers.", "yellow")


def _go_on_or_end(system: System) -> None:
    """After a refusal: until the first models are good enough the rule goes on; else end as a refusal ends."""
    if not system.starting:
        raise typer.Exit(Refused.exit_code)
    say(f"{_live(system)} stays live and answers: it sorts by the rule.", "bold")


def _live(system: System) -> str | None:
    live = system.state.live()
    return None if live is None else live.release


def serve_and_ask(system: System, host: str, port: int, once: bool) -> None:
    """Serve the live release in a process of its own, show one real answer, and stay until it ends."""
    command = [sys.executable, "-m", "poise", "serve", "--file", str(system.path), "--host", host]
    command += ["--port", str(port), "--json", "--with-stdin"]
    token = new_token()
    env = {**os.environ, STARTER: token}
    ended_by_itself = False
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as server:
        try:
            ask_once(server, system, token)
            if not once:
                say("It stays up until Ctrl-C.", "bold")
                server.wait()
                ended_by_itself = True
        finally:
            server.terminate()
            server.wait(timeout=30)
    _tell_the_end(server.returncode, asked=not ended_by_itself)


def _tell_the_end(code: int, *, asked: bool) -> None:
    """Say how the server ended, unless it was `asked` to; its code is that of this command, or 1 after a signal."""
    if code < 0 and not (asked and code == -signal.SIGTERM):
        name = signal.Signals(-code).name
        hint = "the system ends what takes too much memory so; " if code == -signal.SIGKILL else ""
        raise PoiseError(f"the server was ended by {name}", hint=f"{hint}'poise up' starts it again")
    if not asked:
        say(f"The server ended with exit code {code}." if code else "The server was told to stop, and has ended.")
    if code > 0:
        raise typer.Exit(code)
