"""What is watched beside the requirements, over which windows, and who is told."""

from __future__ import annotations

from pydantic import Field, model_validator

from poise.spec.record import Record
from poise.spec.units import DURATIONS, Duration

DAY = DURATIONS["d"]


class Monitoring(Record):
    """How `poise monitor` looks at a running system."""

    window: Duration = Field(default=7 * DAY, ge=DURATIONS["h"])
    """What is compared with what was usual: the newest so much of the rows."""
    requirements_over: Duration = Field(default=28 * DAY, ge=DURATIONS["h"])
    """Requirements are judged on the newest so much of the rows whose labels are known."""
    slices: tuple[str, ...] = ()
    """Columns by which performance is compared, beside those that requirements name in `by`."""
    webhook: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where alarms are told, once each: JSON by POST. Where the address is secret, give it in `POISE_WEBHOOK`."""

    @model_validator(mode="after")
    def _nested(self) -> Monitoring:
        if self.requirements_over < self.window:
            raise ValueError("requirements_over is at least as long as window")
        return self
