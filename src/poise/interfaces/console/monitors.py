"""*Monitors*: what watches the live release, and what the newest look found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from poise.errors import NotNow
from poise.interfaces.console.asking import Refusal, Told, ask_if_there
from poise.interfaces.console.look import Page
from poise.serving.served import Served

MONITOR = "/v1/monitor"
LEVELS = {
    "alarm": ("✗", "alarm", "bad"),
    "notice": ("○", "worth knowing", "unsure"),
    "unknown": ("?", "cannot tell yet", "unsure"),
    "fine": ("✓", "fine", "good"),
}
"""Level of a finding -> symbol, words, tone; in the order in which they are read."""


async def monitors(request: Request, served: Served) -> Page:
    """The page; it says so where nobody has looked."""
    looked, why = await last_look(request)
    by_level = {} if looked is None else {level: _of(looked, level) for level in LEVELS}
    return Page("monitors", {"looked": looked, "why": why, "by_level": by_level, "levels": LEVELS})


async def last_look(request: Request) -> tuple[Told | None, str | None]:
    """What the newest look found; None, and why, where there was none."""
    try:
        return await ask_if_there(request, "GET", MONITOR), "this server has no monitors"
    except Refusal as error:
        if error.status == NotNow.status:
            return None, str(error)
        raise


def _of(looked: Mapping[str, Any], level: str) -> list[Mapping[str, Any]]:
    return [one for one in looked["findings"] if one["level"] == level]
