"""Several cues → one reading: the learned weights of posts and pictures where they apply, else the stated rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np

from demeanor.bundle import Bundle
from demeanor.calibration.conformal import Conformal
from demeanor.calibration.dimensions import from_emotions
from demeanor.calibration.pool import PoolRule, agree, pool, shapley
from demeanor.calibration.temperature import Temperature
from demeanor.errors import BundleError
from demeanor.types import EMOTIONS, POLARITIES, Dimensions, Evidence, FloatArray, Reading, Sentiment, Sets

POST = frozenset(("words", "scene"))
"""The cues of a post whose joint reading is learned from labels; a face that is seen belongs to it."""

PICTURE = frozenset(("scene",))
"""Likewise of a picture by itself."""

Limits = Mapping[str, Mapping[str, float]]
"""Task → a `Conformal` as a mapping."""

FACE_DIM = 1 + len(POLARITIES) + len(EMOTIONS)


def _rule(bundle: Bundle) -> PoolRule:
    """How a bundle joins its cues; a `BundleError` if it does not say."""
    try:
        return PoolRule.from_dict(bundle.spec["fusion"]["pool"])
    except (LookupError, TypeError) as error:
        told = f"{bundle.name}: expected the pooling rule under fusion.pool, got none; export it anew"
        raise BundleError(told) from error


def fuse(
    evidence: Mapping[str, Evidence], bundle: Bundle, *, joint: bool = False
) -> tuple[Reading, dict[str, Reading]]:
    """The reading of all cues together and of each alone, with its weight and Shapley share.

    Args:
        evidence: one or more cues.
        bundle: whose `fusion` holds the pooling rule and, for posts, the name of the joint graph.
        joint: a still: a picture, with or without a text that belongs to it, is read by the graph learned on posts.
    """
    rule = _rule(bundle)
    heard = {c: e for c, e in evidence.items() if not e.abstain} or dict(evidence)
    joint = joint and not all(e.abstain for e in evidence.values())  # a bare wall is no posted picture

    @cache  # asked for by the reading and again by the shares
    def read(present: frozenset[str]) -> tuple[FloatArray, FloatArray, float, dict[str, float]]:
        chosen = {c: heard[c] for c in present}
        found = pool(
            {c: e.polarity for c, e in chosen.items()},
            {c: e.emotions for c, e in chosen.items()},
            {c: e.score for c, e in chosen.items()},
            {c: e.reliability for c, e in chosen.items()},
            rule,
        )
        polarity, score = (_learned(chosen, bundle) if joint else None) or (found.polarity, found.score)
        return polarity, found.emotions, score, found.weights

    everything = frozenset(heard)
    polarity, emotions, score, weights = read(everything)
    shares = shapley(lambda s: read(s)[2] if s else 0.0, sorted(everything))
    learned = joint and _learned(heard, bundle) is not None
    if learned:
        sizes = {cue: abs(share) + 1e-9 for cue, share in shares.items()}
        weights = {cue: size / sum(sizes.values()) for cue, size in sizes.items()}
    alone = len(everything) == 1
    verified = learned or (alone and everything != PICTURE and all(evidence[cue].measured for cue in everything))
    overall = _reading(
        polarity,
        emotions,
        score,
        "verified" if verified else "pooled",
        all(e.abstain for e in evidence.values()),
        limits=_limits(heard, bundle, learned) if verified else None,
    )
    cues = {
        cue: _reading(
            e.polarity,
            e.emotions,
            agree(e.score, e.polarity),
            "verified" if e.measured and cue != "scene" else "pooled",  # a scene's prior is a choice, not a measurement
            e.abstain,
            weights.get(cue, 0.0),
            shares.get(cue, 0.0),
            None if cue == "scene" else e.limits,
        )
        for cue, e in evidence.items()
    }
    if learned and alone:  # a picture, with or without a text that says nothing: what it says is all there is
        (cue,) = everything
        cues[cue] = replace(overall, weight=1.0, share=shares[cue])
    return overall, cues


def average(evidences: Sequence[Evidence], weights: Sequence[float]) -> Evidence:
    """One cue's evidence over several pieces (segments, frames, faces), by weight · reliability.

    It has no prediction sets: their coverage was measured on single pieces.

    Args:
        evidences: one or more.
        weights: seconds or the like, ≥ 0.
    """
    portions = portions_of(evidences, weights)
    said = [i for i, e in enumerate(evidences) if not e.abstain] or list(range(len(evidences)))
    w, chosen = portions[said], [evidences[i] for i in said]
    hidden = [e.embedding for e in chosen]
    return Evidence(
        np.asarray(w @ np.stack([e.polarity for e in chosen])),
        np.asarray(w @ np.stack([e.emotions for e in chosen])),
        float(w @ [e.score for e in chosen]),
        float(w @ [e.reliability for e in chosen]),
        all(e.abstain for e in evidences),
        None if any(h is None for h in hidden) else np.asarray(w @ np.stack([h for h in hidden if h is not None])),
        measured=all(e.measured for e in chosen),
    )


def portions_of(evidences: Sequence[Evidence], weights: Sequence[float]) -> FloatArray:
    """How much each piece counts in `average`, (pieces,): weight · reliability, summing to 1; 0 where it abstains."""
    said = [i for i, e in enumerate(evidences) if not e.abstain] or list(range(len(evidences)))
    w = np.array([weights[i] * evidences[i].reliability for i in said], np.float64)
    if not w.sum() > 0:
        w = np.array([weights[i] for i in said], np.float64)
    out = np.zeros(len(evidences))
    out[said] = w / w.sum() if w.sum() > 0 else 1 / len(said)
    return out


def face_vector(face: Evidence | Reading | None) -> FloatArray:
    """What the joint readings take of a face, (11,): 1, its polarity and its emotions; zeros where there is none."""
    out = np.zeros(FACE_DIM, np.float32)
    if isinstance(face, Evidence):
        out[:] = 1.0, *face.polarity, *face.emotions
    elif face is not None and face.sentiment is not None and face.emotions is not None:
        out[:] = 1.0, *(face.sentiment.probabilities[p] for p in POLARITIES), *(face.emotions[e] for e in EMOTIONS)
    return out


def _learned(chosen: Mapping[str, Evidence], bundle: Bundle) -> tuple[FloatArray, float] | None:
    """Polarity (3,) and score of words, scene and face as posts were labelled; None for other sets of cues."""
    found = frozenset(chosen) - {"face"}
    spec = _joint_spec(found, bundle)
    hidden = {cue: chosen[cue].embedding for cue in found}
    if spec is None or any(vector is None for vector in hidden.values()):
        return None
    inputs = {cue: np.asarray(vector, np.float32)[None] for cue, vector in hidden.items()}
    logits = bundle.run(spec["graph"], {**inputs, "face": face_vector(chosen.get("face"))[None]})["polarity"]
    polarity = Temperature.from_dict(spec["calibration"]).apply(logits)[0]
    tilt = float(polarity[2] - polarity[0])
    if found == PICTURE:  # most pictures that people post are liked: what is usual says nothing
        tilt -= spec["prior"][2] - spec["prior"][0]
    return polarity, agree(tilt, polarity)


def _joint_spec(found: frozenset[str], bundle: Bundle) -> Mapping[str, Any] | None:
    spec: Mapping[str, Any] | None = bundle.spec["fusion"].get({POST: "post", PICTURE: "picture"}.get(found, ""))
    return spec


def _limits(heard: Mapping[str, Evidence], bundle: Bundle, learned: bool) -> Limits | None:
    """What the prediction sets of a verified whole are made by: the joint graph's, or its one cue's."""
    if not learned:
        return next(iter(heard.values())).limits
    return (_joint_spec(frozenset(heard) - {"face"}, bundle) or {}).get("sets")


def _sets(limits: Limits | None, polarity: FloatArray, emotions: FloatArray | None) -> Sets | None:
    if not limits:
        return None
    by = {task: Conformal.from_dict(limit) for task, limit in limits.items()}
    said = by["polarity"].among(polarity, POLARITIES) if "polarity" in by else None
    felt = by["emotions"].among(emotions, EMOTIONS) if "emotions" in by and emotions is not None else None
    return Sets(min(c.coverage for c in by.values()), said, felt)


def _reading(
    polarity: FloatArray,
    emotions: FloatArray,
    score: float,
    calibration: Literal["verified", "pooled"],
    abstain: bool,
    weight: float | None = None,
    share: float | None = None,
    limits: Limits | None = None,
) -> Reading:
    best = int(np.argmax(polarity))
    felt = not np.allclose(emotions, 1 / len(EMOTIONS))  # even: no expert among the cues predicts emotions
    return Reading(
        Sentiment(score, POLARITIES[best], dict(zip(POLARITIES, map(float, polarity), strict=True))),
        dict(zip(EMOTIONS, map(float, emotions), strict=True)) if felt else None,
        Dimensions(*from_emotions(emotions)) if felt else None,
        float(polarity[best]),
        calibration,
        abstain,
        weight,
        share,
        sets=None if abstain else _sets(limits, polarity, emotions if felt else None),
    )
