"""What is remembered of releases: which exist, which is live, who did what when and why. Records, and what a store of
them promises.

Distinct from the online state in `base.py`, which holds feature values: this one is small, read by people, and what it
has written it never changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Status = Literal["candidate", "released", "refused", "retired"]
NameKind = Literal["candidate", "release"]


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A candidate or a release. `created` is in microseconds; `seal` is the hash of its manifest; `verdict` is JSON."""

    name: str
    status: Status
    created: int
    folder: str
    seal: str | None = None
    verdict: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveRow:
    """`release` answers since `since` (microseconds); `act` is how it came: promote or rollback."""

    release: str
    since: int
    act: Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the history: `who` did `act` to `subject` at `at` (microseconds), `why`."""

    seq: int
    at: int
    who: str
    act: str
    subject: str
    why: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WeightsRow:
    """One version of the live weights: utility per unit of each term. until: when those before come back, microseconds;
    None where nothing was said."""

    version: int
    values: Mapping[str, float]
    who: str
    at: int
    why: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class WeightsChange:
    """The live weights before a change and after it; the same version where the change changed nothing."""

    before: WeightsRow | None
    now: WeightsRow

    @property
    def changed(self) -> bool:
        """Whether there is a new version."""
        return self.before is None or self.before.version != self.now.version


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token by which callers are known: `digest` is the SHA-256 of it. Times are microseconds; None: never."""

    name: str
    digest: str
    roles: tuple[str, ...]
    per_second: float | None
    made: int
    who: str
    expires: int | None = None
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What a caller did: `token` sent the field `name` (`flights.carrier`), or asked the route `name`, under a major of
    the contract; or, of kind `request`, anything at all: contract 0, no name."""

    token: str
    contract: int
    kind: Literal["request", "route", "field"]
    name: str


@dataclass(frozen=True, slots=True)
class UsageRow:
    """How many requests used something, and when the first and the last of them was seen (microseconds)."""

    use: Use
    times: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document of what goes on: how often it was written, when first and last (microseconds), and what it says."""

    kind: str
    name: str
    version: int
    made: int
    at: int
    value: Mapping[str, Any]


class Documents(Protocol):
    """What is promised of documents by the state database: see `poise.stores.state_documents`."""

    def document(self, kind: str, name: str) -> DocumentRow | None: ...
    def documents(self, kind: str) -> Sequence[DocumentRow]: ...
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
    ) -> DocumentRow: ...
    def drop_document(self, kind: str, name: str, *, expected: int | None = None) -> bool: ...


class LiveState(ABC):
    """What a server polls: which release and which weights are live. `serving` is handed one and knows no more."""

    @abstractmethod
    def seq(self) -> int:
        """The number of the newest history line, 0 before the first: unchanged means that nothing has changed."""

    @abstractmethod
    def live(self) -> LiveRow | None:
        """The release that answers now; None before the first promotion."""

    @abstractmethod
    def standing(self, instant: int | None = None) -> tuple[LiveRow, ...]:
        """The releases that were promoted and neither taken back nor retired, the one that is live last: of each
        contract the last of them answers. instant: as of then (microseconds); None: now."""

    @abstractmethod
    def retired_contracts(self) -> dict[int, str]:
        """Contract -> why it was retired."""

    @abstractmethod
    def release(self, name: str) -> ReleaseRow:
        """The row of one release or candidate. Raises `StateError` where there is none."""

    @abstractmethod
    def weights(self) -> WeightsRow | None:
        """The live weights; None before the first version."""

    @abstractmethod
    def expire_weights(self) -> WeightsChange | None:
        """Put those before in place of live weights whose time is over; None where there is nothing to do."""
