"""The routes of the demo's page: what it shows once, and the list and the numbers under weights that are not live."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from board import Board, Lists, described, introduced, names
from market import Market
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from poise.clock import to_text
from poise.decisions.exchange import exchange_rates
from poise.decisions.weights import Weights, checked
from poise.errors import RequestError
from poise.interfaces.http.ask import Ask, Gate
from poise.serving.answer import Answer, Answerer
from poise.serving.body import decode
from poise.serving.caller import Asked
from poise.spec.requirement import Requirement
from poise.spec.system import SystemSpec

HTML = Path(__file__).parent / "page.html"
SLIDERS = {"engagement": (2.0, 0.05), "revenue": (1.0, 0.02)}
"""Term -> where its slider ends, and its steps."""
USERS = 12
WISHES = {"engagement": "product’s wish", "revenue": "sales’ wish"}
FORM = '{"user": "u0001", "weights": {"revenue": 0.4}}'
Object = dict[str, Any]


class Page:
    """The page, for one answerer and the market behind its data.

    A preview is a real answer of the release, by an answerer of its own whose weights nobody else sees.
    """

    def __init__(self, market: Market, now: int, answerer: Answerer) -> None:
        loaded, store = answerer.loaded, answerer.store
        assert loaded.system.decision is not None
        self._market, self._now, self._answerer = market, now, answerer
        self._decision = loaded.system.decision
        self._lists = Lists.of(market, now)
        self._board = Board(market, self._lists, loaded, store)
        self._names = names(market)
        self._rows = {introduced(market, user)[:5]: row for row, user in enumerate(self._lists.user[:USERS])}
        aside = replace(loaded, system=_unexplored(loaded.system))
        self._preview = Answerer(aside, store, answerer.clock)
        self._fixed = self._market_told()

    def example(self) -> Object:
        """The request of the first user, as the app would send it."""
        return self._lists.body(0)

    def routes(self) -> Sequence[BaseRoute]:
        """Everything under `/demo`."""
        limits = self._answerer.limits
        preview = Ask(self.preview, limits, Gate("demo", limits.concurrent, self._answerer.telemetry))
        return [
            Route("/demo", self._html),
            Route("/demo/market", self._market_json),
            Route("/demo/preview", preview, methods=["POST"]),
        ]

    async def _html(self, request: Request) -> Response:
        text = HTML.read_text(encoding="utf-8")
        return HTMLResponse(text, headers=_headers(text))

    async def _market_json(self, request: Request) -> Response:
        return Response(msgspec.json.encode(self._fixed), 200, {"cache-control": "no-store"}, "application/json")

    def _market_told(self) -> Object:
        """What does not change while the page is open."""
        evidence = self._answerer.evidence()
        terms = self._decision.terms
        when = _spoken(self._now, self._answerer.zone)
        return {
            "when": f"{when}, as of the data. Numbers are of lists without exploration.",
            "users": [
                {"id": id, "label": introduced(self._market, self._lists.user[row])} for id, row in self._rows.items()
            ],
            "terms": [
                {
                    "name": name,
                    "unit": term.unit,
                    "wish": WISHES[name],
                    "most": SLIDERS[name][0],
                    "step": SLIDERS[name][1],
                }
                for name, term in terms.items()
            ],
            "lists": len(self._lists.user),
            "largest": self._board.largest(),
            "curve": self._board.curve(),
            "rule": self._board.rule(),
            "release": self._answerer.release,
            "purpose": self._answerer.loaded.system.purpose,
            "rows": sum(source["rows"] for source in evidence["data"]["sources"].values()),
        }

    def preview(self, sent: Asked) -> Answer:
        """The list of one user and everybody's numbers under the weights asked about, which do not become live."""
        row, weights = self._asked(sent.body)
        live = self._answerer.weights
        assert live is not None
        self._preview.set_weights(Weights(live.version, weights))
        asked = json.dumps(self._lists.body(row)).encode()
        began = time.perf_counter()
        answer = json.loads(self._preview.decide(asked).body)
        seconds = time.perf_counter() - began
        worth = self._worth(weights, dict(live.values))
        by_live = self._lists.items[row][self._board.order(live.values)[row]].tolist()
        told = {
            "milliseconds": 1000 * seconds,
            "rates": exchange_rates(self._decision, weights),
            "candidates": len(self._lists.items[row]),
            "fallback": answer["fallback"],
            "shown": [self._shown(row, one, by_live) for one in answer["shown"]],
            "left_out": [{"name": self._name(o["restaurant_id"]), "why": o["why"]} for o in answer["left_out"]],
            "worth": worth,
            "requirements": self._required(worth, seconds),
        }
        return Answer(200, msgspec.json.encode(told))

    def _asked(self, body: bytes) -> tuple[int, dict[str, float]]:
        asked = decode(body, self._answerer.limits, FORM)
        user = asked.get("user")
        if not isinstance(user, str) or user not in self._rows:
            raise RequestError("there is no such user on the page", field="user", allowed=", ".join(self._rows))
        weights = asked.get("weights")
        if not isinstance(weights, Mapping):
            raise RequestError("no weights came", field="weights", allowed=FORM)
        return self._rows[user], checked(self._decision, weights)

    def _worth(self, weights: dict[str, float], live: dict[str, float]) -> dict[str, dict[str, float]]:
        """Term -> foreseen and true, with these weights and with the live ones, per 1,000 lists."""
        now, before = self._board.worth(weights), self._board.worth(live)
        return {
            term: {
                "foreseen": now["foreseen"][term],
                "true": now["true"][term],
                "foreseen_live": before["foreseen"][term],
                "true_live": before["true"][term],
            }
            for term in self._board.terms
        }

    def _shown(self, row: int, one: Object, by_live: list[int]) -> Object:
        """A place of the list; `by_live`: the restaurants that the live weights show, best first."""
        item = int(one["restaurant_id"][1:])
        user = self._lists.user[row]
        return {
            "id": one["restaurant_id"],
            "name": self._names[item],
            "about": described(self._market, user, item, self._now),
            "terms": one["terms"],
            "live": by_live.index(item) + 1 if item in by_live else None,
        }

    def _name(self, restaurant: str) -> str:
        return f"{self._names[int(restaurant[1:])]} ({restaurant})"

    def _required(self, worth: dict[str, dict[str, float]], seconds: float) -> list[Object]:
        """Every requirement as it was judged, and what these weights and the last answer make of it now."""
        judged = self._answerer.evidence()["requirements"]
        return [
            {"who": one.who, "text": _bound(one), **_verdict(one, found, worth, seconds)}
            for one, found in zip(self._answerer.loaded.system.requirements, judged, strict=True)
        ]


def _unexplored(system: SystemSpec) -> SystemSpec:
    """Without exploration, so that nothing but the weights moves a list."""
    assert system.decision is not None
    return system.model_copy(update={"decision": system.decision.model_copy(update={"explore": None})})


def _verdict(one: Requirement, found: Mapping[str, Any], worth: Mapping[str, Any], seconds: float) -> Object:
    term = one.metric.partition(".")[2]
    if one.metric.startswith("decision.") and term in worth and one.relative_to == "live" and one.at_least:
        share = worth[term]["foreseen"] / worth[term]["foreseen_live"]
        return {"status": "pass" if share >= one.at_least.value else "fail", "now": f"{share:.1%} of live, foreseen"}
    if one.metric == "latency_p99":
        return {
            "status": found["status"],
            "now": f"judged {_amount(found['value'], one)}; last {1000 * seconds:.1f} ms",
        }
    value = found.get("value")
    return {"status": found["status"], "now": "" if value is None else f"judged {_amount(value, one)}"}


def _bound(one: Requirement) -> str:
    """A requirement in words, e.g. order.calibration_error by users.city at most 0.05."""
    by = f" by {one.by}" if one.by else ""
    if one.better_than:
        return f"{one.metric}{by} better than the {one.better_than}'s"
    side, bound = ("at most", one.at_most) if one.at_most else ("at least", one.at_least)
    assert bound is not None
    return f"{one.metric}{by} {side} {bound.text}" + (f" of {one.relative_to}" if one.relative_to else "")


def _amount(value: float, one: Requirement) -> str:
    bound = one.at_most or one.at_least
    unit = bound.unit if bound else ""
    shown: Mapping[str, Callable[[float], str]] = {
        "s": lambda v: f"{1000 * v:.1f} ms",
        "B": lambda v: f"{v / 1e6:.2f} MB",
        "%": lambda v: f"{v:.1%}",
        "": lambda v: f"{v:.3g}" if abs(v) >= 0.001 else "below 0.001",
    }
    return shown[unit](value)


def _spoken(instant: int, zone: str) -> str:
    return datetime.fromisoformat(to_text(instant, zone)).strftime("%A %-d %B %Y, %H:%M in ") + zone.partition("/")[2]


def _headers(text: str) -> dict[str, str]:
    """The page may run its own script, show its own style and talk to this server; nothing else."""
    hashes = {
        tag: base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        for tag in ("style", "script")
        if (found := re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL))
    }
    policy = f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
    policy += "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return {"content-security-policy": policy, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
