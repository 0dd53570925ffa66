"""What every encoder keeps, as functions of its module and settings; used for the torch-free ones and for the lab's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from demeanor.encoders._encoder import Encoder
from demeanor.errors import ConfigError
from demeanor.features.read import encoders_of
from demeanor.types import Sample
from encoder_samples import CLIP, RATE, face_sample, samples

FACES = ("visual_face", "visual_faces", "visual_geometry")


def build(name: str, settings: dict[str, Any]) -> Encoder:
    return encoders_of({"m": {"name": name, **settings}})["m"]


def fitted(name: str, settings: dict[str, Any]) -> Encoder:
    encoder = build(name, settings)
    return encoder.fit(samples()) if encoder.learns else encoder


def inputs(name: str) -> list[Sample]:
    return [face_sample()] if name in FACES else samples()[:2]


KINDS = {1: "ids", 2: "frames", 3: "picture"}


def check_shape(value: Any, gives: str) -> None:
    assert isinstance(value, np.ndarray)
    assert gives == KINDS[value.ndim]
    if value.ndim == 1:
        assert value.dtype == np.int64
        assert len(value) >= 1
        assert value.min() >= 0
        return
    assert value.dtype == np.float32
    assert value.ndim in (2, 3)
    assert min(value.shape) >= 1
    assert np.isfinite(value).all()


def same_numbers_twice(name: str, settings: dict[str, Any]) -> None:
    """Two encoders, other samples in between: the same bits."""
    one, two = fitted(name, settings), fitted(name, settings)
    given = inputs(name)
    first = [one.encode(s) for s in given]
    again = [two.encode(s) for s in reversed(given)][::-1]
    for a, b in zip(first, again, strict=True):
        check_shape(a, one.gives)
        np.testing.assert_array_equal(a, b)
    if len(first) > 1:
        assert first[0].shape != first[1].shape or np.abs(first[0] - first[1]).max() > 0


def missing_part_is_none(name: str, settings: dict[str, Any]) -> None:
    encoder = fitted(name, settings)
    assert encoder.encode(Sample("nothing")) is None
    assert encoder.reads(Sample("nothing")) is None
    assert encoder.modality in ("text", "audio", "visual", "series")
    lacking = {
        "text": {"text": None}, "audio": {"audio": None}, "visual": {"image": None}, "series": {"series": {}}
    }  # fmt: skip
    assert encoder.encode(replace(samples()[0], **lacking[encoder.modality])) is None


def poor_input_is_finite(name: str, settings: dict[str, Any]) -> None:
    """Silence, hardly any sound, an empty text, a black picture, a picture of a few pixels."""
    poor = {
        "text": [Sample("e", text=""), Sample("s", text=" \n"), Sample("u", text="qqq zzzz")],
        "audio": [Sample("s", audio=np.zeros(RATE, np.float32)), Sample("t", audio=np.full(40, 0.1, np.float32))],
        "visual": [
            Sample("b", image=np.zeros((90, 120, 3), np.uint8)),
            Sample("w", image=np.full((7, 5, 3), 255, np.uint8)),
        ],
        "series": [Sample("z", series={"sensor": np.zeros(3, np.float32)})],
    }
    encoder = fitted(name, settings)
    for sample in poor[encoder.modality]:
        value = encoder.encode(sample)
        if value is None:
            assert name in FACES
        else:
            check_shape(value, encoder.gives)


def unknown_settings_fail(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="unknown setting 'nosuch'"):
        build(name, settings | {"nosuch": 1})
    for field in build(name, settings).config.model_fields_set:
        with pytest.raises(ConfigError, match=f"did you mean .*{field}"):
            build(name, {k: v for k, v in settings.items() if k != field} | {f"{field}x": settings.get(field, 1)})


def learning_round_trip(name: str, settings: dict[str, Any], folder: Any) -> None:
    """What was learned survives a file, and is all there is to it."""
    encoder = fitted(name, settings)
    state = dict(encoder.state())
    assert bool(state) == encoder.learns
    np.savez(folder / "state.npz", allow_pickle=False, **state)
    with np.load(folder / "state.npz", allow_pickle=False) as found:
        restored = build(name, settings).restore({n: found[n] for n in found.files})
    for sample in inputs(name):
        np.testing.assert_array_equal(encoder.encode(sample), restored.encode(sample))
    if not encoder.learns:
        with pytest.raises(TypeError, match="learns nothing"):
            build(name, settings).restore({"x": np.zeros(1)})


def film_is_read(name: str, settings: dict[str, Any]) -> None:
    """A film's sound track for audio, its pictures for visual; only the clip's own time."""
    encoder = fitted(name, settings)
    if encoder.modality in ("text", "series"):
        return
    value = encoder.encode(Sample("film", video=CLIP, start=1.0, end=2.5))
    whole = encoder.encode(Sample("film", video=CLIP))
    check_shape(value, encoder.gives)
    check_shape(whole, encoder.gives)
    if value.shape == whole.shape:
        assert np.abs(value - whole).max() > 0
    else:
        assert len(value) < len(whole)


def only_what_it_reads_counts(name: str, settings: dict[str, Any]) -> None:
    """Stored values hang on `reads`: what that does not name must not change a number."""
    encoder = fitted(name, settings)
    one, two = samples()[:2]
    base = face_sample() if encoder.modality == "visual" else one
    part = {"text": ("text",), "audio": ("audio",), "visual": ("video",), "series": ("series",)}[encoder.modality]
    rest = {k: getattr(two, k) for k in ("text", "audio", "image", "series") if k not in part}
    a, b = (replace(base, **parts) for parts in (dict.fromkeys(rest) | {"series": base.series}, rest))
    np.testing.assert_array_equal(encoder.encode(a), encoder.encode(b))
