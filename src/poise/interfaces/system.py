"""A system in Python: the handlers that the command line calls, for notebooks and programs too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Literal

from poise.data.forgotten import Forgotten
from poise.data.ingest import ingest
from poise.data.journal_lock import held
from poise.data.lake import Lake
from poise.data.report import IngestReport
from poise.errors import NotNow, PoiseError, SpecError, StateError, UsageError
from poise.features.function import importable_from
from poise.interfaces.ageing import measured_staleness
from poise.interfaces.catching_up import CaughtUp, catch_up
from poise.interfaces.previewing import Previews
from poise.interfaces.realising import Realised
from poise.interfaces.releasing import released
from poise.interfaces.rolling_back import roll_back
from poise.interfaces.training import trained
from poise.interfaces.updating import Updated, updated
from poise.monitoring.beside import seen_from
from poise.monitoring.skew import MOST, SkewReport, skew
from poise.releases.folder import ReleaseFolder
from poise.releases.learn_from import LearnFrom
from poise.releases.rule_release import by_rule
from poise.releases.summary import summary
from poise.rollout.gates import Outcome
from poise.serving.loaded import Loaded
from poise.serving.proposals import Proposals
from poise.serving.weights import LiveWeights
from poise.settings import Settings
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec
from poise.stores.state import State
from poise.stores.state_base import ReleaseRow
from poise.updating.staleness import Staleness

Progress = Callable[[str], None]


def quiet(message: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, eq=False)
class Report:
    """A candidate or a release with what was found; a notebook shows the page, `print` the summary."""

    folder: ReleaseFolder
    outcome: Outcome | None = None

    def __str__(self) -> str:
        return "\n".join(summary(self.folder.json("evidence")))

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that its style does not reach the notebook around it."""
        page = self.folder.path / "report.html"
        if not page.exists():
            return f"<pre>{escape(str(self))}</pre>"
        content = escape(page.read_text(encoding="utf-8"))
        return f'<iframe srcdoc="{content}" style="width: 100%; height: 40em; border: 0" title="report"></iframe>'


@dataclass(frozen=True, eq=False)
class System:
    """One system, by its file.

    `System.read("poise.yaml").train()` in a notebook shows what was learned.
    """

    path: Path
    text: str
    spec: SystemSpec
    settings: Settings

    @classmethod
    def read(cls, path: str | Path = "poise.yaml") -> System:
        """Read and check the file. Raises `SpecError` (or `ManySpecErrors`) for what is wrong with it."""
        file = Path(path)
        importable_from(file.parent)
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            hint = "name the system file with -f, or make one: poise new DIR"
            raise SpecError(f"there is no file {file}", hint=hint) from None
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"{file} cannot be read: {error}") from error
        return cls(file, text, read_text(text, name=str(path)), Settings.read(file))

    @cached_property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(self.settings.lake)

    @cached_property
    def state(self) -> State:
        """The registry of releases and the history."""
        self._make_home()
        return State(self.settings.state_url, self.spec.system, zone=self.spec.timezone)

    def ingest(
        self,
        only: Sequence[str] | None = None,
        *,
        force: bool = False,
        who: str | None = None,
        progress: Callable[[str, int], None] | None = None,
    ) -> IngestReport:
        """Take the files of the sources (or `only` some) into the lake; what is known already adds nothing.

        What waits in the journal is written to the lake first, unless a server holds it, which does that itself.
        """
        self._make_home()
        before = self.caught_up()
        report = ingest(
            self.spec,
            self.lake,
            base=self.path.parent,
            only=only,
            force=force,
            live=held(self.settings.journal),
            forgotten=Forgotten.read(self.settings.home),
            progress=progress,
        )
        # Rows whose columns are not those of the lake are written once the files have brought it the new ones.
        after = self.caught_up() if before.stuck else CaughtUp()
        notes = [str(caught) for caught in (before, after) if caught.rows]
        report = replace(report, notes=(*notes, *after.stuck.values()))
        fates = {one.source: one.to_dict() for one in report.sources}
        if any(one.unchanged < one.files or one.expired for one in report.sources):
            self.state.note("ingest", self.spec.system, why="asked for", who=who, details={"sources": fates})
        return report

    def train(
        self,
        *,
        like: str | None = None,
        learn_from: LearnFrom | None = None,
        who: str | None = None,
        why: str = "",
        progress: Progress = quiet,
    ) -> Report:
        """Learn every objective: a candidate that no gate has judged yet.

        like: a candidate or release whose table versions to train on again; default the newest. learn_from: what of the
        rows to learn from; default all. Of the rows that the file trusts to judge nothing is learned either way. What
        waits in the journal is written to the lake first; where a server holds it, that does so within a minute and is
        not waited for.
        """
        made = trained(self, like=like, learn_from=learn_from, who=who, why=why, progress=progress)
        return Report(made)

    def release(
        self,
        candidate: str | None = None,
        *,
        who: str | None = None,
        why: str = "",
        major: bool = False,
        rollout: str | None = None,
        progress: Progress = quiet,
    ) -> Report:
        """Judge a candidate (default the newest) by every requirement; let it begin to answer, or refuse it.

        major: it breaks its callers, and is to answer by a new contract beside the old one. rollout: where it begins,
        `live`, `shadow`, `canary` or `canary=10%`; default what the file says. Raises `Refused` where it breaks callers
        without `major`, `NotNow` where another release is under way.
        """
        outcome = released(self, candidate, who=who, why=why, major=major, rollout=rollout, progress=progress)
        return Report(outcome.folder, outcome)

    def seed_weights(self, release: str, who: str | None) -> None:
        """Give the terms of a new release that have no weight yet those of the file."""
        if self.spec.decision is None:
            return
        first = self.state.weights() is None
        self.weights.seed("the system file, with the first release" if first else f"new terms, with {release}", who)

    def update(
        self,
        *,
        now: bool = False,
        override: bool = False,
        who: str | None = None,
        why: str = "",
        progress: Progress = quiet,
    ) -> Updated:
        """Learn again if there is a reason to, and let what is better than the live release go live.

        now: without a reason. override: although a freeze window holds; `why` is needed and recorded. Raises
        `Overloaded` where another process is updating, `UsageError` where the file says nothing of updates.
        """
        return updated(self, now=now, override=override, who=who, why=why, progress=progress)

    def staleness(self, *, worth: float | None = None, progress: Progress = quiet) -> list[Staleness]:
        """How fast a model of each objective loses value, measured on the rows of the lake. worth: what the models gain
        per day in the file's currency. Raises `StateError` where nothing is live, `NotEnoughData` with too few rows."""
        return measured_staleness(self, worth, progress)

    @cached_property
    def weights(self) -> LiveWeights:
        """The live weights: shown, changed and taken back while the system runs; servers follow within a second.

        Raises `UsageError` where nothing is decided.
        """
        if self.spec.decision is None:
            raise UsageError("this system decides nothing, so it has no weights")
        return LiveWeights(self.spec.decision, self.state, self.spec.timezone)

    @property
    def proposals(self) -> Proposals:
        """Changes of weights that wait for stakeholders. Raises `UsageError` where nothing is decided."""
        if self.spec.decision is None:
            raise UsageError("this system decides nothing, so it has no weights")
        return Proposals(self.spec.decision, self.spec.requirements, self.state, self.spec.timezone)

    def change_weights(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Change the live weights, or propose it where `approval: touched` lets it wait for somebody; asked and raised
        as for `LiveWeights.change`."""
        return self.proposals.change(self.weights, asked, self._foreseen)

    def take_back_weights(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take a change of weights back, or propose it where `to` leads to other weights than those before and
        `approval: touched` lets it wait; asked and raised as for `LiveWeights.take_back`."""
        return self.proposals.take_back(self.weights, asked, self._foreseen)

    def _foreseen(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        if self.live_folder() is None:
            raise NotNow("nothing is live, so that nothing could be told")
        return self.preview(asked)

    def realised(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What a change of weights was foretold to do, and what it did: `{"version"?: 7}`, default the live ones.

        Raises `NotNow` where that cannot be told (yet), `RequestError` for what does not fit.
        """
        self.caught_up()
        return Realised(self.settings, self.spec, self.state).of(asked)

    def preview(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What other weights would do, told from the lists that the live release showed: `{"values": {"TERM": 0.5}}`.

        What waits in the journal is written to the lake first, unless a server holds it, which does that itself.
        Raises `StateError` where nothing is live or no list of it has come true yet, `RequestError` for what does not
        fit.
        """
        return self._told(Previews.of, asked)

    def suggest(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The weights by which a term gains a share (`{"term": "revenue", "gain": 0.03}`) at the least loss of the
        others, and what they would do. Raises as `preview` does."""
        return self._told(Previews.suggest, asked)

    def _told(self, tell: Callable[..., dict[str, Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
        live = self.live_folder()
        if live is None:
            raise StateError("nothing is live, so that nothing could be told", hint="run 'poise up' first")
        self.caught_up()
        now = self.state.weights()
        return tell(Previews(self.lake), Loaded.of(live), now.values if now else {}, asked)

    def rollback(self, *, to: str | None = None, why: str, who: str | None = None) -> str:
        """Make the release that was live before (or `to`) live again; returns its name. Raises as `roll_back` does."""
        return roll_back(self.state, self.settings, to=to, why=why, who=who)

    def check_skew(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        release: str | None = None,
        limit: int = MOST,
        progress: Progress = quiet,
    ) -> SkewReport:
        """Do the features that answers were made from agree with what the lake says of the same instants?

        Looks at the newest `limit` answers with since <= T < until (microseconds), of `release` or of any. What waits
        in the journal is written to the lake first, unless a server holds it, which does that itself. Raises
        `StateError` where there is no such release, or the lake cannot be read.
        """
        if release is not None:
            self.state.release(release)
        if said := str(self.caught_up()):
            progress(said)
        progress("computing served features again")
        return skew(
            self.lake,
            self.system_of,
            journal=self.settings.journal,
            seen=seen_from(self.state.history()),
            since=since,
            until=until,
            release=release,
            most=limit,
            zone=self.spec.timezone,
        )

    def system_of(self, name: str) -> SystemSpec:
        """The system as the file of a candidate or release says it."""
        file = self.folder(name).system_file
        return read_text(file.read_text(encoding="utf-8"), name=str(file))

    def caught_up(self) -> CaughtUp:
        """Write what waits in the journal to the lake, by the columns of the file or of the live release."""
        systems = [self.spec]
        with suppress(PoiseError):  # a release that cannot be read is told where it is used
            live = self.live_folder()
            systems += [] if live is None else [read_text(live.system_file.read_text(encoding="utf-8"), name=live.name)]
        return catch_up(self.settings, self.lake, systems)

    def _make_home(self) -> None:
        """The folder that holds everything that Poise keeps of this system."""
        try:
            self.settings.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "give a folder that can be written, in POISE_HOME"
            raise StateError(f"the folder {self.settings.home} cannot be made: {error.strerror}", hint=hint) from None

    def free_name(self, kind: Literal["candidate", "release"], folder: Path) -> str:
        """The next name of which no folder stands there, left by a state database that is gone."""
        while (folder / (name := self.state.next_name(kind))).exists():
            pass
        return name

    def newest_candidate(self) -> ReleaseRow:
        """The candidate that was trained last. Raises `StateError` where there is none."""
        rows = self.state.releases("candidate")
        if not rows:
            raise StateError("there is no candidate to judge", hint="run 'poise train' first")
        return rows[-1]

    def folder(self, name: str) -> ReleaseFolder:
        """The verified folder of a candidate or release."""
        row = self.state.release(name)
        return ReleaseFolder.open(self.settings.folder_of(row.folder), seal=row.seal)

    def live_folder(self) -> ReleaseFolder | None:
        """The folder of the release that is live; None before the first."""
        live = self.state.live()
        return None if live is None else self.folder(live.release)

    @property
    def starting(self) -> bool:
        """Whether a release without models is live: lists are sorted by the rule until the log can carry some."""
        return by_rule(self.live_folder())

    def adds_nothing(self, candidate: ReleaseFolder) -> bool:
        """Whether a candidate has no models, as the live release, and the same file: nothing would change."""
        live = self.live_folder()
        same = live is not None and live.system_file.read_text(encoding="utf-8") == self.text
        return same and by_rule(live) and by_rule(candidate)

    def up_to_date(self) -> ReleaseFolder | None:
        """The newest release, if it came of this very file and of the rows that the lake holds now."""
        made = [row for row in self.state.releases() if row.status in ("released", "refused")]
        for row in reversed(made):
            folder = self.folder(row.name)
            if folder.system_file.read_text(encoding="utf-8") != self.text:
                continue
            sources = folder.json("evidence")["data"]["sources"]
            now = self.lake.versions()
            return folder if all(now.get(name) == one["version"] for name, one in sources.items()) else None
        return None
