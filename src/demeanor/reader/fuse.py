"""Several cues → one reading: the learned weights of posts where they apply, else the stated pooling rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from demeanor.bundle import Bundle
from demeanor.calibration.dimensions import from_emotions
from demeanor.calibration.pool import PoolRule, agree, pool, shapley
from demeanor.calibration.temperature import Temperature
from demeanor.types import EMOTIONS, POLARITIES, Dimensions, Evidence, FloatArray, Reading, Sentiment

POST = frozenset(("words", "scene"))
"""The cues of a post whose joint reading is learned from labels."""


def fuse(
    evidence: Mapping[str, Evidence], bundle: Bundle, *, joint: bool = False
) -> tuple[Reading, dict[str, Reading]]:
    """The reading of all cues together and of each alone, with its weight and Shapley share.

    Args:
        evidence: one or more cues.
        bundle: whose `fusion` holds the pooling rule and, for posts, the name of the joint graph.
        joint: a text and a picture that belong together: words and scene are read by the graph learned on posts.
    """
    rule = PoolRule.from_dict(bundle.spec["fusion"]["pool"])
    heard = {c: e for c, e in evidence.items() if not e.abstain} or dict(evidence)

    def read(present: frozenset[str]) -> tuple[FloatArray, FloatArray, float, dict[str, float]]:
        chosen = {c: heard[c] for c in present}
        joined = _join_post(chosen, bundle) if joint and present >= POST else chosen
        found = pool(
            {c: e.polarity for c, e in joined.items()},
            {c: e.emotions for c, e in joined.items()},
            {c: e.score for c, e in joined.items()},
            {c: e.reliability for c, e in joined.items()},
            rule,
        )
        return found.polarity, found.emotions, found.score, found.weights

    everything = frozenset(heard)
    polarity, emotions, score, weights = read(everything)
    shares = shapley(lambda s: read(s)[2] if s else 0.0, sorted(everything))
    if "post" in weights:
        weights = _split_post(weights, shares)
    verified = (len(everything) == 1 and everything != {"scene"}) or (joint and everything == POST)
    overall = _reading(
        polarity,
        emotions,
        score,
        "verified" if verified else "pooled",
        all(e.abstain for e in evidence.values()),
    )
    cues = {
        cue: _reading(
            e.polarity,
            e.emotions,
            e.score,
            "pooled" if cue == "scene" else "verified",  # a scene's prior is a choice, not a measurement
            e.abstain,
            weights.get(cue, 0.0),
            shares.get(cue, 0.0),
        )
        for cue, e in evidence.items()
    }
    return overall, cues


def average(evidences: Sequence[Evidence], weights: Sequence[float]) -> Evidence:
    """One cue's evidence over several pieces (segments, frames, faces), by weight · reliability.

    Args:
        evidences: one or more.
        weights: seconds or the like, ≥ 0.
    """
    said = [i for i, e in enumerate(evidences) if not e.abstain] or list(range(len(evidences)))
    w = np.array([weights[i] * evidences[i].reliability for i in said], np.float64)
    if not w.sum() > 0:
        w = np.array([weights[i] for i in said], np.float64)
    w = w / w.sum() if w.sum() > 0 else np.full(len(said), 1 / len(said))
    chosen = [evidences[i] for i in said]
    hidden = [e.embedding for e in chosen]
    return Evidence(
        np.asarray(w @ np.stack([e.polarity for e in chosen])),
        np.asarray(w @ np.stack([e.emotions for e in chosen])),
        float(w @ [e.score for e in chosen]),
        float(w @ [e.reliability for e in chosen]),
        all(e.abstain for e in evidences),
        None if any(h is None for h in hidden) else np.asarray(w @ np.stack([h for h in hidden if h is not None])),
    )


def _join_post(chosen: Mapping[str, Evidence], bundle: Bundle) -> dict[str, Evidence]:
    """Words and scene replaced by one piece of evidence, `post`, learned where both were labelled together."""
    spec = bundle.spec["fusion"].get("post")
    words, scene = chosen["words"], chosen["scene"]
    if spec is None or words.embedding is None or scene.embedding is None:
        return dict(chosen)
    inputs = {
        "words": words.embedding[None].astype(np.float32),
        "scene": scene.embedding[None].astype(np.float32),
    }
    logits = bundle.run(spec["graph"], inputs)["polarity"]
    polarity = Temperature.from_dict(spec["calibration"]).apply(logits)[0]
    score = agree(float(polarity[2] - polarity[0]), polarity)
    post = Evidence(polarity, words.emotions, score, max(words.reliability, scene.reliability))
    return {**{c: e for c, e in chosen.items() if c not in POST}, "post": post}


def _split_post(weights: Mapping[str, float], shares: Mapping[str, float]) -> dict[str, float]:
    """The weight of `post`, parted between words and scene as their shares are (in size)."""
    sizes = {c: abs(shares[c]) + 1e-9 for c in POST}
    parts = {c: weights["post"] * sizes[c] / sum(sizes.values()) for c in POST}
    return {**{c: w for c, w in weights.items() if c != "post"}, **parts}


def _reading(
    polarity: FloatArray,
    emotions: FloatArray,
    score: float,
    calibration: Literal["verified", "pooled"],
    abstain: bool,
    weight: float | None = None,
    share: float | None = None,
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
    )
