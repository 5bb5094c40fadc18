"""Which role each route asks for: the one table that the guard, the OpenAPI document and the documentation read.

A route that does not stand here, as one of a program's own, asks for `operate`.
"""

from __future__ import annotations

from collections.abc import Mapping

from poise.serving.caller import ROLES, Role

OPEN: tuple[Role, ...] = ()
"""Asks for no token: what tells machines that a server lives."""
NEEDED: Mapping[str, tuple[Role, ...]] = {
    "GET /health/live": OPEN,
    "GET /health/ready": OPEN,
    "GET /v2/health/live": OPEN,
    "GET /v2/health/ready": OPEN,
    "GET /login": OPEN,
    "POST /login": OPEN,
    "GET /console/{file}": OPEN,
    "GET /": ("read",),
    "GET /trade-offs": ("read",),
    "GET /decisions": ("read",),
    "GET /monitors": ("read",),
    "GET /history": ("read",),
    "POST /trade-offs/estimate": ("read",),
    "POST /trade-offs/apply": ("operate",),
    "POST /trade-offs/take-back": ("operate",),
    "POST /trade-offs/proposal": ("read",),
    "POST /logout": ("read",),
    "GET /openapi.json": ROLES,
    "POST /v1/predict": ("predict",),
    "POST /v1/decide": ("predict",),
    "POST /v1/explain": ("read",),
    "GET /v1/decisions": ("read",),
    "POST /v1/events/{source}": ("ingest",),
    "GET /v1/weights": ("read",),
    "GET /v1/weights/history": ("read",),
    "POST /v1/weights/preview": ("read",),
    "POST /v1/weights/suggest": ("read",),
    "POST /v1/weights/front": ("read",),
    "POST /v1/weights/realised": ("read",),
    "PUT /v1/weights": ("operate",),
    "POST /v1/weights/take-back": ("operate",),
    "GET /v1/weights/proposals": ("read",),
    "POST /v1/weights/proposals/{name}/approve": ("read",),
    "POST /v1/weights/proposals/{name}/decline": ("read",),
    "POST /v1/weights/proposals/{name}/withdraw": ("operate",),
    "GET /v1/rollout": ("read",),
    "POST /v1/rollout/advance": ("operate",),
    "POST /v1/rollout/undo": ("operate",),
    "GET /v1/releases": ("read",),
    "GET /v1/requirements": ("read",),
    "GET /v1/history": ("read",),
    "GET /v1/usage": ("read",),
    "GET /v1/monitor": ("read",),
    "GET /v1/capacity": ("read",),
    "GET /metrics": ("read",),
    "GET /v2": ("predict", "read"),
    "GET /v2/": ("predict", "read"),
    "GET /v2/models": ("predict", "read"),
    "GET /v2/models/{model}": ("predict", "read"),
    "GET /v2/models/{model}/ready": ("predict", "read"),
    "POST /v2/models/{model}/infer": ("predict",),
    "GET /v2/models/{model}/versions/{version}": ("predict", "read"),
    "GET /v2/models/{model}/versions/{version}/ready": ("predict", "read"),
    "POST /v2/models/{model}/versions/{version}/infer": ("predict",),
}
"""Method and path -> the roles of which a token must have one. Whoever may operate may read."""
OTHERS: tuple[Role, ...] = ("operate",)
PAGES = frozenset({"/", "/trade-offs", "/decisions", "/monitors", "/history"})
"""The console's pages: a browser that is not let in sees why as a page, and may sign in."""
FORMS = frozenset(
    {"/trade-offs/estimate", "/trade-offs/apply", "/trade-offs/take-back", "/trade-offs/proposal", "/logout"}
)
"""The console's forms. A session is good for them and for what only reads: nothing else may be asked by a cookie."""


def needed(method: str, path: str) -> tuple[Role, ...]:
    """The roles of which a request must have one; none where it needs no token.

    >>> needed("POST", "/v1/events/orders"), needed("HEAD", "/health/live"), needed("POST", "/my/own")
    (('ingest',), (), ('operate',))
    """
    asked = "GET" if method == "HEAD" else method
    exact = NEEDED.get(f"{asked} {path}")
    if exact is not None:
        return exact
    parts = path.split("/")
    for known, roles in _TEMPLATES:
        if known[0] == asked and len(known) - 1 == len(parts) and _fits(known[1:], parts):
            return roles
    return OTHERS


def _fits(template: tuple[str, ...], parts: list[str]) -> bool:
    return all(part == known or (known.startswith("{") and part) for known, part in zip(template, parts, strict=True))


_TEMPLATES = tuple(
    ((method, *path.split("/")), roles)
    for method, _, path, roles in ((*text.partition(" "), roles) for text, roles in NEEDED.items())
    if "{" in path
)
