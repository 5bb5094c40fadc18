"""What a release logged and what came of it, lists or choices, and the previews that are told from it."""

from __future__ import annotations

from poise.data.lake import Lake
from poise.decisions.of_system import ranker_of
from poise.errors import NotNow
from poise.monitoring.choice_outcomes import GatheredChoices, gather_choices
from poise.monitoring.list_outcomes import Gathered, gather
from poise.serving.loaded import Loaded
from poise.serving.preview import Preview
from poise.spec.decision import Decision


def decision_of(loaded: Loaded) -> Decision:
    """What it decides. Raises `NotNow` where it decides nothing."""
    if loaded.system.decision is None:
        raise NotNow("effects of weights are told of decisions; this system has none")
    return loaded.system.decision


def gathered_of(loaded: Loaded, lake: Lake, weights: range | None = None) -> Gathered | GatheredChoices:
    """What a release logged under some versions of the weights (default any). Raises `NotNow` where it decides nothing
    by what it learned."""
    classes = {one.name: one.classes for one in loaded.contract.outputs}
    if loaded.chooser is not None:
        hides = decision_of(loaded).censors
        return gather_choices(loaded.system, loaded.chooser, lake, loaded.release, hides, weights=weights)
    ranker = ranker_of(loaded.system, classes)
    if ranker is None or loaded.basis is None:
        why = f"release {loaded.release} lists nothing by what it learned, so that no effect of weights can be told"
        raise NotNow(why, hint="previews are of decisions by what was learned")
    return gather(loaded.system, ranker, dict(loaded.basis.exposure), lake, loaded.release, weights=weights)


def preview_of(loaded: Loaded, gathered: Gathered | GatheredChoices) -> Preview | None:
    """Effects of weights on what was gathered; None where nothing was."""
    if gathered.log is None:
        return None
    system, decision = loaded.system, decision_of(loaded)
    log, left_out = gathered.log, gathered.left_out
    return Preview(decision, system.requirements, loaded.basis, log, system.timezone, left_out, loaded.chooser)
