"""What goes on for a while, in the state database: documents of a kind and a name, each change told in the history.

A proposal that waits for an approval, a release that answers a share of the requests, an update that is under way: each
is one document. Of several who change one at once, one does and the others are told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from poise.errors import Stale
from poise.stores.state_base import DocumentRow
from poise.stores.state_tables import DOCUMENTS, dump
from poise.stores.state_transactions import Transactions


class DocumentsState(Transactions):
    """What the state database promises of documents."""

    def document(self, kind: str, name: str) -> DocumentRow | None:
        """The newest version of one document; None where there is none."""
        with self._transaction() as connection:
            return self._document(connection, kind, name)

    def documents(self, kind: str) -> tuple[DocumentRow, ...]:
        """All documents of a kind, the one that was made first at the front."""
        with self._transaction() as connection:
            return self._documents(connection, kind)

    def put_document(
        self,
        kind: str,
        name: str,
        value: Mapping[str, Any],
        *,
        expected: int | None = None,
        act: str | None = None,
        why: str = "",
        who: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> DocumentRow:
        """Write a document, or a new version of it, and with `act` its line in the history, all in one transaction.

        expected: the version that must be there (0: none yet); it is looked at in the same transaction, and `Stale` is
        raised where another one is. value: JSON; numbers that are not finite become null.
        """
        with self._transaction(write=True) as connection:
            before = self._document(connection, kind, name)
            self._must_be(before, expected, kind, name)
            now, version = self._clock.now(), before.version + 1 if before else 1
            written = {"version": version, "at": now, "value": dump(value)}
            if before is None:
                new = {"system": self.system, "kind": kind, "name": name, "made": now}
                connection.execute(DOCUMENTS.insert().values(**new, **written))
            else:
                connection.execute(DOCUMENTS.update().where(self._one(kind, name)).values(**written))
            if act is not None:
                self._write_history(connection, act, name, why, who, details or {})
            found = self._document(connection, kind, name)
        assert found is not None
        return found

    def drop_document(self, kind: str, name: str, *, expected: int | None = None) -> bool:
        """Delete a document; whether there was one. Raises `Stale` as `put_document` does."""
        with self._transaction(write=True) as connection:
            self._must_be(self._document(connection, kind, name), expected, kind, name)
            return connection.execute(DOCUMENTS.delete().where(self._one(kind, name))).rowcount > 0

    def _document(self, connection: Connection, kind: str, name: str) -> DocumentRow | None:
        row = connection.execute(sa.select(DOCUMENTS).where(self._one(kind, name))).first()
        return None if row is None else _row(row)

    def _documents(self, connection: Connection, kind: str) -> tuple[DocumentRow, ...]:
        mine = (DOCUMENTS.c.system == self.system) & (DOCUMENTS.c.kind == kind)
        chosen = sa.select(DOCUMENTS).where(mine).order_by(DOCUMENTS.c.made, DOCUMENTS.c.name)
        return tuple(_row(row) for row in connection.execute(chosen))

    def _one(self, kind: str, name: str) -> sa.ColumnElement[bool]:
        return sa.and_(DOCUMENTS.c.system == self.system, DOCUMENTS.c.kind == kind, DOCUMENTS.c.name == name)

    def _must_be(self, found: DocumentRow | None, expected: int | None, kind: str, name: str) -> None:
        version = found.version if found else 0
        if expected is not None and version != expected:
            said = f"{kind} '{name}' has version {version} and not {expected}: somebody else changed it"
            raise Stale(said, hint="look at it and ask again")


def _row(row: Row[Any]) -> DocumentRow:
    return DocumentRow(row.kind, row.name, row.version, row.made, row.at, json.loads(row.value))
