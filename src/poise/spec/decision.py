"""Decisions: which action to choose, or which items to list, by terms that stakeholders care about and live weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic_core import CoreSchema

from poise.spec.capacity import Capacity
from poise.spec.prices import Prices
from poise.spec.record import Expr, Record
from poise.spec.units import Fraction

SHOW, TOP = 10, 20
LIST_KEYS = ("item", "position", "show", "candidates", "where")
"""Keys that only a decision with `list:` has."""
ACTION_KEYS = ("censors", "taken", "capacity")
"""Keys that only a decision with `choose:` has."""


def _share(value: float) -> float:
    if not 0 < value <= 1:
        raise ValueError(f"{100 * value:g}% came; write more than 0% and at most 100%")
    return value


Share = Annotated[Fraction, AfterValidator(_share)]


def _form(value: object) -> str:
    return "prices" if isinstance(value, dict | Prices) else "actions"


Choose = Annotated[Annotated[tuple[str, ...], Tag("actions")] | Annotated[Prices, Tag("prices")], Discriminator(_form)]


class Term(Record):
    """What a candidate is worth in one unit, to be maximised: an expression, or one per action."""

    unit: str | None = None
    """The unit of the term, e.g. USD."""
    is_: Expr | None = Field(None, alias="is")
    """Of an item of a list: an expression over objectives, columns of the row, features and looked-up columns."""
    actions: dict[str, Expr] = {}
    """Of actions to choose from: action -> such an expression."""

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        """`{unit: USD, warn: …, nothing: …}` and, of an item, a bare `order` as people write them."""
        if isinstance(value, str | int | float):
            return {"is": value}
        if isinstance(value, dict) and not {"actions", "is", "is_"} & value.keys():
            rest = {action: worth for action, worth in value.items() if action != "unit"}
            return {"actions": rest, **({"unit": value["unit"]} if "unit" in value else {})}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As people write it: actions beside the unit, or `is`."""
        unit = {"type": "string", "description": "The unit of the term, e.g. USD."}
        worth = {"type": ["string", "number", "boolean"], "description": "What the action is worth: an expression."}
        item = {"type": ["string", "number", "boolean"], "description": "What an item of a list is worth."}
        whole = {
            "type": "object",
            "description": cls.__doc__,
            "properties": {"unit": unit, "is": item},
            "additionalProperties": worth,
        }
        return {"anyOf": [whole, item], "description": cls.__doc__}


class Explore(Record):
    """Showing, at a stated cost, what is not thought best now, so that the log can tell what else would have done."""

    method: Literal["plackett-luce", "epsilon"]
    """`plackett-luce` draws the order by score; `epsilon` shuffles a share of the lists."""
    top: int = Field(TOP, ge=2, le=200)
    """Only so many of the best candidates take part; the others keep their places behind them."""
    cost: dict[str, Share] | None = None
    """Term -> the largest share of it that exploration may cost, e.g. {engagement: 2%}: it is as strong as that lets
    it be."""
    temperature: float | None = Field(None, gt=0, le=100)
    """Of `plackett-luce`, instead of `cost`: in standard deviations of the scores that take part."""
    share: Share | None = None
    """Of `epsilon`, instead of `cost`: the share of the lists that are shuffled, or of the rows in which another action
    than the best is taken."""
    never: tuple[str, ...] = ()
    """Of actions: those that exploration never takes; the best one is taken whatever it is."""
    near: int | None = Field(None, ge=1, le=100)
    """Of a grid of prices: how many steps from the best price exploration goes at most; default any."""

    @model_validator(mode="after")
    def _one_strength(self) -> Explore:
        own, other = ("temperature", "share") if self.method == "plackett-luce" else ("share", "temperature")
        if getattr(self, other) is not None:
            raise ValueError(f"'{other}' does not go with {self.method}; write {own} or cost")
        if (self.cost is None) == (getattr(self, own) is None):
            came = "neither" if self.cost is None else "both"
            raise ValueError(f"{self.method} needs either 'cost', e.g. {{TERM: 2%}}, or '{own}'; came: {came}")
        if self.cost is not None and not self.cost:
            raise ValueError("'cost' names no term; write e.g. {TERM: 2%}")
        return self


class Taken(Record):
    """Which action was taken on rows that Poise did not decide on by itself, by columns of theirs."""

    action: str | None = None
    """The column that says which action was taken."""
    shown: str | None = None
    """The column that says how probable it was that an action is taken that shows the label."""
    decision: str | None = None
    """The column that repeats the `decision_id` of Poise's answer, where that is not the id of the row."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        """`taken: done` is short for `taken: {action: done}`."""
        return {"action": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _says_something(self) -> Taken:
        if self.action is None and self.decision is None:
            raise ValueError("'taken' needs 'action' or 'decision': the column that says what was done")
        if self.shown is not None and self.action is None:
            raise ValueError("'taken.shown' goes with 'taken.action'")
        return self


class Decision(Record):
    """Choose one action per request, or list items, by expected utility: the sum over terms of weight x term."""

    per: str
    """The source whose rows are decided on; all objectives used must have the same."""
    choose: Choose = ()
    """The actions to choose from, or a grid of prices, `{price: {from: 5, to: 20, step: 0.5}}`; or, for a list:"""
    list_: str | None = Field(None, alias="list")
    """The column of `per` that rows of one list share; one row is one shown item."""
    item: str | None = None
    """The column of `per` that says which item the row shows; callers send one per candidate."""
    position: str | None = None
    """The column of `per` that says where in the list, from 1, it was shown: learned as a feature and always answered
    as for the first place, so that what was shown on top is not thought better for that."""
    show: int = Field(SHOW, ge=1, le=1000)
    """How many items are shown."""
    candidates: int | None = Field(None, ge=1, le=10_000)
    """How many candidates a request usually has: for so many the cost of exploration is settled and lists are foreseen.
    Default the most that a requirement names, else 5 times `show`."""
    where: Expr | None = None
    """Which candidates may be shown; where it is missing, they may not."""
    terms: dict[str, Term] = Field(min_length=1)
    weights: dict[str, float] = {}
    """Utility per unit of each term; default 1 for each. They seed the first live version and change nothing later."""
    explore: Explore | None = None
    """Off where absent."""
    rule: Expr | None = None
    """What a person would do: the baseline and the fallback. The action always taken (default the first); of a list an
    expression by which to sort, largest first, which also serves before there is data to learn from."""
    censors: dict[str, tuple[str, ...]] = {}
    """Objective -> the actions that hide its label: a blocked payment never shows whether it was fraud."""
    taken: Taken | None = None
    """Where rows say which action was taken; what Poise decided, its log says."""
    capacity: dict[str, Capacity] = {}
    """Action -> how often it may be taken, e.g. {review: 200 a day}."""
    log: Literal["durable", "buffered"] = "durable"
    """When a decision is answered: `durable`, once it is on disk, so that no answered decision is ever missing from the
    log; `buffered`, at once, so that a killed server loses what it answered in its last second."""

    approval: Literal["nobody", "touched"] = "nobody"
    """Who has to approve a change of weights before it is in force: `touched`, each stakeholder with a requirement of
    the decision which the log does not show to hold by it."""

    @model_validator(mode="after")
    def _actions_or_list(self) -> Decision:
        if bool(self.choose) == (self.list_ is not None):
            came = "both" if self.choose else "neither"
            raise ValueError(f"a decision has either 'choose' (actions) or 'list' (items); came: {came}")
        if self.list_ is None:
            for key in LIST_KEYS:
                if key in self.model_fields_set:
                    raise ValueError(f"'{key}' goes with 'list', and this decision has 'choose'")
            if len(self.actions) < 2:
                raise ValueError("'choose' needs at least 2 actions")
            for key in ("censors", "taken", "capacity") if self.prices else ():
                if key in self.model_fields_set:
                    raise ValueError(f"'{key}' goes with actions that have names, and this decision chooses a price")
            self._explores_actions()
            return self
        for key in ACTION_KEYS:
            if key in self.model_fields_set:
                raise ValueError(f"'{key}' goes with 'choose', and this decision has 'list'")
        if self.item is None:
            raise ValueError("a decision with 'list' needs 'item': the column that says which item a row shows")
        elif self.candidates is not None and self.candidates < self.show:
            came = f"'candidates' is {self.candidates} and 'show' is {self.show}"
            raise ValueError(f"{came}: a request has as many candidates as are shown, or more")
        elif self.explore is not None:
            for key in ("never", "near"):
                if key in self.explore.model_fields_set:
                    raise ValueError(f"'explore.{key}' goes with 'choose', and this decision has 'list'")
        return self

    def _explores_actions(self) -> None:
        if self.explore is None:
            return
        if self.explore.method != "epsilon":
            raise ValueError(f"actions are explored by epsilon; '{self.explore.method}' draws the order of a list")
        if "top" in self.explore.model_fields_set:
            raise ValueError("'explore.top' goes with 'list', and this decision has 'choose'")
        if self.explore.near is not None and self.prices is None:
            raise ValueError("'explore.near' goes with a grid of prices, whose actions have an order")

    @property
    def actions(self) -> tuple[str, ...]:
        """What is chosen from, in order: actions, or prices as answers name them; none of a list."""
        return self.choose.actions if isinstance(self.choose, Prices) else self.choose

    @property
    def prices(self) -> Prices | None:
        """The grid of prices that is chosen from; None where actions are, or items are listed."""
        return self.choose if isinstance(self.choose, Prices) else None

    @property
    def lists(self) -> bool:
        """Whether items are listed; else an action is chosen."""
        return self.list_ is not None

    @property
    def expressions(self) -> tuple[str, ...]:
        """Every expression over rows that the decision is made of: terms and, of a list, `where` and `rule`."""
        worth = [text for term in self.terms.values() for text in (term.is_, *term.actions.values())]
        also = [self.where, self.rule] if self.lists else []
        return tuple(text for text in (*worth, *also) if text is not None)

    @property
    def needs_no_data(self) -> bool:
        """Whether it can be made before there is a log to learn from: a list, sorted by its rule."""
        return self.lists and self.rule is not None
