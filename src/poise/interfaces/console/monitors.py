"""*Monitors*: what watches the live release, and what it found."""

from __future__ import annotations

from starlette.requests import Request

from poise.interfaces.console.asking import ask_if_there
from poise.interfaces.console.look import Page
from poise.serving.served import Served

MONITOR = "/v1/monitor"


async def monitors(request: Request, served: Served) -> Page:
    """The page; it says so where the server has no monitors."""
    part = request.query_params.get("part")
    looked = await ask_if_there(request, "GET", MONITOR) if part or "look" in request.query_params else None
    return Page("found" if part else "monitors", {"looked": looked, "asked": bool(part)})
