"""`poise demo`: a simulated market, trained and served, and a page on which two weights move a real list."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from poise.interfaces.templates import examples

FOLDER = Path("poise-demo")


def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where its data and its releases go.")] = FOLDER,
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8080,
    once: Annotated[bool, typer.Option("--once", help="Stop after one answered request and the page.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Say where the page is, and open nothing.")] = False,
) -> None:
    """Make a market, learn from it, and show what its weights do; needs no data and no network. Ctrl-C stops it."""
    program = examples() / "restaurants" / "demo.py"
    command = [sys.executable, str(program), "--folder", str(folder), "--port", str(port)]
    command += ["--once"] * once + ["--no-browser"] * no_browser
    sys.stdout.flush()
    os.execv(sys.executable, command)
