"""`poise serve`: the live release answers over HTTP."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from poise.errors import UsageError
from poise.interfaces.answering import start
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.http.certificate import Certificate
from poise.interfaces.http.guard import is_loopback
from poise.interfaces.http.page import curl
from poise.interfaces.logs import LogForm, logging_as
from poise.serving.served import Served
from poise.settings import Settings
from poise.stores.state import State


def serve(
    file: FileOption = FILE,
    release: Annotated[
        str | None, typer.Option("--release", help="A release or candidate to answer with; default the live one.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address of this machine to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8080,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Speak TLS with this certificate and its chain, a PEM file.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", help="Its key, where it is in a file of its own.")
    ] = None,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="A proxy in front speaks TLS; others reach this address through it.")
    ] = False,
    without_tokens: Annotated[
        bool, typer.Option("--without-tokens", help="Ask nobody for a token, though there are some; loopback only.")
    ] = False,
    log: Annotated[
        LogForm, typer.Option("--log", help="On stderr: warnings as text, or all, with each request, as JSON lines.")
    ] = "text",
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
    if tls_key is not None and tls_cert is None:
        raise UsageError("--tls-key goes with --tls-cert")
    if without_tokens and not is_loopback(host):
        raise UsageError(f"--without-tokens answers programs of this machine only, and others reach {host}")
    certificate = None if tls_cert is None else Certificate(tls_cert, tls_key)
    if with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()

    def ready(address: str, served: Served) -> None:
        answerer = served.live
        if as_json:
            print_json({"address": address, "release": answerer.release})
            return
        say(f"{answerer.release} answers at {address} (clock: {answerer.clock.kind}). Ctrl-C stops it.", "bold green")
        described, asks = answerer.described(), not without_tokens and _has_tokens(file, answerer.loaded.system.system)
        say(f"  {curl(address, described['route'], described['example'], asks_token=asks)}")

    with logging_as(log):
        start(
            file,
            release=release,
            host=host,
            port=port,
            on_ready=ready,
            takes_in=not answers_only,
            asks_tokens=not without_tokens,
            certificate=certificate,
            plain_http=plain_http,
        )


def _has_tokens(file: Path, system: str) -> bool:
    with closing(State(Settings.read(file).state_url, system)) as state:
        return bool(state.tokens())


def _end_with_stdin() -> None:
    """Tell this process to stop once nobody holds the other end of its stdin, so that no server outlives its caller."""
    while os.read(sys.stdin.fileno(), 4096):  # not through sys.stdin, whose lock a waiting thread would hold at the end
        pass
    os.kill(os.getpid(), signal.SIGTERM)
