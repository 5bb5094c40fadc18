"""What decides whether a file must be looked at again: its content, and what its source says about rows."""

from __future__ import annotations

import hashlib
import json

from poise.spec.source import Source


def ingest_id(source: str, content: str) -> str:
    """The name of one content of one source: the same file under any rules and any name has the same.

    >>> ingest_id("orders", "abc") == ingest_id("orders", "abc") != ingest_id("users", "abc")
    True
    """
    return _digest([source, content])[:16]


def definition(source: Source, zone: str) -> str:
    """What the accepted rows look like: columns and their types, derived columns, times, identity and `where`."""
    columns = {name: (spec.type, spec.from_, spec.format, spec.timezone) for name, spec in source.columns.items()}
    return _digest(
        [columns, source.derive, source.where, source.time, source.known, source.identity, source.kind, zone]
    )


def rules(source: Source, zone: str) -> str:
    """What rows must satisfy: the definition, the checks of columns and the rules."""
    columns = {name: spec.model_dump(mode="json") for name, spec in source.columns.items()}
    return _digest([definition(source, zone), columns, source.rules])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
