"""Who uses what, in the state database: counts that servers add to, and when each use was first and last seen."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from poise.stores.state_base import UsageRow, Use
from poise.stores.state_tables import USAGE
from poise.stores.state_transactions import Transactions


class UsageState(Transactions):
    """What the state database promises of usage. No history: these are counts, not acts."""

    def usage(self, token: str | None = None) -> tuple[UsageRow, ...]:
        """All uses (or those of one token), by token, contract, kind and name."""
        chosen = sa.select(USAGE).where(USAGE.c.system == self.system)
        if token is not None:
            chosen = chosen.where(USAGE.c.token == token)
        order = (USAGE.c.token, USAGE.c.contract, USAGE.c.kind, USAGE.c.name)
        with self._transaction() as connection:
            rows = connection.execute(chosen.order_by(*order)).all()
        return tuple(UsageRow(Use(r.token, r.contract, r.kind, r.name), r.times, r.first, r.last) for r in rows)

    def add_usage(self, times: Mapping[Use, int]) -> None:
        """Add to the counts of these uses, seen last now."""
        if not times:
            return
        now = self._clock.now()
        with self._transaction(write=True) as connection:
            for use, more in times.items():
                self._add(connection, use, more, now)

    def _add(self, connection: Connection, use: Use, more: int, now: int) -> None:
        values = {"token": use.token, "contract": use.contract, "kind": use.kind, "name": use.name}
        mine = sa.and_(USAGE.c.system == self.system, *(USAGE.c[name] == value for name, value in values.items()))
        bump = USAGE.update().where(mine).values(times=USAGE.c.times + more, last=now)
        if connection.execute(bump).rowcount == 0:
            new = {"system": self.system, "times": more, "first": now, "last": now}
            try:
                with connection.begin_nested():
                    connection.execute(USAGE.insert().values(**values, **new))
            except IntegrityError:  # another server saw this use first, just now
                connection.execute(bump)
