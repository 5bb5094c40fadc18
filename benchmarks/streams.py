"""Real streams watched as a user does: false alarms of untouched weeks, and how soon known breaks are found.

    POISE_TABLES=tables python -m benchmarks.streams [NAME ...]

Each table (`benchmarks/stream_tables.py`) is released on what came before a day, and then comes in week by week: files
are written where the sources read, `poise ingest`, `poise monitor --json`. Breaks (`benchmarks/stream_breaks.py`) begin
in the fifth week, each in a copy of the system as it was then.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from benchmarks.figure import Figure, run
from benchmarks.stream_breaks import BREAKS, Break, Week
from benchmarks.stream_tables import STREAMS, WEEK, Stream, tables, until
from poise.errors import Refused
from poise.interfaces.cli import app

FIFTH, MOST = 4, 6
Look = dict[str, Any]


def poise(folder: Path, *words: str, may_fail: bool = False) -> str:
    """A command in the folder of a system: in this process, since a start takes longer than a look."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, list(words))
    if done.exit_code and not (may_fail and done.exit_code == Refused.exit_code):
        raise RuntimeError(f"poise {' '.join(words)}: {done.exit_code} {done.stderr} {done.exception}")
    return done.stdout


def deliver(folder: Path, number: int, rows: Week) -> None:
    """Files of one week, and their ingest."""
    for source, frame in rows.items():
        if frame.height:
            path = folder / "data" / source / f"{number:03}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(path)
    poise(folder, "ingest", may_fail=True)


def week(stream: Stream, number: int) -> Week:
    """What comes in of all sources in a week after the border."""
    since = stream.border + number * WEEK
    return {source: until(stream, source, since, since + WEEK) for source in stream.sources}


def release(stream: Stream, folder: Path) -> None:
    """A system that learned from what came before the border."""
    folder.mkdir(parents=True)
    (folder / "poise.yaml").write_text(stream.spec, encoding="utf-8")
    deliver(folder, 0, {source: until(stream, source, None, stream.border) for source in stream.sources})
    poise(folder, "train")
    poise(folder, "release")


def look(folder: Path) -> Look:
    """What the monitors say now."""
    found: Look = json.loads(poise(folder, "monitor", "--json", may_fail=True))
    return found


def levels(found: Look) -> dict[tuple[str, str, str], Any]:
    """The findings that are an alarm or a notice, by code, subject and level."""
    return {(f["code"], f["subject"], f["level"]): f for f in found["findings"] if f["level"] in ("alarm", "notice")}


def quiet(stream: Stream, folder: Path, kept: Path, weeks: int) -> list[Look]:
    """A look at the end of each untouched week; `kept` gets the system as it is before the fifth."""
    looks = []
    for number in range(weeks):
        if number == FIFTH:
            shutil.copytree(folder, kept)
        deliver(folder, number + 1, week(stream, number))
        looks.append(look(folder))
        for (code, subject, level), found in levels(looks[-1]).items():
            print(
                f"  {stream.name}, untouched week {number + 1}: {level} {code} {subject}: {found['what']}", flush=True
            )
    return looks


def broken(stream: Stream, one: Break, kept: Path, folder: Path, untouched: list[Look]) -> dict[str, int | None]:
    """Weeks until an alarm, and until an alarm or notice, that untouched weeks do not have; None: not in `MOST`."""
    shutil.copytree(kept, folder)
    out: dict[str, int | None] = {"alarm": None, "seen": None}
    for weeks in range(min(MOST, len(untouched) - FIFTH)):
        deliver(folder, FIFTH + weeks + 1, one.spoil(week(stream, FIFTH + weeks), weeks))
        now, usual = levels(look(folder)), levels(untouched[FIFTH + weeks])
        new = {key: f for key, f in now.items() if key not in usual}
        if new and out["seen"] is None:
            out["seen"] = weeks + 1
            for (code, _, level), f in list(new.items())[:5]:
                print(f"      {level} {code} {f['what']}, since {f['since']}", flush=True)
        if any(level == "alarm" for _, _, level in new):
            out["alarm"] = weeks + 1
            break
    print(f"  {stream.name}: {one.name}: seen after {out['seen']}, alarm after {out['alarm']} weeks", flush=True)
    shutil.rmtree(folder)
    return out


def watched(name: str, work: Path, weeks: int | None, breaks: int | None) -> list[Figure]:
    """The figures of one stream."""
    stream = STREAMS[name]()
    folder, kept = work / name, work / f"{name}-kept"
    release(stream, folder)
    looks = quiet(stream, folder, kept, weeks or stream.weeks)
    alarms = sum(f["level"] == "alarm" for each in looks for f in each["findings"])
    rate = 100 * alarms / (len(looks) * stream.columns)
    found = [broken(stream, one, kept, work / f"{name}-{at}", looks) for at, one in enumerate(BREAKS[name][:breaks])]
    seen = sum(one["seen"] == 1 for one in found)
    alarmed = sum(one["alarm"] == 1 for one in found)
    return [
        Figure(f"streams: {name}: alarms in 100 untouched column-weeks", rate, 1.0),
        Figure(f"streams: {name}: of {len(found)} breaks, seen within a week", seen, None, "", at_least=True),
        Figure(f"streams: {name}: of {len(found)} breaks, an alarm within a week", alarmed, None, "", at_least=True),
    ]


def measure(quick: bool) -> list[Figure]:
    """All streams whose tables are there; in short one stream, its first weeks and one break."""
    names = [name for name in sys.argv[1:] if name in STREAMS] or ["weather"]
    if not quick and tables().is_dir():
        names = [name for name in sys.argv[1:] if name in STREAMS] or list(STREAMS)
    elif not quick:
        print(f"{tables()} is not there: the weather alone is watched (benchmarks/stream_tables.py)")
    with tempfile.TemporaryDirectory() as work:
        made = [watched(name, Path(work), FIFTH + 1 if quick else None, 1 if quick else None) for name in names]
    return [figure for each in made for figure in each]


if __name__ == "__main__":
    run(measure)
