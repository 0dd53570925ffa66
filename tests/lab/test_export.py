"""Torch and ONNX agree to the stored precision, for any batch and length."""

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch")

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion import audio_cnn, concat, image_cnn, text_transformer  # noqa: E402
from demeanor.layers.q4 import dequantise  # noqa: E402
from demeanor.training.assemble import JointGraph  # noqa: E402
from demeanor.training.carry import refuse_features  # noqa: E402
from demeanor.training.export import DenseGraph, TextGraph, export, store_int8, traced, write_onnx  # noqa: E402
from demeanor.training.runfile import Features  # noqa: E402

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def run(path, inputs):
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def test_text_graph_unpacks_words_as_the_lab_does(tmp_path) -> None:
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (50, 2, 16), dtype=np.uint8)
    scales = rng.uniform(0.01, 0.05, (50, 2)).astype(np.float16)
    torch.manual_seed(0)
    config = text_transformer.Config(vocabulary=50, dim=64, heads=4, inner=128, layers=2, positions=40)
    model = text_transformer.TextTransformer(config).eval()
    with torch.no_grad():
        model.words.weight.copy_(torch.from_numpy(dequantise(packed, scales)))
    graph = TextGraph(model, torch.from_numpy(packed), torch.from_numpy(scales))
    example = (torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.bool))
    axes = {"ids": {0: "batch", 1: "time"}, "valid": {0: "batch", 1: "time"}}
    export(graph, example, ("ids", "valid"), axes, tmp_path / "w.onnx")
    for count, time in ((1, 1), (3, 12), (5, 40)):
        ids = torch.randint(0, 50, (count, time))
        valid = torch.arange(time)[None] < torch.randint(1, time + 1, (count, 1))
        found = run(tmp_path / "w.onnx", {"ids": ids.numpy(), "valid": valid.numpy()})
        with torch.no_grad():
            expected = graph(ids, valid)
        for name, numbers in zip(("polarity", "emotions", "score", "hidden"), expected, strict=True):
            np.testing.assert_allclose(found[name], numbers.numpy(), atol=0.03)


def test_stored_weights_are_a_quarter_of_the_size_and_close(tmp_path) -> None:
    torch.manual_seed(0)
    model = image_cnn.ImageCnn(image_cnn.Config(width=32, depths=(1, 1))).eval()
    export(
        DenseGraph(model, "visual"),
        (torch.zeros(2, 1, 48, 48),),
        ("values",),
        {"values": {0: "batch"}},
        tmp_path / "f.onnx",
    )
    size = sum(p.numel() for p in model.parameters())
    assert (tmp_path / "f.onnx").stat().st_size < 1.4 * size
    x = torch.randn(5, 1, 48, 48)
    found = run(tmp_path / "f.onnx", {"values": x.numpy()})
    with torch.no_grad():
        expected = model.heads(model.features(x).mean((2, 3)))
    np.testing.assert_allclose(found["emotions"], expected["emotions"].numpy(), atol=0.03)


def test_small_changes_of_weights_that_lie_on_the_steps_are_kept(tmp_path) -> None:
    """What training on from 8-bit weights changes, a fifth of a step each, is there in the sum over many."""
    steps = np.random.default_rng(0).integers(-120, 121, (64, 512)).astype(np.float32)
    steps[:, 0] = 127
    changed = np.where(np.abs(steps) == 127, steps, steps + 0.2) / 127
    linear = torch.nn.Linear(512, 64, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(changed))
    x = torch.ones(1, 1, 512)
    for name in ("one", "two"):
        write_onnx(store_int8(traced(linear, (x,), ("values",), ("y",), {})), tmp_path / f"{name}.onnx")
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()
    found = run(tmp_path / "one.onnx", {"values": x.numpy()})["y"].ravel()
    moved = found - steps.sum(1) / 127
    assert moved.mean() == pytest.approx(511 * 0.2 / 127, rel=0.1)


def test_audio_graph_ignores_padding(tmp_path) -> None:
    torch.manual_seed(0)
    model = audio_cnn.AudioCnn(audio_cnn.Config(dim=40, width=32)).eval()
    example = (torch.zeros(2, 60, 40), torch.ones(2, 60, dtype=torch.bool))
    axes = {"values": {0: "batch", 1: "time"}, "valid": {0: "batch", 1: "time"}}
    export(DenseGraph(model, "audio"), example, ("values", "valid"), axes, tmp_path / "a.onnx")
    x = np.random.default_rng(0).standard_normal((1, 33, 40)).astype(np.float32)
    alone = run(tmp_path / "a.onnx", {"values": x, "valid": np.ones((1, 33), bool)})
    padded = np.concatenate([x, np.full((1, 20, 40), 9, np.float32)], 1)
    valid = np.arange(53)[None] < 33
    np.testing.assert_allclose(
        run(tmp_path / "a.onnx", {"values": padded, "valid": valid})["emotions"], alone["emotions"], atol=1e-5
    )


def test_post_graph(tmp_path) -> None:
    torch.manual_seed(0)
    head = concat.Concat(concat.Config(dims={"words": 384, "scene": 1280}, reads=True)).eval()
    axes = {"words": {0: "batch"}, "scene": {0: "batch"}}
    export(
        JointGraph(head),
        (torch.zeros(2, 384), torch.zeros(2, 1280)),
        ("words", "scene"),
        axes,
        tmp_path / "p.onnx",
    )
    words, scene = torch.randn(3, 384), torch.randn(3, 1280)
    found = run(tmp_path / "p.onnx", {"words": words.numpy(), "scene": scene.numpy()})
    with torch.no_grad():
        expected = JointGraph(head)(words, scene)[0]
    np.testing.assert_allclose(found["polarity"], expected.numpy(), atol=0.05)


@pytest.mark.parametrize("wanted", [{"per_speaker": ("audio",)}, {"before": {"text": 2}}, {"context": {"text": 2}}])
def test_features_that_one_sample_has_not_are_refused(wanted) -> None:
    with pytest.raises(ConfigError, match=f"features.{next(iter(wanted))}"):
        refuse_features(Features(**wanted))
    refuse_features(Features(mean=("audio",), moments=("visual",), longest={"text": 9}, context=2))
