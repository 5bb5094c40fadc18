"""How often the verdict was right, of so many seeds, kind by kind."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scipy.stats import beta

from benchmarks.assess.kinds import KINDS, drawn
from benchmarks.assess.worlds import ML, PART, PERSON
from poise.assessment.assess import assess
from poise.assessment.reading import read_case


@dataclass(frozen=True)
class Trial:
    """One world, and what was said about it."""

    kind: str
    seed: int
    rows: int
    problem: str
    timed: bool
    clear: bool
    said: str
    right: bool
    named: bool
    seconds: float
    evidence: float
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def enthusiastic(self) -> bool:
        """Whether it said to use ML, for all or for a part."""
        return self.said in (ML, PART)


def tried(kind: str, seed: int, most: int, least: int = 0, clear: bool = False) -> Trial | None:
    """One world drawn, assessed and compared; None where only `clear` ones are wanted and it is none."""
    world, draw = drawn(kind, seed, most, least)
    if clear and world.evidence < KINDS[kind].clear:
        return None
    started = time.perf_counter()
    case = read_case(world.frame, "outcome", time=world.time, key=world.key)
    found = assess(case)
    names = {name for answer in found.answers for finding in answer.findings for name in finding.columns}
    named = set(world.named) <= names
    # That a person must sign something, of a column called 'customer', is no part of it; that they must say when a
    # column is known is.
    said = PERSON if "PA06" in found.verdict.because else found.verdict.evidence
    answers = {answer.code: answer.answer for answer in found.answers}
    clear = world.evidence >= KINDS[kind].clear
    seconds = time.perf_counter() - started
    return Trial(
        kind, seed, world.frame.height, draw.problem, draw.timed, clear, said, said in world.right and named, named,
        seconds, world.evidence, answers,
    )  # fmt: skip


def interval(right: int, tries: int) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share, 95 %."""
    low = float(beta.ppf(0.025, right, tries - right + 1)) if right else 0.0
    return low, float(beta.ppf(0.975, right + 1, tries - right)) if right < tries else 1.0


def table(trials: list[Trial]) -> list[str]:
    """The record as a table of Markdown: the clear cases of every kind, what else was said, and what was not clear."""
    lines = [
        "| truth | tables | right | 95 % interval | other verdicts | not clear: right |",
        "|---|---:|---:|---:|---|---:|",
    ]
    for kind in dict.fromkeys(trial.kind for trial in trials):
        mine = [trial for trial in trials if trial.kind == kind]
        clear, rest = [trial for trial in mine if trial.clear], [trial for trial in mine if not trial.clear]
        right = sum(trial.right for trial in clear)
        low, high = interval(right, len(clear)) if clear else (0.0, 1.0)
        wrong = Counter(trial.said + ("" if trial.named else ", not named") for trial in clear if not trial.right)
        others = ", ".join(f"{said} {count}" for said, count in wrong.most_common()) or "none"
        share = f"{right / len(clear):.1%}" if clear else "-"
        aside = f"{sum(trial.right for trial in rest)} of {len(rest)}" if rest else ""
        lines.append(f"| {kind} | {len(clear)} | {share} | {low:.1%} to {high:.1%} | {others} | {aside} |")
    return lines


def recorded(
    kinds: list[str], seeds: range, most: int, keep: Path | None, least: int = 0, clear: bool = False
) -> list[Trial]:
    """Every kind with every seed; what `keep` holds already is not tried again, and what is new is added to it."""
    known: dict[tuple[str, int], Trial] = {}
    if keep is not None and keep.exists():
        for line in keep.read_text().splitlines():
            trial = Trial(**json.loads(line))
            known[trial.kind, trial.seed] = trial
    trials = []
    for seed in seeds:
        for kind in kinds:
            trial = known.get((kind, seed)) or tried(kind, seed, most, least, clear)
            if trial is None:
                continue
            trials.append(trial)
            if (kind, seed) in known:
                continue
            if not trial.right:
                print(f"{kind} {seed}: {trial.said}, {trial.rows:,} rows, {trial.problem}, "
                      f"{'timed' if trial.timed else 'untimed'}, {'clear' if trial.clear else 'not clear'}, "
                      f"{trial.seconds:.1f} s", file=sys.stderr, flush=True)  # fmt: skip
            if keep is not None:
                with keep.open("a") as file:
                    file.write(json.dumps(asdict(trial)) + "\n")
    return trials
