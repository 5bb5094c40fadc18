"""One update at a time: who holds the lease, who takes it over, and who is told that it is gone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from poise.errors import Overloaded, Stale
from poise.stores.state import State
from poise.updating.lease import KIND, NAME, only_one


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(f"sqlite:///{tmp_path / 'state.db'}", "shop")
    yield made
    made.close()


def test_a_second_one_is_told_who_holds_it(state: State) -> None:
    with only_one(state), pytest.raises(Overloaded, match="another process is updating"), only_one(state):
        pass
    with only_one(state) as again:
        again.must_hold()


def test_the_lease_of_a_dead_process_is_taken_over_and_told(state: State, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from poise.stores.state import State; from poise.updating.lease import only_one\n"
        "with only_one(State(sys.argv[1], 'shop')): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, f"sqlite:///{tmp_path / 'state.db'}"], check=False)
    with only_one(state, who="ana"):
        line = state.history()[-1]
    assert (line.act, line.who) == ("take over", "ana") and line.why.endswith("is gone")


def test_who_gave_no_sign_loses_it_and_writes_nothing_more(state: State) -> None:
    other = {"pid": 1, "host": "elsewhere", "token": "t", "seconds": 0.05}
    state.put_document(KIND, NAME, other, expected=0)
    time.sleep(0.1)
    with only_one(state) as lease:
        assert "gave no sign" in state.history()[-1].why
        state.put_document(KIND, NAME, other)  # somebody else took this one over meanwhile
        lease._renew_once()
        with pytest.raises(Stale, match="no longer this process's"):
            lease.must_hold()
    found = state.document(KIND, NAME)
    assert found is not None and found.value == other, "what is another's is not given back"


def test_a_holder_keeps_it_alive(state: State) -> None:
    with only_one(state, seconds=0.2):
        first = state.document(KIND, NAME)
        time.sleep(0.5)
        now = state.document(KIND, NAME)
        assert first is not None and now is not None and now.version > first.version
        with pytest.raises(Overloaded), only_one(state, seconds=0.2):
            pass
