"""`poise tokens`: who may ask the server for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from poise.errors import UsageError, did_you_mean
from poise.interfaces import tokens as handler
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, WhoOption, WhyOption, print_json, say
from poise.interfaces.system import System
from poise.serving.caller import ROLES

ACTS = ("list", "add", "revoke")


def tokens(
    act: Annotated[str, typer.Argument(help="add or revoke a token, or list all.")] = "list",
    name: Annotated[str | None, typer.Argument(help="add, revoke: the token's name, as of who uses it.")] = None,
    roles: Annotated[
        list[str] | None, typer.Option("--role", help=f"add: what it may do, of {', '.join(ROLES)}; may be repeated.")
    ] = None,
    speaks_for: Annotated[
        list[str] | None,
        typer.Option(
            "--speaks-for", metavar="WHO", help="add: the stakeholder whose approval it gives; may be repeated."
        ),
    ] = None,
    per_second: Annotated[
        float | None, typer.Option("--per-second", help="add: requests that it may make; default any number.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="WHEN", help="add: void after, as 90d or 2027-03-01; or never.")
    ] = None,
    file: FileOption = FILE,
    who: WhoOption = None,
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the tokens; make one, which is printed once; or revoke one. A running server follows within a second."""
    if act not in ACTS:
        raise UsageError(f"there is no 'poise tokens {act}'", hint=did_you_mean(act, ACTS))
    _fitting(act, name, roles=roles, speaks_for=speaks_for, per_second=per_second, expires=expires, who=who, why=why)
    system = System.read(file)
    zone = system.spec.timezone
    if act == "add":
        assert name is not None
        options = {"speaks_for": speaks_for or (), "per_second": per_second, "expires": expires, "who": who, "why": why}
        made = handler.add(system.state, name, roles or (), zone=zone, **options)  # type: ignore[arg-type]
        _made(made, as_json)
    elif act == "revoke":
        assert name is not None
        system.state.revoke_token(name, who=who, why=why)
        left = sum(one["status"] == "in force" for one in handler.listed(system.state, zone))
        _revoked(name, left, as_json)
    else:
        _listed(handler.listed(system.state, zone), as_json)


def _fitting(act: str, name: str | None, **given: object) -> None:
    """Raises `UsageError` for what is lacking, and for options that would do nothing."""
    if (name is None) != (act == "list"):
        said = (
            f"'poise tokens {act}' needs the name of a token" if name is None else "'poise tokens list' takes no name"
        )
        raise UsageError(said, hint="poise tokens add NAME --role predict")
    idle = {"list": tuple(given), "revoke": ("roles", "speaks_for", "per_second", "expires"), "add": ()}[act]
    for option in idle:
        if given[option] not in (None, "", []):
            shown = {"roles": "--role", "per_second": "--per-second", "speaks_for": "--speaks-for"}.get(
                option, f"--{option}"
            )
            raise UsageError(f"{shown} does nothing with 'poise tokens {act}'")


def _made(made: handler.Made, as_json: bool) -> None:
    if as_json:
        print_json({"name": made.row.name, "roles": list(made.row.roles), "token": made.secret, "first": made.first})
        return
    say(f"The token '{made.row.name}' may {_may(made.row.roles, made.row.per_second)}:", "bold green")
    print(made.secret)
    say("It is shown this once; what is kept of it is a digest. Callers send: authorization: Bearer TOKEN")
    if made.first:
        say("It is the first: within a second servers of this system answer nobody without a token.", "yellow")


def _revoked(name: str, left: int, as_json: bool) -> None:
    if as_json:
        print_json({"revoked": name, "in_force": left})
        return
    say(f"The token '{name}' is revoked: within a second no server answers to it.", "bold")
    if not left:
        say("No token is left: servers answer nobody, but those that run --without-tokens.", "yellow")


def _listed(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json({"tokens": rows})
        return
    for row in rows:
        say(f"{row['name']}: {row['status']}; may {_may(row['roles'], row['per_second'])}", _STYLES[row["status"]])
        if row["speaks_for"]:
            say(f"  speaks for {', '.join(row['speaks_for'])}")
        say(f"  {_times(row)}")
    if not rows:
        say("There are no tokens: a server answers programs of its own machine, and nobody else.")


def _may(roles: Any, per_second: float | None) -> str:
    return ", ".join(roles) + (f", {per_second:g} times a second" if per_second is not None else "")


def _times(row: Mapping[str, Any]) -> str:
    said = [f"made {row['made']} by {row['who']}", f"last seen {row['seen']}" if row["seen"] else "never seen"]
    for word in ("expires", "revoked"):
        said += [f"{word} {row[word]}"] if row[word] else []
    return ", ".join(said)


_STYLES = {"in force": "bold", "revoked": "dim", "expired": "yellow"}
