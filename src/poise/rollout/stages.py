"""The steps of a rollout: begun, its share raised, advanced, undone. Each is a line of the history.

At any time one release is under way at most. What answered before goes on answering whom the new release does not, and
everybody again once it is undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from poise.errors import NotNow, StateError, UsageError
from poise.rollout.plan import Plan, Stage
from poise.stores.state_base import DocumentRow, LiveRow, ReleaseRow


class Rollouts(Protocol):
    """What this needs of the state database; each change is one transaction with its history line."""

    def live(self) -> LiveRow | None: ...
    def standing(self, instant: int | None = None) -> Sequence[LiveRow]: ...
    def release(self, name: str) -> ReleaseRow: ...
    def promote(self, name: str, *, why: str, who: str | None = None) -> None: ...
    def document(self, kind: str, name: str) -> DocumentRow | None: ...
    def documents(self, kind: str) -> Sequence[DocumentRow]: ...
    def rollout(self) -> DocumentRow | None: ...
    def step_rollout(
        self,
        name: str,
        value: Mapping[str, Any],
        *,
        expected: int,
        act: str,
        why: str,
        who: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> DocumentRow: ...


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where a release stands on its way.

    against: the release that answers the others. share: of the callers (canary) or of the requests (shadow). since:
    when this stage began, microseconds; a share that was raised begins it anew. breach: what took it back, where a
    guardrail did. version: of the document, for whoever changes it.
    """

    release: str
    stage: Stage
    share: float
    against: str
    plan: Plan
    since: int
    who: str | None
    why: str
    breach: Mapping[str, Any] | None = None
    version: int = 0
    contract: int | None = field(default=None)

    @classmethod
    def of(cls, row: DocumentRow) -> Rollout:
        """As the state database has it."""
        value = row.value
        return cls(
            row.name,
            value["stage"],
            value["share"],
            value["against"],
            Plan.from_dict(value["plan"]),
            row.at,
            value["who"],
            value["why"],
            value["breach"],
            row.version,
            value["contract"],
        )

    def value(self) -> dict[str, Any]:
        """What the document says."""
        return {
            "stage": self.stage,
            "share": self.share,
            "against": self.against,
            "plan": self.plan.to_dict(),
            "who": self.who,
            "why": self.why,
            "breach": None if self.breach is None else dict(self.breach),
            "contract": self.contract,
        }


def under_way(state: Rollouts) -> Rollout | None:
    """The release that does not answer everybody yet; None where there is none."""
    row = state.rollout()
    return None if row is None else Rollout.of(row)


def newest(state: Rollouts) -> Rollout | None:
    """The one that is under way, else the one that ended last; None where there never was one."""
    rows = state.documents("rollout")
    return under_way(state) or (Rollout.of(max(rows, key=lambda row: row.at)) if rows else None)


def must_be_free(state: Rollouts) -> None:
    """Raises `NotNow` where a release is under way."""
    now = under_way(state)
    if now is not None:
        said = f"{now.release} is under way ({now.stage}), and only one release at a time can be"
        raise NotNow(said, hint="advance or undo it first: poise rollout")


def begin_rollout(
    state: Rollouts, release: str, plan: Plan, *, who: str | None = None, why: str = ""
) -> Rollout | None:
    """Let a recorded release begin as `plan` says; None where it is live at once, as the first release always is.

    Raises `NotNow` where another is under way, `StateError` where it is not released, or where it is to begin with a
    share and answers by another contract than what is live: callers of one contract are not answered by another.
    """
    must_be_free(state)
    if plan.begin == "live" or state.live() is None:
        state.promote(release, why=why, who=who)
        return None
    contract, against = _beside(state, release)
    before = state.document("rollout", release)
    share = plan.canary if plan.begin == "canary" else plan.shadow
    made = Rollout(release, plan.begin, share, against, plan, 0, who, why, contract=contract)
    return _step(state, replace(made, version=before.version if before else 0), plan.begin)


def advance(
    state: Rollouts, *, why: str, who: str | None = None, share: float | None = None, expected: int | None = None
) -> Rollout:
    """The next stage: a shadow becomes a canary, a canary answers everybody. share: stay a canary, of this share.

    Raises `NotNow` where nothing is under way, `Stale` where somebody changed it since version `expected`, `UsageError`
    for a smaller share than there is, `StateError` where what it ran beside is not live any more.
    """
    now = _must_be_under_way(state, expected)
    if _beside(state, now.release)[1] != now.against:
        said = f"{now.release} ran beside {now.against}, which is not live any more"
        raise StateError(said, hint="undo it, and begin anew beside what is live")
    if share is not None:
        return _shared(state, now, share, who, why)
    if now.stage == "shadow":
        return _step(state, replace(now, stage="canary", share=now.plan.canary, who=who, why=why), "canary")
    return _step(state, replace(now, stage="live", share=1.0, who=who, why=why), "promote")


def undo(
    state: Rollouts,
    *,
    why: str,
    who: str | None = None,
    breach: Mapping[str, Any] | None = None,
    expected: int | None = None,
) -> Rollout:
    """Take the release that is under way back: everybody is answered by what is live.

    breach: what a guardrail found, kept with it. Raises `NotNow` where nothing is under way, `Stale` as `advance` does.
    """
    now = _must_be_under_way(state, expected)
    return _step(state, replace(now, stage="undone", share=0.0, who=who, why=why, breach=breach), "undo")


def _shared(state: Rollouts, now: Rollout, share: float, who: str | None, why: str) -> Rollout:
    if not 0 < share < 1:
        raise UsageError(f"the share {share:g} came", hint="more than 0 and less than 1; everybody: advance without")
    if now.stage == "canary" and share <= now.share:
        said = f"{now.release} answers {now.share:.3g} of the callers, and the share {share:.3g} came"
        raise UsageError(said, hint="a share is only raised; to take the release back, undo it")
    act = "share" if now.stage == "canary" else "canary"
    return _step(state, replace(now, stage="canary", share=share, who=who, why=why), act)


def _step(state: Rollouts, to: Rollout, act: str) -> Rollout:
    details: dict[str, Any] = {"stage": to.stage, "share": to.share, "against": to.against}
    if to.breach is not None:
        details["breach"] = dict(to.breach)
    row = state.step_rollout(
        to.release, to.value(), expected=to.version, act=act, why=to.why, who=to.who, details=details
    )
    return Rollout.of(row)


def _must_be_under_way(state: Rollouts, expected: int | None) -> Rollout:
    now = under_way(state)
    if now is None:
        raise NotNow("no release is under way", hint="begin one: poise release --rollout canary")
    return now if expected is None else replace(now, version=expected)


def _beside(state: Rollouts, release: str) -> tuple[int | None, str]:
    """The contract of a release, and the other release that answers by it."""
    mine = state.release(release).verdict.get("contract")
    for row in reversed(state.standing()):
        if state.release(row.release).verdict.get("contract") != mine:
            continue
        if row.release == release:
            raise StateError(f"{release} is live already")
        return mine, row.release
    said = f"{release} answers by contract {mine}, by which no release answers yet: nobody could be asked to share"
    raise StateError(said, hint="let it go live at once: --rollout live")
