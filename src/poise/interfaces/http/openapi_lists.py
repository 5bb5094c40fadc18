"""The part of the OpenAPI document that is about lists: candidates, what they share, and what is shown of them."""

from __future__ import annotations

from poise.interfaces.http.openapi_schema import (
    ASKED_TIME,
    DECISION_ID,
    VERSION,
    Schema,
    field,
    object_of,
    ref,
    some,
    terms_object,
)
from poise.releases.contract import Contract, Input
from poise.serving.decide_list import MOST_LEFT_OUT
from poise.serving.limits import Limits
from poise.serving.list_entries import stands_as
from poise.serving.list_rows import BESIDE

_WHY: Schema = {"type": "string"}
_SCORE: Schema = {
    "type": ["number", "null"],
    "description": "sum of weight x term; where fallback, the rule's value. Of all that were ranked",
}
_COUNT: Schema = {"type": "integer", "minimum": 0}


def list_schemas(contract: Contract, item: str, limits: Limits, *, timed: bool) -> Schema:
    """The schemas of requests and answers of a decision that lists `item`."""
    inputs = {spec.name: spec for spec in contract.inputs_of(contract.decides_on or "")}
    shown_item, name = field(inputs[item], limits), stands_as(item)
    return {
        "DecideRequest": _request(contract, inputs, item, limits, timed=timed),
        "Candidate": object_of({name: field(spec, limits) for name, spec in inputs.items()}, [item]),
        "Shown": _shown(contract, name, shown_item),
        "LeftOut": object_of({name: shown_item, "why": _WHY, "score": _SCORE}, [name, "why"]),
        "Explored": _explored(contract),
        "DecideAnswer": _answer(contract),
    }


def _request(contract: Contract, inputs: dict[str, Input], item: str, limits: Limits, *, timed: bool) -> Schema:
    """Each column but the item stands beside the candidates, in `context` or in the candidates."""
    shared = {name: field(spec, limits) for name, spec in inputs.items() if name != item}
    candidates = some(ref("Candidate"), limits.candidates, "candidates", limits)
    context = {**object_of(shared, []), "description": "columns that are the same for all candidates"}
    own = {
        "candidates": candidates,
        "context": context,
        **({"time": ASKED_TIME} if timed else {}),
        "per": {"const": contract.decides_on},
    }
    beside = {name: schema for name, schema in shared.items() if name not in BESIDE}
    whole = object_of({**beside, **own}, ["candidates"])
    places = [rule for name in shared for rule in _places(name, required=inputs[name].required)]
    return whole | ({"allOf": places} if places else {})


def _places(name: str, *, required: bool) -> list[Schema]:
    """In at most one of the three places; where it is required, in one, and if in the candidates, then in each."""
    inside: Schema = {"properties": {"context": {"required": [name]}}, "required": ["context"]}
    some_say: Schema = {"properties": {"candidates": {"contains": {"required": [name]}}}}
    all_say: Schema = {"properties": {"candidates": {"items": {"required": [name]}}}}
    beside: list[Schema] = [] if name in BESIDE else [{"required": [name]}]
    twice: list[Schema] = [{"allOf": [one, some_say]} for one in (*beside, inside)]
    twice += [{"allOf": [one, inside]} for one in beside]
    return [{"not": {"anyOf": twice}}, *([{"anyOf": [*beside, inside, all_say]}] if required else [])]


def _shown(contract: Contract, item: str, shown_item: Schema) -> Schema:
    terms = terms_object(contract.terms)
    fields: Schema = {
        "impression_id": {"type": "string", "description": "to be sent with later events on what is shown here"},
        item: shown_item,
        "position": {"type": "integer", "minimum": 1, "maximum": contract.show},
        "score": _SCORE,
        "terms": {**terms, "required": []} if not contract.outputs else terms,
        "propensity": {"type": "number", "minimum": 0, "maximum": 1, "description": "P(this item at this place)"},
    }
    return object_of(fields, list(fields))


def _explored(contract: Contract) -> Schema:
    cost = {"type": ["object", "null"], "properties": {t.name: {"type": "number"} for t in contract.terms}}
    strength = {"type": "number", "description": "how strong: of plackett-luce `temperature`, of epsilon `share`"}
    fields: Schema = {
        "method": {"enum": ["plackett-luce", "epsilon"]},
        "temperature": strength,
        "share": strength,
        "top": {"type": "integer", "description": "so many of the best take part"},
        "seed": {
            "type": "integer",
            "description": "with the scores of `shown` and `left_out`, enough to draw the same list again",
        },
        "cost": {**cost, "description": "share of each term that exploration costs on average; null: not known"},
    }
    return {**object_of(fields, ["method", "top", "seed", "cost"]), "type": ["object", "null"]}


def _answer(contract: Contract) -> Schema:
    fields: Schema = {
        "decision_id": DECISION_ID,
        "weights": VERSION,
        "shown": {"type": "array", "items": ref("Shown"), "maxItems": contract.show},
        "left_out": {"type": "array", "items": ref("LeftOut"), "maxItems": MOST_LEFT_OUT},
        "left_out_count": {**_COUNT, "description": f"how many are not shown; at most {MOST_LEFT_OUT:,} are named"},
        "fallback": {"type": "boolean", "description": "no candidate had a score; the rule sorted them"},
        "explored": ref("Explored"),
    }
    return {"allOf": [ref("Head")], "type": "object", "properties": fields, "required": list(fields)}
