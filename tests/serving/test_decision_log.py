"""What is kept of answers: enough to draw a list again and to compute its features again."""

from __future__ import annotations

import json
from types import ModuleType

import numpy as np

from poise.decisions.explore import redraw
from poise.serving import decision_log
from poise.serving.answer import Answer
from poise.table import Column, Table


def kept(answer: Answer) -> dict[str, object]:
    assert answer.kept is not None
    found = json.loads(answer.kept.encoded())
    assert isinstance(found, dict)
    return found


UNITED = b'{"carrier": "UA", "distance": 719, "departs": null}'
DELTA = b'{"carrier": "DL", "distance": null, "departs": null}'
ROWS = b'{"rows": [%b, %b]}' % (UNITED, DELTA)


def test_nothing_is_kept_unless_somebody_writes_it(stand_ins: ModuleType) -> None:
    assert stand_ins.answerer().predict(ROWS).kept is None


def test_a_prediction_is_kept_with_what_was_sent_and_seen(stand_ins: ModuleType) -> None:
    answerer = stand_ins.answerer()
    answerer.logs = True
    answer = answerer.predict(ROWS)
    found = kept(answer)
    assert (found["kind"], found["release"], found["logged"]) == ("predictions", "r1", [0, 1])
    assert not answer.decided and found["sent"]["carrier"] == ["UA", "DL"]  # type: ignore[index]
    told = [row["late"] for row in json.loads(answer.body)["predictions"]]
    assert found["predictions"]["late"] == told  # type: ignore[index]


def test_a_list_can_be_drawn_again_from_what_is_kept(lists: ModuleType) -> None:
    answerer = lists.answerer("{method: plackett-luce, top: 20, temperature: 0.5}")
    answerer.logs = True
    answer = answerer.decide(json.dumps(lists.request(12)).encode())
    found, said = kept(answer), json.loads(answer.body)
    assert answer.decided and found["ids"] == [said["decision_id"]]
    items, scores = found["items"], np.array(found["scores"], np.float64)
    shown = [items[row] for row in found["shown"]]  # type: ignore[index,union-attr]
    assert shown == [one["shop_id"] for one in said["shown"]]
    assert found["propensities"] == [one["propensity"] for one in said["shown"]]
    allowed = np.array(found["allowed"], np.float64) == 1
    order = np.flatnonzero(allowed)[np.argsort(-scores[allowed], kind="stable")]
    again = redraw(found["explored"], scores[order], len(shown))  # type: ignore[arg-type]
    assert [items[row] for row in order[again.order]] == shown  # type: ignore[index]


def test_of_a_list_that_shows_nothing_no_row_is_kept_in_full(lists: ModuleType) -> None:
    answerer = lists.answerer()
    answerer.logs = True
    answerer.decide(json.dumps(lists.request(1)).encode())  # the first of a hundred, which is kept whole
    for count in (1, 2):
        closed = lists.request(0, candidates=[{"shop_id": f"r{5 + 2 * at}", "distance": 1.0} for at in range(count)])
        found = kept(answerer.decide(json.dumps(closed).encode()))
        assert (found["shown"], found["logged"]) == ([], [])
        assert all(values == [] for kind in ("sent", "features") for values in found[kind].values())  # type: ignore[attr-defined]


def test_only_so_many_rows_are_kept_in_full() -> None:
    many = Table({"x": Column.numbers(np.arange(1000.0))})
    found = decision_log.in_full(range(1000), many, many)
    assert len(found["logged"]) == len(found["features"]["x"]) == decision_log.MOST_LOGGED
