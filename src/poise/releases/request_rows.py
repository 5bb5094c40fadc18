"""Rows of the log as callers would have sent them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import to_text
from poise.releases.contract import Contract
from poise.table import Requests, Table


def request_rows(contract: Contract, per: str, requests: Requests, index: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Real requests as callers would have sent them: JSON values by column, of the columns that are used."""
    inputs = [one for one in contract.inputs_of(per) if one.used]
    rows: Table = requests.rows.take(index)
    columns = []
    for one in inputs:
        values = rows[one.name].to_list()
        if one.type == "time":
            values = [None if v is None else to_text(v, one.timezone or "UTC") for v in values]
        elif one.type == "int":
            values = [None if v is None else int(v) for v in values]
        elif one.type == "bool":
            values = [None if v is None else bool(v) for v in values]
        columns.append(values)
    if not columns:
        return [{} for _ in index]
    names = [one.name for one in inputs]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
