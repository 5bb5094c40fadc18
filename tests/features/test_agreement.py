"""Every kind of feature answers alike in batch and online, and as a brute-force reading of the rules would."""

import numpy as np
import pytest

from poise import registry
from poise.features.plan import FeaturePlan
from poise.features.suite import ENTRIES, disagreements, replayed, world
from poise.stores.memory import MemoryStore
from poise.table import Requests

# What an entry reads of other kinds comes along: `tripled` reads `gap`, which both stand in compute.
KINDS = {kind: {kind: entries} for kind, entries in ENTRIES.items()}


def test_the_suite_runs_over_every_kind():
    assert set(ENTRIES) == set(registry.names("feature"))
    assert len(ENTRIES) == 5


@pytest.mark.parametrize("kind", list(ENTRIES))
@pytest.mark.parametrize("seed", range(6))
def test_online_replay_is_batch(kind, seed):
    asked = world(np.random.default_rng(seed), KINDS[kind])
    plan = FeaturePlan.of(asked.system, "visits")
    assert plan.outputs
    batch = plan.batch(asked.requests, asked.histories)
    online = replayed(plan, asked, MemoryStore())
    assert disagreements(batch, online, asked.requests) == []
    assert [output.name for output in plan.outputs] == list(batch)


def test_all_kinds_together_and_extra_names():
    asked = world(np.random.default_rng(99), ENTRIES)
    extra = ("dishes.price", "visits.party", "towns.size", "gap")
    plan = FeaturePlan.of(asked.system, "visits", extra=[e for e in extra if e != "towns.size"])
    few = plan.select(["gap", "people_age"])
    wanted = tuple(e for e in extra if e != "towns.size")
    batch = few.batch(asked.requests, asked.histories, wanted)
    online = replayed(few, asked, MemoryStore(), wanted)
    assert list(batch) == ["people_age", "gap", "dishes.price", "visits.party"]
    assert disagreements(batch, online, asked.requests) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_row_alone_is_the_row_among_others(seed):
    """Online, by plain values and by columns: bit for bit, in the same order, of all kinds of features."""
    random = np.random.default_rng(seed)
    asked = world(random, ENTRIES, requests=40)
    extra = ("dishes.price", "visits.party", "people.town", "gap")
    plan = FeaturePlan.of(asked.system, "visits", extra=extra)
    store = MemoryStore()
    store.declare(plan.declarations)
    instants = np.sort(asked.requests.time[:6]).tolist()
    late = asked.histories["people"].known >= instants[2]
    for history in asked.histories.values():
        store.observe(_part(history, ~late) if history.source == "people" else history)
    for at, instant in enumerate(instants):
        store.advance(instant)
        if at == 3:
            store.observe(_part(asked.histories["people"], late))
        rows = random.choice(asked.requests.height, 5)
        together = Requests(asked.requests.rows.take(rows), np.full(5, instant))
        for wanted in ((), extra):
            whole = plan.online(together, store, wanted)
            for row in range(5):
                one = together.take(np.array([row]))
                stamps = [0.0]
                alone = plan.online(one, store, wanted, stamps)
                assert len(stamps) == 1 + len(plan.groups(wanted))
                assert list(alone) == list(whole) == list(alone.row)
                for name, column in whole.items():
                    among = column.take(np.array([row]))
                    assert alone.row[name] == among.only == alone[name].only, name
                    assert type(alone.row[name]) is type(among.only)
                    assert alone.take(np.array([0, 0]))[name].to_list() == [among.only] * 2


def _part(history, rows):
    first = None if history.first is None else history.first[rows]
    times = history.time[rows], history.known[rows]
    return type(history)(history.source, history.kind, *times, history.rows.take(rows), first)


def test_each_value_is_what_the_rules_say():
    asked = world(np.random.default_rng(7), {"columns": ENTRIES["columns"]}, requests=200)
    batch = FeaturePlan.of(asked.system, "visits").batch(asked.requests, asked.histories)
    rows = {name: asked.requests.rows[name].to_list() for name in asked.requests.rows}
    for i, T in enumerate(asked.requests.time.tolist()):
        for name, source, column, key in [
            ("people_age", "people", "age", rows["person"][i]),
            ("people_age_by_host", "people", "age", rows["host"][i]),
            ("dishes_price", "dishes", "price", rows["dish"][i]),
        ]:
            assert batch[name].to_list()[i] == _newest(asked.histories[source], column, key, T)
        town = _newest(asked.histories["people"], "town", rows["person"][i], T)
        assert batch["towns_size_by_people_town"].to_list()[i] == _newest(asked.histories["towns"], "size", town, T)


def _newest(history, column, key, T):
    """Row by row, as the rules are written."""
    keys = next(iter(history.rows.values())).to_list()
    answer = None
    for row in range(history.height):
        first = history.first is not None and history.first[row]
        if key is not None and keys[row] == key and (first or (history.time[row] < T and history.known[row] < T)):
            answer = history.rows[column].to_list()[row]
    return answer


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_came_later_changes_an_answer(seed):
    asked = world(np.random.default_rng(seed), ENTRIES, requests=25)
    plan = FeaturePlan.of(asked.system, "visits")
    whole = plan.batch(asked.requests, asked.histories)
    for row, T in enumerate(asked.requests.time.tolist()):
        one = asked.requests.take(np.array([row]))
        known = {name: _before(history, T) for name, history in asked.histories.items()}
        assert disagreements(whole.take(np.array([row])), plan.batch(one, known), one, scale=1e-12) == []


def _before(history, T):
    """What was known before T; of a table also the first version of each key."""
    kept = (history.time < T) & (history.known < T)
    first = history.first
    if first is not None:
        kept |= first
    return type(history)(
        history.source,
        history.kind,
        history.time[kept],
        history.known[kept],
        history.rows.take(kept),
        None if first is None else first[kept],
    )
