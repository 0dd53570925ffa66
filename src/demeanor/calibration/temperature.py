"""Temperature and vector scaling of logits.

Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (ICML 2017); here the vector
form keeps one temperature and adds a bias per class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.errors import BundleError, DataError

Floats = NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of the temperature in units of the logits' spread (root mean square deviation within a row).

Separable data would otherwise send it to 0, useless logits to infinity.
"""


@dataclass(frozen=True, slots=True)
class Temperature:
    """Calibrated probabilities are softmax(logits / t + bias).

    Attributes:
        t: temperature > 0; above 1 it softens.
        bias: one number per class, summing to 0; None for temperature scaling alone.
    """

    t: float = 1.0
    bias: tuple[float, ...] | None = None

    def apply(self, logits: ArrayLike) -> Floats:
        """Probabilities (…, classes) of logits (…, classes).

        Raises:
            DataError: another number of classes than the bias has.
        """
        z = np.asarray(logits, dtype=np.float64) / self.t
        if self.bias is not None:
            if z.shape[-1:] != (len(self.bias),):
                raise DataError(f"expected logits of {len(self.bias)} classes, got shape {z.shape}")
            z = z + np.asarray(self.bias)
        return softmax(z)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return {"t": self.t, "bias": None if self.bias is None else list(self.bias)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Temperature:
        """The inverse of `to_dict`.

        Raises:
            BundleError: keys are missing, or the temperature is not above 0.
        """
        try:
            t, bias = float(data["t"]), data["bias"]
            found = cls(t, None if bias is None else tuple(float(b) for b in bias))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"expected a temperature {{t, bias}}, got {dict(data)!r:.120}") from error
        if not t > 0:
            raise BundleError(f"expected a temperature above 0, got {t}; fit it again")
        return found


def softmax(logits: ArrayLike) -> Floats:
    """Softmax over the last axis, without overflow."""
    z = np.asarray(logits, dtype=np.float64)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def fit(logits: ArrayLike, labels: ArrayLike, *, bias: bool = False, prior: float = 1.0) -> Temperature:
    """The temperature, and with `bias` the bias per class, that minimise the negative log-likelihood.

    The problem is convex in (1/t, bias); it is solved by Newton steps with backtracking, t kept within its
    bounds.

    Args:
        logits: (samples, classes) on data held back from training.
        labels: index of the true class (samples,).
        bias: also fit one bias per class.
        prior: precision of a Gaussian prior on the biases: it weighs about as much as one sample and keeps
            the bias of a class without samples finite.

    Raises:
        DataError: other shapes, no samples, logits that are not finite, labels out of range.
    """
    z, y = _checked(logits, labels)
    # In units of their own spread, logits of any scale meet the same well-behaved problem.
    spread = float(np.sqrt(z.var(axis=1).mean())) or 1.0
    theta = _newton(z / spread, y, prior if bias else None)
    found = theta[1:] - theta[1:].mean()
    return Temperature(float(spread / theta[0]), tuple(float(b) for b in found) if bias else None)


def _checked(logits: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    z, y = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if z.ndim != 2 or y.shape != z.shape[:1] or not len(z) or z.shape[1] < 2:
        raise DataError(
            f"expected logits (samples ≥ 1, classes ≥ 2) and labels (samples,), got {z.shape} and {y.shape}"
        )
    if not np.isfinite(z).all():
        raise DataError("expected finite logits, got nan or infinite ones; find out why the model diverged")
    whole = y.astype(np.int64)
    if (whole != y).any() or (whole < 0).any() or (whole >= z.shape[1]).any():
        raise DataError(f"expected labels in 0…{z.shape[1] - 1}, got {np.unique(y)[:8].tolist()}")
    return z - z.max(axis=1, keepdims=True), whole


def _newton(z: Floats, y: NDArray[np.int64], prior: float | None) -> Floats:
    """(1/t, bias) of shape (1 + classes,); the biases stay 0 where `prior` is None."""
    rows, k = z.shape
    low, high = 1 / HOTTEST, 1 / COLDEST
    theta = np.zeros(1 + k)
    theta[0] = 1.0
    value, gradient, hessian = _objective(theta, z, y, prior or 0.0)
    for _ in range(200):
        free = np.full(1 + k, prior is not None)
        # At a bound the scale moves only inwards.
        free[0] = (low < theta[0] or gradient[0] < 0) and (theta[0] < high or gradient[0] > 0)
        if not free.any() or np.abs(gradient[free]).max() <= 1e-9 * rows:
            break
        step = _step(gradient, hessian, free, damping=1e-9 * rows)
        if (theta[0] == low and step[0] < 0) or (theta[0] == high and step[0] > 0):
            # Coupled to the biases the scale would leave its bounds: hold it there for this step.
            free[0] = False
            step = _step(gradient, hessian, free, damping=1e-9 * rows)
        length = 1.0
        while True:
            trial = theta + length * step
            trial[0] = np.clip(trial[0], low, high)
            found = _objective(trial, z, y, prior or 0.0)
            if found[0] <= value + 1e-4 * gradient @ (trial - theta) or length < 1e-10:
                break
            length /= 2
        if found[0] >= value:
            break
        theta, (value, gradient, hessian) = trial, found
    return theta


def _step(gradient: Floats, hessian: Floats, free: NDArray[np.bool_], damping: float) -> Floats:
    """Newton step of the free parameters, 0 for the others."""
    step = np.zeros_like(gradient)
    square = hessian[np.ix_(free, free)] + damping * np.eye(int(free.sum()))
    step[free] = -np.linalg.solve(square, gradient[free])
    return step


def _objective(theta: Floats, z: Floats, y: NDArray[np.int64], prior: float) -> tuple[float, Floats, Floats]:
    """Negative log-likelihood plus prior, its gradient (1 + classes,) and Hessian."""
    rows, k = z.shape
    scores = theta[0] * z + theta[1:]
    top = scores.max(axis=1, keepdims=True)
    log_total = top[:, 0] + np.log(np.exp(scores - top).sum(axis=1))
    p = np.exp(scores - log_total[:, None])
    value = float((log_total - scores[np.arange(rows), y]).sum() + prior / 2 * (theta[1:] @ theta[1:]))
    expected = (p * z).sum(axis=1)
    gradient = np.empty(1 + k)
    gradient[0] = (expected - z[np.arange(rows), y]).sum()
    gradient[1:] = p.sum(axis=0) - np.bincount(y, minlength=k) + prior * theta[1:]
    hessian = np.empty((1 + k, 1 + k))
    hessian[0, 0] = ((p * z**2).sum(axis=1) - expected**2).sum()
    hessian[0, 1:] = hessian[1:, 0] = (p * (z - expected[:, None])).sum(axis=0)
    hessian[1:, 1:] = np.diag(p.sum(axis=0) + prior) - p.T @ p
    return value, gradient, hessian
