"""What a kind of feature promises: one definition with a batch and an online form that agree."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

from poise.spec.record import Record
from poise.spec.system import SystemSpec
from poise.stores.base import Declaration, OnlineStore
from poise.table import Column, History, Requests

OutputType = Literal["number", "category", "text"]
Edges = tuple[tuple[int, int], ...]
"""Windows by their length and the tile that their far edge is rounded down to, in microseconds."""
Asked = tuple[Declaration, Sequence[Column]]
"""What is read of a store, and for which keys."""


@dataclass(frozen=True, slots=True)
class Output:
    """One named input of models. `origin` says in words where it comes from, for reports."""

    name: str
    type: OutputType
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A column of the newest row of another source, by key, as of T. The plan reads it once for all who need it.

    `by` names what holds each part of the source's key: a request column, or another lookup by its name. `name` is
    `source.column`, and where the key is not the default one also says by what (`airports.lat by dest`).
    """

    source: str
    column: str
    by: tuple[str, ...]
    name: str
    through: tuple[Lookup, ...] = ()
    """The lookups among `by`."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a feature reads.

    request: columns of the row that the caller sends; sources: source -> its columns, read by the feature itself;
    features: other features' names; lookups: columns of other sources, which the plan looks up for it.
    """

    request: frozenset[str] = frozenset()
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    features: frozenset[str] = frozenset()
    lookups: frozenset[Lookup] = frozenset()


class Feature(ABC):
    """One entry of `features:`, bound to the source whose rows are predicted for (`per`)."""

    Spec: ClassVar[type[Record]]
    outputs: tuple[Output, ...]
    needs: Needs
    foreign: ClassVar[bool] = False
    """Whether it runs code of the user's, which may take any time."""
    renames: Mapping[str, str] = MappingProxyType({})
    """All of its outputs, and what each of them only names otherwise, of a feature that does nothing else."""
    fills: frozenset[str] = frozenset()
    """Columns of the request that `online` reads only where something has filled them."""

    @classmethod
    def split(cls, spec: Any) -> tuple[Any, ...]:
        """The entry as independent entries; several where it is only a shorter way to write them."""
        return (spec,)

    @classmethod
    @abstractmethod
    def bind(cls, spec: Any, system: SystemSpec, per: str) -> Self | None:
        """This entry for the rows of `per`; None where those rows cannot carry it (another objective's may).

        Raises `SpecError` where no rows of any source could.
        """

    @abstractmethod
    def batch(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> dict[str, Column]:
        """The outputs for past requests, each from rows with τ < T and κ < T only.

        `made` holds what `needs` names: request columns and features by name, lookups by `Lookup.name`.
        """

    def declarations(self) -> tuple[Declaration, ...]:
        """What the online form keeps in the store; none by default."""
        return ()

    @abstractmethod
    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """The same outputs at request time, from a store that has been advanced to the requests' T."""

    def holds(self) -> Edges | None:
        """How long outputs hold for the same inputs, while the rows that `asks` names stay as they are: until the far
        edge of one of these windows passes into the next tile; without any, for good. None, the default: nobody can
        say, so that they are made anew for every request."""
        return None

    def asks(self, requests: Requests, made: Mapping[str, Column]) -> tuple[Asked, ...]:
        """What `online` reads of the store for these requests; nothing by default."""
        return ()
