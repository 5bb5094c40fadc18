"""For which instant a request is answered: the clock's, or an earlier or (on old data) later one that it asks for."""

from __future__ import annotations

from poise.clock import AHEAD, Clock, ReplayClock, to_text
from poise.errors import NotNow, RequestError, StateError
from poise.serving.body import described
from poise.serving.field import instant_of
from poise.serving.rows import TIME
from poise.stores.base import OnlineStore
from poise.table import MISSING_TIME


class Instants:
    """Gives each request its T and brings the store there; one for all that answers in a server.

    Without `time` in the request T is now by the clock, and never earlier than the T before: a wall clock that was set
    back stands still until it has caught up. A `time` that the store can no longer answer for is refused, and so is one
    ahead of a wall clock; a `replay` clock moves there, as events that come in move it.

    Rows that come in get their κ here, so that it is after every T that was answered without them and before every T
    that is answered with them: whoever computes an answer's features again from stored rows finds what it saw.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = MISSING_TIME
        self._known = MISSING_TIME

    def resume(self, known: int) -> None:
        """Rows up to `known` were made visible before this process began: answers and later rows come after it."""
        self._known = max(self._known, known)

    def arrive(self, latest: int) -> int:
        """κ of rows that are made visible now, whose latest τ is `latest` (which moves a `replay` clock)."""
        if isinstance(self._clock, ReplayClock):
            self._clock.move(latest)
        self._known = max(self._clock.now(), self._last, self._known)
        return self._known

    def of(self, store: OnlineStore, asked: str | None, zone: str, *, timed: bool, may_ask: bool) -> int:
        """T in microseconds (`MISSING_TIME` in a system that is not `timed`); `store` is advanced to it.

        asked: the time as the caller wrote it, read in `zone` where it names none.
        """
        if not timed:
            if asked is not None:
                raise RequestError("this system has no time: none of its sources declares any", field=TIME)
            return MISSING_TIME
        if asked is None:
            instant = max(self._clock.now(), self._last, self._known + 1)
            store.advance(instant)
        else:
            instant = self._asked(asked, zone, may_ask)
            try:
                store.advance(instant)
            except StateError:
                now = to_text(max(self._clock.now(), self._last), zone)
                text = f"{asked} is too long ago: this server knows what happened after it and cannot leave that out"
                raise NotNow(text, field=TIME, hint=f"leave 'time' out to ask for now, {now}") from None
        self._last = max(instant, self._last)
        return instant

    def _asked(self, asked: str, zone: str, may_ask: bool) -> int:
        if not may_ask:
            raise RequestError(
                "only the role 'operate' may choose the time", field=TIME, allowed="nothing: leave it out"
            )
        try:
            instant = instant_of(asked, zone)
        except ValueError as error:
            raise RequestError(f"{described(asked)} came{error}", field=TIME, allowed="an ISO 8601 time") from None
        wall = Clock().now()
        latest = wall + AHEAD if isinstance(self._clock, ReplayClock) else max(self._clock.now(), self._last)
        if instant > latest:
            shows = f"the {self._clock.kind} clock shows {to_text(self._clock.now(), zone)}"
            raise NotNow(f"{asked} is in the future; {shows}", field=TIME, hint="leave 'time' out to ask for now")
        if isinstance(self._clock, ReplayClock):
            self._clock.move(instant)
        return instant


def said(instant: int, zone: str) -> str | None:
    """T as answers show it; None without time."""
    return None if instant == MISSING_TIME else to_text(instant, zone)
