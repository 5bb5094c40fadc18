"""`poise serve`: the live release answers over HTTP."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated

import typer

from poise.interfaces.answering import start
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.http.page import curl
from poise.serving.served import Served


def serve(
    file: FileOption = FILE,
    release: Annotated[
        str | None, typer.Option("--release", help="A release or candidate to answer with; default the live one.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address of this machine to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8080,
    as_json: JsonOption = False,
    with_stdin: Annotated[
        bool,
        typer.Option("--with-stdin", hidden=True, help="End when stdin is closed: by the program that started this."),
    ] = False,
    answers_only: Annotated[
        bool,
        typer.Option("--answers-only", help="Take no events and log nothing, beside a server that does."),
    ] = False,
) -> None:
    """Answer requests until told to stop (Ctrl-C)."""
    if with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()

    def ready(address: str, served: Served) -> None:
        answerer = served.live
        if as_json:
            print_json({"address": address, "release": answerer.release})
            return
        say(f"{answerer.release} answers at {address} (clock: {answerer.clock.kind}). Ctrl-C stops it.", "bold green")
        described = answerer.described()
        say(f"  {curl(address, described['route'], described['example'])}")

    start(file, release=release, host=host, port=port, on_ready=ready, takes_in=not answers_only)


def _end_with_stdin() -> None:
    """Tell this process to stop once nobody holds the other end of its stdin, so that no server outlives its caller."""
    while os.read(sys.stdin.fileno(), 4096):  # not through sys.stdin, whose lock a waiting thread would hold at the end
        pass
    os.kill(os.getpid(), signal.SIGTERM)
