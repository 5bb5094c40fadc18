"""Cross-checks of what is watched: slices that rows have."""

from __future__ import annotations

from poise.spec.check_features import Carried
from poise.spec.check_requirements import check_slice
from poise.spec.faults import Faults
from poise.spec.watched_per import watched_per


def check_monitoring(faults: Faults, carried: Carried | None) -> None:
    """Note each slice that the watched rows cannot be cut by."""
    for index, by in enumerate(faults.system.monitoring.slices):
        check_slice(faults, ("monitoring", "slices", index), by, watched_per(faults.system), carried)
