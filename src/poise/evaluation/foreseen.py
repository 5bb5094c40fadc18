"""What a candidate would come to in a term beside what is live, told from the log of the one that was live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poise.evaluation.off_policy import LoggedRows


@dataclass(frozen=True, slots=True, eq=False)
class Foreseen:
    """The same logged decisions under the candidate (`new`) and under what is live (`now`), of one term.

    noun: what they are, `list` or `choice`. of: the release that logged them; since: from when on, as a sentence has
    it: what the candidate learned from lies before.
    """

    new: LoggedRows
    now: LoggedRows
    noun: str
    of: str
    since: str


@dataclass(frozen=True, slots=True, eq=False)
class Foresight:
    """Term -> what is foreseen of it; or why nothing is, as a sentence without its full stop."""

    terms: Mapping[str, Foreseen] = field(default_factory=dict)
    why_not: str | None = None
