"""The weights in the state database: changed under a lock, taken back, and never forgotten.

No version is ever altered or deleted; the newest is live. Each has its line in the history, written with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from poise.clock import SECOND, to_text
from poise.errors import NotNow, Stale, StateError
from poise.releases.plain_json import finite
from poise.stores.state_base import LiveState, WeightsChange, WeightsRow
from poise.stores.state_tables import HISTORY, WEIGHT_LIMITS, WEIGHTS, dump, next_number, os_user
from poise.stores.state_transactions import Transactions

SET, TAKE_BACK, EXPIRE = "weights", "take-back", "expire"
"""The acts, as the history names them."""


class WeightsState(Transactions, LiveState):
    """What the state database promises of weights."""

    def weights(self) -> WeightsRow | None:
        """The live weights; None before the first version."""
        return next(iter(self.weight_versions(limit=1)), None)

    def weights_at(self, instant: int) -> WeightsRow | None:
        """The weights that were live at `instant` (microseconds); None before the first version."""
        chosen = _chosen(self.system).where(WEIGHTS.c.at <= instant)
        with self._transaction() as connection:
            row = connection.execute(chosen.order_by(WEIGHTS.c.version.desc()).limit(1)).mappings().first()
        return None if row is None else _row(row)

    def weight_versions(self, *, limit: int | None = None) -> tuple[WeightsRow, ...]:
        """The newest `limit` versions of the weights (default all), the oldest first."""
        with self._transaction() as connection:
            return _newest(connection, self.system, limit)

    def set_weights(
        self,
        values: Mapping[str, float],
        *,
        why: str,
        who: str | None = None,
        expected: int | None = None,
        defaults: Mapping[str, float] | None = None,
        until: int | None = None,
    ) -> WeightsChange:
        """Make new weights live: `values`, and of other terms what is live (else what `defaults` says).

        until: when those before come back, microseconds (see `expire_weights`); default never.

        expected: the version that must be live (0: none yet). It is looked at in the same transaction, so that of
        several who expect the same one changes the weights and the others raise `Stale`. Values that are live already
        make no new version. Raises `StateError` for a number that is not finite.
        """
        plain, wrong = finite({term: float(value) for term, value in values.items()})
        if wrong:
            raise StateError(f"the weight of '{wrong[0]}' is {values[wrong[0]]}; a finite number is needed")
        with self._transaction(write=True) as connection:
            before = _live(connection, self.system, expected, self._zone)
            new = {**(defaults or {}), **(before.values if before else {}), **plain}
            return self._write(connection, before, new, SET, why, who, {}, until)

    def take_back_weights(
        self, *, why: str, who: str | None = None, to: int | None = None, expected: int | None = None
    ) -> WeightsChange:
        """Make the values of version `to` (default those before the live ones) live again, as a new version.

        A second one goes one further back, never forward again. Weights whose own time is over do not come back but by
        `to`; those whose time is still to come hold until then. Raises `NotNow` where there is no such version, and
        `Stale` as `set_weights` does.
        """
        now = self._clock.now()
        with self._transaction(write=True) as connection:
            before = _live(connection, self.system, expected, self._zone)
            target = _before(connection, self.system, now) if to is None else _version(connection, self.system, to)
            if target is None:
                said = "there are no earlier weights to go back to"
                raise NotNow(said, hint="the history of the weights tells all")
            new = {**(before.values if before else {}), **target.values}
            until = target.until if target.until is not None and target.until > now else None
            return self._write(connection, before, new, TAKE_BACK, why, who, {"to": target.version}, until)

    def weights_before(self) -> WeightsRow | None:
        """Those that `take_back_weights` puts in force by itself; None where there are none."""
        with self._transaction() as connection:
            return _before(connection, self.system, self._clock.now())

    def expire_weights(self) -> WeightsChange | None:
        """Put those before in place of live weights whose time is over, as a new version; None where none are.

        Those before are what taking back would lead to: the newest whose own time is not over and that were not taken
        back themselves. Of several who ask at once, one does it. Nothing comes back where no version is left to.
        """
        now = self._clock.now()
        with self._transaction(write=True) as connection:
            over = newest_weights(connection, self.system)
            if over is None or over.until is None or over.until > now:
                return None
            target = _before(connection, self.system, now)
            if target is None:
                return None
            why = f"weights {over.version} were to hold until {to_text(over.until // SECOND * SECOND, self._zone)}"
            new, details = {**over.values, **target.values}, {"to": target.version, "over": over.version}
            return self._write(connection, over, new, EXPIRE, why, over.who, details, target.until)

    def _write(
        self,
        connection: Connection,
        before: WeightsRow | None,
        values: Mapping[str, float],
        act: str,
        why: str,
        who: str | None,
        more: Mapping[str, Any],
        until: int | None = None,
    ) -> WeightsChange:
        if before is not None and before.values == values and before.until == until:
            return WeightsChange(before, before)
        version = next_number(connection, self.system, "weights")
        now = WeightsRow(version, values, who or os_user(), self._clock.now(), why, until)
        row = {"version": version, "values": dump(values), "who": now.who, "at": now.at, "why": why}
        connection.execute(WEIGHTS.insert().values(system=self.system, **row))
        details = {"values": values, "from": before.version if before else None, **more}
        if until is not None:
            connection.execute(WEIGHT_LIMITS.insert().values(system=self.system, version=version, until=until))
            details["until"] = to_text(until, "UTC")
        self._write_history(connection, act, f"weights {version}", why, now.who, details)
        return WeightsChange(before, now)


def _chosen(system: str) -> sa.Select[Any]:
    """Versions with until when they are to hold."""
    same = (WEIGHT_LIMITS.c.system == WEIGHTS.c.system) & (WEIGHT_LIMITS.c.version == WEIGHTS.c.version)
    joined = WEIGHTS.outerjoin(WEIGHT_LIMITS, same)
    return sa.select(WEIGHTS, WEIGHT_LIMITS.c.until).select_from(joined).where(WEIGHTS.c.system == system)


def newest_weights(connection: Connection, system: str) -> WeightsRow | None:
    """The live weights as a transaction sees them."""
    return next(iter(_newest(connection, system, 1)), None)


def _newest(connection: Connection, system: str, limit: int | None) -> tuple[WeightsRow, ...]:
    chosen = _chosen(system).order_by(WEIGHTS.c.version.desc()).limit(limit)
    return tuple(_row(row) for row in reversed(connection.execute(chosen).mappings().all()))


def _live(connection: Connection, system: str, expected: int | None, zone: str) -> WeightsRow | None:
    """The live weights, which must be version `expected` (0: there must be none yet) where that is given; else who
    changed them, and when in `zone`, is told."""
    found = next(iter(_newest(connection, system, 1)), None)
    version = found.version if found else 0
    if expected is None or version == expected:
        return found
    if found is None:
        raise Stale(f"the change expects weights {expected}, and no weights are live yet", hint="expect 0, or nothing")
    when, why = to_text(found.at // SECOND * SECOND, zone), f": {found.why}" if found.why else ""
    said = f"the change expects weights {expected}; weights {version} are live, by {found.who}, {when}{why}"
    raise Stale(said, hint=f"look at them, then expect {version}")


def _version(connection: Connection, system: str, number: int) -> WeightsRow:
    row = connection.execute(_chosen(system).where(WEIGHTS.c.version == number)).mappings().first()
    if row is None:
        last = next(iter(_newest(connection, system, 1)), None)
        allowed = f"1 to {last.version}" if last else "none, as there are no weights yet"
        raise NotNow(f"there is no version {number} of the weights", field="to", allowed=allowed)
    return _row(row)


def _before(connection: Connection, system: str, now: int) -> WeightsRow | None:
    """Changes pile up, and a take-back takes down to its target: the next target lies below what is on top, the first
    whose own time is not over; None where there is none."""
    targets = _taken_back(connection, system)
    pile: list[WeightsRow] = []
    for row in _newest(connection, system, None):
        target = targets.get(row.version)
        held = [place for place, other in enumerate(pile) if target in (other.version, targets.get(other.version))]
        if target is None or not held:
            pile.append(row)
        else:
            pile[held[-1] :] = [row]
    return next((row for row in reversed(pile[:-1]) if row.until is None or row.until > now), None)


def _taken_back(connection: Connection, system: str) -> dict[int, int]:
    """Version -> the version whose values it took back."""
    mine = (HISTORY.c.system == system) & HISTORY.c.act.in_((TAKE_BACK, EXPIRE))
    rows = connection.execute(sa.select(HISTORY.c.subject, HISTORY.c.details).where(mine)).all()
    return {int(subject.rpartition(" ")[2]): int(json.loads(details)["to"]) for subject, details in rows}


def _row(row: RowMapping) -> WeightsRow:
    return WeightsRow(row["version"], json.loads(row["values"]), row["who"], row["at"], row["why"], row["until"])
