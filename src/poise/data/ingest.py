"""Ingest: the files of a system's sources into its lake. A file that several sources share is read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from poise.clock import Clock, ReplayClock, to_text
from poise.data import fingerprints
from poise.data.files import NoFile, SourceFile, files_of, fingerprint
from poise.data.forgotten import Forgotten
from poise.data.intake import Intake
from poise.data.judge import Judge
from poise.data.lake import Lake
from poise.data.ledger import Entry, Ledger
from poise.data.reading import BATCH, batches, opened, require
from poise.data.rebuilt import Rebuilt
from poise.data.rejudged import keep_rows
from poise.data.report import Counts, IngestReport, SourceReport
from poise.data.retention import expire
from poise.data.ward import Origin
from poise.errors import DataError, SpecError, did_you_mean
from poise.spec.system import SystemSpec

Progress = Callable[[str, int], None]
WALL = Clock()
TURN = 30.0
"""Seconds to wait for another process that writes to the lake, such as the drain beside a server."""


def ingest(
    system: SystemSpec,
    lake: Lake,
    *,
    base: Path,
    only: Sequence[str] | None = None,
    clock: Clock = WALL,
    force: bool = False,
    live: bool = False,
    forgotten: Forgotten | None = None,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> IngestReport:
    """Take the files of all sources (or `only` some) into `lake`; running it again adds nothing.

    base: the folder that relative paths start from. force: read files again that are known already, and let a source
    whose columns changed be rebuilt from the files there are now; rows that came over HTTP are kept and judged again.
    live: a server answers meanwhile, so rows count as known from now on. forgotten: people whose rows are left out.
    progress: called with a source and how many of its rows were read, after each batch. batch: how many rows are in
    memory at a time, at most.

    Raises `DataError` where a source has no file, no rows, or no such column; `StateError` where another process writes
    to the lake. Only in a system that can start without data (a list with a rule) an event log may be absent or empty,
    with a warning, as long as it has never had a row.
    """
    for name in only or ():
        if name not in system.sources:
            raise SpecError(f"there is no source '{name}'", hint=did_you_mean(name, system.sources))
    names = [name for name in system.sources if only is None or name in only]
    now = (WALL if isinstance(clock, ReplayClock) else clock).now()
    with lake.writing(TURN):
        run = Run(system, lake, Ledger(lake), base, now=now, force=force, live=live, progress=progress, batch=batch)
        run.forgotten = forgotten
        return run.all(names)


class Run:
    """One ingest: what each source reads, and how far it is."""

    def __init__(
        self,
        system: SystemSpec,
        lake: Lake,
        ledger: Ledger,
        base: Path,
        *,
        now: int,
        force: bool,
        live: bool,
        progress: Progress | None,
        batch: int,
    ) -> None:
        self.system, self.lake, self.ledger, self.base = system, lake, ledger, base
        self.now, self.force, self.live, self.progress, self.batch = now, force, live, progress, batch
        self.forgotten: Forgotten | None = None
        self.reports: dict[str, SourceReport] = {}
        self.judges: dict[str, Judge] = {}
        self._contents: dict[Path, str] = {}
        self._begun: set[str] = set()  # sources that had rows before this ingest
        self._rebuilt: dict[str, Rebuilt] = {}

    def all(self, names: Sequence[str]) -> IngestReport:
        """Take in every file of the sources `names`."""
        readers: dict[SourceFile, list[str]] = {}
        for name in names:
            for file in self._prepared(name):
                readers.setdefault(file, []).append(name)
        for file, sources in readers.items():
            fresh = [name for name in sources if not self._unchanged(name, file)]
            if fresh:
                self._file(file, fresh)
        for name, rebuilt in self._rebuilt.items():
            rebuilt.finish(self.system.system, self.lake, self.judges[name], self.reports[name], self.now)
        for name in names:
            self.reports[name].expired = expire(self.system, self.lake, name, self.now)
            self._concluded(name)
            if self.live and self.reports[name].counts.accepted:
                said = (
                    f"a server answers meanwhile: it takes these rows of '{name}' up within seconds, known from now on"
                )
                self.reports[name].warnings.append(said)
        return IngestReport(tuple(self.reports[name] for name in names))

    def _prepared(self, name: str) -> list[SourceFile]:
        """The files of a source, once its tables are ready for it."""
        report = self.reports[name] = SourceReport(name)
        report.warnings += self.lake.mend(name)
        if self.ledger.contents(name):
            self._begun.add(name)
        self.judges[name] = Judge(self.system, name)
        files, passed = self._found(name)
        if passed:
            report.warnings.append(f"{len(passed)} files of no known format were not read, e.g. {passed[0]}")
        report.files = len(files)
        self._defined(name, files)
        return files

    def _found(self, name: str) -> tuple[list[SourceFile], list[str]]:
        """The files of a source, and those passed over; none where it may be that nothing has happened yet."""
        try:
            return files_of(name, self.system.sources[name], self.base)
        except NoFile as absent:
            if not self._may_be_empty(name):
                raise
            others = {f"'{Path(other.path).name}'" for other in self.system.sources.values()}
            meant = absent.hint if absent.hint and not any(other in absent.hint for other in others) else None
            said = f"{absent.message}: taken as empty until there is one{f' ({meant})' if meant else ''}"
            self.reports[name].warnings.append(said)
            return [], []

    def _may_be_empty(self, name: str) -> bool:
        """Whether a source may have no rows yet: an event log that never had any, of a system that decides without."""
        decision = self.system.decision
        can_wait = decision is not None and decision.needs_no_data
        return can_wait and self.system.sources[name].kind == "log" and not self.ledger.contents(name)

    def _defined(self, name: str, files: list[SourceFile]) -> None:
        """See to it that the rows of a source are all of one definition, the present one."""
        source = self.system.sources[name]
        present = fingerprints.definition(source, self._zone(name))
        before = self.ledger.definition(name)
        if before == present:
            return
        if before is not None:
            self._rebuild(name, files)
        began = Entry(self.now, name, "", "", "", present, "", "begun", Counts())
        self.ledger.write([began])

    def _rebuild(self, name: str, files: list[SourceFile]) -> None:
        """Leave only what came over HTTP of a source whose columns changed, if its files can give the rest again."""
        gone = self.ledger.contents(name) - {self._content(file) for file in files}
        if gone and not self.force:
            raise DataError(
                f"the columns of source '{name}' changed since its rows were taken in, and {len(gone)} of the files "
                "that they came from are gone or changed",
                where=f"sources.{name}",
                hint="put the files back, or ingest with --force to rebuild the source from the files there are now",
            )
        before, taken = self.lake.version(name), self.ledger.taken(name)
        kept = keep_rows(self.system.system, self.lake, self.judges[name], self.now)
        self._rebuilt[name] = Rebuilt(kept, taken)
        note = (
            f"the columns of '{name}' changed, so it was rebuilt from its files; its rows before are version {before}"
        )
        self.reports[name].warnings.append(note)

    def _unchanged(self, name: str, file: SourceFile) -> bool:
        """Is `file` known under the present rules? Then count it and leave it."""
        last = self.ledger.last(name, file.shown)
        if self.force or last is None or last.content != self._content(file) or last.rules != self._rules(name):
            return False
        if any(code.startswith("future:") for code in last.counts.reasons):
            return False  # their time may have come
        known = last.counts
        same = Counts(
            known.rows_in,
            0,
            known.accepted + known.duplicates,
            known.quarantined,
            known.other_rows,
            known.forgotten,
            known.reasons,
        )
        self.reports[name].unchanged += 1
        self.reports[name].counts.add(same)
        return True

    def _file(self, file: SourceFile, names: list[str]) -> None:
        """Read one file once, for all sources `names` that it belongs to."""
        began = perf_counter()
        columns = {column: None for name in names for column in self.system.sources[name].in_file.values()}
        found = opened(names[0], file, columns)
        for name in names:
            require(name, found, self.system.sources[name].in_file.values())
            self._undeclared(name, found.columns)
        intakes = {name: self._intake(name, file) for name in names}
        counts = {name: Counts() for name in names}
        for batch in batches(names[0], found, columns, self.batch):
            for name, intake in intakes.items():
                counts[name].add(intake.take(batch))
                if self.progress is not None:
                    self.progress(name, batch.frame.height)
        for name, intake in intakes.items():
            intake.finish()
            self.reports[name].counts.add(counts[name])
            self.reports[name].seconds += (perf_counter() - began) / len(names)
        self.ledger.write(self._done(name, file, counts[name]) for name in names if counts[name].rows_in)

    def _intake(self, name: str, file: SourceFile) -> Intake:
        origin = Origin(fingerprints.ingest_id(name, self._content(file)), file.shown, file.format)
        return Intake(
            self.system.system,
            self.judges[name],
            self.lake,
            origin,
            now=self.now,
            live=self.live,
            since=self._rebuilt[name].taken.get(self._content(file)) if name in self._rebuilt else None,
            forgotten=self.forgotten,
        )

    def _undeclared(self, name: str, columns: tuple[str, ...]) -> None:
        report = self.reports[name]
        declared = set(self.system.sources[name].in_file.values())
        extra = [column for column in columns if column not in declared]
        report.undeclared = tuple(dict.fromkeys([*report.undeclared, *extra]))

    def _done(self, name: str, file: SourceFile, counts: Counts) -> Entry:
        content = self._content(file)
        present = fingerprints.definition(self.system.sources[name], self._zone(name))
        id = fingerprints.ingest_id(name, content)
        return Entry(self.now, name, file.shown, content, id, present, self._rules(name), "done", counts)

    def _concluded(self, name: str) -> None:
        """Warn or raise where a source came out empty."""
        report = self.reports[name]
        counts = report.counts
        if not counts.rows_in:
            self._empty(name)
            return
        report.version = self.lake.version(name)
        if counts.quarantined == counts.rows_in:
            code = max(counts.reasons, key=lambda code: counts.reasons[code])
            report.warnings.append(f"every row of '{name}' was refused; the commonest reason is {code}")
        if counts.other_rows == counts.rows_in:
            report.warnings.append(f"no row of '{name}' meets its 'where': {self.system.sources[name].where}")
        table = self.system.sources[name].kind == "table"
        if table and counts.accepted and name in self._begun and self.system.clock == "replay":
            since = to_text(self.now, self._zone(name))
            report.warnings.append(
                f"rows of '{name}' that correct earlier ones hold from {since} on, when they were accepted, which"
                " a replay clock of older data does not come to; give the source a time to say since when they hold"
            )

    def _empty(self, name: str) -> None:
        """No row came: raise, unless that may be."""
        path, report = self.system.sources[name].path, self.reports[name]
        if not self._may_be_empty(name):
            raise DataError(f"source '{name}': {path} has no rows", where=f"sources.{name}.path")
        if report.files:
            report.warnings.append(f"{path} has no rows yet")
        origin = Origin(fingerprints.ingest_id(name, ""), "", "csv")
        Intake(self.system.system, self.judges[name], self.lake, origin, now=self.now, live=self.live).nothing()
        report.version = self.lake.version(name)

    def _content(self, file: SourceFile) -> str:
        if file.path not in self._contents:
            self._contents[file.path] = fingerprint(file)
        return self._contents[file.path]

    def _rules(self, name: str) -> str:
        return fingerprints.rules(self.system.sources[name], self._zone(name))

    def _zone(self, name: str) -> str:
        return self.system.sources[name].timezone or self.system.timezone
