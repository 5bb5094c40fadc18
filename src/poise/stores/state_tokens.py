"""The tokens in the state database: made, revoked, listed. Of a token only its digest is kept, never the token.

Each act has its line in the history, written with it. A revoked token stays in the table, so that a server which asks
for tokens goes on asking when the last one is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from poise.clock import SECOND, to_text
from poise.errors import StateError, did_you_mean
from poise.stores.state_base import TokenRow
from poise.stores.state_tables import TOKENS, os_user
from poise.stores.state_transactions import Transactions

MOST_TOKENS = 1_000
"""Tokens of one system that may be in use at once: a server holds them all, and counts what each uses."""


class TokensState(Transactions):
    """What the state database promises of tokens."""

    def tokens(self) -> tuple[TokenRow, ...]:
        """All tokens, revoked and expired ones too, by name."""
        with self._transaction() as connection:
            return self._tokens(connection)

    def add_token(
        self,
        name: str,
        digest: str,
        roles: Sequence[str],
        *,
        per_second: float | None = None,
        expires: int | None = None,
        who: str | None = None,
        why: str = "",
    ) -> TokenRow:
        """Write down a new token by its `digest`. The name of a revoked one may be given again.

        per_second: requests that it may make, None for any number. expires: the instant from which it is void.
        Raises `StateError` where a token of this name is in use, or as many as there may be.
        """
        now = self._clock.now()
        row = TokenRow(name, digest, tuple(roles), per_second, now, who or os_user(), expires)
        with self._transaction(write=True) as connection:
            used = [one.name for one in self._tokens(connection) if one.revoked is None]
            if name in used:
                raise StateError(f"there is a token '{name}' already", hint="revoke it, or choose another name")
            if len(used) >= MOST_TOKENS:
                raise StateError(f"{MOST_TOKENS:,} tokens are in use, as many as there may be", hint="revoke some")
            connection.execute(TOKENS.delete().where(self._of(name)))
            values = {"digest": digest, "roles": " ".join(row.roles), "per_second": per_second, "made": now}
            values |= {"system": self.system, "name": name, "who": row.who, "expires": expires, "revoked": None}
            connection.execute(TOKENS.insert().values(**values))
            until = None if expires is None else to_text(expires // SECOND * SECOND, self._zone)
            details = {"roles": list(row.roles), "per_second": per_second, "expires": until}
            self._write_history(connection, "add", f"token {name}", why, who, details)
        return row

    def revoke_token(self, name: str, *, who: str | None = None, why: str = "") -> None:
        """Make a token void for good. Raises `StateError` where none of this name is in use."""
        with self._transaction(write=True) as connection:
            used = [one.name for one in self._tokens(connection) if one.revoked is None]
            if name not in used:
                raise StateError(f"there is no token '{name}' in use", hint=did_you_mean(name, used))
            connection.execute(TOKENS.update().where(self._of(name)).values(revoked=self._clock.now()))
            self._write_history(connection, "revoke", f"token {name}", why, who, {})

    def _tokens(self, connection: Connection) -> tuple[TokenRow, ...]:
        chosen = sa.select(TOKENS).where(TOKENS.c.system == self.system).order_by(TOKENS.c.name)
        return tuple(_row(row) for row in connection.execute(chosen).mappings())

    def _of(self, name: str) -> sa.ColumnElement[bool]:
        return sa.and_(TOKENS.c.system == self.system, TOKENS.c.name == name)


def _row(row: RowMapping) -> TokenRow:
    roles = tuple(row["roles"].split())
    return TokenRow(
        row["name"], row["digest"], roles, row["per_second"], row["made"], row["who"], row["expires"], row["revoked"]
    )
