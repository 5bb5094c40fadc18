"""Bearer tokens as a server knows them: found by their digest in constant time, each with its roles and its rate.

A token is 256 random bits, shown once when it is made. What is kept anywhere is its SHA-256: a token that nobody can
guess needs no slow hash, and whoever reads the state database learns none.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import cast

from poise.clock import Clock
from poise.errors import Overloaded, PoiseError
from poise.serving.caller import Caller, Role
from poise.stores.state_base import TokenRow

PREFIX = "poise_"
"""How every token begins, so that people and scanners of secrets know one when they see it."""
STARTER = "POISE_STARTER_TOKEN"
"""The environment variable by which a program that starts a server gives it a token for itself alone: a rehearsal asks
the real server, whatever tokens there are."""
_SHORT = 8
"""Bytes of a digest by which it is looked up; the whole of it is then compared."""


class Unauthorized(PoiseError):
    """A request without a token that is in force (HTTP 401). sent: it carries one all the same."""

    status = 401
    title = "A token is needed"

    def __init__(self, message: str, *, hint: str | None = None, sent: bool = True) -> None:
        self.sent = sent
        super().__init__(message, hint=hint)


class Forbidden(PoiseError):
    """A token whose roles do not reach so far (HTTP 403). needed: any one of these would."""

    status = 403
    title = "The token does not reach so far"

    def __init__(self, message: str, *, needed: tuple[Role, ...]) -> None:
        self.needed = needed
        super().__init__(message, hint="`poise tokens add` makes a token with other roles")


class TooOften(Overloaded):
    """A token asked more often than it may (HTTP 429 with Retry-After)."""

    status = 429
    title = "Too many requests"


def new_token() -> str:
    """A token that nobody can guess: 256 random bits.

    >>> len(new_token()), new_token() == new_token()
    (49, False)
    """
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str | bytes) -> str:
    """What is kept of a token: its SHA-256, in hexadecimal.

    >>> digest_of("poise_x")[:12]
    '1c0bb6cb80a5'
    """
    return sha256(token.encode() if isinstance(token, str) else token).hexdigest()


class Rate:
    """A token bucket: `per_second` requests on average, as many at once as one second allows (at least one).

    >>> rate = Rate(2.0)
    >>> [rate.wait(now) for now in (0.0, 0.0, 0.0, 0.5)]
    [0.0, 0.0, 0.5, 0.0]
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._most = max(1.0, per_second)
        self._left = self._most
        self._at = -math.inf

    def wait(self, now: float) -> float:
        """0 where one more request may come at `now` (seconds of a steady clock), and it is counted; else the seconds
        until one may."""
        if now > self._at:
            self._left = min(self._most, self._left + (now - self._at) * self.per_second)
            self._at = now
        if self._left >= 1.0 - 1e-9:
            self._left -= 1.0
            return 0.0
        return (1.0 - self._left) / self.per_second


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    row: TokenRow
    digest: bytes
    caller: Caller
    rate: Rate | None


class Tokens:
    """The tokens of one server: exchanged as a whole by `put`, from any thread, while requests are answered.

    Tokens are `needed` as soon as there is one, and for good: where the last was revoked or has expired, nobody gets
    in. starter: of the program that started the server, which may ask for answers and read; it makes none needed.

    >>> token = new_token()
    >>> tokens = Tokens([TokenRow("shop", digest_of(token), ("predict",), None, 0, "ana")])
    >>> tokens.caller(token.encode()).name
    'shop'
    >>> tokens.caller(b"poise_guessed")
    Traceback (most recent call last):
    poise.serving.tokens.Unauthorized: this token is not one of this server's (`poise tokens list` names those that are)
    """

    def __init__(
        self,
        rows: Iterable[TokenRow] = (),
        *,
        starter: str | None = None,
        clock: Clock | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._starter = None if starter is None else _known(_of_starter(starter), None)
        self._now = (clock or Clock()).now
        self._steady = steady
        self._known: Mapping[bytes, _Known] = MappingProxyType({})
        self.put(rows)

    @property
    def needed(self) -> bool:
        """Whether a request must carry a token."""
        return bool(self._known)

    @property
    def usable(self) -> int:
        """How many tokens are in force."""
        now = self._now()
        return sum(_void(one.row, now) is None for one in self._known.values())

    def put(self, rows: Iterable[TokenRow]) -> None:
        """Know these tokens from now on, and no others. What a token has used of its rate is not forgotten."""
        before = self._known
        known = [_known(row, before.get(bytes.fromhex(row.digest)[:_SHORT])) for row in rows]
        self._known = MappingProxyType({one.digest[:_SHORT]: one for one in known})

    def caller(self, token: bytes) -> Caller:
        """Who sent `token`, with one request counted against its rate.

        Raises `Unauthorized` for one that is not known, expired or revoked, `TooOften` above its rate.
        """
        return self.of_digest(sha256(token).digest())

    def of_digest(self, digest: bytes) -> Caller:
        """As `caller`, of a token of which only the SHA-256 was kept."""
        found = self._known.get(digest[:_SHORT], self._starter)
        if found is None or not hmac.compare_digest(found.digest, digest):
            hint = "`poise tokens list` names those that are"
            raise Unauthorized("this token is not one of this server's", hint=hint)
        void = _void(found.row, self._now())
        if void is not None:
            raise Unauthorized(f"the token '{found.row.name}' {void}", hint="`poise tokens add` makes a new one")
        wait = 0.0 if found.rate is None else found.rate.wait(self._steady())
        if wait:
            most = f"{found.row.per_second:g} requests per second"
            raise TooOften(f"the token '{found.row.name}' may make {most}", retry_after=wait)
        return found.caller


def _known(row: TokenRow, before: _Known | None) -> _Known:
    rate = None if row.per_second is None else Rate(row.per_second)
    if before is not None and before.rate is not None and before.rate.per_second == row.per_second:
        rate = before.rate
    caller = Caller(row.name, frozenset(cast(tuple[Role, ...], row.roles)))
    return _Known(row, bytes.fromhex(row.digest), caller, rate)


def _of_starter(token: str) -> TokenRow:
    """No name that a token of the state database could have."""
    return TokenRow("who started this server", digest_of(token), ("predict", "read"), None, 0, "")


def _void(row: TokenRow, now: int) -> str | None:
    """Why a token is not in force; None where it is."""
    if row.revoked is not None:
        return "was revoked"
    return "has expired" if row.expires is not None and row.expires <= now else None
