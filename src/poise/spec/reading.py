"""Reading a system file: text to records, with every fault named by file, line and column, all in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from poise import registry
from poise.errors import ManySpecErrors, SpecError, StateError
from poise.formats import CURRENT, migrate
from poise.spec.crosscheck import faults
from poise.spec.not_yet import refused
from poise.spec.record import Record
from poise.spec.record_errors import dotted, sentence, shown
from poise.spec.system import FeatureEntry, SystemSpec
from poise.spec.yaml_text import KeyPath, Located, decode, load

MAX_ERRORS = 50


def read(path: Path) -> SystemSpec:
    """The system that a file describes, checked as a whole.

    Raises `SpecError` (several as `ManySpecErrors`) that names file, line and column.
    """
    try:
        content = Path(path).read_bytes()
    except IsADirectoryError:
        raise SpecError("this is a folder", where=str(path), hint="name the file, e.g. poise.yaml") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecError(f"the system file cannot be read: {reason}", where=str(path)) from None
    return read_text(decode(content, str(path)), name=str(path))


def read_text(text: str, *, name: str = "poise.yaml") -> SystemSpec:
    """The system that `text` describes; `name` is the file named in errors.

    >>> read_text("format: 1\\nsystm: x")
    Traceback (most recent call last):
    poise.errors.ManySpecErrors: ...
    poise.yaml:2:1: unknown key 'systm' in the file (did you mean 'system'?)
    ...
    """
    located = load(text, name)
    system = _system(located)
    found = [_crossed(located, path, error) for path, error in faults(system)]
    _raise(found)
    return system


def _raise(found: list[tuple[tuple[int, int], SpecError]]) -> None:
    """Raise what was found, in the order of lines, each sentence once."""
    if not found:
        return
    unique: dict[tuple[tuple[int, int], str], SpecError] = {}
    for place, error in sorted(found, key=lambda each: each[0]):
        fault = error.message.partition(": ")[2] or error.message  # an alias has one place and several paths
        unique.setdefault((place, fault), error)
    errors = list(unique.values())
    if len(errors) == 1:
        raise errors[0]
    if len(errors) > MAX_ERRORS:
        errors = [*errors[:MAX_ERRORS], SpecError(f"and {len(errors) - MAX_ERRORS} more")]
    raise ManySpecErrors(errors)


def _placed(
    located: Located, path: KeyPath, error: SpecError, *, key: bool = False
) -> tuple[tuple[int, int], SpecError]:
    """An error whose `where` is file, line and column of `path`; its path stays in the sentence."""
    error.where = located.place(path, key=key)
    error.args = (error.message,)
    return located.nearest(path, key=key), error


def _crossed(located: Located, path: KeyPath, error: SpecError) -> tuple[tuple[int, int], SpecError]:
    """A fault of a cross-check: at the value if that is a scalar, else at its key; the path stands beside the place."""
    key = isinstance(located.at(path), dict | list)
    placed = _placed(located, path, error, key=key)
    error.where = f"{error.where}: {dotted(path)}"
    return placed


def _system(located: Located) -> SystemSpec:
    content = located.content
    if not isinstance(content, dict):
        raise SpecError(f"a system file is a mapping ('system: …' lines); came: {shown(content)}", where=located.name)
    content = _migrated(located, content)
    found = [_placed(located, path, SpecError(message), key=True) for path, message in refused(content)]
    not_honoured = {path for path, _ in refused(content)}
    entries, faulty = _features(located, content.get("features"))
    found += faulty
    try:
        listed = content.get("features") is not None
        system = SystemSpec.model_validate({**content, "features": entries} if listed else content)
    except ValidationError as error:
        found += _explained(located, error, (), SystemSpec, not_honoured)
        system = None
    _raise(found)
    assert system is not None
    return system


def _migrated(located: Located, content: dict[str, Any]) -> dict[str, Any]:
    if content.get("format") in (None, CURRENT["system"]) and not isinstance(content.get("format"), bool):
        return content  # a missing one is told with the other missing keys
    try:
        return migrate("system", content)
    except StateError as error:
        raise SpecError(error.message, where=located.place(("format",)), hint=error.hint) from None


def _features(located: Located, entries: Any) -> tuple[list[FeatureEntry], list[Any]]:
    """The entries of `features:`, each read into the record of its kind, and what is wrong with the others."""
    if entries is None:
        return [], []
    if not isinstance(entries, list):
        example = "features: is a list, e.g. '- columns: {from: users, take: [city]}'"
        return [], [_placed(located, ("features",), SpecError(f"{example}; came: {shown(entries)}"))]
    read: list[FeatureEntry] = []
    found = []
    for index, entry in enumerate(entries):
        path: KeyPath = ("features", index)
        if not isinstance(entry, dict) or len(entry) != 1:
            message = f"{dotted(path)} must be one kind, e.g. '- window: {{…}}'; came: {shown(entry)}"
            found.append(_placed(located, path, SpecError(message)))
            continue
        ((kind, body),) = entry.items()
        path = (*path, kind)
        record: type[Record] = Record
        try:
            record = registry.get("feature", kind).Spec
            read.append(FeatureEntry(kind=kind, spec=record.model_validate(body)))
        except SpecError as error:
            found.append(_placed(located, path, error, key=True))
        except ValidationError as error:
            found += _explained(located, error, path, record, set())
    return read, found


def _explained(
    located: Located, error: ValidationError, base: KeyPath, root: Any, not_honoured: set[KeyPath]
) -> list[Any]:
    """One error per faulty place. A key that was refused by name, or what its mapping then lacks, is not told twice."""
    found: dict[KeyPath, Any] = {}
    emptied = {path[:-1] for path in not_honoured}
    for detail in error.errors(include_url=False):
        missing = detail["type"] == "missing"
        path = located.known((*base, *(detail["loc"][:-1] if missing else detail["loc"])))
        if path in not_honoured or (missing and path in emptied):
            continue
        message, hint = sentence(detail, path, root, base)
        extra = detail["type"] == "extra_forbidden"
        spot = (*path, detail["loc"][-1]) if missing else path
        if spot in found:
            message, hint = _either(found[spot][1], message), None
        key = extra or located.at(path) is None  # where nothing is written, only the key has a place
        found[spot] = _placed(located, path, SpecError(message, hint=hint), key=key)
    nested = {spot[:length] for spot in found for length in range(1, len(spot))}
    return [error for spot, error in found.items() if spot not in nested]  # the deeper one says why


def _either(before: SpecError, message: str) -> str:
    """Two readings of one place that both failed (a name, or a list of names): what either would have needed."""
    same = ": "
    head, _, wanted = message.partition(same)
    if " is needed; came: " not in before.message or " is needed; came: " not in wanted:
        return before.message
    first = before.message.partition(same)[2].partition(" is needed; came: ")[0]
    second, _, came = wanted.partition(" is needed; came: ")
    return before.message if second in first else f"{head}: {first} or {second} is needed; came: {came}"
