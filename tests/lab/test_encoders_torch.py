"""Encoders that need torch, on tiny models of random weights: the contract, and what they must agree with."""

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import encoder_contract as contract  # noqa: E402
from demeanor.encoders import audio_hf, text_hf, visual_efficientnet, visual_resnet18, visual_vit  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.types import Sample  # noqa: E402
from encoder_samples import NEED_TORCH, RATE, TEXTS, picture, vowel  # noqa: E402

pytestmark = pytest.mark.lab

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders text, speech, whisper, vit as `save_pretrained` leaves them, and resnet18 weights of both kinds."""
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    _text(root / "text")
    _speech(root / "speech")
    _whisper(root / "whisper")
    _vit(root / "vit")
    _resnet(root)
    return root


def _text(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = sorted({w for t in TEXTS for w in t.lower().replace("!", " !").replace(",", " ,").split()})
    vocabulary = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(folder)
    config = transformers.BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **SIZES)
    transformers.BertModel(config).save_pretrained(folder)


def _speech(folder: Path) -> None:
    config = transformers.Wav2Vec2Config(
        vocab_size=8, conv_dim=(16, 16), conv_stride=(5, 4), conv_kernel=(10, 8), num_feat_extract_layers=2,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, **SIZES,
    )  # fmt: skip
    transformers.Wav2Vec2Model(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=RATE).save_pretrained(folder)


def _whisper(folder: Path) -> None:
    config = transformers.WhisperConfig(
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=24, decoder_ffn_dim=24, vocab_size=64, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    transformers.WhisperModel(config).save_pretrained(folder)
    transformers.WhisperFeatureExtractor().save_pretrained(folder)


def _vit(folder: Path) -> None:
    transformers.ViTModel(transformers.ViTConfig(image_size=32, patch_size=8, **SIZES)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]}')


def _resnet(root: Path) -> None:
    from safetensors.torch import save_file

    from demeanor.layers.resnet18 import ResNet18

    network = ResNet18(width=8, classes=10)
    torch.save(network.state_dict(), root / "resnet18.pth")
    save_file(network.state_dict(), root / "resnet18.safetensors")
    from demeanor.layers.efficientnet_lite import EfficientNetLite0

    state = EfficientNetLite0().state_dict()
    torch.save({**state, "_fc.weight": torch.zeros(2, 1280)}, root / "lite0.pth")


def settings(name: str, models: Path) -> dict[str, Any]:
    return {
        "text_hf": {"model": str(models / "text")},
        "audio_hf": {"model": str(models / "speech")},
        "visual_vit": {"model": str(models / "vit"), "fps": 1.0},
        "visual_resnet18": {"weights": str(models / "resnet18.pth"), "size": 64, "fps": 1.0},
        "visual_efficientnet": {"weights": str(models / "lite0.pth"), "size": 32, "fps": 1.0},
    }[name]


@pytest.mark.parametrize("name", NEED_TORCH)
def test_contract(name: str, models: Path, tmp_path: Path) -> None:
    given = settings(name, models)
    contract.same_numbers_twice(name, given)
    contract.missing_part_is_none(name, given)
    contract.poor_input_is_finite(name, given)
    contract.learning_round_trip(name, given, tmp_path)
    contract.film_is_read(name, given)
    contract.only_what_it_reads_counts(name, given)
    with pytest.raises(ConfigError, match="unknown setting 'nosuch'"):
        contract.build(name, {**given, "nosuch": 1})


def text_of(models: Path, text: str, **changes: Any) -> np.ndarray:
    return text_hf.ENCODER(text_hf.Config(model=models / "text", **changes)).encode(Sample("x", text=text))


def test_text_as_the_library_itself(models: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(models / "text")
    model = transformers.AutoModel.from_pretrained(models / "text").eval()
    with torch.inference_mode():
        found = model(**tokenizer("I love the plot", return_tensors="pt"), output_hidden_states=True)
    np.testing.assert_allclose(text_of(models, "I love the plot"), found.last_hidden_state[0], atol=1e-6)
    for layer in range(-3, 3):
        whole = text_of(models, "I love the plot", layer=layer)
        np.testing.assert_allclose(whole, found.hidden_states[layer][0], atol=1e-6)
    whole = text_of(models, "I love the plot")
    assert whole.shape == (6, 32)
    np.testing.assert_allclose(text_of(models, "I love the plot", pooling="mean")[0], whole.mean(0), atol=1e-6)
    np.testing.assert_array_equal(text_of(models, "I love the plot", pooling="cls")[0], whole[0])
    np.testing.assert_array_equal(text_of(models, "the plot", prefix="I love "), whole)
    assert text_of(models, "I love the plot", longest=4).shape == (4, 32)


def test_wrong_models_and_layers(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="layer: expected -3 to 2 for this model, got 7"):
        text_of(models, "a", layer=7)
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match="give a local folder, or set download = true"):
            text_hf.ENCODER(text_hf.Config(model=str(missing))).encode(Sample("x", text="a"))


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        (text_hf, ["AutoTokenizer", "AutoConfig", "AutoModel"]),
        (audio_hf, ["AutoFeatureExtractor", "AutoConfig", "AutoModel"]),
        (visual_vit, ["AutoConfig", "AutoModel"]),
    ],
)
def test_the_hub_is_asked_for_what_was_named(module: Any, kinds: list[str], download: bool, monkeypatch) -> None:
    """By the name and the pinned revision; without `download = true` the library may look on this machine alone."""
    asked: dict[str, tuple[str, str, bool]] = {}

    def spy(kind: str) -> Any:
        def from_pretrained(name: str, *, revision: str, local_files_only: bool, **_: Any) -> Any:
            asked[kind] = (name, revision, local_files_only)
            if kind == kinds[-1]:
                raise OSError("not reached from here")
            return types.SimpleNamespace(sampling_rate=RATE)

        return staticmethod(from_pretrained)

    for kind in kinds:
        monkeypatch.setattr(getattr(transformers, kind), "from_pretrained", spy(kind))
    encoder = module.ENCODER(module.Config(model="somebody/model", revision="f00d", download=download))
    why = "neither a folder nor a model of the hub" if download else "set download = true"
    with pytest.raises(ConfigError, match=why):
        encoder.encode(Sample("x", text="a", audio=vowel(0.2), image=picture()))
    assert asked == dict.fromkeys(kinds, ("somebody/model", "f00d", not download))


def test_the_key_hangs_on_the_models_content(models: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(models / "text", tmp_path / "copy")
    store, sample = Store(tmp_path / "store"), Sample("x", text="a")

    def key(folder: Path) -> str | None:
        return store.key(text_hf.ENCODER(text_hf.Config(model=str(folder))), sample)

    assert key(models / "text") == key(tmp_path / "copy")
    (tmp_path / "copy" / "config.json").write_text((tmp_path / "copy" / "config.json").read_text() + " ")
    assert key(models / "text") != key(tmp_path / "copy")


def test_the_key_hangs_neither_on_the_device_nor_on_whether_a_hub_may_be_asked(tmp_path: Path) -> None:
    store, sample = Store(tmp_path), Sample("x", text="a")

    def key(**settings: Any) -> str | None:
        return store.key(text_hf.ENCODER(text_hf.Config(model="somebody/model", **settings)), sample)

    assert key() == key(device="cuda:1") == key(download=True)
    assert key() != key(revision="f00d")


def test_a_model_below_the_home_folder(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(models))
    assert text_hf.Config(model="~/text").model == models / "text"
    assert text_hf.Config(model="~nobody-here/text").model == "~nobody-here/text"


def test_speech_as_the_library_itself(models: Path) -> None:
    x = vowel(1.0)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(models / "speech")
    model = transformers.AutoModel.from_pretrained(models / "speech").eval()
    with torch.inference_mode():
        expected = model(**extractor(x, sampling_rate=RATE, return_tensors="pt")).last_hidden_state[0]
    config = audio_hf.Config(model=models / "speech")
    np.testing.assert_allclose(audio_hf.ENCODER(config).encode(Sample("x", audio=x)), expected, atol=1e-5)
    pieces = audio_hf.ENCODER(config.model_copy(update={"longest": 1.0})).encode(Sample("x", audio=np.tile(x, 2)))
    np.testing.assert_allclose(pieces, np.tile(expected, (2, 1)), atol=1e-5)


def test_whisper_states_are_of_the_sound_alone(models: Path) -> None:
    encoder = audio_hf.ENCODER(audio_hf.Config(model=models / "whisper"))
    found = encoder.encode(Sample("x", audio=vowel(2.0)))
    assert found.shape == (100, 16)
    assert np.isfinite(found).all()


def test_vit_as_the_library_itself(models: Path) -> None:
    import cv2

    still = picture(1)
    model = transformers.AutoModel.from_pretrained(models / "vit").eval()
    small = cv2.resize(still, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    pixels = ((small - [0.4, 0.5, 0.6]) / [0.2, 0.25, 0.3]).astype(np.float32).transpose(2, 0, 1)
    with torch.inference_mode():
        states = model(pixel_values=torch.from_numpy(pixels[None]), output_hidden_states=True).hidden_states[-1][0]
    for pooling, expected in (("none", states), ("cls", states[:1]), ("mean", states.mean(0, keepdim=True))):
        config = visual_vit.Config(model=models / "vit", pooling=pooling)
        found = visual_vit.ENCODER(config).encode(Sample("x", image=still))
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_resnet_features_are_its_own_and_never_logits(models: Path) -> None:
    from demeanor.layers.resnet18 import ResNet18

    network = ResNet18(width=8, classes=10)
    network.load_state_dict(torch.load(models / "resnet18.pth", weights_only=True))
    network.fc = torch.nn.Identity()
    network.eval()
    still = picture(2)
    with torch.inference_mode():
        expected = network(torch.from_numpy(visual_resnet18.normalised(still, 64)[None]))
    for file in ("resnet18.pth", "resnet18.safetensors"):
        config = visual_resnet18.Config(weights=models / file, size=64)
        found = visual_resnet18.ENCODER(config).encode(Sample("x", image=still))
        np.testing.assert_allclose(found, expected, atol=1e-5)
    regions = visual_resnet18.ENCODER(config.model_copy(update={"regions": True})).encode(Sample("x", image=still))
    assert regions.shape == (4, 64)
    np.testing.assert_allclose(regions.mean(0), expected[0], atol=1e-5)


def test_efficientnet_features_are_those_of_the_last_map(models: Path) -> None:
    from demeanor.encoders.visual_picture import picture_tensor
    from demeanor.layers.efficientnet_lite import EfficientNetLite0

    network = EfficientNetLite0()
    state = torch.load(models / "lite0.pth", weights_only=True)
    network.load_state_dict({k: v for k, v in state.items() if not k.startswith("_fc")})
    still = picture(2)
    with torch.inference_mode():
        expected = network.eval().maps(torch.from_numpy(picture_tensor([still], 64)))[-1].mean((2, 3))
    config = visual_efficientnet.Config(weights=models / "lite0.pth", size=64)
    found = visual_efficientnet.ENCODER(config).encode(Sample("x", image=still))
    assert found.shape == (1, 1280)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    regions = visual_efficientnet.ENCODER(config.model_copy(update={"grid": 2})).encode(Sample("x", image=still))
    assert regions.shape == (4, 1280)
    np.testing.assert_allclose(regions.mean(0), expected[0], atol=1e-5)
    wrong = visual_efficientnet.ENCODER(visual_efficientnet.Config(weights=models / "resnet18.pth"))
    with pytest.raises(ConfigError, match="EfficientNet-Lite0"):
        wrong.encode(Sample("x", image=still))


def test_weights_that_are_none(models: Path, tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
    for path, says in ((tmp_path / "none.pth", "nothing there"), (tmp_path / "other.pth", "expected the parameters")):
        with pytest.raises(ConfigError, match=says):
            visual_resnet18.ENCODER(visual_resnet18.Config(weights=path)).encode(Sample("x", image=picture()))
