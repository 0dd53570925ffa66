"""The loop: train on clips, export, and read them where torch cannot be imported – the same numbers.

Media made here go through the functions, the talking-head clips through the commands that a user types.
"""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export_runs import TASKS, TEXTS, run_of, spec_of, table_of, typed  # noqa: E402
from torchless import analyses, command  # noqa: E402

from demeanor.calibration.temperature import Temperature  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.training.pack import pack  # noqa: E402

pytestmark = pytest.mark.lab

MODELS = ("concat", "tfn", "mult", "misa", "self_mm", "almt", "umdf", "late_mean")


@pytest.fixture(scope="module")
def heads(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    """The talking-head clips with arbitrary labels and sentences."""
    clips = sorted((shared / "data/talking_heads").glob("*.mp*"))
    assert clips, "the shared data are there, the talking heads are not"
    folder = tmp_path_factory.mktemp("heads")
    media = [{"text": TEXTS[n % 5], "audio": str(c), "video": str(c)} for n, c in enumerate(clips)]
    return folder, table_of(folder, media)


def loop(place: tuple[Path, list[dict[str, str]]], store: Store, root: Path) -> dict[str, tuple[Path, list[dict]]]:
    """Per model its run folder, and the analyses that its bundle gives of the held-back samples."""
    folder, rows = place
    prepared, bundles = None, []
    for model in MODELS:
        prepared = run_of(spec_of("clips.csv", model), folder, root / model, store, prepared)
        bundles.append(pack(root / model, root / f"{model}-bundle", prepared, say=lambda line: None))
    held = [row for row in rows if row["split"] != "train"]
    samples = [
        {k: v if k == "text" else str(folder / v) for k, v in r.items() if k not in ("id", "split")} for r in held
    ]
    samples = [{**sample, "id": row["id"]} for sample, row in zip(samples, held, strict=True)]
    found = analyses(bundles, samples)
    return {m: (root / m, found[str(b)]) for m, b in zip(MODELS, bundles, strict=True)}


@pytest.fixture(scope="module")
def made_loop(made, store: Store, tmp_path_factory: pytest.TempPathFactory):
    return loop(made, store, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def heads_loop(heads, store: Store, tmp_path_factory: pytest.TempPathFactory):
    """`train`, `evaluate` and `export` of each model, then `batch` of the held-back clips where there is no torch."""
    (folder, rows), root, found = heads, tmp_path_factory.mktemp("runs"), {}
    held = [{k: v for k, v in row.items() if k != "split"} for row in rows if row["split"] != "train"]
    (root / "held.jsonl").write_text("\n".join(json.dumps(row) for row in held) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("DEMEANOR_FEATURES", str(store.root))
        for model in MODELS:
            (root / f"{model}.toml").write_text(toml_of(spec_of("clips.csv", model)))
            typed("train", f"{model}.toml", "--data", str(folder), "--out", model)
            for split in ("valid", "test"):
                typed("evaluate", model, "--data", str(folder), "--split", split)
            typed("export", model, f"{model}-bundle", "--data", str(folder))
            out, bundle = root / f"{model}.jsonl", root / f"{model}-bundle"
            command("batch", str(root / "held.jsonl"), "--out", str(out), "--model", str(bundle))
            found[model] = root / model, [json.loads(line) for line in out.read_text().splitlines()]
    return found


def toml_of(spec: dict) -> str:
    """A run file of a spec whose values are numbers, strings, lists and tables of them."""

    def inline(value: object) -> str:
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{k} = {inline(v)}" for k, v in value.items()) + " }"
        return json.dumps(value)

    return "\n".join(
        f"[{name}]\n" + "".join(f"{k} = {inline(v)}\n" for k, v in section.items()) for name, section in spec.items()
    )


def same_numbers(run_folder: Path, read: list[dict]) -> None:
    """What was read is what the lab predicted, and a valid analysis."""
    by_id = {analysis["id"]: analysis for analysis in read}
    spec = json.loads((run_folder.parent / f"{run_folder.name}-bundle/bundle.json").read_text())
    seen = 0
    for split in ("valid", "test"):
        predicted = np.load(run_folder / f"{split}-predictions.npz", allow_pickle=False)
        for row, name in enumerate(predicted["id"]):
            analysis = by_id[str(name)]
            own = analysis["overall"]["own"]
            assert own["score"] * 3 == pytest.approx(predicted["score"][row], abs=1e-4)
            present = "+".join(m for m, p in spec["modalities"].items() if p["cue"] in analysis["cues"])
            scaling = spec["tasks"]["kind"]["calibration"].get(present, {"t": 1.0, "bias": None})
            chances = Temperature.from_dict(scaling).apply(predicted["kind"][row])
            assert [own["kind"][c] for c in TASKS["kind"]["classes"]] == pytest.approx(chances, abs=1e-4)
            shares = [cue["share"] for cue in analysis["cues"].values()]
            prior = float(np.clip(spec["tasks"]["score"]["prior"][0] / 3, -1, 1))
            assert sum(shares) == pytest.approx(analysis["overall"]["sentiment"]["score"] - prior, abs=1e-4)
            assert sum(cue["weight"] for cue in analysis["cues"].values()) == pytest.approx(1, abs=1e-5)
            seen += 1
    assert seen == len(read)


@pytest.mark.parametrize("model", MODELS)
def test_made_media_read_without_torch_as_in_the_lab(model: str, made_loop) -> None:
    same_numbers(*made_loop[model])


@pytest.mark.shared
@pytest.mark.parametrize("model", MODELS)
def test_clips_read_without_torch_as_in_the_lab(model: str, heads_loop) -> None:
    same_numbers(*heads_loop[model])
    for analysis in heads_loop[model][1]:
        assert analysis["segments"]
        assert analysis["duration"] > 1
