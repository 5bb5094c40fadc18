"""What one server serves: a release for each contract that callers may choose, exchanged between two requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from poise.errors import RequestError, Retired
from poise.serving.answer import Answer, Answerer
from poise.serving.limited import Counts
from poise.serving.limits import Limits
from poise.serving.live import VersionedWeights
from poise.serving.telemetry import Telemetry
from poise.serving.trial import Handle, Trial

CONTRACT = "header poise-contract"
"""Where callers choose a contract, as errors name it."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a release does not answer, and when it is tried again (microseconds)."""

    why: str
    again: int


class Served:
    """The answerers of a server, one for each major version of the contract.

    Whoever answers a request takes one answerer at its start and keeps it to the end, so that no answer mixes two
    releases. All of them are held in one mapping that is never changed but replaced: any thread may look at any time.
    """

    def __init__(self, *answerers: Answerer, retired: Mapping[int, str] = MappingProxyType({})) -> None:
        self.telemetry = Telemetry()
        """What the server counts of itself; every answerer counts there."""
        self.counts = Counts()
        """How often actions that may be taken only so often were; every answerer counts there."""
        for one in answerers:
            self._joins(one)
        self._by_major = _sorted({one.loaded.contract.major: one for one in answerers})
        self._retired: Mapping[int, str] = MappingProxyType(dict(retired))
        self._troubles: Mapping[str, Trouble] = MappingProxyType({})
        self.trial: Trial | None = None
        """A release beside the one that answers by its contract; replaced as a whole, by any thread."""
        self.taken_back: str | None = None
        """The release that a guardrail took back last, until another is on trial."""

    @classmethod
    def of_one(cls, answerer: Answerer) -> Served:
        """What serves one release only."""
        return cls(answerer)

    @property
    def live(self) -> Answerer:
        """What answers callers that choose no contract: the oldest one that is not retired."""
        return next(iter(self._by_major.values()))

    @property
    def newest(self) -> Answerer:
        """What answers by the newest contract."""
        return self.all[-1]

    @property
    def all(self) -> tuple[Answerer, ...]:
        """Every answerer, that of the oldest contract first."""
        return tuple(self._by_major.values())

    @property
    def answering(self) -> tuple[Answerer, ...]:
        """Every answerer, that of a release on trial too."""
        trial = self.trial
        return self.all if trial is None or trial.answerer in self.all else (*self.all, trial.answerer)

    @property
    def majors(self) -> tuple[int, ...]:
        """The contracts that callers may choose."""
        return tuple(self._by_major)

    @property
    def retired(self) -> Mapping[int, str]:
        """Contracts that were taken out of use, and why."""
        return self._retired

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        """Releases that were to answer and do not, and why; another one goes on in their place."""
        return self._troubles

    def note(self, release: str, trouble: Trouble) -> None:
        """A release does not answer."""
        self._troubles = MappingProxyType({**self._troubles, release: trouble})

    def note_only(self, releases: Collection[str]) -> None:
        """Of no others than these is it true any more that they should answer and do not."""
        kept = {name: one for name, one in self._troubles.items() if name in releases}
        self._troubles = MappingProxyType(kept)

    def answers(self, major: int) -> Answerer | None:
        """What answers by a contract, None where nothing does."""
        return self._by_major.get(major)

    @property
    def limits(self) -> Limits:
        """The bounds of requests, which are the same for all."""
        return self.live.limits

    def of(self, major: int | None) -> Answerer:
        """What answers by a contract; None: by the default one.

        Raises `Retired` for one that was taken out of use, `RequestError` for one that there is not; both name those
        that there are.
        """
        by_major = self._by_major
        if major is None:
            return next(iter(by_major.values()))
        found = by_major.get(major)
        if found is not None:
            return found
        served = ", ".join(map(str, by_major))
        why = self._retired.get(major)
        if why is not None:
            said = f"contract {major} was retired: {why}"
            raise Retired(said, field=CONTRACT, hint=f"ask by contract {served}, which /openapi.json describes")
        raise RequestError(f"there is no contract {major}", field=CONTRACT, allowed=served)

    def answered(self, major: int | None, body: bytes, handle: Handle) -> Answer:
        """The answer to a request by a contract: `handle` is called with what answers it, a release on trial where one
        is and the caller is one of its share. Raises as `of` does, and what `handle` raises."""
        live, trial = self.of(major), self.trial
        if trial is None or trial.answerer is live or trial.major != live.loaded.contract.major:
            return handle(live)
        return trial.answer(live, body, handle)

    def put(self, answerer: Answerer) -> None:
        """Let `answerer` answer by its contract from the next request on."""
        self._joins(answerer)
        answerer.counting = True
        self._by_major = _sorted({**self._by_major, answerer.loaded.contract.major: answerer})

    def _joins(self, answerer: Answerer) -> None:
        answerer.telemetry = self.telemetry
        answerer.count_with(self.counts)

    def retire(self, major: int, why: str) -> None:
        """Answer by a contract no more. Raises `ValueError` for the only one."""
        left = {number: one for number, one in self._by_major.items() if number != major}
        if not left:
            raise ValueError("the only contract cannot be retired")
        self._retired = MappingProxyType({**self._retired, major: why})
        self._by_major = _sorted(left)

    def set_weights(self, weights: VersionedWeights) -> None:
        """Let every answerer use these from its next decision on; see `Answerer.set_weights`."""
        for answerer in self.answering:
            answerer.set_weights(weights)


def _sorted(by_major: Mapping[int, Answerer]) -> Mapping[int, Answerer]:
    return MappingProxyType({major: by_major[major] for major in sorted(by_major)})
