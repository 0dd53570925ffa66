"""What a bundle that fuses features refuses: files, encoders, graphs and numbers that are not what they should be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
from export_runs import run_of, spec_of, typed  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

import demeanor  # noqa: E402
from demeanor import bundle  # noqa: E402
from demeanor.errors import BundleError, ConfigError  # noqa: E402
from demeanor.experiments.evaluate import evaluate  # noqa: E402
from demeanor.experiments.evaluate_bundle import evaluate_bundle  # noqa: E402
from demeanor.training import lab  # noqa: E402
from demeanor.training.pack import pack  # noqa: E402
from demeanor.weights import strange  # noqa: E402

pytestmark = pytest.mark.lab

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def whole(made, store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """A bundle, its run and the run's data."""
    root = tmp_path_factory.mktemp("whole")
    prepared = run_of(spec_of("clips.csv"), made[0], root / "run", store)
    return pack(root / "run", root / "bundle", prepared, say=lambda line: None), root / "run", prepared


@pytest.fixture
def mine(whole, tmp_path: Path) -> Path:
    """A copy to spoil."""
    shutil.copytree(whole[0], tmp_path / "bundle")
    return tmp_path / "bundle"


def seal(folder: Path, change: Callable[[Spec], None]) -> None:
    """Change bundle.json as its author would have: every sha256 fits."""
    spec = json.loads((folder / "bundle.json").read_text())
    change(spec)
    del spec["schema"], spec["files"]
    bundle.seal(folder, spec)


def refused(folder: Path, match: str) -> None:
    with pytest.raises(BundleError, match=match):
        demeanor.load(folder)


def test_it_is_read_before_it_is_spoilt(mine: Path) -> None:
    assert demeanor.load(mine).analyze("so good").overall.own is not None


def encoder(spec: Spec, modality: str = "text") -> Spec:
    return spec["modalities"][modality]["encoder"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: encoder(s).update(version=9), "made with version 9, here is version 3"),
        (lambda s: encoder(s).update(name="text_bags"), "unknown encoders 'text_bags'; did you mean text_bag"),
        (lambda s: encoder(s).update(name="text_hf"), "expected an encoder that runs without torch"),
        (lambda s: encoder(s).update(name="../text_bag"), "encoder.name"),
        (lambda s: encoder(s)["settings"].update(nosuch=1), "unknown setting 'nosuch'"),
        (lambda s: encoder(s)["settings"].update(most=10**12), "settings.most"),
        (lambda s: encoder(s).update(state=None), "expected what it learned, found no state"),
        (lambda s: encoder(s).update(state="../../etc/passwd"), "encoder.state"),
        (lambda s: encoder(s).update(state="encoder-other.npz"), "does not list 'encoder-other.npz'"),
        (lambda s: encoder(s).update(needs={"whisper-base": "00"}), "expected whisper-base with sha256 00"),
        (
            lambda s: encoder(s).update(name="text_vectors", settings={"path": "/etc/passwd"}, state=None),
            "does not list '/etc/passwd'",
        ),
        (lambda s: s["modalities"]["audio"].update(shape=[10**9]), "audio.shape"),
        (lambda s: s["modalities"]["audio"].update(shape=[5]), "expected two rows of|expected steps of"),
        (lambda s: s["modalities"]["audio"].update(kind="ids", shape=[]), "expected the inputs|two rows"),
        (lambda s: s["modalities"]["audio"].update(cue="words"), "expected a cue of its own for each"),
        (lambda s: s["modalities"].update({f"m{n}": s["modalities"]["audio"] for n in range(9)}), "modalities"),
        (lambda s: s["tasks"]["kind"].update(classes=["hot", "cold"], prior=[0.5, 0.5]), "expected 2 classes, got 3"),
        (lambda s: s["tasks"]["kind"].update(reads="emotions"), "the classes are not those of emotions"),
        (lambda s: s["tasks"].update(other=s["tasks"]["score"]), "expected an output 'other'"),
        (lambda s: s["tasks"]["score"].update(prior=[float("nan")]), "prior"),
        (lambda s: s.update(graph="/tmp/model.onnx"), "graph"),
        (lambda s: s.update(tasks={}), "tasks"),
    ],
)  # fmt: skip
def test_a_description_that_does_not_fit(mine: Path, change: Callable[[Spec], None], match: str) -> None:
    seal(mine, change)
    refused(mine, match)


def test_a_changed_file(mine: Path) -> None:
    data = bytearray((mine / "model.onnx").read_bytes())
    data[-1] ^= 1
    (mine / "model.onnx").write_bytes(data)
    refused(mine, "the file was changed")


def test_another_schema(mine: Path) -> None:
    spec = json.loads((mine / "bundle.json").read_text())
    (mine / "bundle.json").write_text(json.dumps({**spec, "schema": "demeanor.bundle/9"}))
    refused(mine, "expected schema demeanor.bundle/1, got demeanor.bundle/9")
    (mine / "bundle.json").write_text(json.dumps([1]))
    refused(mine, "expected schema")
    (mine / "bundle.json").write_text("[" * 100_000)
    refused(mine, "expected JSON")


def test_pickled_state(mine: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "pwned",))

    np.savez(mine / "encoder-text.npz", terms=np.array([Evil()], object))
    seal(mine, lambda s: None)
    refused(mine, "expected numbers or strings, got object")
    assert not (tmp_path / "pwned").exists()


def test_state_of_another_encoder(mine: Path) -> None:
    np.savez(mine / "encoder-text.npz", words=np.array(["a"]))
    seal(mine, lambda s: None)
    refused(mine, "its state does not fit it")


def test_scales_that_are_none(mine: Path) -> None:
    arrays = dict(np.load(mine / "scales.npz"))
    np.savez(mine / "scales.npz", **{**arrays, "audio/spread": np.zeros_like(arrays["audio/spread"])})
    seal(mine, lambda s: None)
    refused(mine, "spreads above 0")


def graph_of(node: Any, domain: str = "") -> onnx.ModelProto:
    kinds = {"audio": TensorProto.FLOAT, "text": TensorProto.FLOAT}
    inputs = [helper.make_tensor_value_info(n, k, ["b", "t", 18]) for n, k in kinds.items()]
    output = [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["b"])]
    graph = helper.make_graph([node], "g", inputs, output)
    opsets = [helper.make_opsetid("", 18), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def spoil(folder: Path, model: onnx.ModelProto) -> None:
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    seal(folder, lambda s: None)


def test_custom_operators(mine: Path) -> None:
    spoil(mine, graph_of(helper.make_node("Run", ["audio"], ["score"], domain="evil.ops"), "evil.ops"))
    refused(mine, "expected standard operators only, got some of evil.ops")


def test_weights_in_other_files(mine: Path) -> None:
    model = onnx.load(mine / "model.onnx")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../etc/passwd"
    spoil(mine, model)
    refused(mine, "got some in other files; they are not read")


def test_graphs_that_may_never_end(mine: Path) -> None:
    body = helper.make_graph([], "body", [], [])
    spoil(mine, graph_of(helper.make_node("Loop", ["audio"], ["score"], body=body)))
    refused(mine, "expected a graph without loops")


def test_a_graph_with_other_inputs(mine: Path) -> None:
    model = onnx.load(mine / "model.onnx")
    model.graph.input.append(helper.make_tensor_value_info("secret", TensorProto.FLOAT, ["b"]))
    spoil(mine, model)
    refused(mine, "expected the inputs .* got 'secret'")


def test_what_is_no_graph(mine: Path) -> None:
    (mine / "model.onnx").write_bytes(b"\x00" * 100)
    seal(mine, lambda s: None)
    refused(mine, "model.onnx: expected an ONNX graph")


def test_a_graph_that_gives_no_numbers(mine: Path) -> None:
    model = onnx.load(mine / "model.onnx")
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and onnx.numpy_helper.to_array(tensor).ndim == 2:
            tensor.CopyFrom(
                onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * np.float32("nan"), tensor.name)
            )
    spoil(mine, model)
    with pytest.raises(BundleError, match="expected finite numbers"):
        demeanor.load(mine).analyze("so good")


def test_an_unfinished_run(whole, tmp_path: Path) -> None:
    shutil.copytree(whole[1], tmp_path / "run")
    (tmp_path / "run/weights.pt").unlink()
    with pytest.raises(ConfigError, match="run `demeanor train` again"):
        pack(tmp_path / "run", tmp_path / "out", whole[2])
    assert not (tmp_path / "out").exists()


def test_a_run_of_an_earlier_version_may_say_what_counts_for_nothing(whole, made, tmp_path: Path) -> None:
    """It trained under them, and is refused neither by `evaluate` nor by `export`, nor is what they make of it."""
    run = shutil.copytree(whole[1], tmp_path / "run")
    stored = json.loads((run / "run.json").read_text())
    stored["config"]["model"]["l2"] = {"sound": 1.0}
    stored["config"]["tasks"]["score"] = {**stored["config"]["tasks"]["score"], "balance": 0.5}
    (run / "run.json").write_text(json.dumps(stored))
    with pytest.raises(ConfigError, match="balance"):
        lab.check(stored["config"])
    before = evaluate(run, made[0], "valid", None, whole[2], print)["metrics"]["score_mae"]["value"]
    typed("export", str(run), str(tmp_path / "out"), "--data", str(made[0]))
    after = evaluate_bundle(tmp_path / "out", made[0], "valid", None, say=print)["metrics"]["score_mae"]["value"]
    assert after == pytest.approx(before, abs=1e-4)


def test_data_that_changed_since(whole, tmp_path: Path) -> None:
    shutil.copytree(whole[1], tmp_path / "run")
    arrays = dict(np.load(tmp_path / "run/valid.npz"))
    np.savez(tmp_path / "run/valid.npz", **{**arrays, "score": arrays["score"] + 1})
    with pytest.raises(ConfigError, match="have changed since; train it again"):
        pack(tmp_path / "run", tmp_path / "out", whole[2])


def test_predictions_that_are_no_numbers(whole, tmp_path: Path) -> None:
    shutil.copytree(whole[1], tmp_path / "run")
    arrays = dict(np.load(tmp_path / "run/valid.npz"))
    arrays["score"][0] = np.nan
    np.savez(tmp_path / "run/valid.npz", **arrays)
    with pytest.raises(ConfigError, match="expected finite validation predictions of score"):
        pack(tmp_path / "run", tmp_path / "out", whole[2])


def test_a_folder_of_other_things_is_left_alone(whole, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/dear.txt").write_text("dear")
    with pytest.raises(ConfigError, match="got a folder of other things"):
        pack(whole[1], tmp_path / "letters", whole[2])
    assert (tmp_path / "letters/dear.txt").read_text() == "dear"


def test_nothing_of_this_machine_is_told(whole) -> None:
    text = (whole[0] / "bundle.json").read_text() + (whole[0] / "card.md").read_text()
    assert str(Path.home()) not in text
    assert "/tmp/" not in text


def test_inputs_that_grow_do_not_pile_up_memory(tmp_path: Path) -> None:
    """300 sizes, each larger than the one before: 500 MB in all, and never more than 6 MB at once."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [])
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("Mul", ["x", "t"], ["square"]),
        helper.make_node("ReduceSum", ["square"], ["y"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path = tmp_path / "grows.onnx"
    path.write_bytes(model.SerializeToString())
    session, before = strange.load(path, 1), resident_mb()
    for n in range(300, 1200, 3):
        (total,) = strange.run(session, path, ["y"], {"x": np.ones((n, 1), np.float32)})
        assert total == n * n
    assert resident_mb() - before < 60


def resident_mb() -> float:
    """What this process holds now; only Linux tells."""
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("no /proc here, which tells what a process holds")
    return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024


def test_a_graph_that_asks_for_more_memory_than_there_is(mine: Path) -> None:
    """Eight gigabytes of ones out of three numbers."""
    model = onnx.load(mine / "model.onnx")
    large = onnx.numpy_helper.from_array(np.array([2048, 1024, 1024], np.int64), "large")
    model.graph.initializer.append(large)
    given = model.graph.node[-1].output[0]
    model.graph.node[-1].output[0] = "before"
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    model.graph.node.extend(
        [
            helper.make_node("ConstantOfShape", ["large"], ["ones"], value=one),
            helper.make_node("ReduceMax", ["ones"], ["most"], keepdims=0),
            helper.make_node("Mul", ["before", "most"], [given]),
        ]
    )
    spoil(mine, model)
    with pytest.raises(BundleError, match=r"model\.onnx: ONNX Runtime cannot run it"):
        demeanor.load(mine).analyze("so good")
