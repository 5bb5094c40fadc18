"""YAML 1.2 to plain values, with the line and column of every key and value.

Stricter than YAML: one document, no tags, duplicate keys refused, dates stay text, keys are text. Anchors, aliases and
merge keys (`<<`) are fine; all of it is bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from poise.errors import ManySpecErrors, SpecError

MAX_BYTES = 1_000_000
MAX_VALUES = 100_000  # after aliases are followed, so that nested aliases cannot blow up
MAX_NESTING = 50

KeyPath = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_PLAIN_INT = re.compile(r"[-+]?[0-9]+")


@dataclass(frozen=True)
class Located:
    """What a file says, and where: (line, column), from 1, of each value and of each key, by path."""

    name: str
    content: Any
    values: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: KeyPath, *, key: bool = False) -> str:
        """`file:line:column` of a value (or its key); of the nearest part of the path where the file lacks it."""
        line, column = self.nearest(path, key=key)
        return f"{self.name}:{line}:{column}"

    def nearest(self, path: KeyPath, *, key: bool = False) -> tuple[int, int]:
        """The line and column of a value (or its key), or of what encloses it."""
        known = self.known(path)
        if key and known == path and path in self.keys:
            return self.keys[path]
        return self.values.get(known, (1, 1))

    def at(self, path: KeyPath) -> Any:
        """What the file says at the known part of `path`."""
        content = self.content
        for step in self.known(path):
            content = content[step]
        return content

    def known(self, path: KeyPath) -> KeyPath:
        """The part of `path` that the file has: steps that it lacks (defaults, short forms) are left out."""
        found: KeyPath = ()
        for step in path:
            if (*found, step) in self.values:
                found = (*found, step)
        return found


def decode(content: bytes, name: str) -> str:
    """The text of a file. Raises `SpecError` where it is too large or not UTF-8."""
    if len(content) > MAX_BYTES:
        raise SpecError(f"the file has {len(content):,} bytes; at most {MAX_BYTES:,} are read", where=name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SpecError("the file is not UTF-8", where=f"{name}:{line}", hint="save it as UTF-8") from None


def load(text: str, name: str) -> Located:
    """The values of `text` with their places. Raises `SpecError` (several as `ManySpecErrors`) with line and column."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise SpecError(f"the text has more than {MAX_BYTES:,} bytes, which is all that is read", where=name)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        raise SpecError(_scanned(error, text), where=_where(name, error.problem_mark or error.context_mark)) from None
    except RecursionError:
        raise SpecError(f"the file is nested more than {MAX_NESTING} deep", where=name) from None
    except (YAMLError, ValueError) as error:
        raise SpecError(f"this is not YAML: {str(error).splitlines()[0]}", where=name) from None
    if root is None:
        raise SpecError("the file is empty", where=name, hint="docs/spec.md shows how one begins")
    builder = _Builder(name)
    content = builder.value(root, ())
    if builder.errors:
        raise builder.errors[0] if len(builder.errors) == 1 else ManySpecErrors(builder.errors)
    return Located(name, content, builder.values, builder.keys)


def _where(name: str, mark: StringMark | None) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name


def _scanned(error: MarkedYAMLError, text: str) -> str:
    problem = str(error.problem or error.context or "this is not YAML").strip()
    mark = error.problem_mark
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return "a tab stands in the indentation; YAML is indented with spaces"
    if "single document" in str(error.context or "") + problem:
        return "a second document begins here; a system file is one document"
    if "mapping values are not allowed" in problem:
        return "': ' is not expected here; quote the text, or mind the indentation of the line before"
    return f"this is not YAML: {problem}"


class _Builder:
    """Walks composed nodes into values. Faults are gathered; where one is, the value is left out."""

    def __init__(self, name: str) -> None:
        self.values: dict[KeyPath, tuple[int, int]] = {}
        self.keys: dict[KeyPath, tuple[int, int]] = {}
        self.errors: list[SpecError] = []
        self._name = name
        self._count = 0
        self._open: list[int] = []

    def value(self, node: Node, path: KeyPath) -> Any:
        """The value of `node`, its places recorded under `path`."""
        self._count += 1
        if self._count > MAX_VALUES:
            raise SpecError(f"the file has more than {MAX_VALUES:,} values", where=self._at(node))
        if id(node) in self._open:
            raise SpecError("an anchor contains itself", where=self._at(node))
        if len(path) > MAX_NESTING:
            raise SpecError(f"the file is nested more than {MAX_NESTING} deep", where=self._at(node))
        self.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        self._open.append(id(node))
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
            assert isinstance(node, ScalarNode)
            return self._scalar(node)
        finally:
            self._open.pop()

    def _at(self, node: Node) -> str:
        return _where(self._name, node.start_mark)

    def _fault(self, message: str, node: Node, hint: str | None = None) -> None:
        self.errors.append(SpecError(message, where=self._at(node), hint=hint))

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, child in node.value:
            if not isinstance(key_node, ScalarNode):
                self._fault("a key must be a word, not a list or mapping", key_node)
                continue
            key = str(key_node.value)
            if key_node.tag == _TAG + "merge" or (key == "<<" and key_node.style is None):
                merged.extend(child.value if isinstance(child, SequenceNode) else [child])
                continue
            if key in found:
                line = self.keys[(*path, key)][0]
                self._fault(f"the key '{key}' is here twice; the first is in line {line}", key_node)
                continue
            self.keys[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            found[key] = self.value(child, (*path, key))
        for source in merged:
            self._merge(source, path, found)
        return found

    def _merge(self, source: Node, path: KeyPath, found: dict[str, Any]) -> None:
        """Keys of another mapping that this one lacks; they keep the places where they are written, and come first."""
        if not isinstance(source, MappingNode):
            self._fault("'<<' takes a mapping, e.g. '<<: *name'", source)
            return
        builder = _Builder(self._name)
        builder._count, builder._open = self._count, self._open
        other = builder.value(source, path)
        self._count = builder._count
        self.errors.extend(builder.errors)
        own = dict(found)
        found.clear()
        found.update({**other, **own})
        for places, theirs in ((self.values, builder.values), (self.keys, builder.keys)):
            for place, at in theirs.items():
                if place[: len(path)] == path and len(place) > len(path) and place[len(path)] not in own:
                    places[place] = at

    def _scalar(self, node: ScalarNode) -> Any:
        text, tag = str(node.value), str(node.tag)
        if tag == _TAG + "null":
            return None
        if tag == _TAG + "bool":
            return {"true": True, "false": False}.get(text.lower(), text)
        if tag == _TAG + "int":
            return self._number(node, text, int, text if _PLAIN_INT.fullmatch(text) else text.replace("_", ""))
        if tag == _TAG + "float":
            return self._number(node, text, float, text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if tag in (_TAG + "str", _TAG + "timestamp"):
            return text
        self._fault(f"'{tag.removeprefix(_TAG)}' is a tag; tags are not used in system files", node)
        return None

    def _number(self, node: ScalarNode, text: str, kind: type[int] | type[float], digits: str) -> Any:
        try:
            return int(digits, 10 if _PLAIN_INT.fullmatch(digits) else 0) if kind is int else float(digits)
        except ValueError:
            self._fault(f"'{text[:40]}' is not a number that can be read", node, "quote it if it is text")
            return None
