"""Presets of big encoders, on tiny random models of the same architectures: run file, numbers, export."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from export_runs import typed  # noqa: E402
from test_encoders_torch import SIZES, _text  # noqa: E402
from torchless import analyses  # noqa: E402

import encoder_contract as contract  # noqa: E402
from demeanor.calibration.temperature import Temperature  # noqa: E402
from demeanor.encoders._presets import PRESETS, expanded  # noqa: E402
from demeanor.errors import UnknownNameError  # noqa: E402
from demeanor.features.described import EncoderPart  # noqa: E402
from demeanor.features.exported import open_encoder  # noqa: E402
from demeanor.training.carry import carry  # noqa: E402
from demeanor.training.runfile import checked  # noqa: E402
from demeanor.types import Sample  # noqa: E402
from encoder_samples import RATE, TEXTS, picture, vowel  # noqa: E402

pytestmark = pytest.mark.lab

CLIP = Path(__file__).parents[2] / "demo" / "clip.mp4"
LARGE = Path(__file__).parents[2] / "recipes/lab/large.toml"
PICTURES = {"image_size": 32, "patch_size": 8}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per preset: XLM-R, wav2vec 2.0 as XLS-R has it, ViT, and CLIP with both its sides."""
    root = tmp_path_factory.mktemp("presets")
    torch.manual_seed(0)
    _text(root / "words-large")
    transformers.XLMRobertaModel(
        transformers.XLMRobertaConfig(vocab_size=64, max_position_embeddings=140, pad_token_id=0, **SIZES)
    ).save_pretrained(root / "words-large")
    speech = transformers.Wav2Vec2Config(
        vocab_size=8, conv_dim=(16, 16), conv_stride=(5, 4), conv_kernel=(10, 8), num_feat_extract_layers=2,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, do_stable_layer_norm=True,
        feat_extract_norm="layer", **{**SIZES, "num_hidden_layers": 13},
    )  # fmt: skip
    transformers.Wav2Vec2Model(speech).save_pretrained(root / "voice-large")
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=RATE).save_pretrained(root / "voice-large")
    for name in ("face-large", "scene-large"):
        transformers.ViTForImageClassification(transformers.ViTConfig(**PICTURES, **SIZES)).save_pretrained(root / name)
    _text(root / "image-text-large.text")
    sides = {
        "text_config": {"vocab_size": 64, "max_position_embeddings": 77, **SIZES},
        "vision_config": PICTURES | SIZES,
    }
    pair = transformers.CLIPModel(transformers.CLIPConfig(projection_dim=16, **sides))
    pair.save_pretrained(root / "image-text-large.text")
    pair.save_pretrained(root / "image-text-large.image")
    return root


def sample(modality: str) -> Sample:
    """One of a kind; the demo's film has a face that moves."""
    return {
        "text": Sample("t", text=TEXTS[0]),
        "audio": Sample("a", audio=vowel(0.7)),
        "visual": Sample("v", video=str(CLIP), start=0.0, end=2.0),
    }[modality]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_encodes_and_is_exported(name: str, tiny: Path, tmp_path: Path) -> None:
    settings = expanded({"preset": name, "model": str(tiny / name)})
    assert {k: settings[k] for k in PRESETS[name].settings if k != "model"} == {
        k: v for k, v in PRESETS[name].settings.items() if k != "model"
    }
    encoder = contract.build(settings.pop("name"), settings)
    one = sample(encoder.modality)
    expected = encoder.encode(one)
    assert expected.shape[1] == SIZES["hidden_size"]
    assert np.isfinite(expected).all()
    assert np.ptp(expected) > 0
    part = EncoderPart(**carry("one", encoder, tmp_path))
    opened = open_encoder("one", part, lambda file: tmp_path / file)
    np.testing.assert_allclose(opened.encode(one), expected, atol=1e-4)
    assert opened.cue == encoder.cue


def test_the_two_sides_of_a_pair_are_two_networks(tiny: Path) -> None:
    text = contract.build("text_hf", {"model": str(tiny / "image-text-large.text")})
    with torch.inference_mode():
        whole = transformers.CLIPModel.from_pretrained(tiny / "image-text-large.text")
        tokenizer = transformers.AutoTokenizer.from_pretrained(tiny / "image-text-large.text")
        inputs = tokenizer(TEXTS[0], return_tensors="pt")
        asked = {k: inputs[k] for k in ("input_ids", "attention_mask")}
        expected = whole.text_model(**asked, output_hidden_states=True).hidden_states[-1][0].numpy()
    np.testing.assert_allclose(text.encode(Sample("t", text=TEXTS[0])), expected, atol=1e-5)


def test_faces_are_looked_at_alone(tiny: Path) -> None:
    """A picture without a face gives nothing; of two seconds of film come four faces, two a second."""
    face = contract.build("visual_vit", {"model": str(tiny / "face-large"), "faces": True})
    assert face.cue == "face"
    assert face.encode(Sample("x", image=picture(3, 64, 64))) is None
    assert len(face.encode(sample("visual"))) == 4
    assert face.needs().keys() == {"mtcnn"}


def test_a_run_file_takes_presets(tiny: Path) -> None:
    spec = {
        "run": {"name": "x", "model": "concat"}, "data": {"dataset": "folder"}, "tasks": {"score": {}},
        "encoders": {"text": {"preset": "words-large", "model": str(tiny / "words-large"), "pooling": "mean"}},
    }  # fmt: skip
    found = checked(spec).encoders["text"]
    assert found == {"name": "text_hf", "model": str(tiny / "words-large"), "longest": 128, "pooling": "mean"}
    spec["encoders"]["text"]["preset"] = "words-lage"
    with pytest.raises(UnknownNameError, match="words-large"):
        checked(spec)


def test_large_by_the_commands(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """recipes/lab/large.toml as it stands, on seconds of the demo's film: trained, exported with its four networks,
    and read where there is no torch."""
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "demo.mp4").write_bytes(CLIP.read_bytes())
    with (clips / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "label", "speaker", "text", "start", "end"])
        rows.writerows(["demo.mp4", ("joy", "anger")[n % 2], f"s{n // 2}", TEXTS[n % 6], n, n + 1] for n in range(12))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEMEANOR_FEATURES", str(tmp_path / "features"))
    presets = {"text": "words-large", "audio": "voice-large", "face": "face-large", "visual": "scene-large"}
    changes = {f"encoders.{m}.model": tiny / name for m, name in presets.items()} | {
        "tasks.emotions.classes": '["anger", "joy"]', "training.epochs": 2, "training.device": "cpu",
        "training.threads": 1, "training.track": "[]",
    }  # fmt: skip
    given = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    typed("train", str(LARGE), "--data", str(clips), "--out", "run", *given)
    typed("evaluate", "run", "--data", str(clips))
    typed("export", "run", "bundle", "--data", str(clips))
    assert {f"encoder-{m}.onnx" for m in presets} <= {p.name for p in (tmp_path / "bundle").iterdir()}
    with np.load(tmp_path / "run/valid-predictions.npz", allow_pickle=False) as lab:
        starts, predicted = [int(name.split("#")[1]) for name in lab["id"]], lab["emotions"]
    samples = [{"text": TEXTS[n % 6], "audio": str(CLIP), "video": str(CLIP), "start": n, "end": n + 1} for n in starts]
    scaling = json.loads((tmp_path / "bundle/bundle.json").read_text())["tasks"]["emotions"]["calibration"]
    for row, read in enumerate(analyses([tmp_path / "bundle"], samples)[str(tmp_path / "bundle")]):
        assert set(read["cues"]) == {"words", "voice", "face", "scene"}
        t = Temperature.from_dict(scaling.get("text+audio+face+visual", {"t": 1.0, "bias": None}))
        chances = t.apply(predicted[row])
        assert [read["overall"]["emotions"][e] for e in ("anger", "joy")] == pytest.approx(chances, abs=1e-4)
