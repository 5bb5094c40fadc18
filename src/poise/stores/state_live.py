"""Which release is live, in the state database: promoted, taken back, retired, and what was live at any time.

Promotions pile up, and a rollback takes down to its target. What stands is live: of each contract the release that was
promoted last, of all of them the topmost.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from poise.clock import SECOND
from poise.errors import StateError
from poise.stores.state_base import HistoryRow, LiveRow, ReleaseRow
from poise.stores.state_tables import HISTORY, LIVE, RELEASES, history_row, next_number
from poise.stores.state_weights import WeightsState

SWITCH, STAY = "switch", "stay"
"""What servers say in the history: a release answers now, or what answered before it goes on (`goes_on` names it)."""
SOON = 600 * SECOND
"""How long after a release was made live a server's first word of it says what was so from the beginning."""
CONTRACT = "contract "
"""How the history names a contract that was retired: `contract 1`."""


class LiveReleases(WeightsState):
    """What the state database promises of live releases."""

    @abstractmethod
    def _release(self, connection: Connection, name: str) -> ReleaseRow: ...

    @abstractmethod
    def _named(self, name: str) -> sa.ColumnElement[bool]: ...

    def promote(self, name: str, *, why: str, who: str | None = None) -> None:
        """Make a release live. Raises `StateError` unless it is released."""
        with self._transaction(write=True) as connection:
            self._must_be_released(connection, name)
            self._write_live(connection, name, "promote", why, who)

    def rollback(self, *, why: str, who: str | None = None, to: str | None = None) -> str:
        """Make the release that was live before (or `to`) live again; returns its name.

        Where a server could not switch to what is live, that is the release that goes on answering. A second rollback
        goes one further back, never forward again. Raises `StateError` where there is none.
        """
        with self._transaction(write=True) as connection:
            target = to or self._target(connection)
            if target is None:
                raise StateError(
                    "there is no earlier release to go back to", hint="`poise history` tells what was live"
                )
            self._must_be_released(connection, target)
            live = self._live_rows(connection)[-1:]
            if [row.release for row in live] == [target] and self._unanswered(connection, live[0]) is None:
                raise StateError(f"{target} is live already")
            self._write_live(connection, target, "rollback", why, who)
        return target

    def rollback_target(self) -> str | None:
        """The release that `rollback` would make live; None where there is none."""
        with self._transaction() as connection:
            return self._target(connection)

    def retire(self, name: str, *, why: str, who: str | None = None) -> None:
        """Take a release out of use for good. Raises `StateError` for the live one."""
        with self._transaction(write=True) as connection:
            row = self._release(connection, name)
            live = self._live_rows(connection)
            if live and live[-1].release == name:
                raise StateError(f"{name} is live and cannot be retired", hint="promote or roll back to another first")
            connection.execute(RELEASES.update().where(self._named(name)).values(status="retired"))
            self._write_history(connection, "retire", name, why, who, {"was": row.status})

    def retire_contract(self, major: int, names: Collection[str], *, why: str, who: str | None = None) -> None:
        """Take a contract out of use for good, with its releases `names`, all or nothing.

        Raises `StateError` where the live release is one of them, or none is released any more.
        """
        with self._transaction(write=True) as connection:
            live = self._live_rows(connection)
            if live and live[-1].release in names:
                hint = "release under a new contract first, and let its callers move"
                raise StateError(f"contract {major} is that of {live[-1].release}, which is live", hint=hint)
            standing = [name for name in names if self._release(connection, name).status == "released"]
            if not standing:
                raise StateError(f"contract {major} is not served: none of its releases is in use")
            for name in standing:
                connection.execute(RELEASES.update().where(self._named(name)).values(status="retired"))
                self._write_history(connection, "retire", name, f"contract {major}: {why}", who, {"was": "released"})
            self._write_history(connection, "retire", f"{CONTRACT}{major}", why, who, {"releases": standing})

    def retired_contracts(self) -> dict[int, str]:
        """Contract -> why it was retired."""
        retired = (HISTORY.c.system == self.system) & (HISTORY.c.act == "retire")
        chosen = sa.select(HISTORY.c.subject, HISTORY.c.why).where(retired & HISTORY.c.subject.startswith(CONTRACT))
        with self._transaction() as connection:
            rows = connection.execute(chosen.order_by(HISTORY.c.seq)).all()
        return {int(subject.removeprefix(CONTRACT)): why for subject, why in rows}

    def live(self) -> LiveRow | None:
        """The release that answers now; None before the first promotion."""
        return self.live_at(None)

    def standing(self, instant: int | None = None) -> tuple[LiveRow, ...]:
        """The releases that were promoted and neither taken back nor retired, the one that is live last: of each
        contract the last of them answers. instant: as of then (microseconds); None: now."""
        with self._transaction() as connection:
            rows = [row for row in self._live_rows(connection) if instant is None or row.since <= instant]
            gone = self._retired(connection, instant)
        return tuple(row for row in _pile(rows) if row.release not in gone)

    def live_at(self, instant: int | None) -> LiveRow | None:
        """The release that was live at `instant` (microseconds; None for now); None where none was."""
        chosen = sa.select(LIVE).where(LIVE.c.system == self.system).order_by(LIVE.c.seq.desc()).limit(1)
        if instant is not None:
            chosen = chosen.where(LIVE.c.since <= instant)
        with self._transaction() as connection:
            row = connection.execute(chosen).first()
        return None if row is None else LiveRow(row.release, row.since, row.act)

    def unanswered(self, row: LiveRow, instant: int | None = None) -> str | None:
        """Why a release that was made live by `row` did not answer at `instant` (microseconds; None: now), as servers
        said it; None where it did, or nobody said."""
        with self._transaction() as connection:
            found = self._unanswered(connection, row, instant)
        return None if found is None else found.why

    def _unanswered(self, connection: Connection, row: LiveRow, instant: int | None = None) -> HistoryRow | None:
        later = [one.since for one in self._live_rows(connection) if one.release == row.release]
        ends = min((since for since in later if since > row.since), default=None)
        mine = (HISTORY.c.system == self.system) & (HISTORY.c.subject == row.release)
        chosen = sa.select(HISTORY).where(mine & HISTORY.c.act.in_((SWITCH, STAY)) & (HISTORY.c.at >= row.since))
        lines = [history_row(one) for one in connection.execute(chosen.order_by(HISTORY.c.seq)).all()]
        said = [(one.details.get("happened", one.at), one) for one in lines]
        said = [(at, one) for at, one in said if at >= row.since and (ends is None or at < ends)]
        until = [one for at, one in said if instant is None or at <= instant]
        if not until and said and said[0][0] <= row.since + SOON:
            until = [said[0][1]]
        return until[-1] if until and until[-1].act == STAY else None

    def _must_be_released(self, connection: Connection, name: str) -> None:
        status = self._release(connection, name).status
        if status != "released":
            raise StateError(f"{name} is {status}; only a released one can be live")

    def _live_rows(self, connection: Connection) -> list[LiveRow]:
        rows = connection.execute(sa.select(LIVE).where(LIVE.c.system == self.system).order_by(LIVE.c.seq)).all()
        return [LiveRow(row.release, row.since, row.act) for row in rows]

    def _target(self, connection: Connection) -> str | None:
        """Promotions pile up, a rollback takes down to its target: the next target lies below what is on top. Where
        that does not answer it is the release that does."""
        rows = _pile(self._live_rows(connection))
        stay = self._unanswered(connection, rows[-1]) if rows else None
        if stay is not None:
            for name in reversed(stay.details.get("goes_on", [])):
                if name != rows[-1].release and self._release(connection, name).status == "released":
                    return str(name)
        pile = [row.release for row in rows]
        for name in reversed(pile[:-1]):
            if name != pile[-1] and self._release(connection, name).status == "released":
                return name
        return None

    def _retired(self, connection: Connection, instant: int | None) -> set[str]:
        """The releases that were retired at an instant."""
        chosen = sa.select(HISTORY.c.subject).where((HISTORY.c.system == self.system) & (HISTORY.c.act == "retire"))
        if instant is not None:
            chosen = chosen.where(HISTORY.c.at <= instant)
        return set(connection.execute(chosen).scalars())

    def _write_live(self, connection: Connection, name: str, act: str, why: str, who: str | None) -> None:
        seq = next_number(connection, self.system, "live")
        before = self._live_rows(connection)
        since = max([self._clock.now(), *(row.since for row in before[-1:])])  # never before what it follows
        connection.execute(LIVE.insert().values(system=self.system, seq=seq, release=name, since=since, act=act))
        self._write_history(connection, act, name, why, who, {"from": before[-1].release if before else None})


def _pile(rows: Sequence[LiveRow]) -> list[LiveRow]:
    """Promotions pile up, and a rollback takes down to its target."""
    pile: list[LiveRow] = []
    for row in rows:
        names = [one.release for one in pile]
        if row.act == "rollback" and row.release in names:
            pile[len(pile) - 1 - names[::-1].index(row.release) :] = [row]
        elif not pile or names[-1] != row.release:
            pile.append(row)
    return pile
