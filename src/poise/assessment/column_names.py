"""Column names: what a name says about when its column is filled in. A name alone is no reason, only a second one."""

from __future__ import annotations

import re
from collections.abc import Iterable

PLANNED = re.compile(
    r"sched|scheduled|crs|planned|expected|est|estimated|promised|forecast(ed)?|budgeted|quoted|predicted"
)
"""Words for what is known beforehand; a column with the same name but for them is what came of it."""
CAME = re.compile(r"actual(ly)?|real|reali[sz]ed|final")
AFTER = re.compile(
    r"after|post|outcome|result|target|label|actual\w*|final|resol\w+|clos(ed|ing)|cancel\w*|refund\w*|chargeback|"
    r"churn\w*|paid|settle\w*|complet\w+|delay\w*|arriv\w+|elapsed|overdue|recover(y|ies|ed)|returned"
)
"""Words for what happens afterwards."""
PREDICTED = re.compile(r"pred|predicted|predictions?|proba|probability|prob|yhat|likelihood")
"""Words for what a model or a person foretold."""
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+", re.UNICODE)


def words_of(name: str, numbers: bool = False) -> list[str]:
    """The words of a name in small letters, however they are joined; with `numbers` those too.

    >>> words_of("BirthDate"), words_of("marital-status"), words_of("customerID")
    (['birth', 'date'], ['marital', 'status'], ['customer', 'id'])
    >>> words_of("CRSDepTime2", numbers=True)
    ['crs', 'dep', 'time', '2']
    """
    return [part.lower() for part in _PART.findall(name) if numbers or not part.isdigit()]


def says_after(name: str) -> bool:
    """Whether a word of the name says that the column is known afterwards.

    >>> says_after("days_after"), says_after("DepDelay"), says_after("postcode"), says_after("scheduled_delivery")
    (True, True, False, False)
    """
    return any(AFTER.fullmatch(word) for word in words_of(name))


def says_predicted(name: str) -> bool:
    """Whether a word of the name says that the column is a prediction.

    >>> says_predicted("y_pred_proba"), says_predicted("problem"), says_predicted("predictor_1")
    (True, False, False)
    """
    return any(PREDICTED.fullmatch(word) for word in words_of(name))


def came_of(names: Iterable[str]) -> dict[str, str]:
    """The columns that say what came of a plan that another column holds -> that column.

    >>> came_of(["dep_time", "sched_dep_time", "price", "actual_price", "expected_price", "estimated"])
    {'dep_time': 'sched_dep_time', 'price': 'expected_price', 'actual_price': 'expected_price'}
    """
    said = {name: frozenset(words_of(name, numbers=True)) for name in names}
    planned = {name: {word for word in words if PLANNED.fullmatch(word)} for name, words in said.items()}
    plans = {said[name] - words: name for name, words in planned.items() if words and said[name] > words}
    came = {name: frozenset(word for word in said[name] if not CAME.fullmatch(word)) for name in said}
    return {name: plans[words] for name, words in came.items() if not planned[name] and words in plans}
