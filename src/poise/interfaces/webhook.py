"""Telling a webhook of alarms: JSON by POST, each finding once, tried again a few times and never for long."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from poise.formats import CURRENT
from poise.spec.monitoring import Monitoring

ADDRESS = "POISE_WEBHOOK"
"""The environment variable of an address that should not stand in the file; it is read first."""
MOST = 50
"""Findings of one message; the message says how many there are."""
TRIES, PAUSE, PATIENCE = 3, 1.0, 5.0
"""Tries of one message, seconds before the second (twice as many before the third), and seconds that each may take."""


class Looked(Protocol):
    """What a message says of the look."""

    @property
    def system(self) -> str: ...

    @property
    def release(self) -> str: ...


def webhook_of(spec: Monitoring, environ: Mapping[str, str] | None = None) -> str | None:
    """Where to tell: by the environment, else by the file.

    >>> webhook_of(Monitoring(webhook="http://127.0.0.1:9/a"), {"POISE_WEBHOOK": "http://127.0.0.1:9/b"})
    'http://127.0.0.1:9/b'
    """
    env = os.environ if environ is None else environ
    return env.get(ADDRESS) or spec.webhook


def tell(url: str, looked: Looked, findings: Sequence[Mapping[str, Any]]) -> str | None:
    """Post the findings; None where the other side took them (2xx), else what went wrong, as a sentence."""
    if not findings:
        return None
    shown = [{k: v for k, v in one.items() if k != "detail"} for one in findings[:MOST]]
    content = {"format": CURRENT["json"], "system": looked.system, "release": looked.release, "alarms": len(findings)}
    body = json.dumps({**content, "findings": shown}).encode()
    wrong = ""
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE * 2 ** (number - 1))
        try:
            _post(url, body)
            return None
        except (OSError, ValueError) as error:
            wrong = str(getattr(error, "reason", None) or error)
    return f"the webhook took nothing in {TRIES} tries ({wrong}); it is told again by the next look"


def _post(url: str, body: bytes) -> None:
    headers = {"content-type": "application/json", "user-agent": "poise"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        answer.read(1024)
