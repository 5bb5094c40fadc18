"""Writing: a starting system file out of an assessment. It trains as it stands on the file that was assessed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from poise.assessment.as_declared import Declared, InFile, identifiers, in_file
from poise.assessment.assess import Assessment
from poise.assessment.bounds import Bound, bounds_of
from poise.assessment.case import Case
from poise.assessment.costs import Costs, costs_of
from poise.assessment.people import people_of
from poise.assessment.truth_text import take_of, where_of, within_of
from poise.assessment.yaml_lines import comment, listed, one_line, scalar
from poise.errors import DataError

LEAKS = ("PA05", "PA06")
"""Questions whose findings name columns that must not be inputs."""
MOST_REQUESTED = 400
"""Of more inputs those that the best model uses are requested."""
MOST_ACTIONS = 8
"""Of more classes no decision is written."""


def system_of(case: Case, assessment: Assessment, data_path: str | Path) -> str:
    """The text of a `poise.yaml` for the case. data_path: what the file calls the table, relative to itself.

    Raises `DataError` where no system can be trained on the file: nothing to learn from, no file, a target or a time
    that cannot be declared.
    """
    if case.obstacle is not None:
        raise DataError(f"no system can be trained on this table: {case.obstacle.sentence}", hint=case.obstacle.change)
    return _Writer(case, assessment, str(data_path)).text()


class _Writer:
    """What the parts of the file share: names, the columns as they can be declared, and which are requested."""

    def __init__(self, case: Case, assessment: Assessment, path: str) -> None:
        self.case, self.assessment, self.path = case, assessment, path
        self.file: InFile = in_file(case)
        self.costs: Costs | None = costs_of(case)
        self.leaks = suspected(assessment)
        self.target = self._must(case.target_name, "target")
        self.time = self._must(case.time_name, "time") if case.time_name else None
        self.inputs = self._inputs()
        if not self.inputs:
            why = "; ".join(f"'{name}': {why}" for name, why in self.leaks.items()) or "none can be declared"
            raise DataError(f"no column of the table is left as an input: {why}", hint="columns that are known before")
        self.source = self._source_name()
        self.objective = self._objective_name()
        self.bounds: list[Bound] = bounds_of(assessment, self.objective, self._judged_with(self.leaks))

    def text(self) -> str:
        """The whole file."""
        parts = [self._head(), self._sources(), self._features(), self._objectives(), self._decision(), self._needs()]
        return "\n".join(part for part in parts if part).rstrip() + "\n"

    # ---- what is used

    def _must(self, name: str, role: str) -> Declared:
        found = self.file.columns[name]
        if found.cannot is not None:
            raise DataError(f"no system file can read the {role} '{name}': {found.cannot}",
                            hint="save it as plain numbers, words or ISO 8601 times")  # fmt: skip
        return found

    def _inputs(self) -> list[Declared]:
        inputs = [name for name, column in self.case.columns.items() if column.inputs and name not in self.leaks]
        if len(inputs) > MOST_REQUESTED:
            used = {
                self.case.column_of(name) for name in self.assessment.trials.model(self.assessment.trials.best).inputs
            }
            inputs = [name for name in inputs if name in used][:MOST_REQUESTED]
        return list(self.file.named(inputs).values())

    def _judged_with(self, columns: Iterable[str]) -> bool:
        """Whether what was judged saw one of these columns."""
        seen = self.assessment.trials.case.types
        return any(one in seen for name in columns for one in self.case.columns[name].inputs)

    def _source_name(self) -> str:
        name = next(iter(identifiers([self.case.name]).values()))
        taken = {one.name for one in self.file.columns.values()}
        while name == "decisions" or name in taken or any(f"{name}_{one}" in taken for one in taken):
            name = f"{name}_rows"
        return name

    def _objective_name(self) -> str:
        taken = {one.name for one in self.inputs} | {f"{self.source}_{one.name}" for one in self.inputs}
        made = self.target.name
        while made in taken or made == self.source or made in ("decision", "cost_per_1000", "release_size"):
            made = f"{made}_foreseen"
        return made

    @property
    def dates(self) -> list[Declared]:
        """Inputs that are instants: models see parts of them."""
        return [one for one in self.inputs if one.derived_type == "time"]

    @property
    def values(self) -> list[Declared]:
        """The other inputs."""
        return [one for one in self.inputs if one.derived_type != "time"]

    def _asked(self) -> list[Declared]:
        """The time of the row, where models see how long before it something was."""
        seen = [name for one in self.dates for name in self.case.columns[one.column].inputs]
        seen = [name for name in seen if name.endswith(": days before")]
        return [self.time] if seen and self.time is not None else []

    # ---- the parts of the file

    def _head(self) -> str:
        case, verdict = self.case, self.assessment.verdict
        lines = [
            f"# A start, written by `poise assess {Path(self.path).name} --target {case.target_name} --write-system`:",
            "# the verdict was:",
            *comment(f"{verdict.verdict} (confidence {verdict.confidence}). {verdict.sentence}"),
            "# `poise check` names all that is wrong with this file; `poise up` reads, trains, judges and serves.",
            "format: 1",
            f"system: {_system_name(case.name)}",
            f"purpose: {scalar(f'Foresee {case.target_name!r} for a row of {case.name}.')}   # say what it is for",
        ]
        if self.time is not None:
            lines.append("clock: replay              # old data: now is the largest time seen; leave it out when live")
        if self.costs is not None and (self.costs.currency or self.costs.core_hour):
            currency = self.costs.currency or "USD"
            hour = f", core_hour: {self.costs.core_hour:g}" if self.costs.core_hour else ""
            lines.append(f"costs: {{currency: {scalar(currency)}{hour}}}")
        return "\n".join([*lines, ""])

    def _sources(self) -> str:
        lines = ["sources:", f"  {self.source}:", f"    path: {scalar(self.path)}"]
        identity = self._identity()
        if identity is not None:
            lines.append(f"    id: {identity.name}")
        if self.time is not None:
            lines.append(f"    time: {self.time.name}")
        key = self._key()
        lines += [] if key is None else [key[1]]
        lines.append(
            "    columns:                 # every value is checked; a row that fails is set apart: poise quarantine"
        )
        extra = [self.target, self.time, identity, key[0] if key else None]
        declared = {one.raw: one for one in [*filter(None, extra), *self.inputs]}
        lines += [self._column(one) for one in declared.values()]
        derived = {one.name: one.derive for one in declared.values() if one.derive}
        if derived:
            lines.append("    derive:                  # made of what the file holds")
            lines += [f"      {name}: {scalar(text)}" for name, text in derived.items()]
        known = scalar(where_of(self.target, self.file.target))
        lines.append(f"    where: {known}   # nothing is learned from rows whose truth is not known")
        lines.append("    # What a caller knows when asking. Whatever is not listed can never become a feature.")
        lines += listed("    request: [", [one.name for one in [*self._asked(), *self.inputs]])
        lines += self._left_out()
        return "\n".join([*lines, ""])

    def _column(self, one: Declared) -> str:
        more = {"from": json.dumps(one.column, ensure_ascii=False)} if one.raw != one.column else {}
        if one.format is not None:
            more["format"] = json.dumps(one.format)
        kind = one.type if not more else f"{{type: {one.type}, " + ", ".join(f"{k}: {v}" for k, v in more.items()) + "}"
        return f"      {one.raw}: {kind}" + (f"   # {one_line(one.note)}" if one.note else "")

    def _identity(self) -> Declared | None:
        """The column that numbers the rows, if there is one and no value of it is doubled."""
        case = self.case
        for name, column in case.columns.items():
            whole = column.kind == "id" and column.missing == 0 and column.distinct == case.rows_in == case.rows
            if whole and name in self.file.columns and self.file.columns[name].cannot is None:
                return self.file.columns[name]
        return None

    def _key(self) -> tuple[Declared, str] | None:
        case = self.case
        if case.key_name is None or self.file.columns[case.key_name].cannot is not None:
            return None
        one = self.file.columns[case.key_name]
        if people_of(case).concerned:
            return one, f"    person: {one.name}          # whose data a row is; its rows stay together"
        if self.time is None:
            return one, f"    entity: {one.name}          # rows of one never fall into different parts"
        return None

    def _left_out(self) -> list[str]:
        used = {one.column for one in self.inputs}
        lines = []
        for name, column in self.case.columns.items():
            if name in used or name in (self.case.target_name, self.case.time_name, self.case.key_name):
                continue
            declared = self.file.columns.get(name)
            why = self.leaks.get(name) or column.dropped or (declared and declared.cannot) or "hardly of use"
            lines.append(f"    #   not {one_line(name)}: {one_line(why)}")
        if len(lines) > 30:
            lines = [*lines[:30], f"    #   and {len(lines) - 30} more"]
        return lines

    def _features(self) -> str:
        if not self.dates:
            return "# Without features: models see all request columns. Windows over events come here.\n"
        lines = ["features:"]
        if self.values:
            lines += listed(f"  - columns: {{from: {self.source}, take: [", [one.name for one in self.values], "]}")
        lines.append("  - compute:               # an instant is no feature by itself; its parts are")
        for one in self.dates:
            seen = {name.rpartition(": ")[2] for name in self.case.columns[one.column].inputs}
            parts = {
                "month": f"month({one.name})",
                "weekday": f"weekday({one.name})",
                "hour": f"hour({one.name})",
                "days since 1970": f"({one.name} - instant(1970, 1, 1, 0, 'UTC')) / 1d",
                "days before": f"({self.time.name if self.time else ''} - {one.name}) / 1d",
            }
            for part, expression in parts.items():
                if part in seen:
                    last = "day" if part.startswith("days") else part
                    lines.append(f"      {one.name}_{last}: {scalar(expression)}")
        return "\n".join([*lines, ""])

    def _objectives(self) -> str:
        case = self.case
        lines = ["objectives:", f"  {self.objective}:", f"    type: {case.problem}", f"    per: {self.source}"]
        take = scalar(take_of(case, self.target, self.file.target))
        within, why = within_of(self.assessment)
        lines += [f"    # {line}" for line in why]
        lines.append(f"    label: {{take: {take}{within and f', within: {within}'}}}")
        if self.assessment.verdict.evidence == "use the rule":
            lines.append(
                "    rungs: [constant, rule]  # a rule does it, the assessment found; without this more is tried"
            )
        return "\n".join([*lines, ""])

    # ---- the decision

    def _decision(self) -> str:
        costs, case = self.costs, self.case
        if costs is None or costs.outcomes is None or case.problem == "regression" or len(case.classes) > MOST_ACTIONS:
            return ""
        outcomes, k = costs.outcomes, len(case.classes)
        if case.problem == "binary":
            chances, actions = [f"(1 - {self.objective})", self.objective], ["leave", "act"]
        else:
            chances = [f"{self.objective}.`{label}`" for label in case.classes]
            actions = list(identifiers([f"say {label}" for label in case.classes]).values())
        lines = [
            "decision:                    # what to do with a row: what its likely outcomes are worth, as was declared",
            f"  per: {self.source}",
            f"  choose: [{', '.join(actions)}]",
            "  terms:",
            "    value:",
            f"      unit: {scalar(costs.currency or 'points')}",
        ]
        for column, action in enumerate(actions):
            parts = [f"{outcomes[row, column]:.15g} * {chances[row]}" for row in range(k) if outcomes[row, column]]
            lines.append(f"      {action}: {scalar(' + '.join(parts) or '0')}")
        lines.append("  weights: {value: 1}        # people change them live: poise weights")
        base = self.assessment.trials.target.astype(int)
        best = int(outcomes[base].mean(axis=0).argmax())
        lines.append(f"  rule: {actions[best]}   # the best that looks at nothing: the baseline, and the fallback")
        return "\n".join([*lines, ""])

    def _needs(self) -> str:
        lines = [
            "requirements:                # each is a gate: a release that breaks one is refused in its owner's name"
        ]
        decided = bool(self._decision())
        for bound in self.bounds:
            if bound.metric.startswith("decision.") and not decided:
                continue
            lines.append(("  " if bound.sure else "  # ") + bound.text())
        return "\n".join(lines)


def suspected(assessment: Assessment) -> dict[str, str]:
    """Column that a model could see -> why it must not be an input of a system."""
    found: dict[str, str] = {}
    case = assessment.case
    for answer in assessment.answers:
        for finding in answer.findings if answer.code in LEAKS else ():
            if finding.weight in ("stop", "warn"):
                found |= dict.fromkeys(finding.columns, finding.sentence)
    seen = {name for name, column in case.columns.items() if column.inputs and name != case.target_name}
    return {name: why for name, why in found.items() if name in seen}


def _system_name(name: str) -> str:
    made = re.sub(r"[^a-z0-9_-]+", "-", next(iter(identifiers([name]).values())).lower()).strip("-_")
    return made or "system"
