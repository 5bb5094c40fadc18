"""Tokens: found by digest, void when revoked or expired, no more often than they may, exchanged while requests come."""

from __future__ import annotations

import threading

import pytest

from poise.clock import ReplayClock
from poise.errors import StateError
from poise.serving.caller import Caller
from poise.serving.follow_tokens import TokensFollower
from poise.serving.tokens import Rate, Tokens, TooOften, Unauthorized, digest_of, new_token
from poise.stores.state_base import TokenRow

WEB, APP = new_token(), new_token()


def row(name: str, token: str, *roles: str, **more: object) -> TokenRow:
    given = {"per_second": None, "made": 0, "who": "ana", **more}
    return TokenRow(name, digest_of(token), roles or ("predict",), **given)  # type: ignore[arg-type]


def test_a_caller_is_known_by_the_token_and_may_what_its_roles_say() -> None:
    tokens = Tokens([row("web", WEB, "predict", "ingest"), row("ops", APP, "operate")])
    assert tokens.caller(WEB.encode()) == Caller("web", frozenset({"predict", "ingest"}))
    ops = tokens.caller(APP.encode())
    assert [ops.may(role) for role in ("predict", "ingest", "operate", "read")] == [False, False, True, True]


@pytest.mark.parametrize(
    "sent",
    [b"", b"poise_", WEB[:-1].encode(), WEB.encode() + b" ", WEB.upper().encode(), b"\xff"],
    ids=["empty", "prefix", "cut", "longer", "upper", "no text"],  # each run makes tokens of its own
)
def test_what_is_not_a_token_of_this_server_is_refused_and_not_repeated(sent: bytes) -> None:
    with pytest.raises(Unauthorized) as refused:
        Tokens([row("web", WEB)]).caller(sent)
    assert WEB[:20] not in str(refused.value) and str(refused.value).startswith("this token is not one")


def test_a_digest_that_begins_alike_is_no_token() -> None:
    alike = digest_of(WEB)[:16] + "0" * 48
    tokens = Tokens([TokenRow("web", alike, ("predict",), None, 0, "ana")])
    with pytest.raises(Unauthorized):
        tokens.caller(WEB.encode())


def test_revoked_and_expired_tokens_are_void_and_leave_nobody_in() -> None:
    clock = ReplayClock(1_000)
    tokens = Tokens([row("web", WEB, expires=1_001), row("app", APP, revoked=900)], clock=clock)
    assert tokens.usable == 1
    tokens.caller(WEB.encode())
    clock.move(1_001)
    for token, said in ((WEB, "the token 'web' has expired"), (APP, "the token 'app' was revoked")):
        with pytest.raises(Unauthorized, match=said):
            tokens.caller(token.encode())
    assert tokens.needed and tokens.usable == 0, "that the last token is void opens nothing"


def test_without_tokens_none_is_needed() -> None:
    assert not Tokens().needed
    assert not Tokens(starter=WEB).needed


def test_the_program_that_starts_a_server_may_ask_beside_all_tokens() -> None:
    tokens = Tokens([row("app", APP)], starter=WEB)
    starter = tokens.caller(WEB.encode())
    assert [starter.may(role) for role in ("predict", "ingest", "operate", "read")] == [True, False, False, True]
    tokens.put([])
    assert tokens.caller(WEB.encode()) == starter


def test_a_token_that_asks_too_often_is_told_when_to_come_again() -> None:
    now = [0.0]
    tokens = Tokens([row("web", WEB, per_second=2.0), row("app", APP)], steady=lambda: now[0])
    for _ in range(2):
        tokens.caller(WEB.encode())
    with pytest.raises(TooOften, match=r"the token 'web' may make 2 requests per second") as refused:
        tokens.caller(WEB.encode())
    assert refused.value.retry_after == 0.5
    for _ in range(100):
        tokens.caller(APP.encode())
    now[0] = 0.5
    tokens.caller(WEB.encode())


def test_what_was_used_of_a_rate_survives_that_the_tokens_are_read_again() -> None:
    tokens = Tokens([row("web", WEB, per_second=1.0)], steady=lambda: 0.0)
    tokens.caller(WEB.encode())
    tokens.put([row("web", WEB, per_second=1.0), row("app", APP)])
    with pytest.raises(TooOften):
        tokens.caller(WEB.encode())
    tokens.put([row("web", WEB, per_second=5.0)])
    tokens.caller(WEB.encode())


def test_a_rate_below_one_a_second_lets_one_in_at_a_time() -> None:
    rate = Rate(0.1)
    assert rate.wait(0.0) == 0.0
    assert rate.wait(5.0) == pytest.approx(5.0)
    assert rate.wait(10.0) == 0.0


def test_a_clock_that_stands_still_or_steps_back_gives_nothing_away() -> None:
    rate = Rate(1.0)
    assert [rate.wait(now) > 0 for now in (10.0, 10.0, 9.0, 10.5)] == [False, True, True, True]


class Kept:
    """A state database that may fail."""

    def __init__(self) -> None:
        self.rows: tuple[TokenRow, ...] = ()
        self.number = 0
        self.broken: Exception | None = None

    def seq(self) -> int:
        if self.broken:
            raise self.broken
        return self.number

    def tokens(self) -> tuple[TokenRow, ...]:
        return self.rows


def test_following_takes_what_was_written_and_keeps_what_it_knows_through_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept, tokens = Kept(), Tokens()
    follower = TokensFollower(kept, tokens)
    follower.look()
    assert not tokens.needed
    kept.rows, kept.number = (row("web", WEB),), 1
    follower.look()
    assert tokens.caller(WEB.encode()).name == "web"
    kept.broken = StateError("the state database is locked by another process")
    for _ in range(3):
        follower.look()
    assert tokens.caller(WEB.encode()).name == "web"
    said = [one for one in caplog.records if "locked" in one.getMessage()]
    assert len(said) == 1, "said once, not five times a second"
    kept.broken, kept.rows, kept.number = None, (row("web", WEB, revoked=1),), 2
    follower.look()
    with pytest.raises(Unauthorized, match="revoked"):
        tokens.caller(WEB.encode())


def test_tokens_are_exchanged_while_requests_come() -> None:
    tokens, over = Tokens([row("web", WEB)]), threading.Event()

    def exchange() -> None:
        while not over.is_set():
            tokens.put([row("web", WEB), row("app", APP)])
            tokens.put([row("web", WEB)])

    thread = threading.Thread(target=exchange)
    thread.start()
    for _ in range(5_000):
        assert tokens.caller(WEB.encode()).name == "web"
    over.set()
    thread.join()
