"""Tokens and usage in the state database: only digests, a line of history for each act, counts that add up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from poise.clock import ReplayClock
from poise.errors import StateError
from poise.stores import state_tokens
from poise.stores.state import State
from poise.stores.state_base import UsageRow, Use


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/state.db", "shop", clock=ReplayClock(1_000))
    yield state
    state.close()


def test_a_token_is_written_by_its_digest_with_a_line_of_history(state: State) -> None:
    made = state.add_token("web", "d" * 64, ["predict", "read"], per_second=50.0, expires=2_000, who="ana", why="shop")
    assert state.tokens() == (made,)
    assert (made.roles, made.per_second, made.expires, made.revoked) == (("predict", "read"), 50.0, 2_000, None)
    line = state.history()[-1]
    assert (line.who, line.act, line.subject, line.why) == ("ana", "add", "token web", "shop")
    assert line.details["roles"] == ["predict", "read"] and "d" * 64 not in str(line)


def test_a_name_is_used_once_until_it_is_revoked(state: State) -> None:
    state.add_token("web", "a" * 64, ["predict"])
    with pytest.raises(StateError, match="there is a token 'web' already"):
        state.add_token("web", "b" * 64, ["predict"])
    state.revoke_token("web", who="bo", why="it leaked")
    assert [(row.name, row.revoked) for row in state.tokens()] == [("web", 1_000)], "it is not forgotten"
    with pytest.raises(StateError, match="no token 'web' in use"):
        state.revoke_token("web")
    state.add_token("web", "c" * 64, ["read"])
    assert [(row.digest[0], row.revoked) for row in state.tokens()] == [("c", None)]
    assert [line.act for line in state.history()] == ["add", "revoke", "add"]


def test_a_misspelt_name_is_met_with_the_nearest(state: State) -> None:
    state.add_token("web", "a" * 64, ["predict"])
    with pytest.raises(StateError, match="did you mean 'web'"):
        state.revoke_token("wbe")


def test_there_are_so_many_tokens_at_most(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_tokens, "MOST_TOKENS", 2)
    for name in ("a", "b"):
        state.add_token(name, name * 64, ["read"])
    with pytest.raises(StateError, match="2 tokens are in use"):
        state.add_token("c", "c" * 64, ["read"])


def test_systems_do_not_see_the_tokens_and_the_use_of_others(state: State, tmp_path: Path) -> None:
    state.add_token("web", "a" * 64, ["predict"])
    state.add_usage({Use("web", 1, "field", "carrier"): 1})
    other = State(f"sqlite:///{tmp_path}/state.db", "payments")
    assert other.tokens() == () and other.usage() == ()
    other.close()


def test_counts_of_use_add_up(state: State) -> None:
    carrier, route = Use("web", 1, "field", "carrier"), Use("web", 1, "route", "/v1/predict")
    state.add_usage({carrier: 3, route: 5})
    state.add_usage({carrier: 4, Use("app", 2, "route", "/v1/predict"): 1})
    state.add_usage({})
    assert state.usage("web") == (UsageRow(carrier, 7, 1_000, 1_000), UsageRow(route, 5, 1_000, 1_000))
    assert [row.use.token for row in state.usage()] == ["app", "web", "web"]


def test_several_servers_add_to_one_count(state: State, tmp_path: Path) -> None:
    use = Use("web", 1, "field", "carrier")
    others = [State(f"sqlite:///{tmp_path}/state.db", "shop") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for other in others:
            pool.submit(lambda one=other: [one.add_usage({use: 1}) for _ in range(5)])
    assert [row.times for row in state.usage()] == [20]
    for other in others:
        other.close()


def test_a_database_of_format_1_gets_the_tables_that_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    before = State(f"sqlite:///{path}", "shop")
    before.note("ingest", "shop", why="asked for")
    before.close()
    with sqlite3.connect(path) as connection:  # what format 1 did not have
        connection.executescript(
            "drop table tokens; drop table usage; drop table documents; update meta set value = '1'"
        )
    connection.close()
    state = State(f"sqlite:///{path}", "shop")
    assert [line.act for line in state.history()] == ["ingest"]
    state.add_token("web", "a" * 64, ["predict"])
    assert [row.name for row in state.tokens()] == ["web"] and state.usage() == () == state.documents("update")
    state.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("select value from meta").fetchall() == [("3",)]
    connection.close()
