"""`report.html` of `poise monitor`: what was found, ranked, with plots over time; one file without scripts."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from poise.clock import SECOND, to_text
from poise.evaluation.words import number
from poise.interfaces.monitor_plot import over_time
from poise.interfaces.monitoring import Monitored
from poise.monitoring.finding import Finding

WORDS = {
    "alarm": ("!", "Alarm", "bad"),
    "notice": ("~", "Notice", "unsure"),
    "unknown": ("?", "Not known", "soft"),
    "fine": ("✓", "Fine", "good"),
}
"""Level -> sign, word and colour of the page."""


def render(found: Monitored) -> str:
    """The page, as HTML."""
    environment = Environment(
        loader=PackageLoader("poise.interfaces", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda level: WORDS[level]
    environment.filters["moment"] = lambda instant: moment(instant, found.zone)
    environment.filters["size"] = _size
    levels = [(level, [one for one in found.findings if one.level == level]) for level in WORDS]
    fine = [
        one for one in found.findings if one.level == "fine" and one.detail.get("objective") and not one.requirement
    ]
    style = Markup(PackageLoader("poise.releases", ".").get_source(environment, "report.css")[0])
    plots = {id(one): over_time(one, f"p{at}", found.zone) for at, one in enumerate(found.findings)}
    return environment.get_template("monitor.html.jinja").render(
        m=found, levels=levels, performing=fine, style=style, plot=lambda one: plots[id(one)]
    )


def moment(instant: int, zone: str) -> str:
    """An instant to the minute."""
    return to_text(instant // (60 * SECOND) * 60 * SECOND, zone)[:16].replace("T", " ")


def _span(seconds: float) -> str:
    """Seconds as somebody would say them."""
    for name, unit in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * unit:
            return f"{number(seconds / unit)} {name}"
    return f"{number(seconds)} s"


def _size(one: Finding) -> Markup:
    """How much, with what is usual."""
    if one.size is None:
        return Markup("")
    said = _span(one.size) if one.unit == "s" else f"{number(one.size)} {one.unit}".strip()
    low, high = one.limits or (None, None)
    usual = " to ".join(_span(end) if one.unit == "s" else number(end) for end in (low, high) if end is not None)
    return escape(said + (f" (limit {usual})" if usual else ""))
