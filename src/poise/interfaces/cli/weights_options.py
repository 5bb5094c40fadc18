"""The options of `poise weights`: which go together, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poise.errors import UsageError, did_you_mean
from poise.interfaces.cli.proposals import NEEDS

LOOKS = {"preview": "--set", "suggest": "--gain", "realised": ""}
"""The words that only look, and the option that each needs."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options as they came."""

    changes: Sequence[str]
    gain: Sequence[str]
    take_back: bool
    to: int | None
    expect: int | None
    until: str | None
    history: bool
    who: str | None
    why: str

    @property
    def of_a_change(self) -> dict[str, object]:
        """Those that say more of a change, as they are written."""
        return {"--to": self.to, "--expect": self.expect, "--until": self.until, "--who": self.who, "--why": self.why}

    @property
    def idle(self) -> str | None:
        """The first option of a change that was given."""
        return next((name for name, value in self.of_a_change.items() if value not in (None, "")), None)


def must_stand_alone(act: str, options: Options) -> None:
    """Raises `UsageError` for options that would change weights beside an act on a proposal."""
    o = options
    if o.changes or o.gain or o.take_back or o.history or o.to is not None or o.until:
        raise UsageError(f"'poise weights {act}' changes no weights by itself", hint="leave the other options out")


def must_change_nothing(act: str, options: Options) -> None:
    """Raises `UsageError` for a word that is no act, and for options that would do nothing with it."""
    if act not in LOOKS:
        hint = did_you_mean(act, (*LOOKS, *NEEDS))
        raise UsageError(f"'{act}' is nothing that can be done with weights", hint=hint)
    other = options.take_back or options.history
    if other or bool(options.changes) != (act == "preview") or bool(options.gain) != (act == "suggest"):
        if not LOOKS[act]:
            raise UsageError(f"'poise weights {act}' goes with the number of a version alone")
        raise UsageError(f"'poise weights {act}' goes with {LOOKS[act]} alone", hint=f"add {LOOKS[act]} TERM=…")
    if options.idle is not None:
        raise UsageError(f"{options.idle} goes with a change; '{act}' changes nothing")


def must_be_one_act(options: Options) -> None:
    """Raises `UsageError` for two acts at once, and for options that would do nothing."""
    if options.gain:
        raise UsageError("--gain goes with 'poise weights suggest'")
    if bool(options.changes) + options.take_back + options.history > 1:
        raise UsageError("--set, --take-back and --history do not go together", hint="one at a time")
    if options.to is not None and not options.take_back:
        raise UsageError("--to goes with --take-back")
    if options.until is not None and not options.changes:
        raise UsageError("--until goes with --set")
    changing = bool(options.changes) or options.take_back
    if options.idle is not None and not changing:
        raise UsageError(f"{options.idle} goes with a change", hint="add --set TERM=WEIGHT or --take-back")
    if changing and not options.why:
        raise UsageError("a change of weights needs a reason", hint='add --why "..."')


def values(texts: Sequence[str]) -> dict[str, float]:
    """Term -> weight, of `revenue=0.4`."""
    out: dict[str, float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        term = name.strip()
        if term in out:
            raise UsageError(f"'{term}' is set twice")
        try:
            out[term] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(f"'{text}' is not a weight", hint="write e.g. --set revenue=0.4")
    return out


def goals(texts: Sequence[str]) -> dict[str, float]:
    """Term -> the share that it is to gain, of `revenue=3%` or `revenue=0.03`."""
    out: dict[str, float] = {}
    for text in texts:
        term, _, share = text.partition("=")
        number, percent = share.strip().removesuffix("%"), share.strip().endswith("%")
        try:
            out[term.strip()] = float(number) / (100 if percent else 1)
        except ValueError:
            raise UsageError(f"'{text}' is not a gain", hint="write e.g. --gain revenue=3%") from None
    return out


def version(text: str) -> int:
    """The number of a version of the weights."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"'{text}' is not the number of a version", hint="see 'poise weights --history'") from None
