"""`poise retire`: a contract is answered no more."""

from __future__ import annotations

from typing import Annotated

import typer

from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, WhoOption, print_json, say
from poise.interfaces.contracts import retire as retiring
from poise.interfaces.system import System


def retire(
    contract: Annotated[int, typer.Argument(help="The contract: its major version, e.g. 1.", min=1)],
    why: Annotated[str, typer.Option("--why", help="The reason, for the history and for those who still call.")],
    anyway: Annotated[bool, typer.Option("--anyway", help="Although somebody used it in the last 7 days.")] = False,
    file: FileOption = FILE,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer by a contract no more; callers are told by which they can ask instead."""
    names = retiring(System.read(file), contract, why=why, who=who, anyway=anyway)
    if as_json:
        print_json({"retired": contract, "releases": names})
    else:
        say(f"Contract {contract} is retired, with {', '.join(names)}.", "bold green")
