"""The evidence of a release: everything that was measured, typed, as `evidence.json` holds it.

Every field may be absent, and then it was not measured: None or empty, which readers say in words. Numbers that are
not finite count as not measured. Keys that this version does not know are passed over, so that older Poise reads newer
evidence of the same format.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from poise.errors import StateError
from poise.formats import CURRENT, migrate
from poise.releases.actors import TrustResult
from poise.releases.censoring import CensoringResult
from poise.releases.list_part import ListEvidence, RungOrder, TermResult
from poise.releases.part import Count, Number, Part
from poise.releases.plain_json import finite, read_json


class SourceRead(Part):
    """What was read of one source: its version in the lake, rows, and the first and last event time (ISO 8601)."""

    version: Count = None
    rows: Count = None
    from_: str | None = Field(None, alias="from")
    to: str | None = None
    quarantined: Count = None


class ContractChange(Part):
    """One change of what callers send or get: `compatible` or `breaking`."""

    kind: str = "breaking"
    field: str = "?"
    sentence: str = ""


class ContractChanges(Part):
    """What changed since the contract of the release `against`."""

    against: str | None = None
    changes: tuple[ContractChange, ...] = ()


class TermCalibration(Part):
    """One term (of one action), as predicted and as it came true per row.

    `over` all judged rows, or where the action is chosen; of a list over the rows that would be shown, or come first.
    """

    term: str = "?"
    action: str = "?"
    over: str = "all"
    predicted: Number = None
    realised: Number = None
    low: Number = None
    high: Number = None
    rows: Count = None
    off: bool = False


class DataRead(Part):
    """What was read."""

    sources: dict[str, SourceRead] = {}


class Rows(Part):
    """The rows of one part of the data, from when to when."""

    rows: Count = None
    from_: str | None = Field(None, alias="from")
    to: str | None = None


class PartsUsed(Part):
    """How the rows were split. `border` rows were left out between parts, as their labels were known too late."""

    kind: str | None = None
    border: Count = None
    fit: Rows | None = None
    tune: Rows | None = None
    calibrate: Rows | None = None
    judge: Rows | None = None


class RungResult(Part):
    """One candidate model. `gain` is over the rung `against`; latency is per row in microseconds."""

    name: str = "?"
    score: Number = None
    low: Number = None
    high: Number = None
    against: str | None = None
    gain: Number = None
    gain_low: Number = None
    needed: Number = None
    kept: bool = False
    seconds: Number = None
    bytes: Number = None
    latency_us: Number = None
    notes: tuple[str, ...] = ()
    sentence: str = ""


class MetricResult(Part):
    """A metric on the judged rows, with one-sided 95 % limits."""

    name: str = "?"
    value: Number = None
    low: Number = None
    high: Number = None
    bigger_is_better: bool | None = None


class SliceResult(Part):
    """The score of the rows where column `by` is `value`."""

    by: str = "?"
    value: str | float | bool | None = None
    rows: Count = None
    metric: str | None = None
    score: Number = None
    low: Number = None
    high: Number = None


class CalibrationBin(Part):
    """Rows that were predicted alike: the mean prediction and what came true."""

    predicted: Number = None
    realised: Number = None
    low: Number = None
    high: Number = None
    rows: Count = None


class Judged(Part):
    """What was measured on the rows kept for judging."""

    rows: Count = None
    blocks: Count = None
    block: str | None = None
    metrics: tuple[MetricResult, ...] = ()
    baselines: dict[str, dict[str, Number]] = {}
    slices: tuple[SliceResult, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()


class FeatureShare(Part):
    """How much of what a model does comes from one feature, and where the feature comes from."""

    feature: str = "?"
    share: Number = None
    origin: str = ""


class EngineUsed(Part):
    """What gives a model's scores, the bytes it reads, and the seconds it took to make ready and prove."""

    name: str = "?"
    bytes: Number = None
    seconds: Number = None


class ObjectiveEvidence(Part):
    """Everything about one objective."""

    type: str | None = None
    per: str | None = None
    metric: str | None = None
    chosen: str | None = None
    reason: str | None = None
    describes: str | None = None
    engine: EngineUsed | None = None
    smallest_gain: Number = None
    labels: dict[str, Count] = {}
    balance: dict[str, Count] = {}
    parts: PartsUsed | None = None
    again: Rows | None = None
    """What was judged was then learned once more from these rows, and answers; None: it answers as it was judged."""
    rungs: tuple[RungResult, ...] = ()
    judge: Judged | None = None
    importance: tuple[FeatureShare, ...] = ()
    orders: tuple[RungOrder, ...] = ()
    """Where lists are decided on: how well each rung alone sorts them."""
    outsorted: str | None = None
    """That a simpler rung sorts better than the chosen one, as a sentence; it is among the warnings too."""
    trust: tuple[TrustResult, ...] = ()
    censoring: CensoringResult | None = None
    warnings: tuple[str, ...] = ()


class PricedEvidence(Part):
    """A decision over prices: what models foresee of each price on average over judged rows, per term and objective;
    what each policy is foreseen to come to, and the share of how prices varied that other columns tell."""

    prices: tuple[Number, ...] = ()
    foreseen: dict[str, tuple[Number, ...]] = {}
    policies: dict[str, dict[str, Number]] = {}
    told_by_others: Number = None
    asked_between: tuple[Number, ...] = ()


class DecisionEvidence(ListEvidence):
    """What the decision would have come to on the judged rows; of a list, `item` is set and the fields of lists are."""

    actions: tuple[str, ...] = ()
    weights: dict[str, Number] = {}
    chosen_share: dict[str, Number] = {}
    terms: tuple[TermResult, ...] = ()
    calibration: tuple[TermCalibration, ...] = ()
    priced: PricedEvidence | None = None
    per_hour: tuple[Number, ...] = ()
    """With a capacity: how many rows usually come in each hour of a day."""


class Compared(Part):
    """What the value of a verdict was compared with, and by how much it is better (positive = better)."""

    name: str = "?"
    value: Number = None
    gain: Number = None
    gain_low: Number = None
    gain_high: Number = None


class VerdictResult(Part):
    """What was found on one requirement. `text` is the bound as a sentence, `sentence` the verdict."""

    who: str = "?"
    metric: str = ""
    text: str = ""
    status: Literal["pass", "fail", "insufficient", "cannot tell"] = "cannot tell"
    value: Number = None
    low: Number = None
    high: Number = None
    n: Count = None
    blocks: Count = None
    counts: str | None = None
    """What `n` counts: rows, lists or requests."""
    slice: str | None = None
    against: Compared | None = None
    sentence: str = ""
    allowed: bool = False
    why: str | None = None
    """The owner's reason."""

    @property
    def refuses(self) -> bool:
        """Whether this stops the release."""
        return self.status in ("fail", "insufficient") and not self.allowed


class SizeMeasured(Part):
    """Latencies in seconds of requests of `candidates` rows each, and answers that were refusals, by HTTP status."""

    requests: Count = None
    candidates: Count = None
    latency_p50: Number = None
    latency_p99: Number = None
    latency_p99_high: Number = None
    errors: dict[str, Count] = {}


class ServingEvidence(Part):
    """What answering took, measured on the real server: seconds, bytes, and cost per 1,000 requests."""

    requests: Count = None
    candidates: Count = None
    latency_p50: Number = None
    latency_p99: Number = None
    latency_p99_high: Number = None
    cpu_seconds_per_request: Number = None
    release_size: Number = None
    cost_per_1000: Number = None
    sizes: tuple[SizeMeasured, ...] = ()
    """The same per number of rows in a request."""


class TrainingEvidence(Part):
    """What training took: seconds, core seconds, cost, bytes."""

    seconds: Number = None
    core_seconds: Number = None
    cost: Number = None
    currency: str | None = None
    peak_memory: Number = None


class Start(Part):
    """Of a release without models: the rule that sorts lists, and what is lacking to learn the first models."""

    rule: str | None = None
    lacking: tuple[str, ...] = ()


class Evidence(Part):
    """All that is known of a candidate or release.

    >>> Evidence.of({"format": 1, "system": "shop", "objectives": {"sale": {"chosen": "linear"}}}).release is None
    True
    """

    format: int = CURRENT["evidence"]
    system: str = "an unnamed system"
    purpose: str = ""
    release: str | None = None
    candidate: str | None = None
    created: str | None = None
    judged: str | None = None
    """When requirements were put to it."""
    verdict: Literal["released", "refused"] | None = None
    live: str | None = None
    """The release that was live when this one was judged."""
    data: DataRead = DataRead()
    contract: ContractChanges | None = None
    objectives: dict[str, ObjectiveEvidence] = {}
    decision: DecisionEvidence | None = None
    start: Start | None = None
    requirements: tuple[VerdictResult, ...] = ()
    serving: ServingEvidence | None = None
    training: TrainingEvidence | None = None
    unknown: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    judge_reads: Count = None
    not_finite: tuple[str, ...] = ()
    """Places of numbers that were NaN or infinite when the evidence was written."""

    @classmethod
    def of(cls, content: Mapping[str, Any] | Evidence) -> Evidence:
        """The evidence in `content`; NaN and NumPy values are fine.

        Raises `StateError` for a newer format, and names the place where something is not what it should be.
        """
        if isinstance(content, Evidence):
            return content
        plain, places = finite({"format": CURRENT["evidence"], **content})
        if places:
            plain["not_finite"] = [*(plain.get("not_finite") or ()), *places]
        try:
            return cls.model_validate(migrate("evidence", plain))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            raise StateError(f"this evidence cannot be read: {place}: {first['msg']}", hint="release again") from error

    @classmethod
    def read(cls, path: Path) -> Evidence:
        """The evidence in the file at `path`. Raises `Tampered` where that is not JSON, `StateError` as `of` does."""
        return cls.of(read_json(path))

    @property
    def name(self) -> str:
        """What to call it: the release's name, else the candidate's."""
        return self.release or self.candidate or "this candidate"

    @property
    def breaking(self) -> tuple[ContractChange, ...]:
        """What callers of the live release cannot go on with as they are."""
        changes = () if self.contract is None else self.contract.changes
        return tuple(change for change in changes if change.kind == "breaking")

    @property
    def refusals(self) -> tuple[VerdictResult, ...]:
        """The verdicts that stop this release."""
        return tuple(verdict for verdict in self.requirements if verdict.refuses)
