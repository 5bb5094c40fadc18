"""`poise demo`: the restaurants, trained and served in seconds, and a page on which two weights move a real list.

Nothing in Poise knows of it: it writes a small market into a folder, calls what every user calls (`System.ingest`,
`train`, `release`), and serves the release with a page of its own beside Poise's routes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from market import Market, popularity
from page import Page
from prepare import EVENING, write
from starlette.routing import BaseRoute
from town import DAY, START

from poise.errors import PoiseError, Refused
from poise.interfaces.answering import start
from poise.interfaces.cli import report as sentence
from poise.interfaces.cli.first_answer import shortened
from poise.interfaces.cli.terminal import heading, say, working
from poise.interfaces.http.page import curl
from poise.interfaces.system import System
from poise.serving.served import Served

BEGAN = time.monotonic()
HERE = Path(__file__).parent
SYSTEM_FILE = "poise.yaml"
DAYS, LISTS, USERS = 28, 7_500, 900
"""A smaller market than `prepare.py` writes, so that all of it takes seconds."""
STOPPED = 130
"""The exit code after Ctrl-C."""
TRIES = 3
"""How often the release is judged where nothing but latency speaks against it: on a busy machine that says little."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; its exit code."""
    asked = _parser().parse_args(arguments)
    try:
        return _run(asked)
    except KeyboardInterrupt:  # of one Ctrl-C Polars tells first, and then Python, while the first is being handled
        return STOPPED


def _run(asked: argparse.Namespace) -> int:
    try:
        folder: Path = asked.folder
        _own(folder)
        market, now = _market(folder)
        system = System.read(folder / SYSTEM_FILE)
        _release(system)
        _serve(system, market, now, asked)
    except PoiseError as error:
        return sentence(error)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="poise demo", description="A market, trained and served, with a page.")
    parser.add_argument("--folder", type=Path, default=Path("poise-demo"))
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--no-browser", action="store_true")
    return parser


def _own(folder: Path) -> None:
    """Put the system file into `folder`. Raises `PoiseError` where something else stands there."""
    ours = (HERE / SYSTEM_FILE).read_text(encoding="utf-8")
    file = folder / SYSTEM_FILE
    hint = "name another folder with --folder"
    try:
        if file.is_file():
            if file.read_text(encoding="utf-8") != ours:
                raise PoiseError(f"{file} is not the file of this demo", hint=f"delete the folder, or {hint}")
        elif folder.is_dir() and any(folder.iterdir()):
            raise PoiseError(f"the folder {folder} holds something else", hint=hint)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(ours, encoding="utf-8")
    except OSError as error:
        raise PoiseError(f"the folder {folder} cannot be used: {error.strerror or error}", hint=hint) from None


def _market(folder: Path) -> tuple[Market, int]:
    """The market after it was run, with what it left written into `folder`; and the evening on which it stands."""
    heading(f"1 of 4  A market: {USERS:,} people, 240 restaurants, {DAYS} days of lists, most popular first")
    market = Market(days=DAYS, lists=LISTS, users=USERS)
    now = START + (DAYS - 1) * DAY + EVENING
    log = market.run(popularity())
    if not (folder / "data" / "users.parquet").exists():
        write(market, log, range(DAYS), folder / "data", until=now)
    known = log.time <= now
    ordered = known & log.ordered & (log.time + log.delay <= now)
    say(f"        {known.sum():,} times a restaurant was shown, {ordered.sum():,} times it was ordered from.")
    say(f"        The file that says what is wanted: {folder / SYSTEM_FILE}")
    return market, now


def _release(system: System) -> None:
    """Ingest, train and release, unless that is done. Raises `Refused` where a stakeholder refuses."""
    heading("2 of 4  Reading: every row is checked, and what fails is set apart")
    with working("Reading", silent=not sys.stderr.isatty()) as step:
        report = system.ingest(progress=lambda source, rows: step(f"{source}: {rows:,} rows"))
    for one in report.sources:
        rows = one.counts
        say(f"        {one.source}: {rows.rows_in:,} rows in, {rows.accepted:,} new, {rows.quarantined:,} set apart")
    heading("3 of 4  Learning: will it be ordered, and what is an order worth? The simplest model that does")
    done = system.up_to_date()
    if done is not None and done.json("evidence")["verdict"] == "released":
        say(f"        {done.name} has learned from these rows already.")
        return
    with working("Learning", silent=not sys.stderr.isatty()) as step:
        trained = system.train(progress=step)
    for name, found in trained.folder.json("evidence")["objectives"].items():
        say(f"        {name}: {found['chosen']}")
    heading("4 of 4  Judging: every stakeholder's requirement, on lists that no model has seen")
    for left in reversed(range(TRIES)):
        if _judge(system, trained.folder.name):
            return
        if left:
            say("        Too slow while this machine is busy with other things; judged once more:")
    raise Refused("answers are too slow on this machine", hint="close what else it does, then start again")


def _judge(system: System, candidate: str) -> bool:
    """Whether the candidate is live now. Raises `Refused` where anything but latency speaks against it."""
    with working("Judging", silent=not sys.stderr.isatty()) as step:
        judged = system.release(candidate, progress=step)
    verdicts = judged.folder.json("evidence")["requirements"]
    for verdict in verdicts:
        say(f"        {verdict['sentence']}")
    report = judged.folder.path / "report.html"
    if judged.outcome is None or judged.outcome.released:
        say(f"        {judged.folder.name} is live; its report: {report}")
        return True
    broken = {one["metric"] for one in verdicts if one["status"] in ("fail", "insufficient") and not one["allowed"]}
    if broken != {"latency_p99"}:
        raise Refused(f"{judged.folder.name} was refused", hint=f"see {report}")
    return False


def _serve(system: System, market: Market, now: int, asked: argparse.Namespace) -> None:
    """Answer until Ctrl-C, or with `--once` until one decision and the page were asked for."""
    made: list[Page] = []
    failed: list[Exception] = []

    def routes(served: Served) -> Sequence[BaseRoute]:
        made.append(Page(market, now, served.live))
        return made[0].routes()

    def ready(address: str, served: Served) -> None:
        if asked.once:
            threading.Thread(target=_ask_once, args=(address, made[0], failed), daemon=True).start()
            return
        say(f"\nThe page: {address}/demo", "bold green")
        say(f"Ready after {time.monotonic() - BEGAN:.0f} s; Ctrl-C stops it. It stands in a folder like any system:")
        say(f"  poise weights -f {system.path}")
        if not asked.no_browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(f"{address}/demo",), daemon=True).start()

    start(system.path, port=asked.port, on_ready=ready, also=routes)
    if failed:
        raise PoiseError(f"the server did not answer as it should: {failed[0]}")


def _has_screen() -> bool:
    """Whether a window can open, so that no text browser takes the terminal over."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))


def _ask_once(address: str, page: Page, failed: list[Exception]) -> None:
    """One decision and one look at the page, shown as a caller would see them; then this process is told to stop."""
    try:
        body = page.example()
        say(f"$ {curl(address, '/v1/decide', body)}")
        say(_fetched(f"{address}/v1/decide", body))
        say(f"$ curl -s {address}/demo")
        found = _fetched(f"{address}/demo")
        say(f"{found[found.index('<title>') : found.index('</title>') + 8]} and {len(found):,} characters more")
    except (OSError, ValueError) as error:  # no answer, or none that is what it should be
        failed.append(error)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def _fetched(url: str, body: dict[str, object] | None = None) -> str:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"content-type": "application/json"} if data else {})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        text = answer.read().decode()
    return text if body is None else json.dumps(shortened(json.loads(text)), indent=2, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
