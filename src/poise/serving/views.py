"""What a server shows of its release and of what was done to it, as plain values; HTTP, CLI and console share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from poise.clock import to_text
from poise.serving.proposals import ProposalsStore
from poise.stores.state_base import HistoryRow, LiveRow, ReleaseRow, WeightsRow

MOST_LINES = 1_000
"""Lines of history in one answer."""


class Registry(ProposalsStore, Protocol):
    """What views read: the state database of `stores`, or a stand-in of a test."""

    def live_at(self, instant: int | None) -> LiveRow | None: ...
    def unanswered(self, row: LiveRow, instant: int | None = None) -> str | None: ...
    def standing(self, instant: int | None = None) -> Sequence[LiveRow]: ...
    def weights_at(self, instant: int) -> WeightsRow | None: ...
    def releases(self) -> Sequence[ReleaseRow]: ...
    def history(
        self,
        *,
        subject: str | None = None,
        act: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> Sequence[HistoryRow]: ...
    def acts(self) -> Sequence[str]: ...


def releases(registry: Registry, zone: str = "UTC", at: int | None = None) -> dict[str, Any]:
    """All releases and candidates, the newest first; what is live since when, or was `at` an instant (microseconds): by
    each contract the release that answers (`not_answering`: why it did not after all), and the weights."""
    every = {row.name: row for row in registry.releases()}
    live = registry.live_at(at)
    weights = registry.weights() if at is None else registry.weights_at(at)
    standing = {every[row.release].verdict.get("contract"): row for row in registry.standing(at)}
    rows = [
        {"name": row.name, "status": row.status, "created": to_text(row.created, zone), "verdict": dict(row.verdict)}
        for row in reversed(every.values())
    ]
    return {
        "live": live.release if live else None,
        "since": to_text(live.since, zone) if live else None,
        "contracts": [
            {
                "contract": contract,
                "release": row.release,
                "since": to_text(row.since, zone),
                **not_answering(registry, row, at),
            }
            for contract, row in standing.items()
        ],
        "weights": weights.version if weights else None,
        "releases": rows,
    }


def not_answering(registry: Registry, row: LiveRow, at: int | None) -> dict[str, str]:
    """Why servers could not switch to a release that was live `at` an instant; empty where they could."""
    why = registry.unanswered(row, at)
    return {} if why is None else {"not_answering": why}


def history(
    registry: Registry,
    zone: str = "UTC",
    *,
    subject: str | None = None,
    act: str | None = None,
    after: int = 0,
    before: int | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """The newest `limit` lines with a number above `after` and below `before`, the newest first: who did what to what,
    when and why; `acts`: what was ever done, by which lines can be chosen."""
    limit = min(limit, MOST_LINES)
    lines = registry.history(subject=subject, act=act, after=after, before=before, limit=limit)
    return {
        "history": [
            {
                "seq": line.seq,
                "at": to_text(line.at, zone),
                "who": line.who,
                "act": line.act,
                "subject": line.subject,
                "why": line.why,
                "details": dict(line.details),
            }
            for line in reversed(lines)
        ],
        "acts": list(registry.acts()),
    }


def requirements(release: str, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What each stakeholder requires of the release that answers, and what was measured when it was judged."""
    return {"release": release, "requirements": list(evidence.get("requirements", ()))}
