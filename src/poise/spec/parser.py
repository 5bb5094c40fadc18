"""From words to a tree: a Pratt parser (V. Pratt, "Top down operator precedence", POPL 1973).

Weakest to strongest: `or`; `and`; `not`; comparisons and `in`, which do not chain; `+ -`; `* /`; the sign of a number.
"""

from __future__ import annotations

from typing import NoReturn

from poise.errors import ExpressionError
from poise.spec.syntax import Binary, Call, Constant, Member, Name, Node, Unary, depth
from poise.spec.tokens import Token, tokens

MAX_DEPTH = 100
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_POWER = {
    "or": 1,
    "and": 2,
    **dict.fromkeys((*COMPARISONS, "in", "not"), 4),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
}
_NOT, _SIGN = 3, 7


def tree(text: str, where: str | None = None) -> Node:
    """The tree of `text`. Raises `ExpressionError` that points at the character.

    >>> tree("a in [1, 2]").options[1].value
    2.0
    """
    parser = Parser(text, where)
    root = parser.expression(0)
    if parser.next.kind != "end":
        parser.fail(_after(parser.next))
    if depth(root) > MAX_DEPTH:
        parser.fail(f"the expression has more than {MAX_DEPTH} steps on top of each other; split it", at=0)
    return root


class Parser:
    """Walks the words once, from left to right."""

    def __init__(self, text: str, where: str | None) -> None:
        self.text = text
        self._where = where
        self._tokens = tokens(text, where)
        self._index = 0
        self._depth = 0
        if self.next.kind == "end":
            self.fail("the expression is empty")

    @property
    def next(self) -> Token:
        """The word that comes."""
        return self._tokens[self._index]

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        """Raise `ExpressionError` at a character, default where the next word stands."""
        position = self.next.at if at is None else at
        raise ExpressionError(reason, text=self.text, position=position, where=self._where)

    def expression(self, power: int) -> Node:
        """A tree of operators that bind more strongly than `power`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.fail(f"the expression is nested more than {MAX_DEPTH} deep")
        left = self._operand()
        while self.next.kind in ("sign", "word") and _POWER.get(self.next.text, 0) > power:
            left = self._operation(left)
        self._depth -= 1
        return left

    def _operation(self, left: Node) -> Node:
        token = self._advance()
        power = _POWER[token.text]
        if token.text in ("in", "not"):
            result: Node = self._membership(left, token)
        else:
            result = Binary(token.text, left, self.expression(power), token.at)
        if power == _POWER["=="] and _POWER.get(self.next.text, 0) == power and self.next.kind in ("sign", "word"):
            self.fail("comparisons do not chain; write e.g. 'a < b and b < c'")
        return result

    def _membership(self, left: Node, token: Token) -> Node:
        if token.text == "not":
            self._expect("in", "'not' after a value is the beginning of 'not in'")
        self._expect("[", "'in' takes a list of constants, e.g. in ['a', 'b']")
        options = [self._option()]
        while self.next.text == "," and self.next.kind == "sign":
            self._advance()
            if self.next.text == "]":
                break
            options.append(self._option())
        self._expect("]", "a list ends with ']'")
        return Member(left, tuple(options), token.text == "not", token.at)

    def _option(self) -> Constant:
        at = self.next.at
        option = self.expression(_SIGN - 1)
        if isinstance(option, Unary) and option.operator == "-" and isinstance(option.operand, Constant):
            inner = option.operand
            if isinstance(inner.value, float):
                return Constant(-inner.value, inner.type, at)
        if not isinstance(option, Constant):
            self.fail("only constants may stand in a list", at=at)
        return option

    def _operand(self) -> Node:
        token = self._advance()
        match token.kind, token.text:
            case "number" | "duration" | "string", _:
                return Constant(token.value, token.kind, token.at)
            case "word", "true" | "false":
                return Constant(token.text == "true", "bool", token.at)
            case "word", "not":
                return Unary("not", self.expression(_NOT), token.at)
            case "sign", "-":
                return Unary("-", self.expression(_SIGN), token.at)
            case "sign", "(":
                inner = self.expression(0)
                self._expect(")", "this '(' is never closed", at=token.at)
                return inner
            case "name", _:
                return self._call(token) if self.next.text == "(" else Name(str(token.value), token.at)
            case "end", _:
                self.fail("the expression ends where a value should stand", at=token.at)
            case _:
                self.fail(f"'{token.text}' stands where a value should", at=token.at)

    def _call(self, name: Token) -> Node:
        opening = self._advance()
        arguments: list[Node] = []
        if not self._closes():
            arguments.append(self.expression(0))
            while self.next.text == ",":
                self._advance()
                arguments.append(self.expression(0))
        self._expect(")", "this '(' is never closed", at=opening.at)
        return Call(name.text, tuple(arguments), name.at)

    def _closes(self) -> bool:
        return self.next.kind == "sign" and self.next.text == ")"

    def _advance(self) -> Token:
        token = self.next
        if token.kind != "end":
            self._index += 1
        return token

    def _expect(self, text: str, reason: str, at: int | None = None) -> None:
        if self.next.text != text or self.next.kind not in ("sign", "word"):
            if at is not None and self.next.kind != "end":
                reason, at = _after(self.next), None
            self.fail(reason, at=at)
        self._advance()


def _after(token: Token) -> str:
    """Why a word cannot stand after a complete value."""
    if token.text == ")":
        return "this ')' closes nothing"
    if token.kind in ("name", "number", "duration", "string"):
        return f"'{token.text}' follows a value; an operator is missing before it"
    return f"'{token.text}' does not belong here"
