"""What every part of the evidence shares: it is frozen, and what is None or absent was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator


def _measured(value: Any) -> Any:
    """None for NaN and infinities."""
    return None if isinstance(value, float) and not isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_measured)]
Count = int | None


class Part(BaseModel):
    """A part of the evidence: None means the same as absent, in lists too."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _without_none(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        known = {k: v for k, v in value.items() if v is not None}
        return {k: [i for i in v if i is not None] if isinstance(v, list) else v for k, v in known.items()}
