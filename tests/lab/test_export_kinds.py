"""Exports of every kind of input and model: ids, pictures, series, context, one's own model; small variants; scores."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export_runs import run_of, spec_of, write_wav  # noqa: E402

import demeanor  # noqa: E402
from demeanor import bundle  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.experiments.evaluate import evaluate  # noqa: E402
from demeanor.experiments.evaluate_bundle import _placed, evaluate_bundle  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.layers.resnet18 import ResNet18  # noqa: E402
from demeanor.reader.joint import JointModel  # noqa: E402
from demeanor.training import encoder_graphs  # noqa: E402
from demeanor.training.pack import pack  # noqa: E402

pytestmark = pytest.mark.lab

WORDS = {"text": {"name": "text_words", "min_count": 1}}
PICTURE = {"visual": {"name": "visual_picture", "size": 32}}


def exported(spec: dict, place: Path, root: Path, store: Store, **options):
    prepared = run_of(spec, place, root / "run", store)
    return pack(root / "run", root / "bundle", prepared, store=store, say=lambda line: None, **options)


def same_in_the_lab(root: Path, place: Path, rows: list[dict], used: tuple[str, ...]) -> int:
    """Every test sample that has what the model reads: the reader's own numbers are the lab's."""
    reader = demeanor.load(root / "bundle")
    predicted = np.load(root / "run/test-predictions.npz", allow_pickle=False)
    where = {str(name): n for n, name in enumerate(predicted["id"])}
    spec, seen = json.loads((root / "bundle/bundle.json").read_text()), 0
    for row in rows:
        if row["id"] not in where or not set(used) & set(row):
            continue
        parts = {k: v if k == "text" else place / v for k, v in row.items() if k in ("text", "image", "audio")}
        own = reader.analyze(**parts).overall.own
        if "score" in spec["tasks"]:
            scale = spec["tasks"]["score"]["scale"]
            assert own["score"] * scale == pytest.approx(predicted["score"][where[row["id"]]], abs=1e-4)
        if "kind" in spec["tasks"]:
            logits = predicted["kind"][where[row["id"]]].astype(np.float64)
            chances = np.exp(logits) / np.exp(logits).sum()
            assert list(own["kind"].values()) == pytest.approx(chances, abs=1e-4)
        seen += 1
    return seen


def test_ids_of_words(made, store: Store, tmp_path: Path) -> None:
    settings = {"preset": "tiny", "vocabulary": 60, "tasks": {"score": 1, "kind": 3}}
    exported(spec_of("clips.csv", "textcnn", encoders=WORDS, model=settings), made[0], tmp_path, store)
    assert same_in_the_lab(tmp_path, *made, ("text",)) >= 3


@pytest.mark.parametrize("features", [{}, {"moments": ["visual"]}])
def test_pictures(made, store: Store, tmp_path: Path, features: dict) -> None:
    settings = {"side": 32, "width": 16, "tasks": {"score": 1, "kind": 3}}
    spec = spec_of("clips.csv", "image_rnn", encoders=PICTURE, model=settings, features=features)
    exported(spec, made[0], tmp_path, store)
    assert same_in_the_lab(tmp_path, *made, ("image",)) >= 3


@pytest.mark.parametrize("encoder", ["text_tokens", "text_words"])
def test_posts_by_the_standard_model(made, store: Store, tmp_path: Path, encoder: str) -> None:
    """Nothing is said of ids: their width is the model's own, and there are as many as their encoder gives."""
    sizes = {"dim": 16, "layers": 1, "heads": 2, "inner": 32, "width": 4, "fused": 16, "preset": "scratch"}
    encoders = {"text": {"name": encoder}, **PICTURE}
    prepared = run_of(
        spec_of("clips.csv", "bert_resnet", encoders=encoders, model=sizes), made[0], tmp_path / "run", store
    )
    weights = torch.load(tmp_path / "run/weights.pt", weights_only=True)
    known = prepared.encoders["text"].vocabulary()
    assert weights["words.words.table.weight"].shape == (known, 16)
    built = json.loads((tmp_path / "run/model.json").read_text())
    assert (built["vocabulary"], built["own_ids"]) == (known, encoder == "text_words")
    pack(tmp_path / "run", tmp_path / "bundle", prepared, store=store, say=lambda line: None)
    assert same_in_the_lab(tmp_path, *made, ("text", "image")) >= 3


def test_mean_and_spread_over_time(made, store: Store, tmp_path: Path) -> None:
    spec = spec_of("clips.csv", features={"moments": ["audio"], "mean": ["visual"], "longest": {"audio": 12}})
    exported(spec, made[0], tmp_path, store)
    part = json.loads((tmp_path / "bundle/bundle.json").read_text())["modalities"]["audio"]
    assert (part["moments"], part["shape"]) == (True, [36])  # of six coefficients, their deltas and accelerations
    assert same_in_the_lab(tmp_path, *made, ("text", "image", "audio")) >= 3


def test_names_of_any_script(made, store: Store, tmp_path: Path) -> None:
    """What trains is exported; files of the bundle keep plain names."""
    tasks = {"情感": {"label": "score", "scale": 3.0}, "2way": {"label": "kind", "classes": ["hot", "cold", "mild"]}}
    encoders = {"文本": {"name": "text_bag", "min_count": 1}, "语音": {"name": "audio_mfcc", "hop": 1600, "n_mfcc": 6}}
    exported(spec_of("clips.csv", encoders=encoders, tasks=tasks), made[0], tmp_path, store)
    files = {p.name for p in (tmp_path / "bundle").iterdir()}
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in files)
    assert len([name for name in files if name.startswith("encoder-")]) == 1
    row = next(r for r in made[1] if {"text", "audio"} <= set(r))
    analysis = demeanor.load(tmp_path / "bundle").analyze(text=row["text"], audio=made[0] / row["audio"])
    assert set(analysis.overall.own) == {"情感", "2way"}
    assert set(analysis.cues) == {"words", "voice"}
    analysis.save(tmp_path / "a.json")
    assert set(json.loads((tmp_path / "a.json").read_text())["overall"]["own"]) == {"情感", "2way"}


def test_utterances_in_context(made, store: Store, tmp_path: Path) -> None:
    """A sample of its own is its only neighbour, in the lab and in the reader; segments have each other."""
    encoders = {"text": {"name": "text_bag", "min_count": 1}}
    spec = spec_of("clips.csv", "context_lstm", encoders=encoders, features={"context": 2})
    exported(spec, made[0], tmp_path, store)
    assert same_in_the_lab(tmp_path, *made, ("text",)) >= 3
    reader = demeanor.load(tmp_path / "bundle")
    alone, together = reader.analyze("so good"), reader.analyze("what a waste of time. so good. never again")
    assert together.segments[1].reading.own["score"] != pytest.approx(alone.overall.own["score"], abs=1e-6)
    why = reader.analyze("what a waste of time. so good. never again").explain()
    assert all(s.share is not None and s.without is not None for s in why.segments)
    assert sum(s.share for s in why.segments) == pytest.approx(why.score, abs=1e-4)


def test_series_keep_their_name(store: Store, tmp_path: Path) -> None:
    """Features that media cannot give: missing in the reader, scored by `evaluate`."""
    spec = spec_of(".", data={"dataset": "synthetic", "samples": 60}, tasks={"score": {"scale": 3.0}})
    spec |= {"encoders": {"text": {"name": "series"}, "audio": {"name": "series"}}}
    exported(spec, tmp_path, tmp_path, store)
    found = evaluate_bundle(tmp_path / "bundle", tmp_path, "test", None, store, lambda line: None)
    expected = evaluate(tmp_path / "run", tmp_path, "test", None, say=lambda line: None)
    assert found["metrics"]["mae"] == pytest.approx(expected["metrics"]["mae"], abs=1e-5)
    analysis = demeanor.load(tmp_path / "bundle").analyze("so good")
    assert analysis.overall.abstain
    assert {"text", "audio"} <= set(analysis.missing)


def test_a_model_in_one_outside_file(made, store: Store, tmp_path: Path, monkeypatch) -> None:
    """As a package of one's own offers it: a file, and an entry point."""
    place = tmp_path / "site"
    (place / "mine-1.dist-info").mkdir(parents=True)
    (place / "mine-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (place / "mine-1.dist-info/entry_points.txt").write_text("[demeanor.fusion]\nmy_mean = my_mean\n")
    (place / "my_mean.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(place))
    try:
        spec = spec_of("clips.csv", "my_mean", model={"tasks": {"score": 1, "kind": 3}})
        exported(spec, made[0], tmp_path, store)
    finally:
        sys.modules.pop("my_mean", None)
    monkeypatch.undo()  # the bundle needs nothing of it
    assert same_in_the_lab(tmp_path, *made, ("text", "audio", "image")) >= 3


OWN = '''"""The mean of what each modality says."""
import torch
from torch import nn
from demeanor.batch import Output
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import pooled, presence

class Config(FusionConfig):
    """Sizes."""
    width: int = 8

PRESETS = {}

class Mine(Model):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.read = nn.ModuleDict({m: nn.Linear(d, config.width) for m, d in config.dims.items()})
        self.heads = TaskHeads(config.width, config.tasks)

    def forward(self, batch):
        there = presence(batch, self.config.dims).float()[..., None]
        said = torch.stack([self.read[m](pooled(batch, m)) for m in self.config.dims], 1)
        hidden = (said * there).sum(1) / there.sum(1).clamp(min=1)
        return Output(self.heads(hidden), hidden)

MODEL = Mine
'''


@pytest.mark.parametrize(("variant", "far"), [("fp16", 5e-3), ("int8", 0.15)])
def test_small_variants_say_what_they_lose(made, store: Store, tmp_path: Path, variant: str, far: float) -> None:
    spec = spec_of("clips.csv", "mult", model={"preset": "tiny", "tasks": {"score": 1, "kind": 3}})
    prepared = run_of(spec, made[0], tmp_path / "run", store)
    exact = pack(tmp_path / "run", tmp_path / "exact", prepared, say=lambda line: None)
    small = pack(tmp_path / "run", tmp_path / "small", prepared, variant=variant, say=lambda line: None)
    assert (small / "model.onnx").stat().st_size < (exact / "model.onnx").stat().st_size
    told = bundle.load(small).spec
    validation = told["validation"]
    assert told["variant"] == variant
    assert validation["loss"]["score_mae"] == pytest.approx(
        validation["metrics"]["score_mae"] - validation["float32"]["score_mae"]
    )
    assert validation["float32"]["score_mae"] == bundle.load(exact).spec["validation"]["metrics"]["score_mae"]
    assert f"| metric on validation | float32 | {variant} | loss |" in (small / "card.md").read_text()
    text = {"text": "so good"}
    one, other = (demeanor.load(folder).analyze(**text).overall.own["score"] for folder in (exact, small))
    assert one == pytest.approx(other, abs=far)


def looking(folder: Path, **sections) -> dict:
    """A run over an encoder that needs torch: a small network of random weights, and words beside it."""
    from safetensors.torch import save_file

    torch.manual_seed(0)
    weights = folder / "weights.safetensors"
    save_file(ResNet18(width=16).state_dict(), weights)
    encoders = {"visual": {"name": "visual_resnet18", "weights": str(weights), "size": 32}}
    encoders["text"] = {"name": "text_bag", "min_count": 1}
    return spec_of("clips.csv", encoders=encoders, **sections)


@pytest.mark.parametrize(("model", "features"), [("concat", {}), ("context_lstm", {"context": 2})])
def test_what_a_variant_loses_is_measured_through_its_encoders(
    made, store: Store, tmp_path: Path, model: str, features: dict
) -> None:
    spec = looking(tmp_path, features=features)
    spec["run"]["model"] = model
    exported(spec, made[0], tmp_path, store, variant="int8")
    told = bundle.load(tmp_path / "bundle").spec["validation"]
    assert told["loss"]["score_mae"] != 0
    read = evaluate_bundle(tmp_path / "bundle", made[0], "valid", None, store, lambda line: None)["metrics"]
    for name, value in read.items():
        assert told["metrics"][name] == pytest.approx(value["value"], abs=1e-6, nan_ok=True)


def test_a_graph_that_is_not_its_encoder_is_refused(made, store: Store, tmp_path: Path, monkeypatch) -> None:
    prepared = run_of(looking(tmp_path), made[0], tmp_path / "run", store)
    right = encoder_graphs.Maps.forward
    monkeypatch.setattr(encoder_graphs.Maps, "forward", lambda self, values: right(self, values) * 1.1)
    with pytest.raises(ConfigError, match="the graph of an encoder gives other features"):
        pack(tmp_path / "run", tmp_path / "bundle", prepared, store=store, say=lambda line: None)
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_scores_as_its_run(made, store: Store, tmp_path: Path) -> None:
    exported(spec_of("clips.csv", "late_mean"), made[0], tmp_path, store)
    run = evaluate(tmp_path / "run", made[0], "test", None, say=lambda line: None)
    found = evaluate_bundle(tmp_path / "bundle", made[0], "test", None, store, lambda line: None)
    assert found["n"] == run["n"]
    assert found["floor"] == pytest.approx(run["floor"], nan_ok=True)
    for name, value in run["metrics"].items():
        assert found["metrics"][name] == pytest.approx(value, abs=1e-5, nan_ok=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "clips.csv").write_text((made[0] / "clips.csv").read_text().replace("\n2,2,", "\n99,2,"))
    with pytest.raises(ConfigError, match="got other samples; give their folder"):
        evaluate_bundle(tmp_path / "bundle", other, "valid", None, store, lambda line: None)


def test_table_manifests_are_found_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, own, tables = tmp_path / "data", tmp_path / "own", tmp_path / "recipes/tables"
    for folder in (root, own, tables):
        folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    places = [own / "a.toml", root / "a.toml", tables / "a.toml", tables / "b.toml", root / "c.toml"]
    for place in places:
        place.write_text("")

    def found(*names: str) -> list[str]:
        return _placed({"data": {"manifest": list(names)}}, root)["data"]["manifest"]

    for name in ("a.toml", "mine.toml"):
        (tmp_path / name).write_text("of another run")
    (own / "mine.toml").write_text("")
    assert found("a.toml", "b.toml") == [str(root / "a.toml"), str(tables / "b.toml")], "not the working folder's"
    assert found(str(own / "a.toml"), str(own / "mine.toml")) == [str(root / "a.toml"), str(own / "mine.toml")]
    assert found("mine.toml") == [str(tmp_path / "mine.toml")], "beside the run file, in whose folder one works"
    with pytest.raises(ConfigError, match=r"table manifest none\.toml in .*found none"):
        found("none.toml")
    assert found("/gone/a.toml", "/gone/c.toml") == [str(root / "a.toml"), str(root / "c.toml")]
    assert _placed({"data": {"manifest": "/gone/b.toml"}}, root)["data"]["manifest"] == [str(tables / "b.toml")]
    with pytest.raises(ConfigError, match=r"/gone/d\.toml.*found none"):
        found("/gone/a.toml", "/gone/d.toml")
    with pytest.raises(ConfigError, match="for two of them; give the two manifests different names"):
        found("/gone/a.toml", "/elsewhere/a.toml")


def test_a_bundle_is_scored_on_the_speakers_its_run_left_out(made, store: Store, tmp_path: Path) -> None:
    """Media of the table, four clips a speaker, dealt by speaker into folds."""
    header, *lines = (made[0] / "clips.csv").read_text().splitlines()
    table = [f"{header.rsplit(',', 1)[0]},speaker"]
    table += [f"{line.rsplit(',', 1)[0]},s{n // 4}" for n, line in enumerate(lines)]
    (tmp_path / "data").mkdir()
    for path in made[0].iterdir():
        (tmp_path / "data" / path.name).symlink_to(path)
    (tmp_path / "data/clips.csv").unlink()
    (tmp_path / "data/clips.csv").write_text("\n".join(table) + "\n")
    data = {"dataset": "table", "root": "clips.csv", "folds": 4, "fold": 1, "valid": 0.3, "by": "speaker"}
    exported(spec_of("clips.csv", "late_mean", data=data), tmp_path / "data", tmp_path, store)
    found = evaluate_bundle(tmp_path / "bundle", tmp_path / "data", "test", None, store, lambda line: None)
    run = evaluate(tmp_path / "run", tmp_path / "data", "test", None, say=lambda line: None)
    assert found["n"] == run["n"] == 4
    assert found["metrics"]["score_mae"] == pytest.approx(run["metrics"]["score_mae"], abs=1e-5, nan_ok=True)


def test_scores_of_the_run_stand_in_the_card(made, store: Store, tmp_path: Path) -> None:
    prepared = run_of(spec_of("clips.csv"), made[0], tmp_path / "run", store)
    for split in ("valid", "test"):
        evaluate(tmp_path / "run", made[0], split, None, prepared, lambda line: None)
    card = (pack(tmp_path / "run", tmp_path / "b", prepared, say=lambda line: None) / "card.md").read_text()
    value = json.loads((tmp_path / "run/test.json").read_text())["metrics"]["score_mae"]
    assert f"| test | 4 | score_mae | {value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}] |" in card
    assert "one's own" in card
    evaluate(tmp_path / "run", made[0], "test", None, prepared, lambda line: None, resamples=0)  # as `bench` does
    card = (pack(tmp_path / "run", tmp_path / "b", prepared, say=lambda line: None) / "card.md").read_text()
    assert f"| test | 4 | score_mae | {value['value']:.3f} |" in card
    assert "Must not be used" in card


@pytest.mark.parametrize(("name", "reconstruction"), [("cdml", True), ("gated", True), ("lf_dnn", False)])
def test_a_reconstruction_says_so_in_its_bundle(
    made, store: Store, tmp_path: Path, name: str, reconstruction: bool
) -> None:
    exported(spec_of("clips.csv", name), made[0], tmp_path, store)
    told = json.loads((tmp_path / "bundle/bundle.json").read_text())["provenance"]
    card = (tmp_path / "bundle/card.md").read_text()
    assert told["reconstruction"] is reconstruction
    assert ("**A reconstruction**" in card) is reconstruction
    assert f"Paper: {told['paper']}\n" in card
    assert told["paper"].startswith(
        {"cdml": "Fang et al. 2024", "gated": "Arevalo et al. 2017", "lf_dnn": "the late-fusion baseline of th"}[name]
    )


def test_a_recording_far_longer_than_training_is_read_by_its_segments(
    made,
    store: Store,
    tmp_path: Path,
    monkeypatch,
) -> None:
    encoders = {"audio": {"name": "audio_mfcc", "hop": 1600, "n_mfcc": 6, "mels": 16}}
    exported(spec_of("clips.csv", encoders=encoders), made[0], tmp_path, store)
    monkeypatch.setattr("demeanor.reader.joint._ALWAYS", 60)
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(16_000 * 13) / 16_000)
    write_wav(tmp_path / "long.wav", tone)
    analysis = demeanor.load(tmp_path / "bundle").analyze(tmp_path / "long.wav")
    assert any("far longer than anything" in w for w in analysis.warnings)
    lengths = [s.end - s.start for s in analysis.segments]
    scores = [s.reading.own["score"] for s in analysis.segments]
    assert len(scores) > 2
    assert analysis.overall.own["score"] == pytest.approx(np.average(scores, weights=lengths), abs=1e-6)


@pytest.mark.parametrize(
    ("features", "encoder"),
    [
        ({"moments": ["audio"]}, {"name": "audio_mfcc", "hop": 1600, "n_mfcc": 6, "mels": 16}),
        ({"longest": {"audio": 12}}, {"name": "audio_mfcc", "hop": 1600, "n_mfcc": 6, "mels": 16}),
        ({}, {"name": "audio_egemaps"}),
    ],
)
def test_so_is_one_of_which_the_model_takes_a_step_or_a_part(
    made, store: Store, tmp_path: Path, monkeypatch, features: dict, encoder: dict
) -> None:
    exported(spec_of("clips.csv", encoders={"audio": encoder}, features=features), made[0], tmp_path, store)
    monkeypatch.setattr("demeanor.reader.joint._ALWAYS", 60)
    monkeypatch.setattr("demeanor.reader.joint._ALWAYS_SECONDS", 6.0)
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(16_000 * 13) / 16_000)
    write_wav(tmp_path / "long.wav", tone)
    write_wav(tmp_path / "short.wav", tone[: 16_000 * 5])
    far = "far longer than anything"
    reader = demeanor.load(tmp_path / "bundle")
    assert any(far in w for w in reader.analyze(tmp_path / "long.wav").warnings)
    assert not any(far in w for w in reader.analyze(tmp_path / "short.wav").warnings)
    described = json.loads((tmp_path / "bundle/bundle.json").read_text())
    for part in described["modalities"].values():
        del part["raw_steps"], part["seconds"]
    del described["schema"], described["files"]
    bundle.seal(tmp_path / "bundle", described)
    assert not any(far in w for w in demeanor.load(tmp_path / "bundle").analyze(tmp_path / "long.wav").warnings)


def test_bytes_arrays_and_files_read_alike(made, store: Store, tmp_path: Path) -> None:
    folder, rows = made
    exported(spec_of("clips.csv"), folder, tmp_path, store)
    reader = demeanor.load(tmp_path / "bundle")
    row = next(r for r in rows if {"text", "audio", "image"} <= set(r))
    sound, picture = folder / row["audio"], folder / row["image"]
    expected = reader.analyze(text=row["text"], audio=sound, image=picture).overall.own
    with sound.open("rb") as file:
        given = reader.analyze(text=row["text"], audio=file, image=picture.read_bytes()).overall.own
    assert given["score"] == pytest.approx(expected["score"], abs=1e-6)


def test_cues_that_the_model_does_not_read(made, store: Store, tmp_path: Path) -> None:
    exported(spec_of("clips.csv"), made[0], tmp_path, store)
    reader = demeanor.load(tmp_path / "bundle")
    assert isinstance(reader.model, JointModel)
    analysis = reader.analyze("so good", cues="face")
    assert analysis.lacking == ("face",)
    assert any("reads only words, voice, scene" in w for w in analysis.warnings)
    words = reader.analyze(text="so good", image=made[0] / "0.png", cues="words")
    assert set(words.cues) == {"words"}
    assert words.missing == ("voice", "face", "scene")
