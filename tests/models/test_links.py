"""What is compiled between NumPy's powers and logarithms changes no bit, of many rows or of one."""

import numpy as np
import pytest

from poise.models.curves import Curve
from poise.models.links import logit, sigmoid

ODD = [0.0, -0.0, 5e-324, 36.0, -36.0, 699.9, -699.9, 700.0, 710.0, -710.0, 800.0, -800.0, np.inf, -np.inf]


def plain_sigmoid(raw):
    with np.errstate(over="ignore", under="ignore"):
        return 1.0 / (1.0 + np.exp(-raw))


def plain_logit(p):
    p = np.minimum(np.maximum(p, 1e-15), 1 - 1e-15)
    return np.log(p) - np.log1p(-p)


def same(found, known):
    assert found.shape == known.shape and found.tobytes() == known.tobytes()


@pytest.mark.parametrize("shape", [(1,), (1, 1), (2,), (5_000,), (1_000, 3)])
def test_links_give_the_bits_of_their_formulas(shape):
    random = np.random.default_rng(len(shape))
    raw = random.normal(scale=4.0, size=shape)
    p = plain_sigmoid(raw)
    same(sigmoid(raw), p)
    same(logit(p), plain_logit(p))
    same(Curve("shift", np.array([0.3])).apply(p), plain_sigmoid(0.3 + 1.0 * plain_logit(p)))
    same(Curve("platt", np.array([0.3, 1.7])).apply(p), plain_sigmoid(0.3 + 1.7 * plain_logit(p)))
    same(sigmoid(np.repeat(raw, 2, axis=0)[::2]), p)  # rows that do not stand side by side


def test_a_row_has_the_same_bits_alone_as_among_others():
    random = np.random.default_rng(1)
    for raw in (random.normal(scale=4.0, size=2_000), np.array(ODD), np.array([1.0, np.nan])):
        p, one = sigmoid(raw), [raw[i : i + 1] for i in range(len(raw))]
        same(p, plain_sigmoid(raw))
        same(np.concatenate([sigmoid(row) for row in one]), p)
        same(logit(p), plain_logit(p))
        same(np.concatenate([logit(row) for row in p.reshape(-1, 1)]), logit(p))


@pytest.mark.parametrize(
    "curve",
    [
        Curve("identity", np.empty(0)),
        Curve("shift", np.array([0.3])),
        Curve("platt", np.array([-0.3, 1.7])),
        Curve("beta", np.array([0.2, 1.3, 0.4])),
        Curve("line", np.array([0.2, 1.3])),
        Curve("isotonic", np.array([[0.1, 0.4, 0.7], [0.0, 0.5, 0.9]])),
    ],
    ids=lambda curve: curve.method,
)
def test_a_curve_of_one_number_is_the_curve_of_many(curve):
    random = np.random.default_rng(2)
    p = np.concatenate([random.random(2_000), [0.0, 1.0, 1e-16, 1 - 1e-16, 5e-324, np.nan]])
    same(np.array([curve.one(one) for one in p.tolist()]), curve.apply(p))
