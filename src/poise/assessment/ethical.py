"""PA09: is it right to decide this automatically? No figure says so: a person answers and signs."""

from __future__ import annotations

from typing import Any, ClassVar

from poise.assessment.base import Answer, Finding, Question, Weight
from poise.assessment.case import Case
from poise.assessment.gaps import FOUR_FIFTHS, Gap, gaps_of, groups_of, measures
from poise.assessment.people import People, Sensitive, people_of
from poise.assessment.percent import percent
from poise.assessment.proxies import STRONG, Proxy, proxies_of, together
from poise.assessment.signing import QUESTIONS, Signed, signed
from poise.assessment.trials import Trials
from poise.evaluation.words import number

MOST_SENSITIVE = 6
"""Sensitive columns that are looked into, those declared first."""
MOST_TOGETHER = 3
"""Of them, those for which all other columns together are tried, which takes longest."""
LEAST_GAP = 0.01
"""A gap that may be smaller than a point is a note, however sure it is that there is one."""
SAID = 4
"""Columns of a kind that a sentence names."""


class Ethical(Question):
    """Who is concerned, do groups fare differently, and has a person answered for it?

    Where nothing points to people the question is `unclear`, which holds up no verdict: a table of machines needs no
    signature, and that nothing was found is said, since columns may be named in ways that nobody foresaw.
    """

    code: ClassVar[str] = "PA09"
    title: ClassVar[str] = "Is it right to decide this automatically?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """`needs a person` until answered and signed, where people are concerned; `no` where the person says no.

        Raises `DataError` where `--sensitive` names no column of the table.
        """
        people, said = people_of(case), signed(case)
        looked = [_looked(case, trials, one, i) for i, one in enumerate(people.sensitive[:MOST_SENSITIVE])]
        findings = tuple(finding for one in looked for finding in one.pop("findings"))
        findings += _places(people)
        details: dict[str, Any] = {
            "concerned": people.concerned,
            "sensitive": [{"column": s.column, "kind": s.kind, "found": s.found} for s in people.sensitive],
            "persons": list(people.persons),
            "places": list(people.places),
            "groups": looked,
            "questions": dict(QUESTIONS),
            "answers": dict(case.declared.answers.get("answers") or {}),
            "missing": list(said.missing),
            "signed": None if said.missing else said.by,
        }
        return self._said(case, people, said, {"details": details, "findings": findings})

    def _said(self, case: Case, people: People, said: Signed, more: dict[str, Any]) -> Answer:
        why = _why(case, people)
        if not said.missing and said.about_people is False:
            against = f" (though {why})" if people.concerned else ""
            return self.answer("yes", f"{said.by} signed that this is not about people{against}.",
                               "It would need a person again if it came to be about people.", **more)  # fmt: skip
        if not said.missing and said.allowed:
            return self.answer("yes", f"{said.by} answered for it, and signed that it may be automated.",
                               "Other data, another use, or gaps that grow: then a person answers again.",
                               **more)  # fmt: skip
        if not said.missing:
            return self.answer("no", f"{said.by} signed that this must not be automated.",
                               "Another decision of a person.", sure=1.0, **more)  # fmt: skip
        change = _change(case, said)
        if people.concerned or said.about_people:
            told = (
                f"Only a person can say whether this may be automated, and none has signed. People are concerned: {why}"
            )
            return self.answer("needs a person", f"{told if why else told + 'as was said'}.", change, **more)
        sentence = "Nothing in the table points to people; a person must still confirm that nobody is concerned."
        return self.answer("unclear", sentence, change, **more)


def _why(case: Case, people: People) -> str:
    parts = []
    if people.sensitive:
        shown = [f"'{one.column}' ({one.what})" for one in people.sensitive[:SAID]]
        parts.append(f"{', '.join(shown)}{_more(len(people.sensitive))}")
    if people.persons:
        shown = [f"'{name}'" for name in people.persons[:SAID]]
        parts.append(f"{', '.join(shown)}{_more(len(people.persons))} {_are(people.persons)} about persons")
    if people.target:
        parts.append(f"'{case.target_name}' is about persons")
    return "; ".join(parts)


def _are(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"


def _more(count: int) -> str:
    return f" and {count - SAID} more" if count > SAID else ""


def _change(case: Case, said: Signed) -> str:
    if not case.declared.answers:
        return (
            f"A person answers {len(QUESTIONS)} questions and signs (--write-answers, --answers). For a table that is"
            " not about people, about_people: false, a name and a date are enough."
        )
    return f"The answers lack {', '.join(said.missing[:SAID])}{_more(len(said.missing))}."


def _places(people: People) -> tuple[Finding, ...]:
    if not people.places or not people.concerned:
        return ()
    shown = ", ".join(f"'{name}'" for name in people.places)
    return (
        Finding(f"{shown} says where people live, which often stands for origin and wealth", "warn", people.places),
    )


def _looked(case: Case, trials: Trials, one: Sensitive, place: int) -> dict[str, Any]:
    """What was found for one sensitive column: groups with their outcomes, gaps, and proxies."""
    base = {"column": one.column, "kind": one.kind, "found": one.found, "table": [], "gaps": [], "proxies": []}
    groups = groups_of(case, one.column, one.kind, trials.judge)
    used = any(name in case.types for name in case.columns[one.column].inputs)
    findings = [_used(one)] if used else []
    if not groups:
        said = f"'{one.column}' ({one.what}) has no two groups with enough rows to compare"
        return base | {"findings": [*findings, Finding(said, "note", (one.column,))]}
    trials.progress(f"groups by {one.column}")
    table, gaps = gaps_of(trials, groups, measures(case, trials))
    proxies = proxies_of(case, one.column, groups, trials.judge)
    all_of_them = together(case, one.column, groups[0], trials.judge) if place < MOST_TOGETHER else None
    findings = [*(_gap(one, gap) for gap in gaps if gap.shown), *findings]
    findings += _proxies(one, proxies)
    return base | {
        "table": table,
        "gaps": [_gap_dict(gap) for gap in gaps],
        "proxies": [proxy.to_dict() for proxy in proxies[:20]],
        "together": None if all_of_them is None else {"group": groups[0].value, "auc": all_of_them.to_dict()},
        "findings": findings,
    }


def _used(one: Sensitive) -> Finding:
    return Finding(f"'{one.column}' ({one.what}) would be an input of the model", "warn", (one.column,))


def _gap(one: Sensitive, gap: Gap) -> Finding:
    value, low = (f"{number(100 * v, 2)} points" if gap.share else number(v, 2) for v in (gap.value, gap.low))
    where = f"where '{one.column}' is {gap.group} than where it is {gap.other}"
    words = f"{gap.words} is {value} higher {where} (at least {low})"
    unfair = gap.measure in ("missed", "false_alarm", "calibration", "error", "off", "right")
    weighty = unfair and (not gap.share or gap.low >= LEAST_GAP)
    if gap.measure == "selected" and gap.ratio < FOUR_FIFTHS:
        words += f": the latter are taken {percent(gap.ratio)} as often, which is below four fifths"
        weighty = True
    return Finding(words[0].upper() + words[1:], "warn" if weighty else "note", (one.column,))


def _gap_dict(gap: Gap) -> dict[str, Any]:
    return {
        "measure": gap.measure, "words": gap.words, "group": gap.group, "other": gap.other, "value": gap.value,
        "low": gap.low, "high": gap.high, "shown": gap.shown,
    }  # fmt: skip


def _proxies(one: Sensitive, proxies: list[Proxy]) -> list[Finding]:
    if not proxies:
        return []
    shown = ", ".join(f"'{p.column}' ({percent(p.auc.value)})" for p in proxies[:SAID])
    verb = "tells" if len(proxies) == 1 else "tell"
    said = (
        f"Leaving out '{one.column}' ({one.what}) would not hide it: {shown}{_more(len(proxies))} {verb} it (share of"
        " pairs of rows, one of a group and one of another, that are told apart rightly; guessing gives 50 %)"
    )
    weight: Weight = "warn" if proxies[0].auc.low >= STRONG else "note"
    return [Finding(said, weight, (one.column, *(p.column for p in proxies[:SAID])))]
