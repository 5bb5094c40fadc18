"""How far an update is: a document that says its stage, so that one that was killed goes on where it was.

Every step is written only over the version that it follows: a process that was taken for dead and woke up again writes
nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from poise.stores.state_base import DocumentRow, Documents

KIND = "update"
KEPT = 50
"""Documents of updates that are kept; the history has all of them."""
Stage = Literal["train", "judge", "release", "done"]
Outcome = Literal["promoted", "begun", "kept", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Update:
    """One update: u1, u2, …

    stage: what is being done; outcome: what came of it, once it is done: the release is live (promoted), or answers a
    share (begun); it is not better (kept), a requirement refused it (refused), or it could not be made (failed).
    reasons: why it was begun. as_of: the system's clock when it was (microseconds). mature: objective -> rows whose
    label was known by then; versions: source -> version of its table. against: the release that was live. learn_from,
    windows, comparison: what was found. tries: how often it was begun or taken up again.
    """

    name: str
    stage: Stage
    reasons: tuple[str, ...]
    as_of: int
    mature: Mapping[str, int]
    versions: Mapping[str, int]
    who: str | None = None
    outcome: Outcome | None = None
    said: str = ""
    candidate: str | None = None
    release: str | None = None
    against: str | None = None
    learn_from: Mapping[str, Any] | None = None
    windows: Mapping[str, Any] | None = None
    comparison: Mapping[str, Any] | None = None
    tries: int = 1
    at: int = 0
    version: int = field(default=0)

    @classmethod
    def of(cls, row: DocumentRow) -> Update:
        """As the state database has it."""
        value = dict(row.value)
        value["reasons"] = tuple(value["reasons"])
        return cls(name=row.name, at=row.at, version=row.version, **value)

    def value(self) -> dict[str, Any]:
        """What the document says."""
        return {k: v for k, v in asdict(self).items() if k not in ("name", "at", "version")}


def updates(state: Documents) -> list[Update]:
    """All that are kept, the oldest first."""
    return sorted((Update.of(row) for row in state.documents(KIND)), key=lambda one: int(one.name[1:]))


def unfinished(state: Documents) -> Update | None:
    """The one that was begun and is not done; None where there is none."""
    newest = updates(state)[-1:]
    return newest[0] if newest and newest[0].stage != "done" else None


def begin(
    state: Documents,
    reasons: Sequence[str],
    as_of: int,
    mature: Mapping[str, int],
    versions: Mapping[str, int],
    *,
    against: str | None,
    who: str | None,
) -> Update:
    """Begin the next one, told in the history with why."""
    known = updates(state)
    name = f"u{int(known[-1].name[1:]) + 1 if known else 1}"
    new = Update(name, "train", tuple(reasons), as_of, dict(mature), dict(versions), who, against=against)
    row = state.put_document(KIND, name, new.value(), expected=0, act="update", why="; ".join(reasons), who=who)
    for old in known[: -KEPT + 1]:
        state.drop_document(KIND, old.name)
    return Update.of(row)


def step(state: Documents, now: Update, stage: Stage, **found: Any) -> Update:
    """Go on to another stage with what was found. Raises `Stale` where another process went on with it."""
    to = replace(now, stage=stage, **found)
    return Update.of(state.put_document(KIND, now.name, to.value(), expected=now.version))


def finish(state: Documents, now: Update, outcome: Outcome, said: str, **found: Any) -> Update:
    """Write down what came of it, in the history too."""
    to = replace(now, stage="done", outcome=outcome, said=said, **found)
    details = {"outcome": outcome, "candidate": to.candidate, "release": to.release, "against": to.against}
    act = "updated" if outcome in ("promoted", "begun") else "keep"
    row = state.put_document(
        KIND, now.name, to.value(), expected=now.version, act=act, why=said, who=now.who, details=details
    )
    return Update.of(row)


def resumed(state: Documents, now: Update) -> Update:
    """Say in the history that an update that was interrupted goes on."""
    row = state.put_document(
        KIND,
        now.name,
        replace(now, tries=now.tries + 1).value(),
        expected=now.version,
        act="resume",
        why=f"it was interrupted before it could {now.stage}",
        who=now.who,
    )
    return Update.of(row)
