"""The forms of calibration: each a small function of a prediction, fitted and applied with NumPy.

| method | prediction becomes | for |
|---|---|---|
| identity | itself | all |
| shift | sigmoid(a + logit p) | binary |
| platt | sigmoid(a + b logit p), b > 0 (Platt, 1999, on the log-odds) | binary |
| beta | sigmoid(c + a log p - b log(1 - p)), a, b > 0 (Kull, Silva Filho, Flach, 2017) | binary |
| isotonic | a rising line through the pooled steps (Zadrozny, Elkan, 2002), 0.1 % of p blended in | binary |
| line | a + b x, b > 0 | regression |
| temperature | softmax(b log p) (Guo et al., 2017) | multi-class |
| biases | softmax(b log p + a bias per class) | multi-class |

The logistic forms and the line leave their intercept free, so that the mean prediction equals the mean of the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats
from poise.models.links import LEAST, logit, logit_of, sigmoid, sigmoid_of, softmax

Method = Literal["identity", "shift", "platt", "beta", "isotonic", "line", "temperature", "biases"]
DRAW = 1.0
"""Slopes are drawn towards the identity's as if by about one observation."""
BLEND = 1e-3
MOST_STEPS = 2_000
"""Isotonic regression starts from at most so many groups of neighbouring rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One fitted form. `values`: its parameters in the order of the table above; isotonic: knots (2, m)."""

    method: Method
    values: Floats

    def apply(self, p: Floats) -> Floats:
        """Calibrated predictions, of the shape of `p`.

        >>> Curve("shift", np.array([0.0])).apply(np.array([0.25])).round(6).tolist()
        [0.25]
        """
        v = self.values
        if self.method == "identity":
            return p
        if self.method == "line":
            return np.asarray(v[0] + v[1] * p)
        if self.method == "isotonic":
            return np.asarray((1 - BLEND) * np.interp(p, v[0], v[1]) + BLEND * p)
        if self.method in ("temperature", "biases"):
            return softmax(v[0] * _log(p) + v[1:])
        if self.method == "beta":
            return sigmoid(v[0] + v[1] * _log(p) - v[2] * _log(1 - p))
        intercept, *slope = v.tolist()
        return sigmoid(logit(p, intercept, *slope))

    def one(self, p: float) -> float:
        """The same of one number, of forms that make one of each: the bits that it has among others.

        >>> Curve("line", np.array([1.0, 2.0])).one(0.25)
        1.5
        """
        if self.method == "identity":
            return p
        if self.method in ("shift", "platt"):
            intercept, *slope = self.values.tolist()
            return sigmoid_of(logit_of(p, intercept, *slope))
        if self.method == "beta":
            c, a, b = self.values.tolist()
            return sigmoid_of(c + a * float(np.log(max(p, LEAST))) - b * float(np.log(max(1 - p, LEAST))))
        return float(self.apply(np.array([p])).item())


IDENTITY = Curve("identity", np.empty(0))


def _log(p: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(p, LEAST)))


def fit_shift(p: Floats, y: NDArray[Any], w: Floats) -> Curve | None:
    """The shift of log-odds that makes the mean right."""
    found = _logistic(np.empty((len(p), 0)), logit(p), y, w)
    return None if found is None else Curve("shift", found)


def fit_platt(p: Floats, y: NDArray[Any], w: Floats) -> Curve | None:
    """A line through the log-odds; None where it would fall."""
    z = logit(p)
    found = _logistic(z[:, None], z, y, w)
    if found is None or found[1] + 1 <= 0:
        return None
    return Curve("platt", found + np.array([0.0, 1.0]))


def fit_beta(p: Floats, y: NDArray[Any], w: Floats) -> Curve | None:
    """Two slopes, for small and for large probabilities; None where one would fall."""
    found = _logistic(np.stack([_log(p), -_log(1 - p)], axis=1), logit(p), y, w)
    if found is None or found[1] + 1 <= 0 or found[2] + 1 <= 0:
        return None
    return Curve("beta", found + np.array([0.0, 1.0, 1.0]))


def _logistic(Z: Floats, offset: Floats, y: NDArray[Any], w: Floats) -> Floats | None:
    """(intercept, slopes…) of a logistic regression beside an offset, by Newton's method; None if it diverges."""
    X = np.concatenate([np.ones((len(offset), 1)), Z], axis=1)
    ridge = np.full(X.shape[1], DRAW)
    ridge[0] = 1e-9
    theta = np.zeros(X.shape[1])

    def loss(at: Floats) -> float:
        z = offset + X @ at
        return float(np.sum(w * (np.logaddexp(0, z) - y * z)) + 0.5 * np.sum(ridge * at * at))

    now = loss(theta)
    for _ in range(50):
        s = sigmoid(offset + X @ theta)
        slope = X.T @ (w * (s - y)) + ridge * theta
        bend = (X * (w * np.maximum(s * (1 - s), 1e-12))[:, None]).T @ X + np.diag(ridge)
        step, size = np.linalg.solve(bend, slope), 1.0
        while size > 1e-6 and loss(theta - size * step) > now:
            size /= 2
        theta = theta - size * step
        before, now = now, loss(theta)
        if before - now <= 1e-10 * abs(before):
            break
    return theta if np.isfinite(theta).all() else None


def fit_isotonic(p: Floats, y: NDArray[Any], w: Floats) -> Curve | None:
    """Pool adjacent violators (Ayer et al., 1955) over neighbouring rows; knots at the pools' mean predictions."""
    order = np.argsort(p, kind="stable")
    groups = np.unique(np.linspace(0, len(p), min(len(p), MOST_STEPS) + 1).astype(np.int64)[:-1])
    mass = np.add.reduceat(w[order], groups)
    xs = np.add.reduceat((w * p)[order], groups)
    ys = np.add.reduceat((w * y)[order], groups)
    mass, xs, ys = _pooled(mass, xs, ys)
    overall = ys.sum() / mass.sum()
    x, mean = xs / mass, (ys + overall) / (mass + 1)  # a pool without a truth on one side is not certain
    keep = np.concatenate([[True], np.diff(x) > 0])
    return Curve("isotonic", np.stack([x[keep], np.maximum.accumulate(mean)[keep]]))


def _pooled(mass: Floats, xs: Floats, ys: Floats) -> tuple[Floats, Floats, Floats]:
    pools: list[list[float]] = []
    for group in zip(mass.tolist(), xs.tolist(), ys.tolist(), strict=True):
        if group[0] <= 0:
            continue
        pools.append(list(group))
        while len(pools) > 1 and pools[-2][2] * pools[-1][0] >= pools[-1][2] * pools[-2][0]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    out = np.array(pools).T
    return out[0], out[1], out[2]


def fit_line(p: Floats, y: NDArray[Any], w: Floats) -> Curve | None:
    """Least squares; None where the line would fall, or predictions do not vary."""
    mp, my = np.average(p, weights=w), np.average(y, weights=w)
    spread = float(np.sum(w * (p - mp) ** 2))
    if spread <= 0:
        return None
    slope = float(np.sum(w * (p - mp) * (y - my))) / spread
    return Curve("line", np.array([my - slope * mp, slope])) if slope > 0 else None


def fit_temperature(p: Floats, y: NDArray[Any], w: Floats) -> Curve | None:
    """One temperature for all classes."""
    return _multinomial(p, y, w, biases=False)


def fit_biases(p: Floats, y: NDArray[Any], w: Floats) -> Curve | None:
    """A temperature and one bias per class."""
    return _multinomial(p, y, w, biases=True)


def _multinomial(p: Floats, y: NDArray[Any], w: Floats, biases: bool) -> Curve | None:
    """Newton's method on (slope, biases…); biases that are not asked for stay 0."""
    L, k = _log(p), p.shape[1]
    truth = np.eye(k)[y.astype(np.int64)]
    theta = np.concatenate([[1.0], np.zeros(k)])
    centre, free = theta.copy(), np.array([True] + [biases] * k)

    def loss(at: Floats) -> float:
        s = softmax(at[0] * L + at[1:])
        own = np.maximum(s[np.arange(len(y)), y.astype(np.int64)], 1e-300)
        return float(-np.sum(w * np.log(own)) + 0.5 * DRAW * np.sum((at - centre) ** 2))

    now = loss(theta)
    for _ in range(30):
        s = softmax(theta[0] * L + theta[1:])
        off, ws = s - truth, w[:, None] * s
        mean = (s * L).sum(axis=1)
        slope = np.concatenate([[np.sum(w * (off * L).sum(axis=1))], (w[:, None] * off).sum(axis=0)])
        bend = np.empty((k + 1, k + 1))
        bend[0, 0] = np.sum(w * ((s * L * L).sum(axis=1) - mean**2))
        bend[0, 1:] = bend[1:, 0] = (ws * (L - mean[:, None])).sum(axis=0)
        bend[1:, 1:] = np.diag(ws.sum(axis=0)) - ws.T @ s
        slope, bend = (slope + DRAW * (theta - centre))[free], (bend + DRAW * np.eye(k + 1))[np.ix_(free, free)]
        step, size = np.zeros(k + 1), 1.0
        step[free] = np.linalg.solve(bend, slope)
        while size > 1e-6 and loss(theta - size * step) > now:
            size /= 2
        theta = theta - size * step
        before, now = now, loss(theta)
        if before - now <= 1e-10 * abs(before):
            break
    if not np.isfinite(theta).all() or theta[0] <= 0:
        return None
    return Curve("biases" if biases else "temperature", theta)
