"""`function`: features by a Python function of the user's, arrays in and arrays out, the same in batch and online."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from poise.errors import DataError, SpecError, did_you_mean
from poise.features.base import Output, OutputType
from poise.features.scope import Dependent, Meaning, Scope, needs_of
from poise.spec.record import Record
from poise.spec.source import Names
from poise.stores.base import OnlineStore
from poise.table import Column, History, Requests

_PROBES = 5  # rows of a batch that are given to the function once more, alone


class FunctionSpec(Record):
    """`function: {call: shop.geo:distance, take: [lat, lon, shops.lat, shops.lon], gives: distance}`."""

    call: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """`package.module:name`; modules beside the system file are found."""
    take: Names
    """What it is given, in order: request columns, features, or `source.column`. Numbers come as float64 (missing is
    NaN), strings as an object array (missing is None), instants as int64 microseconds."""
    gives: str | dict[str, OutputType]
    """The name of the number that it gives, or {name: number | category | text}, in order, for a tuple of arrays."""


class Function(Dependent):
    """A function of each row's own values: it may not look at other rows of the same call."""

    Spec = FunctionSpec
    foreign = True

    def __init__(self, spec: FunctionSpec, meanings: Mapping[str, Meaning]) -> None:
        self._call = spec.call
        self._function = _loaded(spec.call)
        self._keys = tuple(meanings[name].key for name in spec.take)
        self._gives = _gives(spec)
        self.outputs = tuple(Output(name, type, f"{spec.call}()") for name, type in self._gives.items())
        self.needs = needs_of(meanings.values())

    @classmethod
    def defines(cls, spec: FunctionSpec) -> tuple[str, ...]:
        """The names that it gives."""
        return tuple(_gives(spec))

    @classmethod
    def bind_in(cls, spec: FunctionSpec, scope: Scope) -> Self:
        """Raises `SpecError` where the function cannot be imported or a name means nothing."""
        return cls(spec, {name: scope.resolve(name) for name in spec.take})

    def batch(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> dict[str, Column]:
        """What the function gives. A few rows are given to it again, alone: the answer must be the same."""
        columns = [made[key] for key in self._keys]
        out = self._apply(columns, requests.height)
        for row in np.unique(np.linspace(0, requests.height - 1, _PROBES).astype(int)) if requests.height > 1 else ():
            alone = self._apply([column.take(np.array([row])) for column in columns], 1)
            for name, column in alone.items():
                self._compare(name, out[name].take(np.array([row])), column)
        return out

    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """What the function gives."""
        return self._apply([made[key] for key in self._keys], requests.height)

    def _apply(self, columns: list[Column], height: int) -> dict[str, Column]:
        arrays = [_as_array(column) for column in columns]
        try:
            answer = self._function(*arrays)
        except (Exception, SystemExit) as problem:  # it may end neither a server nor a build
            raise DataError(
                f"function {self._call} failed on {height} rows: {type(problem).__name__}: {problem}"
            ) from problem
        parts = answer if isinstance(answer, tuple) else (answer,)
        if len(parts) != len(self._gives):
            raise DataError(f"function {self._call} gave {len(parts)} arrays; gives: names {', '.join(self._gives)}")
        named = zip(self._gives.items(), parts, strict=True)
        return {name: self._checked(name, type, part, height) for (name, type), part in named}

    def _checked(self, name: str, type: OutputType, part: Any, height: int) -> Column:
        array = np.asarray(part)
        if array.shape != (height,):
            raise DataError(
                f"function {self._call}: '{name}' has shape {array.shape} for {height} rows; give ({height},)"
            )
        if type != "number":
            words = array.astype(object).tolist()
            odd = next((w for w in words if w is not None and not isinstance(w, str)), None)
            if odd is not None:
                raise DataError(f"function {self._call}: '{name}' is a {type}, but {odd!r} is not a string or None")
            return Column.strings(words)
        if array.dtype.kind not in "biuf":
            raise DataError(f"function {self._call}: '{name}' is a number, but came as {array.dtype}")
        numbers = array.astype(np.float64)
        if np.isinf(numbers).any():
            raise DataError(f"function {self._call}: '{name}' is infinite in row {int(np.isinf(numbers).argmax())}")
        return Column.numbers(numbers)

    def _compare(self, name: str, among: Column, alone: Column) -> None:
        (a,), (b,) = among.to_list(), alone.to_list()
        same = bool(np.isclose(a, b, rtol=1e-9, atol=0)) if isinstance(a, float) and isinstance(b, float) else a == b
        if not same:
            raise DataError(
                f"function {self._call}: '{name}' is {a!r} for a row among others and {b!r} for that row alone",
                hint="each row's answer may depend on that row only, or batch and online would differ",
            )


def importable_from(folder: Path) -> None:
    """Let `call:` find modules in the folder of the system file."""
    text = str(folder.resolve())
    if text not in sys.path:
        sys.path.append(text)


def _loaded(call: str) -> Callable[..., Any]:
    module_name, _, name = call.partition(":")
    try:
        module = import_module(module_name)
    except Exception as problem:
        raise SpecError(
            f"function {call}: module '{module_name}' cannot be imported: {type(problem).__name__}: {problem}",
            hint="it must be installed, or stand beside the system file",
        ) from problem
    function = getattr(module, name, None)
    if not callable(function):
        raise SpecError(f"module '{module_name}' has no function '{name}'", hint=did_you_mean(name, vars(module)))
    return function  # type: ignore[no-any-return]


def _gives(spec: FunctionSpec) -> dict[str, OutputType]:
    return {spec.gives: "number"} if isinstance(spec.gives, str) else spec.gives


def _as_array(column: Column) -> NDArray[Any]:
    """What a function sees: a copy, so that it cannot change what other features read."""
    if column.kind != "string":
        return column.values.copy()
    assert column.levels is not None
    words = np.empty(len(column.levels) + 1, object)  # the last is None, where the code of a missing value points
    words[:-1] = column.levels
    chosen: NDArray[Any] = words[column.values]
    return chosen
