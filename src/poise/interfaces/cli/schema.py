"""`poise schema`: the JSON Schema of the system file, for editors."""

from __future__ import annotations

import json

from poise.interfaces.cli.terminal import JsonOption
from poise.spec.schema import json_schema


def schema(as_json: JsonOption = False) -> None:
    """Print the JSON Schema; `--json` prints it on one line."""
    print(json.dumps(json_schema(), indent=None if as_json else 2))
