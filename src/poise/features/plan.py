"""The plan: all features of one `per`, in the order in which they need each other, in batch and online."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from poise.errors import RequestError, SpecError, did_you_mean
from poise.features.base import Feature, Lookup, Output
from poise.features.list_plan import ListPlan
from poise.features.lookup import RowLookup, declared, with_through
from poise.features.partly import Attempt, kinds_of, named
from poise.features.position import position_of
from poise.features.row_plan import RowPlan
from poise.features.rows import is_timed, kind_of
from poise.features.scope import Meaning, Scope, needs_of, roots
from poise.features.sides import Step
from poise.features.stopwatch import Groups, Stamps
from poise.spec.expression import parse
from poise.spec.source import ColumnType
from poise.spec.system import SystemSpec
from poise.stores.base import Declaration, OnlineStore, RowDeclaration
from poise.table import MISSING_TIME, Column, History, Kind, Requests, Table

_NEVER = MISSING_TIME + 1  # a T at which nothing was known yet


@dataclass(frozen=True, slots=True)
class _Run:
    """What one set of wanted names takes: the request's columns, the steps in order, where each name stands, and of
    which kind all are; and all of it for one row."""

    request: tuple[str, ...]
    steps: tuple[Step, ...]
    wanted: Mapping[str, str]
    kinds: Mapping[str, Kind]
    alone: RowPlan


class FeaturePlan:
    """Features for the rows of `per`.

    A plan knows names beyond its outputs: request columns, `source.column` and all features may be asked for as
    `extra` (terms, rules and slices do). `select` narrows the outputs to what one objective uses.
    """

    def __init__(self, scope: Scope, features: Mapping[str, Feature], outputs: tuple[Output, ...], also: Iterable[str]):
        self.system = scope.system
        self.per = scope.per
        self.outputs = outputs
        self._scope = scope
        self._features = features
        self._also = tuple(also)
        self._timed = is_timed(scope.system, scope.per)
        self._runs: dict[tuple[str, ...], _Run] = {}
        lookups = [x for f in features.values() for x in f.needs.lookups]
        lookups += [m.lookup for m in map(scope.resolve, self._also) if m.lookup]
        keys = {name: source.key or () for name, source in scope.system.sources.items()}
        self._rows = declared(lookups, keys)

    @classmethod
    def of(cls, system: SystemSpec, per: str, extra: Iterable[str] = ()) -> Self:
        """All features that the rows of `per` can carry.

        `extra` names what else will be asked for online; what rules and terms read is added by itself. Raises
        `SpecError`: an entry that cannot be honoured, two features of one name, features that need each other.
        """
        scope = Scope(system, per)
        features: dict[str, Feature] = {}
        outputs: list[Output] = []
        for feature in (*scope.features(), *position_of(system, per)):
            for output in feature.outputs:
                if output.name in features:
                    raise SpecError(f"two features are named '{output.name}'", hint="rename one with as:")
                features[output.name] = feature
                outputs.append(output)
        return cls(scope, features, tuple(outputs), dict.fromkeys([*extra, *_read_by_decisions(system, per)]))

    def select(self, names: Iterable[str] | None) -> Self:
        """The plan with only these outputs, in the plan's order; None keeps all. A list's rows keep their position.

        Only what they need is computed and required of requests.
        """
        if names is None:
            return self
        chosen = {
            *names,
            *(output.name for feature in position_of(self.system, self.per) for output in feature.outputs),
        }
        known = [output.name for output in self.outputs]
        for name in chosen - set(known):
            raise SpecError(f"the rows of '{self.per}' carry no feature '{name}'", hint=did_you_mean(name, known))
        kept = tuple(output for output in self.outputs if output.name in chosen)
        other = type(self)(self._scope, self._features, kept, self._also)
        other._rows = self._rows
        return other

    @property
    def features(self) -> Mapping[str, Feature]:
        """Output -> the feature that makes it, of all that the rows of `per` can carry, selected or not."""
        return self._features

    @property
    def request(self) -> dict[str, ColumnType]:
        """The request columns that the outputs need, with their types, in the order of the source."""
        return self.request_with(())

    def request_with(self, extra: Iterable[str]) -> dict[str, ColumnType]:
        """The request columns that the outputs and `extra` need."""
        needed = set(self._run(tuple(extra)).request)
        return {name: type for name, type in self._scope.request.items() if name in needed}

    @property
    def reads(self) -> dict[str, frozenset[str]]:
        """Source -> columns of its history that `batch` reads, keys included."""
        return self.reads_with(())

    def reads_with(self, extra: Iterable[str]) -> dict[str, frozenset[str]]:
        """Source -> columns of its history that `batch` reads for the outputs and `extra`."""
        found: dict[str, set[str]] = {}
        for step in self._run(tuple(extra)).steps:
            if isinstance(step, RowLookup):
                found.setdefault(step.declaration.source, set()).update(step.declaration.key, step.gives.values())
                continue
            for source, columns in step.needs.sources.items():
                found.setdefault(source, set()).update(columns)
        return {source: frozenset(found[source]) for source in sorted(found)}

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        """What a store must keep for `online`, each once; those of a narrower plan are among those of the whole."""
        found: dict[Declaration, None] = {}
        for step in self._run(self._also).steps:
            made = (step.declaration,) if isinstance(step, RowLookup) else step.declarations()
            found |= dict.fromkeys(made)
        return tuple(found)

    def batch(self, requests: Requests, histories: Mapping[str, History], extra: Iterable[str] = ()) -> Table:
        """The outputs (and `extra`) of past requests, one row each, in order: float64 numbers and coded strings.

        `histories` holds the sources of `reads`. Where rows have a T but one lacks it, nothing is known for it.
        """
        if self._timed and bool((requests.time == MISSING_TIME).any()):
            at = np.where(requests.time == MISSING_TIME, _NEVER, requests.time)
            requests = Requests(requests.rows, at, requests.id)
        return self._made(requests, extra, lambda step, made: step.batch(requests, histories, made))

    def online(
        self, requests: Requests, store: OnlineStore, extra: Iterable[str] = (), stamps: Stamps | None = None
    ) -> Table:
        """The same at request time, from a store that was declared `declarations` and has been advanced to T.

        stamps: takes when each of `groups` was done."""
        if requests.height == 1:
            return self._run(tuple(extra)).alone.online(requests, store, stamps)
        return self._made(requests, extra, lambda step, made: step.online(requests, store, made), stamps)

    def online_partly(
        self,
        requests: Requests,
        store: OnlineStore,
        extra: Iterable[str] = (),
        stamps: Stamps | None = None,
        without: Collection[str] = (),
    ) -> tuple[Table, dict[str, str]]:
        """`online` where some of it fails: what cannot be made is missing, and named with what failed first.

        without: features that are not to be made, by the first name that they give, as if they had failed."""
        attempt = Attempt(self.system, requests, store, without)
        made = self._made(requests, extra, attempt, stamps)
        return made, named(attempt.failed, self._run(tuple(extra)).wanted)

    def groups(self, extra: Iterable[str] = ()) -> Groups:
        """The steps of `online` with `extra`, as it stamps them."""
        return [(step,) for step in self._run(tuple(extra)).steps]

    def keys(self, extra: Iterable[str] = ()) -> Mapping[str, str]:
        """Each column of `online` with `extra`, and the name under which a step makes it or the request holds it."""
        return self._run(tuple(extra)).wanted

    def lists(self, item: str, extra: Iterable[str] = ()) -> ListPlan:
        """The same for candidates of lists, of which `item` is the column that says which item one is."""
        run = self._run(tuple(extra))
        return ListPlan(run.steps, run.wanted, run.request, run.kinds, item)

    def _made(
        self,
        requests: Requests,
        extra: Iterable[str],
        do: Callable[[Step, dict[str, Column]], dict[str, Column]],
        stamps: Stamps | None = None,
    ) -> Table:
        run = self._run(tuple(extra))
        rows = requests.rows
        try:
            made = {name: rows[name] for name in run.request}
        except KeyError as problem:
            raise RequestError("this column is required", field=problem.args[0]) from None
        stamps, now = [] if stamps is None else stamps, time.perf_counter
        for step in run.steps:
            made.update(do(step, made))
            stamps.append(now())
        return Table({name: made[key] for name, key in run.wanted.items()}, requests.height)

    def _run(self, extra: tuple[str, ...]) -> _Run:
        run = self._runs.get(extra)
        if run is None:
            run = self._runs[extra] = self._prepared(extra)
        return run

    def _prepared(self, extra: tuple[str, ...]) -> _Run:
        names = [output.name for output in self.outputs]
        meanings = [Meaning(name, name, "float", feature=name) for name in names]
        also = {name: self._scope.resolve(name) for name in extra}
        meanings += also.values()
        needs = needs_of(meanings)
        features = self._in_order(needs.features)
        lookups = with_through([*needs.lookups, *(x for f in features for x in f.needs.lookups)])
        request = {name for lookup in lookups for name in roots(lookup)} | set(needs.request)
        request |= {name for feature in features for name in feature.needs.request}
        wanted = {name: name for name in names} | {name: meaning.key for name, meaning in also.items()}
        steps: tuple[Step, ...] = (*self._lookups(lookups), *features)
        kinds = {name: kind_of(type) for name, type in self._scope.request.items()}
        for step in steps:
            kinds |= kinds_of(step, self.system)
        columns = tuple(sorted(request))
        return _Run(columns, steps, wanted, kinds, RowPlan(steps, wanted, columns, kinds))

    def _in_order(self, names: Iterable[str]) -> list[Feature]:
        """These features after those that they need. Rings were refused when the features were bound."""
        done: dict[int, Feature] = {}

        def add(name: str) -> None:
            feature = self._features[name]
            if id(feature) not in done:
                for other in sorted(feature.needs.features):
                    add(other)
                done[id(feature)] = feature

        for name in sorted(names, key=list(self._features).index):
            add(name)
        return list(done.values())

    def _lookups(self, lookups: list[Lookup]) -> list[RowLookup]:
        """One step per source and key, after those that hold its key."""
        groups: dict[tuple[str, tuple[str, ...]], list[Lookup]] = {}
        for lookup in sorted(lookups, key=_depth):
            groups.setdefault((lookup.source, lookup.by), []).append(lookup)
        return [RowLookup(group, self._declaration(source, group)) for (source, _), group in groups.items()]

    def _declaration(self, source: str, group: list[Lookup]) -> RowDeclaration:
        kept = self._rows.get(source)
        if kept is not None and {lookup.column for lookup in group} <= set(kept.columns):
            return kept
        key = self.system.sources[source].key or ()
        return RowDeclaration(source, key, tuple(sorted({lookup.column for lookup in group})))


def _depth(lookup: Lookup) -> int:
    """How many lookups stand before it."""
    return 1 + max((_depth(other) for other in lookup.through), default=0)


def _read_by_decisions(system: SystemSpec, per: str) -> list[str]:
    """The columns of other sources that rules, terms and the `where` of `per` read."""
    texts = [o.rule for o in system.objectives.values() if o.per == per and o.rule]
    if system.decision is not None and system.decision.per == per:
        texts += system.decision.expressions
    names = {name for text in texts for name in parse(text).names}
    return sorted(name for name in names if name.partition(".")[0] in system.sources and "." in name)
