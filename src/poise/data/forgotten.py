"""Who was forgotten: so that rows of theirs that come again, in a file or over HTTP, are left out and counted.

The list holds no ids. It holds a keyed hash of each, and the key: whoever has this file and guesses an id can tell
whether it stands there, and nobody else.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from poise.data.person import written
from poise.errors import StateError
from poise.formats import CURRENT, migrate

NAME = "forgotten.json"
EVERY = "*"
"""Stands for all sources that say whose their rows are."""


class Forgotten:
    """The list of one home. `people`: hash -> the sources in which the person was forgotten.

    >>> import tempfile; home = tempfile.TemporaryDirectory()
    >>> people = Forgotten.read(Path(home.name))
    >>> mark = people.add("u17"); Forgotten.read(Path(home.name)).among("orders", ["u17", "u18"])
    {'u17'}
    >>> home.cleanup()
    """

    def __init__(self, path: Path, salt: bytes, people: Mapping[str, Collection[str]]) -> None:
        self._path, self._salt = path, salt
        self._people = {mark: sorted(sources) for mark, sources in people.items()}

    def __len__(self) -> int:
        return len(self._people)

    @classmethod
    def read(cls, home: Path) -> Forgotten:
        """The list in `home`, empty where there is none. Raises `StateError` where it cannot be read: nobody on it may
        come back because of that."""
        path = home / NAME
        try:
            content = migrate("forgotten", json.loads(path.read_text(encoding="utf-8")), where=str(path))
            return cls(path, bytes.fromhex(content["salt"]), content["people"])
        except FileNotFoundError:
            return cls(path, secrets.token_bytes(32), {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            hint = "restore it from a backup; without it, people who were forgotten would come in again"
            raise StateError(f"{path} cannot be read: {error}", hint=hint) from error

    def add(self, id: str, sources: Iterable[str] = (EVERY,)) -> str:
        """Put a person on the list, on disk when this returns; the hash that stands for them."""
        mark = self.mark(id)
        self._people[mark] = sorted({*self._people.get(mark, ()), *sources})
        self._write()
        return mark

    def remove(self, id: str) -> bool:
        """Take a person off the list; was there one?"""
        if self._people.pop(self.mark(id), None) is None:
            return False
        self._write()
        return True

    def mark(self, id: str) -> str:
        """The hash that stands for an id."""
        return hashlib.blake2b(id.encode(), key=self._salt, digest_size=16).hexdigest()

    def among(self, source: str, values: Iterable[object]) -> set[object]:
        """Those of some distinct ids (about a microsecond each) that were forgotten in `source`."""
        if not self._people:
            return set()
        asked = {EVERY, source}
        marked = ((value, self._people.get(self.mark(written(value)))) for value in values if value is not None)
        return {value for value, sources in marked if sources is not None and not asked.isdisjoint(sources)}

    def _write(self) -> None:
        content = {"format": CURRENT["forgotten"], "salt": self._salt.hex(), "people": self._people}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f".{NAME}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(content))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._path)
