"""Gates: a candidate becomes a release only if no stakeholder's requirement refuses it.

The candidate is rehearsed on the real server, its judged rows are read once, every requirement gives its verdict, and
the outcome is sealed: evidence and report, released or refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from poise.clock import Clock, to_text
from poise.errors import StateError
from poise.evaluation.foreseen import Foresight
from poise.evaluation.measures import Measured, Measures, ServingMeasures
from poise.evaluation.requirements import Verdict, judge_all
from poise.formats import CURRENT
from poise.releases.folder import ReleaseFolder, building
from poise.releases.judged import Judged, count_read
from poise.releases.list_trying import usual_candidates
from poise.releases.plain_json import to_json
from poise.releases.report import render
from poise.rollout.rehearsal import Rehearsal, measure
from poise.rollout.server_process import running
from poise.spec.system import SystemSpec

Progress = Callable[[str], None]
REQUESTS = 400
"""Requests of a size that a latency is required for: 299 are the least that give an upper limit of a 99 % latency."""
UNASKED = 100
"""Requests of the usual size where no latency is required of it: enough for the mean that costs are known by."""
MOST_UNANSWERED = 0.1
"""A candidate that refuses more than this share of the real requests is not judged at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A sealed release with its verdicts. `released` is False where a requirement refused it."""

    folder: ReleaseFolder
    verdicts: tuple[Verdict, ...]
    released: bool

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        """The verdicts that stopped it."""
        return tuple(verdict for verdict in self.verdicts if verdict.refuses)


def judge_candidate(
    system: SystemSpec,
    candidate: ReleaseFolder,
    judged_folder: Path,
    release: Path,
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    live: str | None = None,
    foresight: Foresight | None = None,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Rehearse `candidate`, let every requirement judge it, and seal the outcome as the folder `release`.

    command: starts the real server on the candidate; `{port}` in it is replaced. live: the release that serves now.
    foresight: what its log tells of the decision's terms under the candidate.
    Raises `StateError` where the server does not start or refuses more than one in ten real requests, and where a
    requirement compares with the live release but another one was live when the candidate was trained.
    """
    _refuse_stale(system, candidate, live)
    judged = Judged.load(judged_folder)
    progress("rehearsing on the real server")
    rehearsals = _rehearse(system, judged, command, env)
    _refuse_broken(rehearsals)
    serving = _serving(system, candidate, rehearsals)
    progress("asking every stakeholder")
    reads, unlearned = count_read(judged_folder), candidate.json("evidence").get("unlearned", {})
    decision = None if judged.decision is None else replace(judged.decision, foresight=foresight)
    measures = Measures(judged.objectives, decision, serving, live, reads, unlearned)
    verdicts = tuple(judge_all(system.requirements, system, measures))
    released = not any(verdict.refuses for verdict in verdicts)
    evidence = {
        **candidate.json("evidence"),
        "release": release.name,
        "judged": to_text(Clock().now(), system.timezone),
        "requirements": [verdict.to_dict() for verdict in verdicts],
        "serving": _serving_evidence(rehearsals, rehearsals[usual_size(system)], serving),
        "judge_reads": measures.reads,
        "verdict": "released" if released else "refused",
        "live": live,
    }
    evidence["limits"] = [*evidence.get("limits", ()), *_unanswered(rehearsals)]
    with building(release, start=candidate.path) as folder:
        content = {
            "format": CURRENT["release"],
            "name": release.name,
            "system": system.system,
            "candidate": candidate.name,
            "status": evidence["verdict"],
        }
        (folder / "release.json").write_text(to_json(content), encoding="utf-8")
        (folder / "evidence.json").write_text(to_json(evidence), encoding="utf-8")
        (folder / "report.html").write_text(render(evidence), encoding="utf-8")
    return Outcome(ReleaseFolder.open(release), verdicts, released)


def _refuse_stale(system: SystemSpec, candidate: ReleaseFolder, live: str | None) -> None:
    """What the live release does on the judged rows was computed in training: it must still be that release."""
    beside = candidate.json("evidence").get("contract", {}).get("against")
    if beside != live and any("live" in (r.better_than, r.relative_to) for r in system.requirements):
        raise StateError(
            f"{candidate.name} was trained while {beside or 'nothing'} was live, and requirements compare it with the"
            f" live release, which is {live or 'none'} now",
            hint="run 'poise train' again",
        )


def _refuse_broken(rehearsals: Mapping[int, Rehearsal]) -> None:
    """Refuse to judge a candidate that cannot answer what was really asked."""
    for made in rehearsals.values():
        failed = sum(made.errors.values())
        if failed > MOST_UNANSWERED * made.requests:
            raise StateError(
                f"{failed:,} of {made.requests:,} real requests were not answered in rehearsal, e.g. "
                f"{made.answers_sample[-1] if made.answers_sample else 'silence'}",
                hint="the contract refuses rows that the data have: mend the column's checks, or what features need",
            )


def _unanswered(rehearsals: Mapping[int, Rehearsal]) -> list[str]:
    """What real requests were not answered, in words: latencies are of the others only."""
    said = []
    for size, made in rehearsals.items():
        if made.errors:
            kinds = ", ".join(
                f"{n:,} with {status or 'a lost connection'}" for status, n in sorted(made.errors.items())
            )
            rows = "1 row" if size == 1 else f"{size:,} rows"
            count = f"{sum(made.errors.values()):,} of {made.requests:,} real requests of {rows}"
            said.append(f"{count} were not answered ({kinds}).")
    return said


def sizes_asked(system: SystemSpec) -> list[int]:
    """Rows (or candidates) per request that latencies are required for, and the usual one, which is always measured."""
    return sorted(_required_sizes(system) | {usual_size(system)})


def _required_sizes(system: SystemSpec) -> set[int]:
    return {r.candidates or 1 for r in system.requirements if r.metric.startswith("latency_")}


def usual_size(system: SystemSpec) -> int:
    """Rows of a request by which costs are known: one, or as many candidates as callers are taken to send."""
    lists = system.decision is not None and system.decision.lists
    return usual_candidates(system) if lists else 1


def _rehearse(
    system: SystemSpec, judged: Judged, command: Sequence[str], env: Mapping[str, str] | None
) -> dict[int, Rehearsal]:
    """One rehearsal per size, all on one start of the server."""
    route = "/v1/decide" if system.decision else "/v1/predict"
    required, made = _required_sizes(system), {}
    with running(command, env=env) as server:
        for size in sizes_asked(system):
            count = REQUESTS if size in required else UNASKED
            made[size] = measure(server, _bodies(system, judged, size), route, count, rows_per_request=size)
    return made


def _bodies(system: SystemSpec, judged: Judged, size: int) -> list[bytes]:
    """Requests of `size` rows each: real rows in turn, or real lists with the first so many of their candidates."""
    if system.decision is not None and system.decision.lists:
        cut = ({**body, "candidates": body["candidates"][:size]} for body in judged.lists)
        return [json.dumps(body).encode() for body in cut]
    per = system.decision.per if system.decision else next(iter(judged.requests))
    rows = judged.requests[per]
    if system.decision is not None and system.decision.prices is not None:
        rows = [{k: value for k, value in row.items() if k != system.decision.prices.column} for row in rows]
    turns = [[rows[(start + i) % len(rows)] for i in range(size)] for start in range(len(rows))]
    return [json.dumps({"per": per, "rows": turn}).encode() for turn in turns]


def _serving(system: SystemSpec, candidate: ReleaseFolder, rehearsals: Mapping[int, Rehearsal]) -> ServingMeasures:
    cpu = rehearsals[usual_size(system)].cpu_seconds_per_request
    core_hour = system.costs.core_hour if system.costs else None
    cost = None if cpu is None or core_hour is None else Measured.exact(1000 * cpu * core_hour / 3600)
    trained = candidate.json("evidence").get("training", {}).get("cost")
    return ServingMeasures(
        latencies={size: made.latencies for size, made in rehearsals.items()},
        release_size=Measured.exact(float(candidate.size)),
        cost_per_1000=cost,
        training_cost=None if trained is None else Measured.exact(trained),
        currency=system.costs.currency if system.costs else None,
    )


def _serving_evidence(rehearsals: Mapping[int, Rehearsal], one: Rehearsal, serving: ServingMeasures) -> dict[str, Any]:
    """What answering took; `one` is the rehearsal of the usual size."""
    return {
        "requests": one.requests,
        "candidates": one.rows_per_request,
        "latency_p50": one.latency_p50,
        "latency_p99": one.latency_p99,
        "cpu_seconds_per_request": one.cpu_seconds_per_request,
        "release_size": None if serving.release_size is None else int(serving.release_size.value),
        "cost_per_1000": None if serving.cost_per_1000 is None else serving.cost_per_1000.value,
        "sizes": [made.to_dict() for made in rehearsals.values()],
    }
