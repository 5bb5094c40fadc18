"""The page of an assessment: what to do and why, for whoever decides. Self-contained: no script, nothing fetched.

The verdict stands first, in words to act on; then every question with its answer, figure, what would change it and what
was found, with plots; then the columns and how they were read. It is made from `Assessment.to_dict` alone, so that page
and `--json` always agree. The look is that of a release's report.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from poise import __version__, releases
from poise.assessment import plots
from poise.assessment.summary import findings
from poise.assessment.wording import (
    MARKS,
    VERDICTS,
    figure_words,
    in_short,
    is_share,
    problem_words,
    signed,
    sure_words,
    tame,
    told,
)
from poise.evaluation.words import plain
from poise.releases.wording import count, extent, figure, share

GENERATOR = "Poise assess"
"""How a page says what made it: only such a file is overwritten without being asked."""
WARNED = 6
"""Findings that stand before the questions; each stands again with its own."""
COLUMNS, ROWS, FLAT, NESTED = 200, 40, 12, 8
"""Columns of the table, rows and columns of one question's numbers, and records whose own records are shown."""


def render(contents: Sequence[Mapping[str, Any]], title: str = "") -> str:
    """The page, as HTML text, of one or several assessments as `Assessment.to_dict` has them."""
    heading = title or (str(contents[0]["table"]) if contents else "nothing")
    page = _environment().get_template("assessment.html.jinja")
    return page.render(contents=contents, heading=heading, made_by=f"Poise {__version__}", generator=GENERATOR)


def is_report(path: Path) -> bool:
    """Whether a file is a page that `render` made."""
    try:
        with path.open(encoding="utf-8") as file:
            return f'content="{GENERATOR}' in file.read(1_000)
    except (OSError, UnicodeDecodeError):
        return False


def drawings(answer: Mapping[str, Any], content: Mapping[str, Any], key: str) -> list[tuple[str, str, Markup]]:
    """(title, what to look at, plot) of everything that an answer's details let us draw."""
    details = answer["details"]
    made = [
        ("What each kind of model explains", "0 % is always the same answer, 100 % is perfect; bars are limits",
         plots.rungs(details, f"{key}-rungs")),
        ("What is explained, part by part", "the worst and the best parts; hollow where it is not shown to be of use",
         plots.slices(details, f"{key}-slices")),
        ("Answering only the surest rows", "the rest goes to a person", plots.coverage(details, f"{key}-coverage")),
        ("What more rows bring", "dashed is extrapolated; the band is what chance leaves open",
         plots.learning(details, f"{key}-learning")),
        ("What each column explains by itself", "one that explains nearly everything is suspect",
         plots.alone(details, f"{key}-alone")),
        ("What is explained of later rows", "what is learned must hold on rows that come after it",
         plots.later(details, f"{key}-later")),
        ("The target over time", "a fall at the end often means that the truth is still to come",
         plots.course(details, f"{key}-course")),
        ("A model that is never learned again", "what it still explains as it ages",
         plots.decay(details, f"{key}-decay")),
        ("What a decision brings", "by who decides; further right is better",
         plots.policies(details, f"{key}-policies")),
        ("Where to draw the line", "more than always the same answer, by the probability from which one acts",
         plots.thresholds(details, f"{key}-thresholds")),
        ("What it would be worth", "more than always the same answer, by how bad a miss is",
         plots.worth(details, f"{key}-worth")),
        ("What came true, by group", "in the data, before any model", plots.groups(details, f"{key}-groups")),
    ]  # fmt: skip
    if answer["code"] == "PA01":
        plot = plots.reliability(content["reliability"], f"{key}-reliability")
        made.append(("Predicted and came true", "on the dashed line they agree; bars are limits", plot))
    return [one for one in made if one[2]]


Records = tuple[str, list[str], list[list[str]], int]
"""A title, the names of columns, rows as text, and how many rows are left out."""


def tables(answer: Mapping[str, Any]) -> list[Records]:
    """Every list of records in an answer's details."""
    return list(_tables("", answer["details"]))


def _tables(title: str, found: Any) -> Iterator[Records]:
    if isinstance(found, Mapping):
        for name, value in found.items():
            yield from _tables(f"{title}, {plain(name)}" if title else _title(name), value)
    elif isinstance(found, list) and found and all(isinstance(one, Mapping) for one in found):
        names = list(dict.fromkeys(key for one in found for key in one))[:FLAT]
        of = dict.fromkeys(LIMITS, "share") if any(name in SHARES for name in names) else {}
        rows = [[_cell(one.get(key), of.get(key, key)) for key in names] for one in found[:ROWS]]
        kept = [i for i, key in enumerate(names) if any(row[i] for row in rows)]
        shown = [[row[i] for i in kept] for row in rows]
        yield title, [_title(names[i]) for i in kept], shown, max(0, len(found) - ROWS)
        for row, one in zip(rows[:NESTED], found, strict=False):
            for name, value in one.items():
                if isinstance(value, list):
                    yield from _tables(f"{title}, {row[0]}: {plain(name)}", value)


def single(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The numbers of an answer's details that stand alone, in words."""
    found = ((name, _cell(value, name)) for name, value in answer["details"].items() if name not in SAID)
    return [(_title(name), text) for name, text in found if text][:FLAT]


def asked(answer: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(name, question, answer) of what a person must answer."""
    questions, given = (answer["details"].get(name) for name in ("questions", "answers"))
    if not isinstance(questions, Mapping):
        return []
    said = given if isinstance(given, Mapping) else {}
    return [(str(name), str(text), str(said.get(name) or "")) for name, text in questions.items()]


SAID = ("sentence", "no_curve", "missing", "rule")
"""Details that are said elsewhere."""
SHARES = ("skill", "share", "missing", "outcome", "accuracy", "coverage", "rate", "part")
"""Words in the names of details whose numbers are fractions that people read as per cent …"""
LIMITS = ("low", "high", "error", "value")
"""… and what stands beside them."""


def _cell(value: Any, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return tame(value, 200)
    shown = signed if any(word in name.split("_") for word in SHARES) else figure
    found = plots.interval(value)
    if found is None:
        return _listed(value) if isinstance(value, list | tuple) else ""
    limits = "" if found[1] == found[2] else extent(found[1], found[2], shown)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer() and shown is figure)
    return (count(found[0]) if whole else shown(found[0])) + (f" ({limits})" if limits else "")


def _listed(value: Sequence[Any]) -> str:
    if any(isinstance(one, Mapping | list) for one in value):
        return ""
    words = [figure(one) if isinstance(one, float) else str(one) for one in value[:8]]
    return tame(", ".join(words) + (", …" if len(value) > 8 else ""), 200)


def _title(name: str) -> str:
    text = tame(plain(str(name)), 60)
    return text[:1].upper() + text[1:]


def column_rows(content: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """(name, kind, what became of it, missing, suspicion) of every column, suspects first, then those left out."""
    suspected: dict[str, list[str]] = {}
    for answer in content["answers"]:
        for finding in answer["findings"]:
            for name in finding["columns"]:
                suspected.setdefault(name, []).append(finding["sentence"])
    roles = {content["target"]: "what is predicted", content["time"]: "the order of the rows"}
    roles |= {content["key"]: "which rows stay together"}
    out = []
    for name, column in content["columns"].items():
        fate = roles.get(name) or (f"left out: {column['dropped']}" if column["dropped"] else "used")
        if column["note"]:
            fate += f" ({column['note']})"
        missing = share(column["missing"]) if column["missing"] else ""
        out.append((name, column["kind"], fate, missing, " ".join(suspected.get(name, []))))
    order = {"used": 1}
    out.sort(key=lambda row: (not row[4], row[0] not in roles, order.get(row[2], 0)))
    return out


def next_steps(content: Mapping[str, Any]) -> list[str]:
    """What to do, in order."""
    verdict = content["verdict"]
    if verdict["evidence"] != verdict["verdict"]:
        return [tame(verdict["next"][0]), f"Once that is settled, the figures alone say: {verdict['evidence']}."]
    if verdict["verdict"] in ("use ML", "use ML for this part"):
        first = "Begin with a system file that trains as it stands: the same command with --write-system poise.yaml."
        return [first, "Then `poise up` learns, judges and serves it; its requirements refuse what is not good enough."]
    if verdict["verdict"] == "use the rule":
        return ["Write the rule where the decision is made, and ask again when the outcome changes."]
    return [tame(step) for step in verdict["next"]]


def changes(content: Mapping[str, Any]) -> list[str]:
    """What would change a verdict that is not itself a list of things to do."""
    verdict = content["verdict"]
    steps = next_steps(content)
    return [step for step in map(tame, verdict["next"]) if step not in steps]


def deciding(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answers that decided, in the order in which they did."""
    by_code = {answer["code"]: answer for answer in content["answers"]}
    return [by_code[code] for code in content["verdict"]["because"] if code in by_code]


def capitalised(text: str) -> str:
    """A text with its first letter large, and the others as they are."""
    return text[:1].upper() + text[1:]


def command(content: Mapping[str, Any]) -> str:
    """The command that asks the same again."""
    words = ["poise", "assess", str(content.get("path") or content["table"]), "--target", str(content["target"])]
    for name in ("time", "key"):
        if content[name]:
            words += [f"--{name}", str(content[name])]
    return tame(shlex.join(words))


def lowered(text: str) -> str:
    """A sentence as it goes on after a colon: its first letter small, unless its first word is all capitals."""
    first = tame(text).partition(" ")[0]
    return tame(text) if first[1:] != first[1:].lower() or first == "ML" else first[:1].lower() + tame(text)[1:]


def _finalize(value: Any) -> Any:
    """Every text that reaches the page: tamed (Jinja escapes it after)."""
    return tame(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    here = Path(__file__).parent
    made = Environment(
        loader=FileSystemLoader([here, Path(str(releases.__file__)).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own = (
        figure_words,
        is_share,
        told,
        tame,
        count,
        share,
        problem_words,
        sure_words,
        findings,
        drawings,
        tables,
        single,
    )
    made.filters |= {
        one.__name__: one
        for one in (*own, column_rows, next_steps, changes, command, asked, lowered, deciding, capitalised, in_short)
    }
    made.globals |= {"MARKS": MARKS, "VERDICTS": VERDICTS, "COLUMNS": COLUMNS, "WARNED": WARNED}
    return made
