"""`poise update`: learn again if there is a reason to, and let only what is better than the live release go live.

One process at a time does so. How far it is stands in the state database after every step, so that whoever comes after
a kill goes on there. Nothing that answers is touched before the last step, which is one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from poise.clock import to_text
from poise.errors import DataError, Refused, UsageError
from poise.evaluation.measures import ServingMeasures
from poise.interfaces.guarding import guarded_rows
from poise.interfaces.letting_on import let_on
from poise.interfaces.what_to_learn import what_to_learn
from poise.monitoring.finding import Finding
from poise.monitoring.gathering import Span, gather
from poise.monitoring.looking import look
from poise.releases.folder import ReleaseFolder
from poise.releases.judged import Judged
from poise.rollout.plan import Plan
from poise.rollout.stages import begin_rollout, under_way
from poise.spec.updates import Updates
from poise.stores.state_base import ReleaseRow
from poise.updating.comparison import compare, shared_level
from poise.updating.lease import Lease, only_one
from poise.updating.mature import last_learned, mature_labels, system_now
from poise.updating.stages import Outcome, Update, begin, finish, resumed, step, unfinished, updates
from poise.updating.triggers import Facts, asks_monitors, cooling, frozen, reasons

if TYPE_CHECKING:
    from poise.interfaces.system import System

Progress = Callable[[str], None]
WHO = "update"
"""Who stands in the history where nobody is named: nobody decided it, the file did."""
MOST_TRIES = 3
"""An update that was interrupted so often is given up: what interrupts it may be the update itself."""
_KEPT = {
    "alike": "{} is not sure to be better than {}",
    "worse": "{} is worse than {}",
    "cannot tell": "whether {} is better than {} cannot be told",
}


@dataclass(frozen=True, slots=True)
class Updated:
    """What came of one look. outcome: as of an update, or why none was made: nothing is a reason (`not due`), it is too
    soon (`cooling`), a window forbids it (`frozen`), an earlier release is still under way (`waiting`)."""

    outcome: Outcome | Literal["not due", "cooling", "frozen", "waiting"]
    sentence: str
    as_of: int
    update: Update | None = None

    def to_dict(self, zone: str = "UTC") -> dict[str, Any]:
        """For JSON."""
        made = None if self.update is None else {"name": self.update.name, **self.update.value()}
        told = {"outcome": self.outcome, "sentence": self.sentence, "as_of": to_text(self.as_of, zone)}
        return {**told, "update": made}


def updated(system: System, *, now: bool, override: bool, who: str | None, why: str, progress: Progress) -> Updated:
    """One look, holding the lease. See `System.update`."""
    spec = system.spec.updates
    if spec is None and not now:
        hint = "say when to learn again, e.g. updates: {every: 1d}, or learn now: poise update --now"
        raise UsageError("the file says nothing of updates", hint=hint)
    if override and not why:
        raise UsageError("overriding a freeze window needs a reason", hint="--why '…'")
    with only_one(system.state, who=who or WHO) as lease:
        return _Round(system, spec or Updates(), lease, who or WHO, progress).look(now=now, override=override, why=why)


class _Round:
    """One look at one system by the process that holds the lease."""

    def __init__(self, system: System, spec: Updates, lease: Lease, who: str, progress: Progress) -> None:
        self.system, self.spec, self.lease, self.who, self._progress = system, spec, lease, who, progress
        self.state, self.zone = system.state, system.spec.timezone

    def progress(self, message: str) -> None:
        """Tell what is being done; raises `Stale` where somebody else does it by now."""
        self.lease.must_hold()
        self._progress(message)

    def look(self, *, now: bool, override: bool, why: str) -> Updated:
        """Go on with what was interrupted, or see whether there is a reason to begin."""
        self.progress("catching up")
        self.system.ingest(who=self.who)
        as_of = system_now(self.system.spec, self.system.lake)
        going = under_way(self.state)
        window = frozen(self.spec, as_of, self.zone)
        if window is not None and not override:
            undone = let_on(self.system, who=self.who, frozen=True)  # no window keeps what does harm
            said = undone or f"nothing is changed now: the window '{window.text}' holds"
            return Updated("frozen", said, as_of, unfinished(self.state))
        before = unfinished(self.state)
        mine = None if before is None or before.candidate is None else self._made_of(before.candidate)
        if going is not None and (mine is None or mine.name != going.release):
            done = let_on(self.system, who=self.who)
            said = f"{going.release} is under way ({going.stage}), and one release at a time is enough"
            return Updated("waiting", done or said, as_of, before)
        if before is None:
            facts = self._facts(as_of)
            found = self._reasons(facts, now, why)
            if isinstance(found, Updated):
                return found
            live = self.state.live()
            before = begin(
                self.state,
                found,
                as_of,
                facts.mature,
                self.system.lake.versions(),
                against=None if live is None else live.release,
                who=self.who,
            )
        else:
            before = resumed(self.state, before)
        if window is not None:
            self.state.note("override", before.name, why=f"although '{window.text}' holds: {why}", who=self.who)
        return self._carried_out(before, as_of)

    def _facts(self, as_of: int) -> Facts:
        self.progress("looking for reasons")
        tried, live = updates(self.state)[-1:], self.system.live_folder()
        mature, versions = mature_labels(self.system.spec, self.system.lake), self.system.lake.versions()
        last = last_learned(self.system.spec, self.system.lake, live, tried[0] if tried else None)
        anything_new = any(last.versions.get(name) != version for name, version in versions.items())
        facts = Facts(as_of, last.at, mature, last.mature, anything_new)
        return replace(facts, findings=self._findings(live, as_of)) if asks_monitors(self.spec, facts) else facts

    def _findings(self, live: ReleaseFolder | None, as_of: int) -> Sequence[Finding]:
        """What monitors say as of now; nothing where no models are live."""
        if live is None or self.system.starting:
            return ()
        self.progress("asking monitors")
        span = Span(None, as_of + 1, as_of)
        return look(gather(self.system.spec, live, self.system.lake, span, measured={"serving": ServingMeasures()}))

    def _reasons(self, facts: Facts, now: bool, why: str) -> list[str] | Updated:
        if now:
            return [why or "asked for"]
        if self.system.live_folder() is None:
            return ["nothing is live yet"]
        found = reasons(self.spec, facts)
        if not found:
            said = f"there is no reason to learn again ({facts.new:,} new labels)"
            return Updated("not due", said, facts.now)
        soon = cooling(self.spec, facts, self.zone)
        return found if soon is None else Updated("cooling", soon, facts.now)

    def _carried_out(self, now: Update, as_of: int) -> Updated:
        """Its stages from where it is."""
        try:
            if now.tries > MOST_TRIES:
                return self._done(now, "failed", f"given up: it was interrupted {MOST_TRIES} times", as_of)
            if now.stage == "train":
                now = self._train(now)
            if now.stage == "judge":
                now = self._judge(now)
            if now.stage == "release":
                now = self._release(now)
            return Updated(_outcome(now), now.said, as_of, now)
        except Refused as refused:
            return self._done(now, "refused", f"{refused.message}; {self._stays()}", as_of)
        except DataError as error:
            return self._done(now, "failed", f"{error.message}; {self._stays()}", as_of)

    def _done(self, now: Update, outcome: Outcome, said: str, as_of: int) -> Updated:
        made = finish(self.state, now, outcome, said)
        return Updated(outcome, said, as_of, made)

    def _stays(self) -> str:
        live = self.state.live()
        return "nothing is live" if live is None else f"live stays {live.release}"

    def _train(self, now: Update) -> Update:
        self.progress("looking for what is suspect")
        guarded_rows(self.system, self.who, self.progress)
        limits, windows = what_to_learn(self.system, self.spec, now.as_of, self.progress)
        made = self.system.train(learn_from=limits, who=self.who, why=f"{now.name}: {now.reasons[0]}",
                                 progress=self.progress)  # fmt: skip
        self.lease.must_hold()
        name = made.folder.name
        return step(self.state, now, "judge", candidate=name, learn_from=limits.to_dict(), windows=windows)

    def _judge(self, now: Update) -> Update:
        """Compare; keep what is live unless the candidate is better."""
        assert now.candidate is not None
        live = self.system.live_folder()
        if live is None or self.system.starting:
            return step(self.state, now, "release")
        self.progress(f"comparing {now.candidate} with {live.name}")
        weights = self.state.weights()
        found = compare(
            self.system.spec,
            Judged.load(self.system.settings.judged / now.candidate),
            {} if weights is None else weights.values,
            shared_level(self.spec.level, now.windows),
        )
        if found.verdict != "better":
            said = _KEPT[found.verdict].format(now.candidate, live.name)
            said = f"{said}: {found.sentence}; live stays {live.name}"
            return finish(self.state, now, "kept", said, comparison=found.to_dict())
        return step(self.state, now, "release", comparison=found.to_dict())

    def _release(self, now: Update) -> Update:
        """Let the gates judge it, and begin to answer with it; what was done already is not done again."""
        assert now.candidate is not None
        made = self._made_of(now.candidate)
        if made is None:
            why = f"{now.name}: {(now.comparison or {}).get('sentence', now.reasons[0])}"
            report = self.system.release(now.candidate, who=self.who, why=why, rollout=self._begins(),
                                         progress=self.progress)  # fmt: skip
            made = self.state.release(report.folder.name)
        elif made.status == "released" and not self._begun(made.name):
            live = self.state.live()
            if (None if live is None else live.release) != now.against:
                return finish(
                    self.state, now, "failed", f"{made.name} was made beside {now.against}, and {self._stays()}"
                )
            plan = Plan.of(self.system.spec.rollout, self._begins())
            begin_rollout(self.state, made.name, plan, who=self.who, why=f"{now.name}, which was interrupted")
            self.system.seed_weights(made.name, self.who)
        if made.status == "refused":
            said = "; ".join(one["sentence"] for one in made.verdict["verdicts"] if one.get("refuses", _stops(one)))
            return finish(self.state, now, "refused", f"{made.name} is not released: {said}", release=made.name)
        going = under_way(self.state)
        if going is not None and going.release == made.name:
            said = f"{made.name} answers {100 * going.share:.3g}% ({going.stage}), and all once it held"
            return finish(self.state, now, "begun", said, release=made.name)
        better = (now.comparison or {}).get("sentence")
        why = f"{made.name} is live, for it is better than {now.against}: {better}"
        said = why if better else f"{made.name} is live, the first"
        return finish(self.state, now, "promoted", said, release=made.name)

    def _begins(self) -> str | None:
        """How a release begins to answer, as the file says of updates; None: as it says of all releases."""
        if self.spec.shadow is not None:
            return f"shadow={self.spec.shadow}"
        return None if self.spec.canary is None else f"canary={self.spec.canary}"

    def _made_of(self, candidate: str) -> ReleaseRow | None:
        """The release that was made of a candidate and recorded; None where there is none."""
        for row in reversed(self.state.releases()):
            if row.status not in ("released", "refused"):
                continue
            if self.system.folder(row.name).json("release").get("candidate") == candidate:
                return row
        return None

    def _begun(self, release: str) -> bool:
        """Whether it ever began to answer, or to be a shadow."""
        begun = {"promote", "canary", "shadow"}
        return any(line.act in begun for line in self.state.history(subject=release))


def _stops(verdict: dict[str, Any]) -> bool:
    """Whether a verdict as recorded stopped a release."""
    return verdict["status"] in ("fail", "insufficient") and not verdict.get("allowed")


def _outcome(now: Update) -> Outcome:
    assert now.outcome is not None
    return now.outcome
