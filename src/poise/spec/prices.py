"""A grid of prices to choose from: `{price: {from: 5, to: 20, step: 0.5}}`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from poise.spec.record import Record

MOST_PRICES = 200
"""Prices of one grid: each is predicted for, for every row that is decided on."""


class Grid(Record):
    """Prices from the lowest to the highest, all one step apart."""

    from_: float = Field(alias="from", allow_inf_nan=False)
    """The lowest."""
    to: float = Field(allow_inf_nan=False)
    """The highest."""
    step: float = Field(gt=0, allow_inf_nan=False)
    """How far each is from the next."""

    @model_validator(mode="after")
    def _several(self) -> Grid:
        if self.to <= self.from_:
            raise ValueError(f"prices go from {self.from_:g} to {self.to:g}: 'to' must be more than 'from'")
        steps = (Decimal(str(self.to)) - Decimal(str(self.from_))) / Decimal(str(self.step))
        if steps != int(steps):
            raise ValueError(f"from {self.from_:g} to {self.to:g} is no whole number of steps of {self.step:g}")
        if steps + 1 > MOST_PRICES:
            raise ValueError(f"these are {int(steps) + 1:,} prices, and at most {MOST_PRICES} are compared")
        return self

    @property
    def values(self) -> tuple[float, ...]:
        """All prices, the lowest first; as many digits as they are written with.

        >>> Grid(**{"from": 5, "to": 6, "step": 0.25}).values
        (5.0, 5.25, 5.5, 5.75, 6.0)
        """
        first, step = Decimal(str(self.from_)), Decimal(str(self.step))
        return tuple(float(first + step * n) for n in range(int((Decimal(str(self.to)) - first) / step) + 1))


class Prices(Record):
    """What is chosen is a number: a column of the row that Poise sets, tried at every value of a grid."""

    column: str
    """The column of the decision's rows that is set."""
    grid: Grid
    """The values to choose from."""

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, value: object) -> object:
        """`{price: {from: …, to: …, step: …}}`."""
        if isinstance(value, dict) and not {"column", "grid"} <= value.keys():
            if len(value) != 1:
                came = ", ".join(map(str, value)) or "nothing"
                raise ValueError(f"one column is set, e.g. {{price: {{from: 5, to: 20, step: 0.5}}}}; came: {came}")
            ((column, grid),) = value.items()
            return {"column": column, "grid": grid}
        return value

    @property
    def actions(self) -> tuple[str, ...]:
        """The prices as answers name them.

        >>> Prices.model_validate({"price": {"from": 9, "to": 10, "step": 0.5}}).actions
        ('9', '9.5', '10')
        """
        return tuple(f"{value:g}" if f"{value:g}" == str(value).removesuffix(".0") else str(value) for value in
                     self.grid.values)  # fmt: skip

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As people write it."""
        number = {"type": "number"}
        grid = {
            "type": "object",
            "properties": {"from": number, "to": number, "step": {**number, "exclusiveMinimum": 0}},
            "required": ["from", "to", "step"],
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "additionalProperties": grid,
            "minProperties": 1,
            "maxProperties": 1,
            "description": cls.__doc__,
        }
