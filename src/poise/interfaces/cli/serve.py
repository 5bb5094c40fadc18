"""`poise serve`: the live release answers over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from poise.interfaces.answering import start
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.http.page import curl
from poise.serving.answer import Answerer


def serve(
    file: FileOption = FILE,
    release: Annotated[
        str | None, typer.Option("--release", help="A release or candidate to answer with; default the live one.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address of this machine to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8080,
    as_json: JsonOption = False,
) -> None:
    """Answer requests until told to stop (Ctrl-C)."""

    def ready(address: str, answerer: Answerer) -> None:
        if as_json:
            print_json({"address": address, "release": answerer.release})
            return
        say(f"{answerer.release} answers at {address} (clock: {answerer.clock.kind}). Ctrl-C stops it.", "bold green")
        described = answerer.described()
        say(f"  {curl(address, described['route'], described['example'])}")

    start(file, release=release, host=host, port=port, on_ready=ready)
