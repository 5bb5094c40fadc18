"""`poise up`: from the file to a system that answers."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from poise.errors import Refused
from poise.interfaces.cli import ingest as ingesting
from poise.interfaces.cli import release as releasing
from poise.interfaces.cli.first_answer import ask_once
from poise.interfaces.cli.terminal import FILE, FileOption, heading, say, working
from poise.interfaces.cli.weights import differing
from poise.interfaces.system import Report, System


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
        releasing.refuse(_release(system))
    else:
        evidence = made.json("evidence")
        say(f"{made.name} was made of this file and these rows already ({evidence['verdict']}).")
        if evidence["verdict"] != "released":
            for requirement in evidence["requirements"]:
                if requirement["status"] in ("fail", "insufficient") and not requirement["allowed"]:
                    say(f"  ✗ {requirement['sentence']}", "bold red")
            raise typer.Exit(Refused.exit_code)
        live = system.state.live()
        if live is not None and live.release != made.name:
            say(f"{live.release} is live, after a rollback or a promotion, and answers.", "yellow")
    differing(system)
    serve_and_ask(system, host, port, once)


def _release(system: System) -> Report:
    with working("Training") as step:
        trained = system.train(progress=step)
    say(str(trained))
    with working("Releasing") as step:
        report = system.release(trained.folder.name, progress=step)
    releasing.show(report)
    return report


def serve_and_ask(system: System, host: str, port: int, once: bool) -> None:
    """Serve the live release in a process of its own, show one real answer, and stay until it ends."""
    command = [sys.executable, "-m", "poise", "serve", "--file", str(system.path), "--host", host]
    command += ["--port", str(port), "--json", "--with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            ask_once(server, system)
            if not once:
                say("It stays up until Ctrl-C.", "bold")
                server.wait()
        except KeyboardInterrupt:
            pass
        finally:
            server.terminate()
            server.wait(timeout=30)
    if server.returncode not in (0, -15):
        raise typer.Exit(server.returncode)
