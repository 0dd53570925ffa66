"""Made-up sentiment in named series: what a model should find is known, and how much of it there is.

Each sample has a hidden intensity s. A modality shows s plus noise along one direction of its space, the same at every
step, and independent jitter in the other directions, which says nothing. With Gaussian s the information about s is
therefore known: ½ ln(1 + snr) nats whatever the length (`information`), and between two modalities
-½ ln(1 - ρ²) with ρ² = 1 / ((1 + 1/snr_a)(1 + 1/snr_b)) (`shared_information`). With `flicker` each step shows it with
noise of its own, so that a longer sequence tells more. How well the best possible reader does is `least_error`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.datasets._dataset import Card, choose
from demeanor.errors import ConfigError
from demeanor.types import POLARITIES, Sample

CARD = Card(
    name="synthetic",
    title="Synthetic sentiment with known signal, noise, conflict, redundancy and synergy",
    labels={
        "score": "the hidden intensity, [-3, 3] divided by 3",
        "polarity": "neutral within half a step of 0, else the sign",
        "score_text": "what the words show: the score, its opposite where they conflict, 0 with constant text",
        "score_audio": "likewise of the sound",
        "score_visual": "likewise of the picture (and score_NAME of any further modality)",
        "redundant": "with redundancy: a number in [-1, 1] that every modality shows in full",
        "synergy": "with synergy: -1 or 1, the product of a sign in the first modality and one in the second",
    },
    splits={"standard": "60/20/20 by group"},
    groups="eight samples each, as of one speaker",
    licence="none needed",
    source="Nothing to download; root is not read.",
    on_disk=False,
)

SNR = {"text": 4.0, "audio": 1.0, "visual": 0.5}
DIMS = {"text": 16, "audio": 8, "visual": 12}

WORDS = ("horrible", "bad", "dull", "plain", "nice", "good", "wonderful")
"""Word of each intensity -3 … 3."""

_FILLERS = ("the", "film", "was", "and", "we", "saw", "it", "then", "at", "home")
_GROUP = 8


def read(
    root: Path = Path(), *, samples: int = 640, seed: int = 0, latent: str = "uniform",
    snr: Mapping[str, float] = SNR, dims: Mapping[str, int] = DIMS, lengths: Sequence[int] = (4, 12),
    conflict: float = 0.0, constant_text: bool = False, missing: float = 0.0, redundancy: bool = False,
    synergy: bool = False, flicker: float = 0.0,
) -> list[Sample]:  # fmt: skip
    """Samples drawn anew from a seed: the same seed and options, the same numbers.

    Args:
        root: not read.
        samples: how many.
        seed: of the draw.
        latent: uniform, s ~ U(-3, 3), or gaussian, s ~ N(0, 1) with the score clipped.
        snr: per modality the variance of s over that of its noise; a modality is what stands here.
        dims: width of each modality's steps, at least 4.
        lengths: least and greatest number of steps.
        conflict: share of samples of which one modality shows -s.
        constant_text: text says the same whatever s is.
        missing: chance that a sample lacks a modality; one always stays.
        redundancy: plant a second number that every modality shows.
        synergy: plant two signs, one in each of the first two modalities, whose product is a label.
        flicker: spread of the noise that each step adds to what is planted.

    Raises:
        ConfigError: an option is out of range.
    """
    choose(CARD, "latent", latent, ("uniform", "gaussian"))
    _check(samples, snr, dims, lengths, conflict, missing, flicker)
    if synergy and (len(snr) < 2 or constant_text):
        raise ConfigError(
            "synthetic: option synergy: expected two modalities or more, and no constant text; mend the run"
        )
    rng = np.random.default_rng(seed)
    silent = "text" if constant_text else ""
    s = rng.uniform(-3, 3, samples) if latent == "uniform" else rng.standard_normal(samples)
    shown = _shown(rng, s, list(snr), conflict, silent)
    variance = 3.0 if latent == "uniform" else 1.0
    noise = rng.standard_normal(shown.shape) * np.sqrt(variance / np.array(list(snr.values())))
    planted = np.zeros((samples, len(snr), 3))
    planted[:, :, 0] = shown + noise
    labels = [_labels(score, dict(zip(snr, row, strict=True))) for score, row in zip(s, shown, strict=True)]
    if redundancy:
        planted[:, :, 1] = rng.uniform(-1, 1, (samples, 1))
        labels = [{**one, "redundant": float(r)} for one, r in zip(labels, planted[:, -1, 1], strict=True)]
    if synergy:
        planted[:, :2, 2] = rng.choice((-1.0, 1.0), (samples, 2))
        labels = [{**one, "synergy": float(u * v)} for one, (u, v) in zip(labels, planted[:, :2, 2], strict=True)]
    if silent in snr:
        planted[:, list(snr).index(silent)] = 0
    present = _present(rng, samples, len(snr), missing)
    axes = {name: np.linalg.qr(rng.standard_normal((dims[name], dims[name])))[0][:3] for name in snr}
    out = []
    for row in range(samples):
        # Constant text is drawn afresh from the seed each time: the same words, the same steps.
        draws = {name: np.random.default_rng(seed) if name == silent else rng for name in snr}
        made = {
            name: _modality(draws[name], lengths, axes[name], planted[row, m], flicker) for m, name in enumerate(snr)
        }
        there = {name: made[name] for m, name in enumerate(snr) if present[row, m]}
        group, part = row // _GROUP, _split(row // _GROUP, math.ceil(samples / _GROUP))
        who: dict[str, Any] = {"speaker": str(group), "group": f"synthetic:{group}", "language": "en"}
        text = there["text"][1] if "text" in there else None
        series = {name: values for name, (values, _) in there.items()}
        out.append(Sample(f"synthetic-{row}", text, labels=labels[row], split=part, series=series, **who))
    return out


def information(snr: float) -> float:
    """Nats that a modality tells of a Gaussian s, conflicts and missing ones aside."""
    return 0.5 * math.log1p(snr)


def shared_information(one: float, other: float) -> float:
    """Nats that two modalities with these signal-to-noise ratios tell of each other, for a Gaussian s."""
    squared = 1 / ((1 + 1 / one) * (1 + 1 / other))
    return -0.5 * math.log1p(-squared)


def least_error(
    snr: Mapping[str, float] = SNR, *, latent: str = "uniform", conflict: float = 0.0, missing: float = 0.0,
    flicker: float = 0.0, lengths: Sequence[int] = (4, 12), only: Sequence[str] | None = None,
    frame_loss: float = 0.0, draws: int = 8000, seed: int = 0,
) -> float:  # fmt: skip
    """The mean absolute error of the score that no reader beats: the posterior's median, over fresh draws.

    The reader knows how the samples are made and sees the planted numbers themselves; of a finite training set no model
    can learn as much. Arguments as of `read`, without constant text; `only` are the modalities it gets to see, and
    `frame_loss` is the share of steps it does not.
    """
    rng, names = np.random.default_rng(seed), list(snr)
    variance = 3.0 if latent == "uniform" else 1.0
    s = rng.uniform(-3, 3, draws) if latent == "uniform" else rng.standard_normal(draws)
    steps = rng.integers(lengths[0], lengths[-1] + 1, (draws, len(names)))
    left = rng.binomial(steps, 1 - frame_loss)
    spread = variance / np.array(list(snr.values())) + flicker**2 / np.maximum(left, 1)
    seen = _shown(rng, s, names, conflict, "") + rng.standard_normal(spread.shape) * np.sqrt(spread)
    told = np.array([only is None or name in only for name in names])
    precision = np.where(_present(rng, draws, len(names), missing) & (left > 0) & told, 1 / spread, 0.0)
    grid = np.linspace(-3, 3, 241) if latent == "uniform" else np.linspace(-5, 5, 401)
    prior = np.ones_like(grid) if latent == "uniform" else np.exp(-(grid**2) / 2)
    # Log-likelihoods (draws, grid) of every modality agreeing, and of one of them showing -s.
    agree, against = (-0.5 * precision[:, :, None] * (seen[:, :, None] - sign * grid) ** 2 for sign in (1, -1))
    together = agree.sum(1)
    cases = [(1 - conflict, together)]
    cases += [(conflict / len(names), together - agree[:, m] + against[:, m]) for m in range(len(names))]
    most = np.max([log.max(1) for share, log in cases if share], 0)[:, None]
    chance = sum(share * np.exp(log - most) for share, log in cases if share)
    mass = (chance * prior).cumsum(1)
    median = grid[(mass < mass[:, -1:] / 2).sum(1)]
    return float(np.abs(np.clip(median / 3, -1, 1) - np.clip(s / 3, -1, 1)).mean())


def _check(
    samples: int, snr: Mapping[str, float], dims: Mapping[str, int], lengths: Sequence[int], conflict: float,
    missing: float, flicker: float,
) -> None:  # fmt: skip
    ordered = len(lengths) == 2 and 1 <= lengths[0] <= lengths[1]
    wrong = {
        "samples: expected at least 1": samples < 1,
        "snr: expected a modality or more, each above 0": not snr or min(snr.values()) <= 0,
        "dims: expected at least 4 for every modality of snr": any(dims.get(n, 0) < 4 for n in snr),
        "lengths: expected the least, 1 or more, and the greatest": not ordered,
        "conflict: expected a share in [0, 1]": not 0 <= conflict <= 1,
        "missing: expected a chance in [0, 1)": not 0 <= missing < 1,
        "flicker: expected 0 or more": flicker < 0,
    }
    for message in (m for m, is_wrong in wrong.items() if is_wrong):
        raise ConfigError(f"synthetic: option {message}; mend the run file")


def _present(rng: np.random.Generator, samples: int, modalities: int, missing: float) -> NDArray[np.bool_]:
    present = rng.random((samples, modalities)) >= missing
    kept = rng.integers(modalities, size=samples)
    present[np.arange(samples)[~present.any(1)], kept[~present.any(1)]] = True
    return present


def _shown(
    rng: np.random.Generator, s: NDArray[np.float64], names: Sequence[str], conflict: float, silent: str
) -> NDArray[np.float64]:
    """(samples, modalities): what each shows of s before noise."""
    shown = np.repeat(s[:, None], len(names), 1)
    against = np.flatnonzero(rng.random(len(s)) < conflict)
    shown[against, rng.integers(len(names), size=len(against))] *= -1
    if silent in names:
        shown[:, names.index(silent)] = 0
    return shown


def _modality(
    rng: np.random.Generator,
    lengths: Sequence[int],
    axes: NDArray[np.float64],
    planted: NDArray[np.float64],
    flicker: float,
) -> tuple[NDArray[np.float32], str]:
    """Steps (steps, dim): the planted numbers along their axes, but for flicker the same at each; jitter across them.

    Also as many words, one of them for the intensity seen.
    """
    steps = int(rng.integers(lengths[0], lengths[1] + 1))
    jitter = rng.standard_normal((steps, axes.shape[1]))
    jitter -= jitter @ axes.T @ axes
    words = [_FILLERS[i] for i in rng.integers(len(_FILLERS), size=steps)]
    words[int(rng.integers(steps))] = WORDS[round(min(3.0, max(-3.0, planted[0]))) + 3]
    told = planted if not flicker else planted + flicker * rng.standard_normal((steps, 3))
    return (jitter + told @ axes).astype(np.float32), " ".join(words)


def _labels(s: float, shown: Mapping[str, Any]) -> dict[str, float | str]:
    score = min(1.0, max(-1.0, s / 3))
    polarity = POLARITIES[1 + int(np.sign(round(3 * score)))]
    own = {f"score_{name}": float(min(1.0, max(-1.0, value / 3))) for name, value in shown.items()}
    return {"score": float(score), "polarity": polarity, **own}


def _split(group: int, groups: int) -> str:
    share = (group + 0.5) / groups
    return "train" if share < 0.6 else "valid" if share < 0.8 else "test"
