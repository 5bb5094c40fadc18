"""The release that is on its way to everybody, in a server that runs: put beside the live one, watched, taken back.

The state database says which one and at what stage. What the guardrails find is written there some seconds later at
most; where one is breached the release answers nobody any more at once, and the rollout is undone.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from poise.errors import NotNow, Stale, StateError
from poise.interfaces.fitting import lacks
from poise.rollout.comparison import Comparison
from poise.rollout.figures import figures
from poise.rollout.guardrails import Guardrails, Verdict
from poise.rollout.ready import SEEN
from poise.rollout.shared import Known
from poise.rollout.stages import Rollout, under_way, undo
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.serving.served import Served
from poise.serving.sticky import Sticky
from poise.serving.telemetry import Telemetry
from poise.serving.trial import Canary, Seen, Shadow, Trial
from poise.spec.rollout import Rollout as Declared
from poise.stores.state import State
from poise.stores.state_base import DocumentRow, LiveRow

_LOG = logging.getLogger("poise.rollout")
TOLD = 2.0
"""Seconds between two times that what was seen is written down."""
MOST_READ = 200
"""Answers that are read in one look: it is in the way of those that are made."""
EVIDENCE, ONE = "rollout-evidence", "now"
"""The kind and name of the document with what all servers know of the stage that is under way: `release`, `since`
(when the stage began) and what `Known` has."""
TRIES = 5
"""How often in a row a write is tried where other servers write too; then again some seconds later."""
ITSELF = "guardrail"
"""Who undoes a release that breached one."""


class OnTrial:
    """At most one release, beside the one that answers by its contract. For the thread that follows the state."""

    def __init__(self, state: State, served: Served) -> None:
        self._state, self._served = state, served
        self._now: Rollout | None = None
        self._guardrails: Guardrails | None = None
        self._comparison = Comparison()
        self._breach: Verdict | None = None
        self._next, self._reads = 0.0, MOST_READ
        self.tells = True
        """Whether what is seen is written down: a process that rows do not come in by does not."""
        served.telemetry.watch("rollout_stage", self._stages)
        served.telemetry.watch("rollout_share", lambda: {} if self._now is None else {(): self._now.share})

    @property
    def release(self) -> str | None:
        """What is on trial, or is to be as soon as it is loaded."""
        return None if self._now is None else self._now.release

    def wanted(self) -> LiveRow | None:
        """The release that the state database wants beside what is live; what is not wanted any more is taken out."""
        row = self._state.rollout()
        now = None if row is None else Rollout.of(row)
        if now is not None and self._breach is not None and self._now is not None and now.version == self._now.version:
            return None  # it was breached, and that could not be written yet
        beside = now is not None and any(one.release == now.against for one in self._served.all)
        if now is None or row is None or not beside:
            self._end()
            return None
        if self._now is not None and now.release != self._now.release:
            self._end()
        return LiveRow(now.release, row.made, "promote")

    def put(self, answerer: Answerer) -> None:
        """Let a loaded release be asked from the next request on, as its stage says.

        Raises `StateError` where it reads what rows by the live release's file do not have.
        """
        now = under_way(self._state)
        if now is None or now.release != answerer.release or (now == self._now and self._served.trial is not None):
            return
        must_fit_beside(answerer.loaded, self._served.newest.loaded)
        live, system = self._served.answers(answerer.loaded.contract.major), answerer.loaded.system
        if live is None or live is answerer:
            return
        self._now, self._breach, self._comparison = now, None, Comparison()
        self._served.taken_back = None
        answerer.counting = now.stage != "shadow"  # what nobody is answered uses up no capacity
        if now.stage == "shadow":
            answerer.telemetry, self._guardrails = Telemetry(), None  # its stages are none of the answers'
            self._served.trial = Shadow(answerer, now.share)
        else:
            answerer.telemetry = self._served.telemetry
            declared = (system.rollout or Declared()).guardrails
            self._guardrails = Guardrails(
                declared, now.share, _bound(answerer.loaded), _known(self._state.document(EVIDENCE, ONE), now)
            )
            sticky = Sticky.of(answerer.loaded.contract, now.release, now.plan.sticky, _person(answerer.loaded))
            self._served.trial = Canary(answerer, sticky, now.share)
        _LOG.info("%s is a %s of %.3g%% beside %s", now.release, now.stage, 100 * now.share, now.against)

    def watch(self) -> None:
        """See what came of it since the last call, write that down now and then, and take it back where it has to be.

        Raises `StateError` where that cannot be written now; the next call tries again.
        """
        trial, now = self._served.trial, self._now
        if now is not None and self._breach is not None:
            return self._undo(now, self._breach)
        if trial is None or now is None:
            return
        self._reads = MOST_READ
        for seen in trial.take():
            self._see(seen)
        breach, due = self._breached(), time.monotonic() >= self._next
        if breach is None and not due:
            return
        self._next = time.monotonic() + TOLD
        try:
            self._tell(trial, now)
            breach = self._breached()  # with what other servers saw
        finally:  # what cannot be written is known all the same
            if breach is not None:
                self._served.trial, self._breach, self._served.taken_back = None, breach, now.release
                _LOG.error("%s answers nobody any more: %s", now.release, breach.says)
        if breach is not None:
            self._undo(now, breach)

    def _breached(self) -> Verdict | None:
        return None if self._guardrails is None else self._guardrails.breach()

    def _see(self, seen: Seen) -> None:
        if self._guardrails is None:
            self._comparison.see(seen)
            self._served.telemetry.count("shadow", "failed" if seen.failed else "scored")
            return
        said = None
        if seen.body is not None and self._reads > 0 and self._guardrails.wants(seen):
            said, self._reads = figures(seen.body), self._reads - 1
        self._guardrails.see(seen, said)
        arm = "canary" if seen.canary else "live"
        self._served.telemetry.count("rollout_answers", arm, "failed" if seen.failed else "answered")

    def _tell(self, trial: Trial, now: Rollout) -> None:
        if not self.tells:
            return
        value: dict[str, Any] = {"version": now.version, "stage": now.stage, "dropped": trial.dropped}
        if self._guardrails is None:
            value["shadow"] = self._comparison.to_dict(trial.dropped)
        else:
            self._add_up(self._guardrails, now)
            value["answers"] = dict(self._guardrails.answers)
            value["guardrails"] = [one.to_dict() for one in self._guardrails.verdicts()]
        self._state.put_document(SEEN, now.release, value)

    def _undo(self, now: Rollout, breach: Verdict) -> None:
        try:
            undo(self._state, why=breach.says, who=ITSELF, breach=breach.to_dict(), expected=now.version)
        except (NotNow, Stale) as error:  # somebody took it back, or changed its share: it is looked at anew
            _LOG.warning("%s was changed meanwhile: %s", now.release, error)
        self._breach, self._now = None, None

    def _end(self) -> None:
        self._served.trial, self._now, self._breach = None, None, None

    def _add_up(self, guardrails: Guardrails, now: Rollout) -> None:
        """Write what this server saw to what all know, and take in what others saw."""
        for _ in range(TRIES):
            row = self._state.document(EVIDENCE, ONE)
            if row is not None and row.value["since"] > now.since:
                return  # of a later stage, which this server has not followed yet
            joined = guardrails.joined(_known(row, now))
            if guardrails.unwritten:
                value = {"release": now.release, "since": now.since, **joined.to_dict()}
                try:
                    self._state.put_document(EVIDENCE, ONE, value, expected=0 if row is None else row.version)
                except Stale:  # another server wrote meanwhile
                    continue
            guardrails.take(joined)
            return

    def _stages(self) -> dict[tuple[str, ...], float]:
        return {} if self._now is None else {(self._now.release, self._now.stage): 1.0}


def _known(row: DocumentRow | None, now: Rollout) -> Known | None:
    """What is known of this stage, by whatever server and start of one; None before any wrote."""
    if row is None or (row.value["release"], row.value["since"]) != (now.release, now.since):
        return None
    return Known.of(row.value)


def must_fit_beside(loaded: Loaded, newest: Loaded) -> None:
    """Raises `StateError` where a release reads what rows that are judged by the live release's file do not have."""
    lacking = lacks(loaded, newest)
    if lacking:
        said = f"{loaded.release} reads {lacking}, which the file of {newest.release} does not have: rows come by that"
        raise StateError(said, hint="undo it, and let it go live at once: --rollout live")


def _bound(loaded: Loaded) -> float | None:
    """Seconds that an answer may take by a `latency_p99` that is required, the shortest one."""
    bounds = [one.at_most for one in loaded.system.requirements if one.metric == "latency_p99"]
    return min((one.value for one in bounds if one is not None), default=None)


def _person(loaded: Loaded) -> str | None:
    """The column that says whose request it is."""
    per = loaded.contract.decides_on or loaded.contract.pers[0]
    source = loaded.system.sources[per]
    return source.person or source.entity
