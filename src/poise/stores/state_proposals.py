"""Changes of weights that wait for somebody: proposed, approved, declined, withdrawn, and put in force when the last
approval comes.

A proposal is a document of the state database. Whatever is done to it, and the weights that it puts in force, are one
transaction with their lines in the history: whoever dies in between leaves all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from poise.errors import NotNow, did_you_mean
from poise.stores.state_base import DocumentRow, WeightsChange
from poise.stores.state_documents import DocumentsState
from poise.stores.state_tables import DOCUMENTS, dump, next_number, os_user
from poise.stores.state_weights import SET, WeightsState, newest_weights

PROPOSAL = "proposal"
OPEN, APPLIED, DECLINED, WITHDRAWN, OVERTAKEN = "open", "applied", "declined", "withdrawn", "overtaken"
"""Where a proposal stands. Overtaken: other weights became live, so that what was asked is no longer what was shown."""


class ProposalsState(WeightsState, DocumentsState):
    """What the state database promises of proposals."""

    def proposals(self, *, standing: str | None = None) -> tuple[DocumentRow, ...]:
        """All proposals, the oldest first; only those that stand so if given."""
        found = self.documents(PROPOSAL)
        return tuple(one for one in found if standing is None or one.value["standing"] == standing)

    def propose(
        self,
        values: Mapping[str, float],
        waits: Mapping[str, Sequence[str]],
        *,
        base: int,
        why: str,
        who: str | None = None,
        until: int | None = None,
        foreseen: Mapping[str, Any] | None = None,
    ) -> DocumentRow:
        """Write down a change of weights that waits. waits: stakeholder -> which of their requirements it may break.

        base: the version of the weights that it changes; foreseen: what it was said to do, JSON.
        """
        with self._transaction(write=True) as connection:
            name = f"p{next_number(connection, self.system, PROPOSAL)}"
            value: dict[str, Any] = {
                "standing": OPEN,
                "values": dict(values),
                "base": base,
                "why": why,
                "who": who or os_user(),
                "until": until,
                "waits": {owner: list(what) for owner, what in waits.items()},
                "approved": {},
                "ended": None,
                "foreseen": foreseen,
            }
            now = self._clock.now()
            row = {"kind": PROPOSAL, "name": name, "version": 1, "made": now, "at": now, "value": dump(value)}
            connection.execute(DOCUMENTS.insert().values(system=self.system, **row))
            details = {"values": dict(values), "from": base, "waits": sorted(waits)}
            self._write_history(connection, "propose", f"proposal {name}", why, value["who"], details)
            return self._proposal(connection, name)

    def approve(
        self, name: str, stakeholder: str, *, why: str, who: str | None = None, expected: int | None = None
    ) -> tuple[DocumentRow, WeightsChange | None]:
        """Approve as `stakeholder`; the weights change with the last approval that was waited for.

        expected: the version of the proposal that was looked at. Raises `NotNow` where the proposal is not open, where
        it does not wait for that stakeholder, or where they have approved already. Where other weights are live than
        when it was proposed, it is overtaken: that is written down, and no weights change.
        """
        with self._transaction(write=True) as connection:
            found = self._open(connection, name, stakeholder, expected)
            value = dict(found.value)
            if stakeholder in value["approved"]:
                raise NotNow(f"{stakeholder} has approved proposal {name} already", field="as")
            live = newest_weights(connection, self.system)
            if (live.version if live else 0) != value["base"] or self._is_over(value):
                return self._end(
                    connection, found, OVERTAKEN, _overtaken(value, live.version if live else 0), who
                ), None
            said = {"who": who or os_user(), "at": self._clock.now(), "why": why}
            value["approved"] = {**value["approved"], stakeholder: said}
            self._write_history(connection, "approve", f"proposal {name}", why, who, {"as": stakeholder})
            if set(value["approved"]) < set(value["waits"]):
                return self._rewrite(connection, found, value), None
            new = {**(live.values if live else {}), **value["values"]}
            approved = {"proposal": name, "approved": sorted(value["approved"])}
            change = self._write(connection, live, new, SET, value["why"], value["who"], approved, value["until"])
            value |= {"standing": APPLIED, "ended": {**said, "weights": change.now.version}}
            return self._rewrite(connection, found, value), change

    def decline(
        self, name: str, stakeholder: str, *, why: str, who: str | None = None, expected: int | None = None
    ) -> DocumentRow:
        """Say no as `stakeholder`, who may have approved before: the proposal is over. Raises as `approve` does."""
        with self._transaction(write=True) as connection:
            found = self._open(connection, name, stakeholder, expected)
            return self._end(connection, found, DECLINED, why, who, {"as": stakeholder})

    def withdraw(self, name: str, *, why: str, who: str | None = None) -> DocumentRow:
        """Take a proposal back before it is in force. Raises `NotNow` where it is not open."""
        with self._transaction(write=True) as connection:
            return self._end(connection, self._open(connection, name, None, None), WITHDRAWN, why, who)

    def _proposal(self, connection: Connection, name: str) -> DocumentRow:
        found = self._document(connection, PROPOSAL, name)
        if found is None:
            known = [one.name for one in self._documents(connection, PROPOSAL)]
            raise NotNow(f"there is no proposal '{name[:40]}'", hint=did_you_mean(name[:40], known))
        return found

    def _open(self, connection: Connection, name: str, stakeholder: str | None, expected: int | None) -> DocumentRow:
        found = self._proposal(connection, name)
        self._must_be(found, expected, PROPOSAL, name)
        value = found.value
        if value["standing"] != OPEN:
            why = value["ended"]["why"] if value["ended"] else ""
            raise NotNow(f"proposal {name} is {value['standing']}{f': {why}' if why else ''}", hint="propose it anew")
        if stakeholder is not None and stakeholder not in value["waits"]:
            allowed = ", ".join(sorted(value["waits"]))
            raise NotNow(f"proposal {name} does not wait for '{stakeholder[:80]}'", field="as", allowed=allowed)
        return found

    def _is_over(self, value: Mapping[str, Any]) -> bool:
        return value["until"] is not None and value["until"] <= self._clock.now()

    def _end(
        self,
        connection: Connection,
        found: DocumentRow,
        standing: str,
        why: str,
        who: str | None,
        details: Mapping[str, Any] | None = None,
    ) -> DocumentRow:
        ended = {"who": who or os_user(), "at": self._clock.now(), "why": why, **(details or {})}
        act = {DECLINED: "decline", WITHDRAWN: "withdraw", OVERTAKEN: "overtake"}[standing]
        self._write_history(connection, act, f"proposal {found.name}", why, ended["who"], details or {})
        return self._rewrite(connection, found, {**found.value, "standing": standing, "ended": ended})

    def _rewrite(self, connection: Connection, found: DocumentRow, value: Mapping[str, Any]) -> DocumentRow:
        written = {"version": found.version + 1, "at": self._clock.now(), "value": dump(value)}
        connection.execute(DOCUMENTS.update().where(self._one(PROPOSAL, found.name)).values(**written))
        return self._proposal(connection, found.name)


def _overtaken(value: Mapping[str, Any], live: int) -> str:
    if live != value["base"]:
        return f"weights {live} are live, and it was made to change weights {value['base'] or 'of the file'}"
    return "the time until which it was to hold is over"
