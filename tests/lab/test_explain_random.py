"""Sanity under randomised weights: reasons given for a bundle must not be those of a bundle that has learned nothing.

Source: Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from demeanor.bundle import Bundle, seal, shipped
from demeanor.explain.occlusion import CELLS, grid
from demeanor.explain.shapley import shares
from demeanor.reader.cues.scene import Scene
from demeanor.reader.cues.words import Words
from demeanor.reader.reasons.pictures import scene_game
from demeanor.reader.reasons.words import word_game

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.skipif("base" not in shipped(), reason="the bundle is not built yet: make model")

TEXTS = [
    "I love this movie but the ending was far too long",
    "nobody even said sorry and the soup was cold",
    "what a wonderful day with all of my friends",
    "这家餐厅的服务态度非常差我再也不会来了",
    "今天终于见到你了真的好开心谢谢大家",
    "the worst phone I have ever bought, what a shame",
]


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped bundle with the weights of words and scene shuffled within each tensor."""
    folder = tmp_path_factory.mktemp("shuffled") / "base"
    shutil.copytree(shipped()["base"], folder)
    rng = np.random.default_rng(0)
    for graph in ("words.onnx", "scene.onnx"):
        model = onnx.load(folder / graph)
        for tensor in model.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            if values.size > 64:
                mixed = rng.permutation(values.ravel()).reshape(values.shape)
                tensor.CopyFrom(onnx.numpy_helper.from_array(mixed, tensor.name))
        onnx.save(model, folder / graph)
    spec = {k: v for k, v in Bundle(folder).spec.items() if k not in ("schema", "files")}
    seal(folder, spec)
    return Bundle(folder, threads=1)


def ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values)).astype(float)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def test_words_do_not_count_alike_where_nothing_was_learned(shuffled: Bundle) -> None:
    learned, blank = Words(Bundle(shipped()["base"], threads=1)), Words(shuffled)
    alike, again = [], []
    for text in TEXTS:
        mine, theirs = (shares(word_game(text, w)[1], budget=384).values for w in (learned, blank))
        other = shares(word_game(text, learned)[1], budget=384, seed=1).values
        alike.append(rank_correlation(mine, theirs))
        again.append(rank_correlation(mine, other))
    assert abs(np.mean(alike)) < 0.45, alike
    assert np.mean(again) > 0.75, "the same bundle with other samples says the same"


def test_regions_do_not_count_alike_where_nothing_was_learned(shuffled: Bundle) -> None:
    from PIL import Image

    sky = np.asarray(Image.open(Path(__file__).parents[2] / "demo/sky.jpg").convert("RGB").resize((240, 160)))
    assert np.prod(grid(240, 160)) == pytest.approx(CELLS, abs=2)
    learned, blank = Scene(Bundle(shipped()["base"], threads=1)), Scene(shuffled)
    mine, theirs = (shares(scene_game(sky, s)[1], budget=64).values for s in (learned, blank))
    assert abs(rank_correlation(mine, theirs)) < 0.6
