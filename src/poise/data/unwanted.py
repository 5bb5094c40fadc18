"""Rows of people who were forgotten, taken out of what has just been judged."""

from __future__ import annotations

import json

import polars as pl

from poise.data.forgotten import Forgotten
from poise.data.judge import Judge, Judged


def without(judged: Judged, judge: Judge, forgotten: Forgotten | None) -> tuple[Judged, int]:
    """`judged` without their rows, and how many those were.

    A line that was no row says nothing of whose it is, and stays.
    """
    column = judge.source.person
    if not forgotten or column is None:
        return judged, 0
    unwanted = forgotten.among(judge.name, judged.good[column].unique())
    good, refused = judged.good, judged.refused
    if unwanted:
        theirs = pl.Series(list(unwanted), dtype=good.schema[column])
        good = good.filter(~pl.col(column).is_in(theirs.implode()).fill_null(False))
    if refused.height:
        came = judge.source.in_file.get(column, column)
        whose = [json.loads(row).get(came) for row in refused["row"]]
        known = forgotten.among(judge.name, {one for one in whose if isinstance(one, str | int | float)})
        refused = refused.filter(pl.Series([one not in known for one in whose], dtype=pl.Boolean))
    left_out = judged.good.height + judged.refused.height - good.height - refused.height
    return Judged(good, refused, judged.other), left_out
