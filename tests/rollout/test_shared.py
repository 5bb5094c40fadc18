"""What is known of a canary by several servers and over starts of one: added up, each caller once."""

from __future__ import annotations

import numpy as np
import pytest

from poise.rollout.figures import Figures
from poise.rollout.guardrails import Guardrails
from poise.rollout.shared import SLOTS, Event, Known, Usual
from poise.serving.trial import Seen
from poise.spec.rollout import Guardrails as Declared


def through_the_database(known: Known) -> Known:
    return Known.of(known.to_dict())


@pytest.mark.parametrize("servers", [1, 3])
def test_servers_that_write_in_turn_know_what_one_would_know(servers: int) -> None:
    """Callers come to any server; each is started anew now and then; what they know is that of one that saw all."""
    chance, usual = np.random.default_rng(0), Usual(0.01, {"late": (0.2, 0.5)})
    events = [
        Event(kind, int(unit), bool(unit % 2), {"late": int(unit) % 3} if kind == "scores" else {})
        for kind, unit in zip(
            chance.choice(["errors", "slow", "scores"], 900).tolist(), chance.integers(0, 400, 900), strict=True
        )
    ]
    one, written = Known(), Known()
    one.settle(usual)
    written.settle(usual)
    watching = [Guardrails(Declared(), 0.5, known=through_the_database(written)) for _ in range(servers)]
    for number, event in enumerate(events):
        one.add(event)
        here = int(chance.integers(0, servers))
        watching[here]._note(event)
        if chance.random() < 0.1:
            written = watching[here].joined(through_the_database(written))
            watching[here].take(through_the_database(written))
        elif not watching[here].unwritten or number % 97 == 0:
            written = watching[here].joined(through_the_database(written))
            watching[here] = Guardrails(Declared(), 0.5, known=through_the_database(written))
    for each in watching:
        written = each.joined(through_the_database(written))
    assert (written.counts, written.tenths) == (one.counts, one.tenths)
    assert written.to_dict()["met"] == one.to_dict()["met"] and sum(map(sum, one.tenths["late"])) > 200


def test_what_is_written_stays_small() -> None:
    known, chance = Known(), np.random.default_rng(0)
    for unit in chance.integers(0, 2**63, 3 * SLOTS).tolist():
        for kind in ("errors", "slow", "scores"):
            known.add(Event(kind, unit, canary=False))  # type: ignore[arg-type]
    assert sum(len(one) for one in known.to_dict()["met"].values()) < 70_000


def test_a_server_that_finds_another_idea_of_what_is_usual_takes_it() -> None:
    """Two servers learned what is usual at the same time: the first to write it is followed."""
    ours, theirs = (Guardrails(Declared(least=1), 0.5) for _ in range(2))
    for number in range(260):
        for one, scale in ((ours, 1.0), (theirs, 2.0)):
            said = Figures(None, {"late": scale * number / 260}, False)
            one.see(Seen(number, number < 5, 0.001 * scale, False, None), said)
    written = theirs.joined(None)
    theirs.take(written)
    for number in range(1_000, 1_040):
        ours.see(Seen(number, True, 0.0021, False, None), Figures(None, {"late": 0.99}, False))
    before = written.counts["scores"].copy()
    ours.take(ours.joined(through_the_database(written)))
    assert "longer than 4 ms" in ours.verdicts()[1].says
    assert written.counts["scores"] == before == ours.joined(None).counts["scores"] or before[0] == 0
    ours.see(Seen(5_000, True, 0.005, False, None), Figures(None, {"late": 1.99}, False))
    assert ours.joined(through_the_database(written)).counts["slow"][0] == written.counts["slow"][0] + 1
