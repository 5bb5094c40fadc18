"""Who is signed in with a browser: a bounded number of sessions, in memory, each of one token.

A session stands for its token and ends with it: the token is looked up anew with each request. What is kept of it is
its SHA-256. A server that is started again has no sessions; people sign in again.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

SESSION = "poise.session"
"""Where in its scope a request carries the session of the browser that sent it; the guard puts it there."""
MOST = 1_000
"""Sessions at once; with more, the one that was used the longest ago ends."""
IDLE = 3_600.0
"""Seconds without a request after which a session ends."""
LONGEST = 12 * 3_600.0
"""Seconds after which a session ends, however much it was used."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that signed in: by which token, and when (seconds of a steady clock)."""

    id: str
    digest: bytes
    began: float
    used: float


class Sessions:
    """The sessions of one server; any thread may ask. system: whose cookie it is, as browsers share cookies among all
    servers of one machine. steady: a clock in seconds.

    >>> sessions = Sessions("shop")
    >>> made = sessions.begin(b"the token's digest")
    >>> sessions.of(f"{sessions.cookie}={made.id}").digest
    b"the token's digest"
    >>> sessions.end(made.id)
    >>> sessions.of(f"{sessions.cookie}={made.id}") is None
    True
    """

    def __init__(self, system: str, *, most: int = MOST, steady: Callable[[], float] = time.monotonic) -> None:
        self.cookie = f"poise-{sha256(system.encode()).hexdigest()[:8]}"
        self._most, self._steady = most, steady
        self._lock = threading.Lock()
        self._kept: dict[str, Session] = {}
        """By id, the one that was used the longest ago at the front."""

    def begin(self, digest: bytes) -> Session:
        """A new session of the token with this digest."""
        now = self._steady()
        made = Session(secrets.token_urlsafe(32), digest, now, now)
        with self._lock:
            self._kept[made.id] = made
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return made

    def of(self, cookies: str) -> Session | None:
        """The session that a Cookie header names, used now; None where it names none that has not ended."""
        number = named(cookies, self.cookie)
        now = self._steady()
        with self._lock:
            found = self._kept.pop(number, None) if number else None
            if found is None or now - found.used > IDLE or now - found.began > LONGEST:
                return None
            self._kept[found.id] = used = Session(found.id, found.digest, found.began, now)
        return used

    def end(self, number: str) -> None:
        """Sign out."""
        with self._lock:
            self._kept.pop(number, None)


def named(cookies: str, name: str) -> str | None:
    """The value of a cookie; of two that were set over TLS and without, that over TLS, which no other site can set.

    >>> named("a=1; poise-x=2; __Host-poise-x=3", "poise-x"), named("poise-x=2", "poise-x"), named("a=1", "poise-x")
    ('3', '2', None)
    """
    pairs = dict(part.strip().partition("=")[::2] for part in cookies.split(";"))
    return pairs.get(f"__Host-{name}", pairs.get(name))


def set_cookie(name: str, value: str, *, private: bool, seconds: int) -> str:
    """A Set-Cookie header that no script reads and no other site's request carries. private: it comes over TLS.

    >>> set_cookie("poise-x", "1", private=True, seconds=60)
    '__Host-poise-x=1; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure'
    """
    prefix, secure = ("__Host-", "; Secure") if private else ("", "")
    return f"{prefix}{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
