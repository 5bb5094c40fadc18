"""Numbers written as text: with thousands separators, percent signs, currencies, or commas for points.

Each spelling is a pattern that a whole column must follow. What is ambiguous is read as the more common of both, and
said.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

CURRENCY = r"(?:[$€£¥₹]|USD|EUR|GBP|SGD|CHF|JPY|INR)"
MOST = 0.95
"""A column is numbers where so many of its values are; the others are then missing, and named."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to write numbers: the whole value must match; `mend` makes plain digits of it; `says` describes it."""

    pattern: str
    says: str
    comma: bool = False
    """Whether the comma is the decimal point."""

    def read(self, text: pl.Expr) -> pl.Expr:
        """The numbers; null where a value is not spelt like this."""
        plain = text.str.replace_all(CURRENCY, "").str.replace_all(r"[\s'%]", "")
        plain = plain.str.replace(r"^\((.*)\)$", "-${1}")
        if self.comma:
            plain = plain.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        else:
            plain = plain.str.replace_all(",", "", literal=True)
        return pl.when(text.str.contains(self.pattern)).then(plain.cast(pl.Float64, strict=False))


def _whole(digits: str) -> str:
    sign = r"[-+]?"
    return rf"^\(?\s*{sign}{CURRENCY}?\s*{sign}{digits}\s*(?:%|{CURRENCY})?\s*\)?$"


SPELLINGS = (
    Spelling(_whole(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"), "commas between thousands"),
    Spelling(_whole(r"(?:\d{1,3}(?:[\s']\d{3})+|\d+)(?:\.\d+)?"), "spaces between thousands"),
    Spelling(_whole(r"(?:\d{1,3}(?:[.\s']\d{3})+|\d+)(?:,\d+)?"), "decimals after a comma", comma=True),
)


def spelt_numbers(text: pl.Series) -> tuple[pl.Series, str] | None:
    """The numbers of a column of text, and a note on how they were spelt; None where they are not numbers.

    >>> spelt_numbers(pl.Series("price", ["$1,200.50", "$80", None]))[0].to_list()
    [1200.5, 80.0, None]
    """
    there = text.drop_nulls()
    if not len(there) or not there.head(1_000).str.contains(r"\d").to_numpy().mean() >= MOST:
        return None
    for spelling in SPELLINGS:
        found = _read(text, spelling)
        share = found.count() / len(there)
        if share < MOST:
            continue
        example = there[0]
        note = f"text read as numbers ({spelling.says}), e.g. '{example}' as {found.drop_nulls()[0]:g}"
        return found, note + _left(text, found)
    return None


def _read(text: pl.Series, spelling: Spelling) -> pl.Series:
    return (
        pl.DataFrame({"x": text}).select(spelling.read(pl.col("x").str.strip_chars()).alias("x"))["x"].alias(text.name)
    )


def _left(text: pl.Series, found: pl.Series) -> str:
    gone = text.filter(text.is_not_null() & found.is_null())
    if not len(gone):
        return ""
    shown = ", ".join(f"'{value}'" for value in gone.unique(maintain_order=True).head(3).to_list())
    return f"; {len(gone):,} other values are taken as missing ({shown})"


def plain_numbers(text: pl.Series) -> tuple[pl.Series, str | None] | None:
    """Text that is plain numbers but for a few values, and a note on those; None where it is not."""
    there = text.count()
    found = text.str.strip_chars().cast(pl.Float64, strict=False)
    if not there or found.count() < MOST * there:
        return None
    left = _left(text, found)
    return found, (f"read as numbers{left}" if left else None)
