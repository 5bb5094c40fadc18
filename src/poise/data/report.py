"""What an ingest did, in numbers that add up: rows in = accepted + quarantined + duplicates + other + forgotten."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Counts:
    """The fates of rows. `reasons` counts refused rows per code; a row with two reasons is in both.

    >>> a = Counts(rows_in=3, accepted=2, quarantined=1, reasons={"range:x": 1})
    >>> a.add(Counts(rows_in=1, duplicates=1)); a.balanced(), a.rows_in
    (True, 4)
    """

    rows_in: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    other_rows: int = 0
    forgotten: int = 0
    """Rows of people who were forgotten, left out."""
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, more: Counts) -> None:
        """Add the counts of further rows."""
        for name in ("rows_in", "accepted", "duplicates", "quarantined", "other_rows", "forgotten"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        for code, n in more.reasons.items():
            self.reasons[code] = self.reasons.get(code, 0) + n

    def balanced(self) -> bool:
        """Has every row exactly one fate?"""
        fates = self.accepted + self.duplicates + self.quarantined + self.other_rows + self.forgotten
        return self.rows_in == fates


@dataclass
class SourceReport:
    """One source: its files, the fates of its rows, and the version of its accepted rows afterwards."""

    source: str
    counts: Counts = field(default_factory=Counts)
    files: int = 0
    unchanged: int = 0
    """Files that are byte for byte what was taken in before, under the same rules: not read again."""
    undeclared: tuple[str, ...] = ()
    """Columns of the files that the system file does not declare; they are not read."""
    expired: int = 0
    """Rows that were deleted because they are older than the source's `keep`."""
    version: int | None = None
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the commonest reason first."""
        plain = asdict(self)
        counts = plain.pop("counts")
        counts["reasons"] = dict(sorted(counts["reasons"].items(), key=lambda item: (-item[1], item[0])))
        return {"source": plain.pop("source"), **counts, **plain}


@dataclass(frozen=True, slots=True)
class IngestReport:
    """All sources of one ingest, in the order of the system file. notes: sentences about what was done besides."""

    sources: tuple[SourceReport, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> SourceReport:
        return next(report for report in self.sources if report.source == name)

    @property
    def versions(self) -> dict[str, int]:
        """The version of each source's accepted rows."""
        return {report.source: report.version for report in self.sources if report.version is not None}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"format": 1, "sources": [report.to_dict() for report in self.sources], "notes": list(self.notes)}
