"""What every command shares: the file option, the terminal, progress that a log can hold, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from poise.formats import CURRENT

FileOption = Annotated[Path, typer.Option("--file", "-f", help="The system file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]
WhoOption = Annotated[str | None, typer.Option("--who", help="Who decides; default the user of this machine.")]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, for the history.")]
FILE = Path("poise.yaml")
CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\t"), ord("\n")}, "�")
"""Characters that a terminal obeys; a reason or a name may come from anybody who may change weights."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(content: dict[str, Any]) -> None:
    """One JSON document on stdout, with its format. Flushed, as a program may wait for it while this one goes on."""
    print(json.dumps({"format": CURRENT["json"], **content}, default=str), flush=True)


@contextmanager
def working(title: str, *, silent: bool = False) -> Iterator[Callable[[str], None]]:
    """Show what is being done and for how long: one moving line in a terminal, a line per step in a log.

    It goes to stderr, so that stdout holds results only.
    """
    started = time.perf_counter()
    if silent:
        yield lambda _: None
        return
    if err.is_terminal:
        with err.status(Text(f"{title} …")) as status:
            yield lambda step: status.update(Text(f"{title}: {step} … {time.perf_counter() - started:.0f} s"))
        return
    print(f"{title} …", file=sys.stderr, flush=True)
    yield lambda step: print(f"  {time.perf_counter() - started:6.1f} s  {step}", file=sys.stderr, flush=True)


def say(text: str = "", style: str = "") -> None:
    """A line of result. Brackets in data are no markup, and what somebody wrote commands no terminal."""
    out.print(Text(text.translate(CONTROLS), style=style))


def heading(text: str) -> None:
    """A line that opens a part."""
    out.print(Text(text, style="bold"))
