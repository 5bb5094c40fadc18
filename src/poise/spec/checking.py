"""Static types of expressions: every error names the character, what came and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from poise.errors import ExpressionError, did_you_mean
from poise.spec.functions import FUNCTIONS, Function
from poise.spec.parser import COMPARISONS
from poise.spec.syntax import Binary, Call, Constant, Member, Name, Node, Unary
from poise.spec.types import Type
from poise.spec.zones import is_zone, zone_names

ARITHMETIC: dict[tuple[str, Type, Type], Type] = {
    ("+", "number", "number"): "number",
    ("+", "duration", "duration"): "duration",
    ("+", "time", "duration"): "time",
    ("+", "duration", "time"): "time",
    ("-", "number", "number"): "number",
    ("-", "duration", "duration"): "duration",
    ("-", "time", "time"): "duration",
    ("-", "time", "duration"): "time",
    ("*", "number", "number"): "number",
    ("*", "number", "duration"): "duration",
    ("*", "duration", "number"): "duration",
    ("/", "number", "number"): "number",
    ("/", "duration", "number"): "duration",
    ("/", "duration", "duration"): "number",
}
"""(operator, type of left, type of right) -> type of the result. What is not here is an error."""

ORDERED: frozenset[Type] = frozenset({"number", "time", "duration"})
_NOTHING = {"null", "none", "nan", "na", "nil"}


class Checker:
    """Finds the type of every node of one expression; `types` maps the id of a node to it."""

    def __init__(self, text: str, names: Mapping[str, Type], where: str | None) -> None:
        self._text = text
        self._names = names
        self._where = where
        self.types: dict[int, Type] = {}

    def check(self, node: Node) -> Type:
        """The type of `node`, with those below it. Raises `ExpressionError`."""
        found: Type
        match node:
            case Constant():
                found = node.type
            case Name():
                found = self._name(node)
            case Unary():
                found = self._unary(node)
            case Binary():
                found = self._binary(node)
            case Member():
                found = self._member(node)
            case Call():
                found = self._call(node)
        self.types[id(node)] = found
        return found

    def _fail(self, reason: str, node: Node) -> NoReturn:
        raise ExpressionError(reason, text=self._text, position=node.at, where=self._where)

    def _name(self, node: Name) -> Type:
        found = self._names.get(node.name)
        if found is not None:
            return found
        if node.name.lower() in _NOTHING:
            self._fail(f"there is no constant '{node.name}' (write missing(x) to ask, or coalesce(x, …) to fill)", node)
        if node.name in FUNCTIONS:
            self._fail(f"'{node.name}' is a function, written {FUNCTIONS[node.name].usage(node.name)}", node)
        truth = [node.name.lower()] if node.name.lower() in ("true", "false") else []
        self._fail(f"there is no '{node.name}' here ({did_you_mean(node.name, truth or self._names)})", node)

    def _unary(self, node: Unary) -> Type:
        found = self.check(node.operand)
        allowed = ("bool",) if node.operator == "not" else ("number", "duration")
        if found not in allowed:
            self._fail(f"'{node.operator}' needs a {' or a '.join(allowed)}; came: a {found}", node)
        return found

    def _binary(self, node: Binary) -> Type:
        left, right = self.check(node.left), self.check(node.right)
        operator = node.operator
        if operator in ("and", "or"):
            if (left, right) != ("bool", "bool"):
                self._fail(f"'{operator}' needs a bool on both sides; came: {left} {operator} {right}", node)
            return "bool"
        if operator in COMPARISONS:
            self._comparison(node, left, right)
            return "bool"
        found = ARITHMETIC.get((operator, left, right))
        if found is None:
            allowed = ", ".join(f"{a} {o} {b}" for o, a, b in ARITHMETIC if o == operator)
            self._fail(f"came: {left} {operator} {right}; allowed: {allowed}{_number_hint(left, right)}", node)
        return found

    def _comparison(self, node: Binary, left: Type, right: Type) -> None:
        if left != right:
            self._fail(f"a {left} cannot be compared with a {right}{_compare_hint(left, right)}", node)
        if node.operator not in ("==", "!=") and left not in ORDERED:
            self._fail(f"'{node.operator}' needs numbers, times or durations; came: {left}s", node)

    def _member(self, node: Member) -> Type:
        found = self.check(node.operand)
        for option in node.options:
            self.types[id(option)] = option.type
            if option.type != found:
                self._fail(f"a {found} cannot be in a list with a {option.type}", option)
        return "bool"

    def _call(self, node: Call) -> Type:
        function = FUNCTIONS.get(node.function)
        if function is None:
            self._fail(f"there is no function '{node.function}' ({did_you_mean(node.function, FUNCTIONS)})", node)
        self._count(node, function)
        alike: Type | None = None
        for index, argument in enumerate(node.arguments):
            parameter = function.parameters[min(index, len(function.parameters) - 1)]
            found = self.check(argument)
            if found not in parameter.types:
                allowed = " or a ".join(parameter.types)
                self._fail(f"{node.function}: {parameter.name} needs a {allowed}; came: a {found}", argument)
            if parameter.constant and not isinstance(argument, Constant):
                self._fail(f"{node.function}: {parameter.name} must be a constant, e.g. 'abc'", argument)
            if parameter.zone and isinstance(argument, Constant):
                self._zone(argument)
            if parameter.alike:
                if alike not in (None, found):
                    self._fail(f"{node.function} needs arguments of one type; came: {alike} and {found}", argument)
                alike = found
        if function.result != "alike":
            return function.result
        assert alike is not None
        return alike

    def _count(self, node: Call, function: Function) -> None:
        most = len(function.parameters)
        least, came = most - function.optional, len(node.arguments)
        if came < least or (came > most and not function.repeat):
            usage = function.usage(node.function)
            self._fail(f"{node.function} is written {usage}; came: {came} argument{'s' * (came != 1)}", node)

    def _zone(self, node: Constant) -> None:
        if not is_zone(str(node.value)):
            hint = did_you_mean(str(node.value), zone_names())
            hint = hint if hint.startswith("did") else "IANA names are meant, e.g. 'America/New_York'"
            self._fail(f"there is no time zone '{node.value}' ({hint})", node)


def _number_hint(left: Type, right: Type) -> str:
    kinds = {left, right}
    if "bool" in kinds:
        return " (if(x, 1, 0) makes a number of a bool)"
    if "string" in kinds:
        return " (number(x) makes a number of a string)"
    if kinds == {"time", "number"}:
        return " (write a duration, e.g. 2h, or n * 1min)"
    if kinds == {"duration", "number"}:
        return " (divide a duration by one of length 1, e.g. d / 1h, to get a number)"
    return ""


def _compare_hint(left: Type, right: Type) -> str:
    kinds = {left, right}
    if kinds == {"string", "number"}:
        return " (write the constant as a string, e.g. '3', or number(x))"
    if "bool" in kinds and "number" in kinds:
        return " (a bool is a condition by itself: write x, or not x)"
    if kinds == {"time", "string"}:
        return " (write e.g. instant(2013, 1, 31, 0, 'UTC'))"
    if kinds == {"duration", "number"}:
        return " (write a unit, e.g. 2h)"
    return ""
