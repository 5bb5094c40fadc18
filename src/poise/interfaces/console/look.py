"""How pages are made: templates, the words for numbers and times, and the headers that go with every page.

Nothing in a page runs or styles it but the two files of this server; it is shown in no frame, kept by no cache, and its
forms go nowhere else. `same-origin` and not `no-referrer`: browsers send `Origin: null` with forms of such pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from poise.evaluation.words import plain
from poise.interfaces.console import words

HERE = Path(__file__).parent
FILES: Mapping[str, tuple[bytes, str]] = {
    "console.css": ((HERE / "console.css").read_bytes(), "text/css"),
    "console.js": ((HERE / "console.js").read_bytes(), "text/javascript"),
    "console.svg": ((HERE / "console.svg").read_bytes(), "image/svg+xml"),
}
"""Name -> what is sent of it, and its media type."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
A_YEAR = "public, max-age=31536000, immutable"
"""Of a file whose address holds its hash."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows: a template, what it is filled with, and the status with which it goes out."""

    template: str
    content: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    cookies: tuple[str, ...] = ()
    """Set-Cookie headers that go with it."""


def rendered(page: Page, frame: Mapping[str, Any]) -> Response:
    """The page as it is sent. frame: what all pages know: the system, who looks, which page it is."""
    text = _ENVIRONMENT.get_template(f"{page.template}.html.jinja").render(**frame, **page.content)
    return HTMLResponse(text, page.status, HEADERS)


def file_named(name: str) -> Response | None:
    """The stylesheet or the script; None for any other name."""
    if name not in FILES:
        return None
    content, kind = FILES[name]
    headers = {**HEADERS, "cache-control": A_YEAR}
    return Response(content, 200, headers, kind)


def address_of(name: str) -> str:
    """Where a file is, by a hash of what is in it: a browser never shows an old one.

    >>> address_of("console.css").startswith("/console/console.css?v=")
    True
    """
    return f"/console/{name}?v={sha256(FILES[name][0]).hexdigest()[:12]}"


def _finalize(value: Any) -> Any:
    """Every text that reaches a page: cleaned (Jinja escapes it after)."""
    return words.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = (
        words.percent,
        words.signed,
        words.exact,
        words.short_moment,
        words.shown,
        words.measured,
        words.verdict,
        words.figure,
        plain,
    )
    made.filters |= {one.__name__: one for one in told}
    made.globals |= {"address_of": address_of}
    return made


_ENVIRONMENT = _environment()
