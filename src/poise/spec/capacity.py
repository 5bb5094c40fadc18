"""How often an action may be taken: `200 a day`."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from poise.spec.record import Record

Every = Literal["hour", "day", "week"]
_SHORT = re.compile(r"\s*([0-9][0-9_,]*)\s+(?:a|an|per)\s+(\w+)\s*")


class Capacity(Record):
    """How often an action may be taken: so many in each hour, day or week of the system's zone."""

    at_most: int = Field(ge=0, le=1_000_000_000)
    """How often."""
    every: Every
    """In which time: an hour or day as clocks show it, or a week from Monday on."""
    hard: bool = True
    """Never more often than that; false: so often on average, and on a busy day sometimes more."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        """`200 a day`, as people write it."""
        if not isinstance(value, str):
            return value
        found = _SHORT.fullmatch(value)
        if found is None:
            raise ValueError(f"'{value}' is no capacity; write e.g. '200 a day', '20 an hour' or '900 a week'")
        return {"at_most": int(re.sub("[_,]", "", found[1])), "every": found[2]}

    def __str__(self) -> str:
        """As people write it.

        >>> str(Capacity(at_most=1200, every="hour"))
        '1,200 an hour'
        """
        return f"{self.at_most:,} {'an' if self.every == 'hour' else 'a'} {self.every}"

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As people write it: short, or whole."""
        short = {"type": "string", "pattern": r"^\s*[0-9][0-9_,]*\s+(a|an|per)\s+(hour|day|week)\s*$"}
        return {"anyOf": [short, handler(schema)], "description": cls.__doc__}
