"""The base of every record that is read from the system file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Record(BaseModel):
    """A frozen record; unknown keys are errors; a field may be written by its alias (`from`) or its name (`from_`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


def _as_text(value: Any) -> Any:
    """YAML reads `-4` as a number and `true` as a truth; in an expression they are the words of it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else value


Expr = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | float | bool)]
"""The text of an expression; a bare number, `true` or `false` is one too."""
