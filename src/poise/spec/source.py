"""Sources: what comes in, with the declared type and checks of each column."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from poise.spec.record import Expr, Record
from poise.spec.units import Duration, Fraction

ColumnType = Literal["string", "category", "text", "int", "float", "bool", "time"]
"""`string` is an id or key, `category` one of some levels, `text` is prose; `time` an instant."""

FileFormat = Literal["parquet", "csv", "jsonl", "delta"]


def as_tuple(value: Any) -> Any:
    """A single name as a tuple of one, so that `key: a` and `key: [a, b]` read the same."""
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple, json_schema_input_type=str | list[str])]


class ColumnSpec(Record):
    """One column: `price: float`, or `price: {type: float, min: 0}`."""

    type: ColumnType
    from_: str | None = Field(None, alias="from")
    """What the file calls this column, where that is not its name here: names are letters, digits and `_`."""
    required: bool = False
    """A missing value is refused."""
    min: float | None = None
    """Smallest allowed number."""
    max: float | None = None
    """Largest allowed number."""
    values: tuple[str | float | bool, ...] | None = None
    """The allowed values."""
    pattern: str | None = None
    """A regular expression that the whole string must match."""
    format: str | None = None
    """For `time` columns read from text: a strptime format; default ISO 8601."""
    timezone: str | None = None
    """For naive `time` values: an IANA zone; default the source's, then the system's."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Both ways to write it."""
        return {"anyOf": [{"enum": list(get_args(ColumnType))}, handler(schema)]}


class AllBut(Record):
    """All declared columns except these."""

    except_: Names = Field(alias="except")


class Trust(Record):
    """How much of what is learned may come from one actor."""

    actor: str
    """The column that says who brought a row."""
    at_most: Fraction = Field(gt=0, lt=1)
    """The share of the training weight that one actor's rows may have; with few actors 3 / actors."""


class Source(Record):
    """A table (`key`), a history (`key` and `time`) or an event log (`id`, or neither, with or without `time`)."""

    path: str
    """A file, a folder of files or a pattern; relative paths are relative to the system file."""
    format: FileFormat | None = None
    """Default: by the ending of the path."""
    columns: dict[str, ColumnSpec] = Field(min_length=1)
    """The columns of the file that are read, and what is allowed in them. Others are not read, and counted as such."""
    key: Names | None = None
    """Whose rows these are: a table's or a history's key."""
    id: Names | None = None
    """What identifies an event: the same id with the same content is a duplicate, with other content a conflict."""
    time: str | None = None
    """The event time τ: a `time` column, declared or derived."""
    known: str | None = None
    """When a row became known (κ), where that is later than τ; default τ for files."""
    late: Duration = 0
    """How long after τ a row may still come in: labels wait that much longer."""
    keep: Duration | None = None
    """How long rows are kept after their time; older ones are deleted, default never."""
    complete_until: str | None = None
    """An instant (ISO 8601) up to which the source is complete; default its largest τ."""
    timezone: str | None = None
    """IANA zone of naive times; default the system's."""
    derive: dict[str, Expr] = {}
    """New columns by expression, in order; each may use the ones before."""
    where: Expr | None = None
    """Only rows for which this is true belong to this source; the others are counted."""
    rules: dict[str, Expr] = {}
    """Cross-column checks: name -> expression that must be true; rows where it is not go to quarantine. A comparison
    with a missing value is false, so a rule over optional columns allows for that: `missing(a) or a <= b`."""
    request: Names | AllBut | None = None
    """Of the rows that objectives predict for: the columns a caller sends. Only these may be features of that row."""
    person: str | None = None
    """The column that says whose data a row is."""
    trust: Trust | None = None
    """Caps what one actor's rows weigh in training, of objectives whose rows or labels come from this source."""
    entity: str | None = None
    """Without time, rows that share this column never fall into different parts; default `person`, else the row."""

    @property
    def kind(self) -> Literal["table", "history", "log"]:
        """What the source is, by what it declares."""
        if self.key is None:
            return "log"
        return "history" if self.time else "table"

    @property
    def in_file(self) -> dict[str, str]:
        """Column -> what the file calls it."""
        return {name: spec.from_ or name for name, spec in self.columns.items()}

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that identify a row; empty where nothing does (then content and its occurrence do)."""
        if self.kind == "log":
            return self.id or ()
        assert self.key is not None
        return (*self.key, self.time) if self.time else self.key
