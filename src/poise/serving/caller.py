"""Who asks, and what a handler is handed: the body, the caller, and the contract that the caller was written for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, get_args

from poise.serving.answer import Answer

Role = Literal["predict", "ingest", "operate", "read"]
"""predict: ask for answers. ingest: send events. read: see releases, weights, requirements, use. operate: change what
is live, and ask as of another time; it may read as well."""
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from.

    >>> Caller("shop", frozenset({"predict"})).may("operate")
    False
    """

    name: str
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        """Whether the caller has `role`; whoever may operate may read."""
        return role in self.roles or (role == "read" and "operate" in self.roles)


ANYBODY_HERE = Caller("anybody here", frozenset(ROLES))
"""Every caller of a server on loopback that has no tokens: programs of this machine, which may do everything."""

NOBODY = Caller("nobody", frozenset())
"""Who asks without a token, of a server that has some, what needs none: whether it lives."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as a handler sees it. contract: the major version that the caller was written for, where it says."""

    body: bytes
    caller: Caller = ANYBODY_HERE
    contract: int | None = None


Handler = Callable[[Asked], Answer | Awaitable[Answer]]
"""What answers one route. One that waits for something gives an awaitable, so that others are answered meanwhile."""
