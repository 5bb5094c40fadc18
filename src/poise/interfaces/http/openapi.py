"""The OpenAPI 3.1 document of a server, made from the contract of its release: requests, answers, errors, examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from poise import __version__
from poise.interfaces.http.asides import NONE, Asides
from poise.interfaces.http.openapi_ask import ask_paths, ask_schemas
from poise.interfaces.http.openapi_events import event_paths, event_schemas
from poise.interfaces.http.openapi_explain import explain_paths
from poise.interfaces.http.openapi_previews import preview_paths
from poise.interfaces.http.openapi_proposals import proposal_paths
from poise.interfaces.http.openapi_reading import READING_PATHS
from poise.interfaces.http.openapi_rollout import rollout_paths
from poise.interfaces.http.openapi_schema import Schema
from poise.interfaces.http.openapi_v2 import v2_paths, v2_schemas
from poise.interfaces.http.openapi_weights import weights_paths
from poise.interfaces.http.roles import OPEN, needed
from poise.serving.answer import Answerer

_REFUSALS = {
    "400": "The body is not JSON",
    "403": "A page of another site asks, the Host is not this machine, or the token's roles do not reach so far",
    "408": "The body came too slowly",
    "409": "This fits the contract, and cannot be done as things stand: a time that this server has gone past",
    "410": "The contract that was asked for was retired",
    "413": "The body, or its list of rows or candidates, is too long",
    "415": "The body is not said to be JSON, or is compressed",
    "422": "The request does not fit the contract; `field` and `allowed` say where and why",
    "431": "The headers are too long",
    "503": "Busy (see Retry-After), or no finite answer could be computed",
}
_V2_REFUSALS = {
    **{status: text for status, text in _REFUSALS.items() if status not in ("422", "431")},
    "400": "The body is not what the protocol and the model ask for",
    "404": "There is no such model or version",
}
_BY_CONTRACT = ("/v1/predict", "/v1/decide", "/v2/models/")


def openapi(
    answerer: Answerer,
    majors: Sequence[int],
    *,
    takes_in: bool = False,
    asides: Asides = NONE,
    secured: bool = False,
) -> Schema:
    """The document of what `answerer` answers.

    majors: the contracts that callers may choose, the default one first. takes_in: whether events come in.
    asides: what makes explanations and previews. secured: whether callers need tokens.
    """
    loaded, limits = answerer.loaded, answerer.limits
    contract, timed = loaded.contract, loaded.timed
    rows = {per: loaded.example(per) for per in contract.pers}
    schemas: Schema = {"Problem": _PROBLEM, **ask_schemas(contract, limits, timed=timed)}
    schemas |= v2_schemas(contract, limits, timed=timed)
    paths: Schema = {**READING_PATHS, **ask_paths(contract, rows, loaded.example_request(), _REFUSALS)}
    paths |= v2_paths(contract, answerer.release, rows, _V2_REFUSALS)
    paths |= rollout_paths(_REFUSALS)
    if contract.decides_on is not None:
        paths |= weights_paths({term.name: term.unit for term in contract.terms}, _REFUSALS)
        paths |= proposal_paths(_REFUSALS)
    if asides.explains is not None:
        paths |= explain_paths(contract, _REFUSALS)
    if asides.previews is not None and contract.decides_on is not None:
        paths |= preview_paths(tuple(term.name for term in contract.terms), _REFUSALS)
    if takes_in:
        schemas |= event_schemas(loaded.system.sources)
        paths |= event_paths(loaded.system.sources, limits, _REFUSALS)
    for path in paths:
        if path.startswith(_BY_CONTRACT):
            paths[path] = _by_contract(paths[path], contract.major, majors)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": contract.system,
            "version": str(contract.major),
            "description": loaded.system.purpose,
            "x-poise": __version__,
        },
        "paths": _secured(paths) if secured else paths,
        "components": {"schemas": schemas, **(_TOKENS if secured else {})},
    }


def _by_contract(item: Mapping[str, Any], major: int, majors: Sequence[int]) -> Schema:
    """A path with the header by which a caller chooses the contract that this document describes."""
    others = ", ".join(str(one) for one in majors if one != major)
    said = f"the contract that the caller was written for; default {majors[0]}"
    header = {
        "name": "poise-contract",
        "in": "header",
        "required": major != majors[0],
        "schema": {"type": "integer", "enum": [major]},
        "description": f"{said}. Send {others} with /openapi.json to read of others" if others else said,
    }
    return {**item, "parameters": [*item.get("parameters", ()), header]}


def _secured(paths: Schema) -> Schema:
    """The paths with the role that each asks for, and what callers without a token are answered."""
    return {path: {key: _with_token(key, path, one) for key, one in item.items()} for path, item in paths.items()}


def _with_token(method: str, path: str, operation: Schema) -> Schema:
    if method == "parameters":
        return operation
    roles = needed(method.upper(), path)
    content = operation["responses"]["403"]["content"]
    more = {
        "401": {"description": "No token came, or one that this server does not know", "content": content},
        "429": {"description": "The token asks more often than it may (see Retry-After)", "content": content},
    }
    security: list[Schema] = [{"token": [role]} for role in roles] if roles != OPEN else [{}, {"token": []}]
    return {**operation, "security": security, "responses": {**operation["responses"], **more}}


_TOKENS: Schema = {
    "securitySchemes": {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "made by `poise tokens add`; each operation names the roles of which a token needs one",
        }
    }
}
_PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "the place in the request, e.g. rows[3].carrier"},
        "allowed": {"type": "string"},
        "hint": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
