"""The command line: a table of commands, each loaded only when it is called.

A command parses, calls one handler of `poise.interfaces.system`, and prints. Exit codes are those of `poise.errors`, 0
where all went well, and the two below; `docs/exit-codes.md` lists them all.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from poise.errors import PoiseError, UsageError, did_you_mean
from poise.formats import CURRENT

COMMANDS: dict[str, tuple[str, str]] = {
    "assess": ("assess:assess", "Should ML be used here at all? Evidence from any table, in a minute."),
    "demo": ("demo:demo", "A market, trained and served, and a page on which weights move a real list."),
    "new": ("new:new", "Make a folder with a system that trains as it stands."),
    "up": ("up:up", "From the file to a system that answers: all of the below."),
    "check": ("check:check", "Say what is wrong with the file; 'skew': with answers."),
    "ingest": ("ingest:ingest", "Read the sources into the lake; set bad rows apart."),
    "quarantine": ("quarantine:quarantine", "List, explain and re-admit the rows set apart."),
    "suspects": ("suspects:suspects_", "Whose new rows nothing is learned from, until let in."),
    "train": ("train:train", "Learn the simplest sufficient models: a candidate."),
    "release": ("release:release", "Judge a candidate by every requirement."),
    "serve": ("serve:serve", "Answer requests over HTTP with the live release."),
    "rollout": ("rollout:rollout", "Let a release answer by stages; take it back."),
    "update": ("update:update", "Learn again if there is a reason to; only what is better goes live."),
    "retire": ("retire:retire", "Answer by a contract no more."),
    "monitor": ("monitor:monitor", "What changed since the release was judged, and whether it matters."),
    "rollback": ("rollback:rollback", "Make an earlier release live again."),
    "weights": ("weights:weights", "Show or change what a unit of each term is worth."),
    "estimate": ("estimate:estimate", "What another policy would have made, by any log with propensities."),
    "tokens": ("tokens:tokens", "Make, list and revoke the tokens that callers send."),
    "usage": ("usage:usage", "Who uses which contract and which field of it."),
    "explain": ("explain:explain", "Why a decision was made."),
    "forget": ("forget:forget", "Take everything of one person out of all that is kept."),
    "backup": ("backup:backup", "Copy everything that is kept, while a server runs or not."),
    "restore": ("backup:restore", "Put a backup in place as a new home."),
    "history": ("history:history", "What happened to this system: who, when and why."),
    "schema": ("schema:schema", "Print the JSON Schema of the system file."),
}
"""Name -> (module of this folder:function, one line of help). The order is the order of `poise --help`."""


STOPPED, UNREAD = 130, 141
"""The exit codes after Ctrl-C, and where nobody reads what is printed any more; both as shells count them."""


class CommandTable(TyperGroup):
    """A group whose commands are imported when they are called, so that `--help` stays fast."""

    listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        target, line = COMMANDS[cmd_name]
        if self.listing:
            return TyperCommand(cmd_name, help=line)
        module, _, function = target.partition(":")
        app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        app.command(cmd_name, help=line)(getattr(import_module(f"{__name__}.{module}"), function))
        return typer.main.get_command(app)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise UsageError(f"there is no command '{args[0]}'", hint=did_you_mean(args[0], COMMANDS))
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False


app = typer.Typer(
    cls=CommandTable,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(
    help="Poise turns a business problem and its data into a running machine-learning system, and keeps it honest.",
    epilog="Start with: poise demo, then: poise new DIR",
)
def poise() -> None:
    """The program itself takes no options."""


def main() -> None:
    """Run the command line; every error of Poise becomes a sentence on stderr and its exit code."""
    try:
        app(standalone_mode=True)
    except PoiseError as error:
        sys.exit(report(error))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNREAD)


def report(error: PoiseError) -> int:
    """Print an error the way the caller asked for (`--json` on stdout, else a sentence on stderr); its exit code."""
    if "--json" in sys.argv:
        problem = {
            "format": CURRENT["json"],
            "error": error.title,
            "detail": error.message,
            "where": error.where,
            "hint": error.hint,
        }
        print(json.dumps(problem))
    print(f"poise: {error}", file=sys.stderr)
    return error.exit_code
