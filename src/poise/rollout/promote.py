"""What follows from a gate: a release becomes live, or its refusal is written down; history has both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from poise.errors import Refused
from poise.rollout.gates import Outcome
from poise.rollout.plan import Plan
from poise.rollout.stages import Rollouts, begin_rollout
from poise.stores.state_base import Status

AT_ONCE = Plan()


class Promotions(Rollouts, Protocol):
    """What this needs of the state database; each call is one transaction with its history line."""

    def record(
        self,
        name: str,
        status: Status,
        *,
        folder: str,
        act: str,
        why: str,
        who: str | None = None,
        seal: str | None = None,
        verdict: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down a release."""


def settle(
    state: Promotions, outcome: Outcome, *, who: str | None = None, why: str | None = None, plan: Plan = AT_ONCE
) -> str:
    """Record the judged release and let it begin as `plan` says, else make it live; returns its name.

    Raises `Refused`, after recording the refusal, where a requirement stopped it: the message names each owner and
    number. A crash between the two steps leaves a recorded release that is not live, and whatever
    was live before still is.
    """
    name = outcome.folder.name
    record = partial(
        state.record,
        name,
        folder=str(outcome.folder.path),
        seal=outcome.folder.seal,
        who=who,
        verdict={
            "verdicts": [verdict.to_dict() for verdict in outcome.verdicts],
            "contract": outcome.folder.json("contract")["major"],
        },
    )
    if not outcome.released:
        reasons = [verdict.sentence for verdict in outcome.refusals]
        record("refused", act="refuse", why="; ".join(reasons))
        raise Refused("\n".join(reasons), hint=f"{outcome.folder.path / 'report.html'} shows why")
    said = why or "every requirement holds"
    record("released", act="release", why=said)
    begin_rollout(state, name, plan, who=who, why=said)
    return name
