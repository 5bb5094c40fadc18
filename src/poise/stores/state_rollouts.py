"""Releases on their way to answer everybody, in the state database: one at a time, each step with what it makes live.

A step is a new version of the release's document of kind `rollout`; with its line in the history, and the promotion
where it is the last one, it is one transaction. Whoever dies in between leaves all of it or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from poise.errors import NotNow
from poise.stores.state_base import DocumentRow
from poise.stores.state_documents import DocumentsState
from poise.stores.state_live import LiveReleases
from poise.stores.state_tables import DOCUMENTS, dump, os_user

ROLLOUT = "rollout"
UNDER_WAY = ("shadow", "canary")
"""The stages of a release that does not answer everybody yet."""


class RolloutsState(LiveReleases, DocumentsState):
    """What the state database promises of rollouts."""

    def rollout(self) -> DocumentRow | None:
        """The one that is under way; None where none is."""
        found = [row for row in self.documents(ROLLOUT) if row.value["stage"] in UNDER_WAY]
        return found[-1] if found else None

    def step_rollout(
        self,
        name: str,
        value: Mapping[str, Any],
        *,
        expected: int,
        act: str,
        why: str,
        who: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> DocumentRow:
        """Write the next step of the rollout of a release; at the stage `live` the release is promoted with it.

        expected: the version of the document that must be there (0: none). `who` takes the step, and stands in the
        document. Raises `Stale` where there is another version, `NotNow` where another release is under way,
        `StateError` where the release is not a released one.
        """
        with self._transaction(write=True) as connection:
            self._must_be_released(connection, name)
            if value["stage"] in UNDER_WAY:
                self._must_be_alone(connection, name)
            before = self._document(connection, ROLLOUT, name)
            self._must_be(before, expected, ROLLOUT, name)
            now, value = self._clock.now(), {**value, "who": who or os_user()}
            written = {"version": expected + 1, "at": now, "value": dump(value)}
            if before is None:
                new = {"system": self.system, "kind": ROLLOUT, "name": name, "made": now}
                connection.execute(DOCUMENTS.insert().values(**new, **written))
            else:
                connection.execute(DOCUMENTS.update().where(self._one(ROLLOUT, name)).values(**written))
            if value["stage"] == "live":
                self._write_live(connection, name, "promote", why, who)
            else:
                self._write_history(connection, act, name, why, who, details or {})
        return DocumentRow(ROLLOUT, name, expected + 1, before.made if before else now, now, value)

    def _must_be_alone(self, connection: Connection, name: str) -> None:
        mine = (DOCUMENTS.c.system == self.system) & (DOCUMENTS.c.kind == ROLLOUT) & (DOCUMENTS.c.name != name)
        for other, text in connection.execute(sa.select(DOCUMENTS.c.name, DOCUMENTS.c.value).where(mine)).all():
            if (stage := json.loads(text)["stage"]) in UNDER_WAY:
                said = f"{other} is under way ({stage}), and only one release at a time can be"
                raise NotNow(said, hint="advance or undo it first: poise rollout")
