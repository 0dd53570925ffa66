"""Decision-level pooling of calibrated experts by a stated rule, and exact Shapley values.

The rule, for the cues c present:

* How much a cue says is its expressiveness e_c in [0, 1]: how far the strongest feeling in it, negative or
  positive or one of the six emotions, rises above the cue's prior, max_k (p_k - prior_k) / (1 - prior_k),
  never below 0. A neutral cue and an unsure (flat) one say nothing, so neither drowns a cue with feeling.
* Its weight is w_c ∝ base_c · reliability_c · (floor + (1 - floor) · e_c), and the weights sum to 1.
* Distributions are pooled as log p ∝ β · Σ w_c log p_c with β = (1 / max w)^kappa. With kappa = 0 this is the
  logarithmic opinion pool, an average; with kappa = 1 the weightiest cue speaks with its full voice and every
  other cue multiplies onto it in proportion, so that agreement makes surer and a cue with little weight
  changes little. One cue alone comes out as it went in.
* The score is Σ w_c score_c, moved by as much as pooling moved p(positive) - p(negative) from its weighted
  mean, and then brought into the range of the label: [-1, -0.01] negative, [-0.33, 0.33] neutral, [0.01, 1]
  positive.

With kappa = 1, a further cue whose most probable class is L never lowers p(L) unless it outweighs every cue
present; one that outweighs them does not either if L is what the pool said and it favours L over each other
class as much as the pool did. (A weightier, less certain cue may lower it, and has to: it corrects what was
less to be trusted.)

Source of the logarithmic pool: Genest and Zidek, Combining probability distributions, Statistical Science 1
(1986).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError, DataError
from demeanor.types import EMOTIONS, POLARITIES, FloatArray

SIGN_MARGIN, NEUTRAL_BOUND = 0.01, 0.33
"""Least |score| of a negative or positive label, greatest of a neutral one."""

SMALLEST = 1e-12
"""Probabilities below this count as this, so that a 0 stays finite in the logarithm."""

NEUTRAL_POLARITY, NEUTRAL_EMOTION = POLARITIES.index("neutral"), EMOTIONS.index("neutral")

Vectors = Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class PoolRule:
    """The numbers of the rule.

    Attributes:
        base: weight of each cue before anything is heard; 1 where not named.
        floor: in [0, 1]: the weight of a cue without expression, relative to one of full expression.
        kappa: in [0, 1]: how much agreement sharpens.
        polarity_priors: per cue, shape (3,): what its expert says on average; uniform where not named.
        emotion_priors: per cue, shape (7,).

    Raises:
        ConfigError: a number out of range, or a prior that is no distribution.
    """

    base: Mapping[str, float] = field(default_factory=dict)
    floor: float = 0.05
    kappa: float = 1.0
    polarity_priors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    emotion_priors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (0 <= self.floor <= 1 and 0 <= self.kappa <= 1):
            raise ConfigError(f"expected floor and kappa in [0, 1], got {self.floor} and {self.kappa}")
        for cue, weight in self.base.items():
            if not 0 <= weight < math.inf:
                raise ConfigError(f"expected a base weight ≥ 0 for the cue '{cue}', got {weight}")
        for priors, k in ((self.polarity_priors, len(POLARITIES)), (self.emotion_priors, len(EMOTIONS))):
            for cue, prior in priors.items():
                if len(prior) != k or min(prior) < 0 or max(prior) >= 1 or abs(sum(prior) - 1) > 1e-3:
                    raise ConfigError(f"expected {k} shares below 1 that sum to 1 as prior of '{cue}', got {prior}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return {
            "base": dict(self.base),
            "floor": self.floor,
            "kappa": self.kappa,
            "polarity_priors": {cue: list(prior) for cue, prior in self.polarity_priors.items()},
            "emotion_priors": {cue: list(prior) for cue, prior in self.emotion_priors.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PoolRule:
        """The inverse of `to_dict`; what is not given keeps its default.

        Raises:
            ConfigError: an unknown key or a value of the wrong kind.
        """
        known = {f.name for f in fields(cls)}
        if strange := sorted(set(data) - known):
            raise ConfigError(f"expected keys of a pooling rule among {sorted(known)}, got {strange}")
        try:
            given: dict[str, Any] = {name: float(data[name]) for name in ("floor", "kappa") if name in data}
            if "base" in data:
                given["base"] = {cue: float(weight) for cue, weight in data["base"].items()}
            for name in ("polarity_priors", "emotion_priors"):
                if name in data:
                    given[name] = {cue: tuple(float(v) for v in prior) for cue, prior in data[name].items()}
        except (TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"expected numbers in a pooling rule, got {dict(data)!r:.200}") from error
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Pooled:
    """What the cues say together.

    Attributes:
        polarity: probabilities (3,) in the order of `POLARITIES`.
        emotions: probabilities (7,) in the order of `EMOTIONS`.
        score: in [-1, 1], never against the most probable polarity.
        weights: of every cue, ≥ 0, summing to 1.
    """

    polarity: FloatArray
    emotions: FloatArray
    score: float
    weights: dict[str, float]


def pool(
    polarities: Vectors,
    emotions: Vectors,
    scores: Mapping[str, float],
    reliabilities: Mapping[str, float],
    rule: PoolRule,
) -> Pooled:
    """Join the readings of the cues present by the rule stated at the top of this module.

    Args:
        polarities: per cue, probabilities (3,).
        emotions: per cue, probabilities (7,).
        scores: per cue, in [-1, 1].
        reliabilities: per cue, ≥ 0; a cue with 0 counts as absent; if all have 0 they count as equal.
        rule: weights and exponents.

    Raises:
        DataError: no cue, different cues in the mappings, or values out of range.
    """
    cues = sorted(polarities)
    _check(cues, polarities, emotions, scores, reliabilities)
    p = np.array([polarities[cue] for cue in cues], dtype=np.float64)
    e = np.array([emotions[cue] for cue in cues], dtype=np.float64)
    s = np.array([scores[cue] for cue in cues], dtype=np.float64)
    w = _weights(cues, p, e, np.array([reliabilities[cue] for cue in cues], dtype=np.float64), rule)
    return _pooled(cues, p, e, s, w, rule.kappa)


def pool_by_weights(
    polarities: Vectors, emotions: Vectors, scores: Mapping[str, float], weights: Mapping[str, float], kappa: float
) -> Pooled:
    """As `pool`, of cues whose weights are known: by the rule a cue's weight depends on the others by a factor only.

    Args:
        polarities: per cue, probabilities (3,).
        emotions: per cue, probabilities (7,).
        scores: per cue, in [-1, 1].
        weights: per cue, ≥ 0; they need not sum to 1, and if all are 0 they count as equal.
        kappa: as in `PoolRule`.

    Raises:
        DataError: as `pool`.
    """
    cues = sorted(polarities)
    _check(cues, polarities, emotions, scores, weights)
    w = np.array([weights[cue] for cue in cues], dtype=np.float64)
    w = w / w.sum() if w.any() else np.full(len(cues), 1 / len(cues))
    p, e = (np.array([v[cue] for cue in cues], dtype=np.float64) for v in (polarities, emotions))
    return _pooled(cues, p, e, np.array([scores[cue] for cue in cues], dtype=np.float64), w, kappa)


def _pooled(
    cues: Sequence[str], p: FloatArray, e: FloatArray, s: FloatArray, w: NDArray[np.float64], kappa: float
) -> Pooled:
    polarity, emotion = _mix(p, w, kappa), _mix(e, w, kappa)
    tilt = p[:, 2] - p[:, 0]
    score = float(w @ s + (polarity[2] - polarity[0]) - w @ tilt)
    return Pooled(polarity, emotion, agree(score, polarity), dict(zip(cues, w.tolist(), strict=True)))


def agree(score: float, polarity: FloatArray) -> float:
    """The score, moved into the range of the most probable polarity: number and label never contradict."""
    label = POLARITIES[int(np.argmax(polarity))]
    low, high = {
        "negative": (-1.0, -SIGN_MARGIN),
        "neutral": (-NEUTRAL_BOUND, NEUTRAL_BOUND),
        "positive": (SIGN_MARGIN, 1.0),
    }[label]
    return min(max(score, low), high)


def expressiveness(
    polarity: FloatArray,
    emotions: FloatArray,
    polarity_prior: Sequence[float] | None = None,
    emotion_prior: Sequence[float] | None = None,
) -> float:
    """How far the strongest feeling of a cue rises above its prior, in [0, 1]; priors default to uniform."""
    rises = [
        _rise(np.asarray(polarity, dtype=np.float64), polarity_prior, NEUTRAL_POLARITY),
        _rise(np.asarray(emotions, dtype=np.float64), emotion_prior, NEUTRAL_EMOTION),
    ]
    return max(0.0, *rises)


def shapley(value: Callable[[frozenset[str]], float], players: Sequence[str]) -> dict[str, float]:
    """Exact Shapley values: each player's mean marginal contribution over all orders of arrival.

    φ_i = Σ over S without i of |S|! (n - |S| - 1)! / n! · (value(S + i) - value(S)); they sum to
    value(all) - value(none). Every coalition is valued once: 2^n calls.

    Source: L. S. Shapley, A Value for n-Person Games (1953).

    Raises:
        DataError: a player named twice, or more than 16 of them.
    """
    n = len(players)
    if len(set(players)) != n or n > 16:
        raise DataError(f"expected up to 16 distinct players, got {list(players)}")
    coalitions = (c for size in range(n + 1) for c in itertools.combinations(sorted(players), size))
    worth = {frozenset(c): float(value(frozenset(c))) for c in coalitions}
    share = dict.fromkeys(players, 0.0)
    for coalition, before in worth.items():
        for player in players:
            if player not in coalition:
                size = len(coalition)
                chance = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                share[player] += chance * (worth[coalition | {player}] - before)
    return share


def shares(
    polarities: Vectors,
    emotions: Vectors,
    scores: Mapping[str, float],
    reliabilities: Mapping[str, float],
    rule: PoolRule,
    prior: float = 0.0,
) -> dict[str, float]:
    """Each cue's exact Shapley value of the pooled score, against the score `prior` of no cue at all.

    They sum to pool(…).score - prior. Arguments and errors as for `pool`.
    """

    def score_of(present: frozenset[str]) -> float:
        if not present:
            return prior
        p, e = ({c: vectors[c] for c in present} for vectors in (polarities, emotions))
        s, r = ({c: numbers[c] for c in present} for numbers in (scores, reliabilities))
        return pool(p, e, s, r, rule).score

    _check(sorted(polarities), polarities, emotions, scores, reliabilities)
    return shapley(score_of, list(polarities))


def _weights(
    cues: Sequence[str], p: FloatArray, e: FloatArray, reliability: FloatArray, rule: PoolRule
) -> NDArray[np.float64]:
    """Weights (cues,) that sum to 1."""
    trust = reliability if reliability.any() else np.ones(len(cues))
    based = trust * np.array([rule.base.get(cue, 1.0) for cue in cues])
    if not based.any():
        based = trust
    told = np.array(
        [
            expressiveness(p[i], e[i], rule.polarity_priors.get(cue), rule.emotion_priors.get(cue))
            for i, cue in enumerate(cues)
        ]
    )
    raw = based * (rule.floor + (1 - rule.floor) * told)
    if not raw.any():  # a floor of 0 and nothing expressed
        raw = based
    return np.asarray(raw / raw.sum())


def _mix(p: FloatArray, w: FloatArray, kappa: float) -> NDArray[np.float64]:
    """Sharpened logarithmic pool of the rows of p (cues, classes)."""
    beta = (1 / w.max()) ** kappa
    logits = beta * (w @ np.log(np.maximum(p, SMALLEST)))
    mixed = np.exp(logits - logits.max())
    return np.asarray(mixed / mixed.sum())


def _rise(p: FloatArray, prior: Sequence[float] | None, neutral: int) -> float:
    expected = np.full(len(p), 1 / len(p)) if prior is None else np.asarray(prior, dtype=np.float64)
    return float(np.delete((p - expected) / (1 - expected), neutral).max())


def _check(
    cues: Sequence[str],
    polarities: Vectors,
    emotions: Vectors,
    scores: Mapping[str, float],
    reliabilities: Mapping[str, float],
) -> None:
    if not cues:
        raise DataError("expected one cue or more to pool, got none; without any there is nothing to say")
    for name, mapping in (("emotions", emotions), ("scores", scores), ("reliabilities", reliabilities)):
        if set(mapping) != set(cues):
            raise DataError(f"expected {name} for the cues {list(cues)}, got {sorted(mapping)}")
    for cue in cues:
        for name, vector, k in (("polarity", polarities[cue], 3), ("emotions", emotions[cue], 7)):
            v = np.asarray(vector, dtype=np.float64)
            if v.shape != (k,) or not (v >= 0).all() or abs(v.sum() - 1) > 1e-4:
                raise DataError(f"expected {k} probabilities that sum to 1 as {name} of '{cue}', got {v!r:.100}")
        if not abs(scores[cue]) <= 1 or not 0 <= reliabilities[cue] < math.inf:
            raise DataError(
                f"expected a score in [-1, 1] and a reliability ≥ 0 of '{cue}', "
                f"got {scores[cue]} and {reliabilities[cue]}"
            )
