"""The chooser of a whole system: terms against what models predict."""

from __future__ import annotations

import pytest

from poise.decisions.of_system import chooser_of
from poise.errors import SpecError
from poise.spec.reading import read_text

SYSTEM = """
format: 1
system: calls
purpose: Call whom it is worth to call.
sources: {people: {path: people.csv, columns: {age: float, mood: category}, request: [age]}}
features: [columns: {from: people, take: age}]
objectives: {mood: {type: multi-class, per: people, label: {take: mood}}}
decision: {per: people, choose: [call, leave], terms: {worth: {call: 2 * mood.good - 1, leave: 0}}}
"""


def test_terms_read_classes() -> None:
    chooser = chooser_of(read_text(SYSTEM), {"mood": ("bad", "good")})
    assert chooser is not None and chooser.objective_names() == {"mood"}
    assert chooser.predicts("worth", "call") and not chooser.predicts("worth", "leave")


def test_a_class_that_the_data_do_not_have_is_named() -> None:
    with pytest.raises(SpecError, match=r"'mood.good': 'mood' has no class 'good' \(did you mean 'goods'\?\)"):
        chooser_of(read_text(SYSTEM), {"mood": ("bad", "goods")})
