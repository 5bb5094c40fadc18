"""What a kind of feature promises: one definition with a batch and an online form that agree."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from poise.spec.record import Record
from poise.spec.system import SystemSpec
from poise.stores.base import Declaration, OnlineStore
from poise.table import Column, History, Requests

OutputType = Literal["number", "category", "text"]


@dataclass(frozen=True, slots=True)
class Output:
    """One named input of models. `origin` says in words where it comes from, for reports."""

    name: str
    type: OutputType
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a feature reads.

    request: columns of the row that the caller sends; sources: source -> its columns; features: other features' names.
    """

    request: frozenset[str] = frozenset()
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    features: frozenset[str] = frozenset()


class Feature(ABC):
    """One entry of `features:`, bound to the source whose rows are predicted for (`per`)."""

    Spec: ClassVar[type[Record]]
    outputs: tuple[Output, ...]
    needs: Needs

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
        """The outputs for past requests, each from rows with τ < T and κ < T only. `made` holds `needs.features`."""

    def declarations(self) -> tuple[Declaration, ...]:
        """What the online form keeps in the store; none by default."""
        return ()

    @abstractmethod
    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """The same outputs at request time, from a store that has been advanced to the requests' T."""
