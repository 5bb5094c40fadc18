"""Decisions: which action to choose, by terms that stakeholders care about and live weights."""

from __future__ import annotations

from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from poise.spec.record import Expr, Record


class Term(Record):
    """What each action is worth in one unit, to be maximised: an expression per action."""

    unit: str | None = None
    """The unit of the term, e.g. USD."""
    actions: dict[str, Expr]
    """Action -> expression over objectives, request columns and looked-up columns."""

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        """`{unit: USD, warn: …, nothing: …}` as people write it."""
        if isinstance(value, dict) and "actions" not in value:
            rest = {action: worth for action, worth in value.items() if action != "unit"}
            return {"actions": rest, **({"unit": value["unit"]} if "unit" in value else {})}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As people write it: actions beside the unit."""
        unit = {"type": "string", "description": "The unit of the term, e.g. USD."}
        worth = {"type": ["string", "number", "boolean"], "description": "What the action is worth: an expression."}
        return {
            "type": "object",
            "description": cls.__doc__,
            "properties": {"unit": unit},
            "additionalProperties": worth,
        }


class Decision(Record):
    """Choose one action per request by expected utility: the sum over terms of weight x term."""

    per: str
    """The source whose rows are decided on; all objectives used must have the same."""
    choose: tuple[str, ...] = Field(min_length=2)
    """The actions."""
    terms: dict[str, Term] = Field(min_length=1)
    weights: dict[str, float] = {}
    """Utility per unit of each term; default 1 for each. They seed the first live version and change nothing later."""
    rule: str | None = None
    """The action a person would always take (the baseline and the fallback); default the first."""
