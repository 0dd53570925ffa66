"""Encoders that need torch, exported: the same numbers from a graph, and the contract of encoders."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from test_encoders_torch import models, settings  # noqa: E402, F401

import encoder_contract as contract  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.features.described import EncoderPart  # noqa: E402
from demeanor.features.exported import open_encoder  # noqa: E402
from demeanor.training.carry import carry  # noqa: E402
from demeanor.types import Sample  # noqa: E402
from encoder_samples import RATE, TEXTS, picture, vowel  # noqa: E402

pytestmark = pytest.mark.lab

CASES = [
    ("text_hf", {}),
    ("text_hf", {"pooling": "cls", "longest": 6, "prefix": "query: ", "layer": 1}),
    ("audio_hf", {}),
    ("audio_hf", {"pooling": "mean", "longest": 1.0}),
    ("visual_vit", {}),
    ("visual_vit", {"pooling": "none", "layer": 0}),
    ("visual_resnet18", {}),
    ("visual_resnet18", {"regions": True}),
    ("visual_efficientnet", {}),
    ("visual_efficientnet", {"grid": 4}),
]


def samples(modality: str) -> list[Sample]:
    if modality == "text":
        return [Sample(str(n), text=text) for n, text in enumerate((*TEXTS, "", "never seen words " * 20))]
    if modality == "audio":
        return [
            Sample(str(n), audio=vowel(seconds)[: round(seconds * RATE)]) for n, seconds in enumerate((0.05, 0.7, 2.3))
        ]
    return [Sample(str(n), image=picture(n, *size)) for n, size in enumerate(((40, 60), (200, 90)))]


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_a_graph_gives_the_numbers_of_torch(name: str, changes: dict, models: Path, tmp_path: Path) -> None:  # noqa: F811
    encoder = contract.build(name, {**settings(name, models), **changes})
    part = EncoderPart(**carry("one", encoder, tmp_path))
    assert part.made_from == name
    opened = open_encoder("one", part, lambda file: tmp_path / file)
    for sample in samples(encoder.modality):
        expected, found = encoder.encode(sample), opened.encode(sample)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["text_hf", "audio_hf", "visual_resnet18"])
def test_contract_of_what_runs_the_graphs(name: str, models: Path, tmp_path: Path) -> None:  # noqa: F811
    part = EncoderPart(**carry("one", contract.build(name, settings(name, models)), tmp_path))
    given = {
        k: str(tmp_path / v) if isinstance(v, str) and v.startswith("encoder-") else v for k, v in part.settings.items()
    }
    contract.same_numbers_twice(part.name, given)
    contract.missing_part_is_none(part.name, given)
    contract.poor_input_is_finite(part.name, given)
    contract.film_is_read(part.name, given)
    contract.only_what_it_reads_counts(part.name, given)


def test_small_variants_are_close(models: Path, tmp_path: Path) -> None:  # noqa: F811
    encoder = contract.build("visual_resnet18", settings("visual_resnet18", models))
    sizes = {}
    for variant, far in (("float32", 1e-4), ("fp16", 2e-2), ("int8", 0.15)):
        folder = tmp_path / variant
        folder.mkdir()
        part = EncoderPart(**carry("v", encoder, folder, variant))
        opened = open_encoder("v", part, lambda file, folder=folder: folder / file)
        sample = samples("visual")[0]
        expected = encoder.encode(sample)
        assert np.abs(opened.encode(sample) - expected).max() < far * np.abs(expected).max()
        sizes[variant] = (folder / "encoder-v.onnx").stat().st_size
    assert sizes["int8"] < 0.45 * sizes["float32"]
    assert sizes["fp16"] < 0.7 * sizes["float32"]


def test_a_speech_model_over_spectra_is_refused(models: Path, tmp_path: Path) -> None:  # noqa: F811
    encoder = contract.build("audio_hf", {"model": str(models / "whisper")})
    with pytest.raises(ConfigError, match="audio_states gives the states of Whisper without torch"):
        carry("audio", encoder, tmp_path)
