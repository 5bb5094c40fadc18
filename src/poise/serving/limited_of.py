"""The limited actions of a release, from what its folder holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from poise.serving.limited import Limited

if TYPE_CHECKING:
    from poise.serving.loaded import Loaded

HOURS = 24


def limited_of(loaded: Loaded) -> Limited | None:
    """What meters the actions of a release that may be taken only so often; None where there are none.

    Prices start from its judged rows (`basis`) and from how many rows came in each hour of a day (the evidence's
    `decision.per_hour`), as far as it has them.
    """
    decision = loaded.system.decision
    if decision is None or not decision.capacity:
        return None
    said = (loaded.evidence.get("decision") or {}).get("per_hour")
    usual = None if said is None or len(said) != HOURS else np.asarray(said, np.float64)
    return Limited(decision, loaded.system.timezone, loaded.basis, usual)
