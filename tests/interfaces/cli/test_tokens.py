"""`poise tokens` and `poise usage`, as an operator meets them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from tests.interfaces.cli.in_process import poise

from poise.serving.tokens import digest_of
from poise.stores.state import State
from poise.stores.state_base import Use


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "poise.yaml").write_text(
        "format: 1\nsystem: shop\npurpose: Foresee sales.\n"
        "sources: {offers: {path: offers.csv, id: offer, columns: {offer: string, sold: bool}}}\n"
        "objectives: {sale: {type: binary, per: offers, label: {take: sold}}}\n"
    )
    return tmp_path


def state(shop: Path) -> State:
    return State(f"sqlite:///{shop / '.poise' / 'state.db'}", "shop")


def test_a_token_is_printed_once_and_only_its_digest_is_kept(shop: Path) -> None:
    options = ("--role", "predict", "--role", "ingest", "--per-second", "50", "--expires", "90d", "--why", "the shop")
    done = poise(shop, "tokens", "add", "web", *options)
    assert done.returncode == 0, done.stderr
    secret = next(line for line in done.stdout.splitlines() if line.startswith("poise_"))
    assert "may predict, ingest, 50 times a second" in done.stdout and "It is the first" in done.stdout
    with closing(state(shop)) as kept:
        (row,) = kept.tokens()
        assert row.digest == digest_of(secret) and row.roles == ("predict", "ingest") and row.expires is not None
        assert kept.history()[-1].why == "the shop"
    listed = poise(shop, "tokens").stdout
    assert "web: in force; may predict, ingest" in listed and secret not in listed and "never seen" in listed
    assert secret not in (shop / ".poise" / "state.db").read_bytes().decode("latin-1")


def test_a_program_reads_json(shop: Path) -> None:
    made = json.loads(poise(shop, "tokens", "add", "web", "--role", "read", "--json").stdout)
    assert made["token"].startswith("poise_") and made["first"] is True and made["roles"] == ["read"]
    assert not json.loads(poise(shop, "tokens", "add", "app", "--role", "read", "--json").stdout)["first"]
    assert json.loads(poise(shop, "tokens", "revoke", "web", "--json").stdout) == {
        "format": 1,
        "revoked": "web",
        "in_force": 1,
    }
    rows = json.loads(poise(shop, "tokens", "list", "--json").stdout)["tokens"]
    assert [(row["name"], row["status"]) for row in rows] == [("app", "in force"), ("web", "revoked")]
    assert "secret" not in json.dumps(rows) and "digest" not in json.dumps(rows)


def test_revoking_the_last_one_opens_nothing_and_says_so(shop: Path) -> None:
    poise(shop, "tokens", "add", "web", "--role", "read")
    done = poise(shop, "tokens", "revoke", "web", "--why", "it leaked", "--who", "ana")
    assert "No token is left: servers answer nobody, but those that run --without-tokens" in done.stdout
    assert "it leaked" in poise(shop, "history").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("add web", 2, "a token without a role may do nothing (add --role, one or more of predict, ingest"),
        ("add web --role predit", 2, "there is no role 'predit' (did you mean 'predict'?)"),
        ("add Web --role read", 2, "'Web' is no name of a token (lower-case letters"),
        ("add --role read", 2, "'poise tokens add' needs the name of a token"),
        ("add web --role read --per-second 0", 2, "0 requests per second cannot be"),
        ("add web --role read --per-second nan", 2, "nan requests per second cannot be"),
        ("add web --role read --expires soon", 2, "--expires soon is neither a duration nor a time"),
        ("add web --role read --expires 2001-01-01", 2, "is void already"),
        ("add web --role read --expires -1d", 2, "is void already"),
        ("revoke web", 6, "there is no token 'web' in use"),
        ("revoke", 2, "'poise tokens revoke' needs the name of a token"),
        ("revoke web --role read", 2, "--role does nothing with 'poise tokens revoke'"),
        ("list web", 2, "'poise tokens list' takes no name"),
        ("list --why x", 2, "--why does nothing with 'poise tokens list'"),
        ("ad web", 2, "there is no 'poise tokens ad' (did you mean 'add'?)"),
    ],
)
def test_what_cannot_be_is_said(shop: Path, words: str, code: int, said: str) -> None:
    done = poise(shop, "tokens", *words.split())
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    with closing(state(shop)) as kept:
        assert kept.tokens() == ()


def test_no_tokens_says_what_that_means(shop: Path) -> None:
    assert "There are no tokens: a server answers programs of its own machine" in poise(shop, "tokens").stdout


def test_use_is_shown_by_token_and_contract(shop: Path) -> None:
    assert poise(shop, "usage").stdout == "nobody has asked for anything yet\n"
    with closing(state(shop)) as kept:
        kept.add_usage(
            {
                Use("web", 0, "request", ""): 12,
                Use("web", 2, "route", "/v1/predict"): 10,
                Use("web", 2, "field", "offers.price"): 7,
            }
        )
    said = poise(shop, "usage").stdout.splitlines()
    assert said[0].startswith("web: 12 requests, last 20") and said[1] == "  contract 2"
    assert said[3].split()[:2] == ["offers.price", "7"]
    assert poise(shop, "usage", "--token", "app").stdout == "'app' has asked for nothing yet\n"
    told = json.loads(poise(shop, "usage", "--json").stdout)
    assert told["consumers"][0]["contracts"][0]["fields"][0]["requests"] == 7
