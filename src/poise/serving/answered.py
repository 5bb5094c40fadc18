"""What comes of a request: the answer as it goes back, or predictions before they are written.

Structs, since a frozen class is dear to make, and not looked at by the garbage collector: none of them can hold itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec

from poise.encoding import encode

if TYPE_CHECKING:
    from poise.serving.score import Scored
    from poise.serving.telemetry import Telemetry


class Used(msgspec.Struct, frozen=True, gc=False):
    """What a request used: a major version of the contract, and the `fields` of the rows of `per` that it sent."""

    contract: int
    per: str
    fields: frozenset[str]


class LogEntry(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What the log keeps of an answer, before it is written: where nobody waits for the log, that is done once the
    answer has gone. seconds: what it took so far.
    """

    fields: Mapping[str, Any]
    seconds: float = 0.0

    def encoded(self, telemetry: Telemetry | None = None) -> bytes:
        """Its JSON, made anew with each call; `telemetry` is told how long all of it took. Raises `PoiseError` for what
        JSON has no form for."""
        began = perf_counter()
        body = encode(self.fields)
        if telemetry is not None:
            ended = perf_counter()
            telemetry.stage("log", self.seconds + ended - began, ended)
        return body


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What goes back to the caller."""

    status: int
    body: bytes
    content_type: str = "application/json"
    kept: LogEntry | None = None
    """What the log keeps of it, where answers are logged; `decided` says whether it is a decision."""
    decided: bool = False
    instant: int = 0
    """T of what is kept."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Those that go with the body beside its type and length, names in lower case."""
    release: str = ""
    decisions: tuple[str, ...] = ()
    """What answered, and the ids of what was decided: by these an answer is found again."""
    used: Used | None = None


class Predicted(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The predictions for rows of `per`, before they are written: `head` says by what and for when."""

    per: str
    head: Mapping[str, Any]
    scored: Scored
    instant: int
    """T, as `Answer` has it."""
    used: Used
    kept: LogEntry | None = None
    """What the log keeps of it."""
