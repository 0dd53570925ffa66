"""Learning from use: a gain on held-out data with few labels, nothing sealed learned from, and a bundle that reads."""

import csv
import io
import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export_runs import run_of  # noqa: E402
from PIL import Image  # noqa: E402

import demeanor  # noqa: E402
from demeanor.cli import app  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.label import learn as module  # noqa: E402
from demeanor.label.analyses import Correction  # noqa: E402
from demeanor.label.corrected import corrected, labels_of  # noqa: E402
from demeanor.label.learn import CORRECTIONS, New, learn  # noqa: E402
from demeanor.label.refit import refit  # noqa: E402
from demeanor.training import lab  # noqa: E402
from demeanor.training.pack import pack  # noqa: E402
from demeanor.training.prepare import prepare  # noqa: E402
from demeanor.training.runfile import Task  # noqa: E402

pytestmark = pytest.mark.lab

GUIDE = Path(__file__).parents[2] / "docs/learn.md"
GLAD = [f"glad{n}" for n in range(24)]
CROSS = [f"cross{n}" for n in range(24)]
RUN = {
    "run": {"name": "few", "model": "concat"},
    "data": {"dataset": "table", "root": "few.csv"},
    "encoders": {"text": {"name": "text_bag", "min_count": 1}},
    "tasks": {"polarity": {"classes": ["negative", "positive"]}},
    "training": {
        "epochs": 12, "batch": 16, "learning_rate": 0.05, "precision": "float32", "threads": 1, "device": "cpu",
        "track": [], "keep": "last",
    },
}  # fmt: skip


def texts(count: int, seed: int) -> list[tuple[str, str]]:
    """Made-up sentences whose answer is known: two of a side's 24 words among fillers that say nothing."""
    draw = random.Random(seed)
    out = []
    for number in range(count):
        side = ("negative", "positive")[number % 2]
        words = draw.sample(GLAD if side == "positive" else CROSS, 2) + draw.sample(
            ["we", "saw", "it", "there", "and", "so", "on"], 4
        )
        draw.shuffle(words)
        out.append((" ".join(words) + f" n{seed}x{number}.", side))
    return out


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Path:
    """A folder with few.csv – 10 labelled training texts among 200, 80 for validation, 200 for the test – and run/."""
    folder = tmp_path_factory.mktemp("few")
    rows = []
    for part, count, known, seed in (("train", 200, 10, 1), ("valid", 80, 80, 2), ("test", 200, 200, 3)):
        for n, (text, side) in enumerate(texts(count, seed)):
            row = {"id": f"{part}{n}", "text": text, "split": part, "label_polarity": side if n < known else ""}
            rows.append(row)
    write(folder / "few.csv", rows)
    run_of(RUN, folder, folder / "run", store)
    return folder


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def accuracy(folder: Path, root: Path, store: Store) -> float:
    """On the test part, which neither training nor a choice has seen."""
    run = lab.check(json.loads((folder / "run.json").read_text())["config"], begins=False)
    prepared = prepare(run, root, store, say=lambda line: None)
    test = prepared.parts.test
    said = lab.predictions(run, prepared, lab.load(run, prepared, folder), test)["polarity"]
    return float((said.argmax(1) == prepared.labels["polarity"][test].argmax(1)).mean())


def corrected_analyses(bundle: Path, out: Path, made: list[tuple[str, str]]) -> int:
    """Read texts with a bundle and put right what it got wrong, as the page does; how many were wrong."""
    reader, wrong = demeanor.load(bundle), 0
    out.mkdir(exist_ok=True)
    for number, (text, side) in enumerate(made):
        said = reader.analyze(text, id=f"post-{number}").to_dict()
        if said["overall"]["sentiment"]["label"] != side:
            wrong += 1
        said["corrections"] = [
            {"path": "segments[0].reading.sentiment.label", "value": side, "by": "user", "at": "2026-01-01T00:00:00Z"}
        ]
        (out / f"{number}.json").write_text(json.dumps(said), encoding="utf-8")
    return wrong


def quiet(line: str) -> None:
    pass


def test_from_corrections_to_a_better_bundle_by_one_command(
    few: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOR_FEATURES", str(store.root))
    prepared = prepare(lab.check(RUN), few, store, say=quiet)
    old = pack(few / "run", tmp_path / "old", prepared, say=quiet)
    assert corrected_analyses(old, tmp_path / "analyses", texts(60, 7)) >= 5
    run = shutil.copytree(few / "run", tmp_path / "run")
    stored = json.loads((run / "run.json").read_text())
    stored["config"].setdefault("model", {})["l2"] = {"sound": 1.0}  # as earlier versions let it pass
    (run / "run.json").write_text(json.dumps(stored))
    with pytest.raises(SystemExit) as left:
        app()(
            ["learn", str(run), str(tmp_path / "analyses"), "--out", str(tmp_path / "new"), "--data", str(few)],
            prog_name="demeanor",
        )
    assert left.value.code == 0
    told = json.loads((tmp_path / "new/learned.json").read_text())
    assert told["corrected"] + told["held_back"] == 60
    assert 4 <= told["held_back"] <= 24
    assert accuracy(tmp_path / "new/run", few, store) > accuracy(few / "run", few, store) + 0.1
    change = told["parts"]["valid"]["metrics"]["accuracy"]
    assert change["after"] > change["before"]
    assert change["low"] > 0
    assert told["parts"]["corrections"]["n"] == told["held_back"]
    reader, fresh = demeanor.load(tmp_path / "new/bundle"), texts(60, 11)
    right = [reader.analyze(t).overall.sentiment.label == side for t, side in fresh]
    before = [demeanor.load(old).analyze(t).overall.sentiment.label == side for t, side in fresh]
    assert np.mean(right) > np.mean(before)


def test_the_program_of_the_guide(few: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEMEANOR_FEATURES", str(store.root))
    shutil.copy(few / "few.csv", tmp_path)
    shutil.copytree(few / "run", tmp_path / "runs/mine")
    bundle = pack(few / "run", tmp_path / "old", prepare(lab.check(RUN), few, store, say=quiet), say=quiet)
    corrected_analyses(bundle, tmp_path / "analyses", texts(40, 7))
    (tmp_path / "new-clips").mkdir()
    for number, (text, _) in enumerate(texts(20, 5)):
        (tmp_path / "new-clips" / f"{number}.txt").write_text(text)
    found = re.findall(r"^```python\n# lab\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    space: dict = {}
    exec(compile("\n".join(found), str(GUIDE), "exec"), space)
    assert set(space["told"]["parts"]["valid"]["metrics"]["accuracy"]) >= {"before", "after", "low", "high"}
    assert (tmp_path / "learned/run/weights.pt").is_file()


def test_unlabelled_texts_help_by_their_pseudo_labels(few: Path, store: Store, tmp_path: Path) -> None:
    write(tmp_path / "more.csv", [{"id": str(n), "text": t} for n, (t, _) in enumerate(texts(300, 5))])
    told = learn(
        few / "run", New(unlabelled=tmp_path / "more.csv"), few, tmp_path / "out", at_least=0.8, store=store, say=quiet
    )
    assert told["unlabelled"] == 300
    assert 30 <= told["pseudo_labelled"] < 300
    with (tmp_path / "out/unlabelled.csv").open() as file:
        written = list(csv.DictReader(file))
    assert len(written) == told["pseudo_labelled"]
    assert {row["label_pseudo"] for row in written} == {"1"}
    assert accuracy(tmp_path / "out/run", few, store) > accuracy(few / "run", few, store) + 0.02


def test_nothing_of_a_sealed_part_is_learned_from(few: Path, store: Store, tmp_path: Path) -> None:
    """Texts of the validation and test parts come back as unlabelled and corrected ones: they are left out."""
    sealed = [t for t, _ in texts(80, 2)[:20] + texts(200, 3)[:20]]
    fresh = [t for t, _ in texts(30, 5)]
    write(tmp_path / "more.csv", [{"id": str(n), "text": t} for n, t in enumerate(sealed + fresh)])
    learn(
        few / "run", New(unlabelled=tmp_path / "more.csv"), few, tmp_path / "out", at_least=0.5, store=store, say=quiet
    )
    run = lab.check(json.loads((tmp_path / "out/run/run.json").read_text())["config"])
    prepared = prepare(run, few, store, say=quiet)
    learned = {prepared.samples[i].text for i in prepared.parts.train}
    assert not learned & set(sealed)
    assert set(fresh) <= learned
    plain = prepare(lab.check(RUN), few, store, say=quiet)
    assert list(plain.parts.valid) == list(prepared.parts.valid)


def test_pretraining_on_unlabelled_pairs_helps_where_labels_are_few(store: Store, tmp_path: Path) -> None:
    """40 labels among 300 pairs: what both modalities share is found without labels."""

    def scored(pretrain: int, seed: int) -> float:
        series = {"text": {"name": "series"}, "audio": {"name": "series"}}
        spec = {
            "run": {"name": "pairs", "model": "lf_dnn"},
            "data": {
                "dataset": "synthetic", "samples": 480, "seed": seed, "snr": {"text": 4, "audio": 4},
                "dims": {"text": 48, "audio": 48}, "lengths": [2, 4],
            },
            "encoders": series,
            "features": {"mean": ["text", "audio"], "normalise": "none"},
            "tasks": {"polarity": {}},
            "training": {**RUN["training"], "epochs": 15, "batch": 32, "learning_rate": 3e-3, "pretrain": pretrain},
        }  # fmt: skip
        run = lab.check(spec)
        prepared = prepare(run, tmp_path, store, say=quiet)
        prepared.labels["polarity"][prepared.parts.train[40:]] = np.nan
        folder = tmp_path / f"{pretrain}-{seed}"
        lab.train(run, tmp_path, folder, store, quiet, prepared)
        test = prepared.parts.test
        said = lab.predictions(run, prepared, lab.load(run, prepared, folder), test)["polarity"]
        return float((said.argmax(1) == prepared.labels["polarity"][test].argmax(1)).mean())

    gains = [scored(12, seed) - scored(0, seed) for seed in range(2)]
    assert np.mean(gains) > 0.03


def test_refusals_say_what_to_do(few: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no \.json or \.jsonl"):
        learn(few / "run", New([tmp_path / "nowhere"]), few, tmp_path / "a")
    with pytest.raises(ConfigError, match="found none"):
        learn(few / "run", New(), few, tmp_path / "b")
    with pytest.raises(ConfigError, match="finished run"):
        learn(tmp_path, New(), few, tmp_path / "c")
    with pytest.raises(ConfigError, match="confidence"):
        learn(few / "run", New(), few, tmp_path / "d", at_least=2)


def test_what_a_finished_run_learned_from_is_not_written_over(few: Path, tmp_path: Path) -> None:
    learned = tmp_path / "learned"
    shutil.copytree(few / "run", learned / "run")
    (learned / CORRECTIONS).write_text("id,text\nold,old text\n")
    before = {p: p.read_bytes() for p in learned.rglob("*") if p.is_file()}
    (tmp_path / "new.json").write_text(
        json.dumps(corrected_analysis("I hate it", ("overall.sentiment.label", "negative")))
    )
    new = New([tmp_path / "new.json"])
    for run in (learned / "run", few / "run"):
        with pytest.raises(ConfigError, match="name another folder by --out"):
            learn(run, new, few, learned, say=quiet)
    with pytest.raises(ConfigError, match="name another folder by --out"):
        refit("base", new, learned, say=quiet)
    assert {p: p.read_bytes() for p in learned.rglob("*") if p.is_file()} == before


def test_what_was_interrupted_after_its_weights_goes_on_by_the_same_command(
    few: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOR_FEATURES", str(store.root))
    for number, (text, side) in enumerate(texts(8, 7)):
        said = corrected_analysis(text, ("overall.sentiment.label", side))
        (tmp_path / f"{number}.json").write_text(json.dumps({**said, "id": f"own-{number}"}))
    learned, places = tmp_path / "learned", [str(tmp_path / f"{n}.json") for n in range(8)]

    def command() -> None:
        app()(
            ["learn", str(few / "run"), *places, "--out", str(learned), "--data", str(few), "--epochs", "2"],
            prog_name="demeanor",
        )

    def stopped(*_: object, **__: object) -> None:
        raise ConfigError("expected to go on, got stopped")

    with monkeypatch.context() as patched:
        patched.setattr("demeanor.training.pack.pack", stopped)
        with pytest.raises(ConfigError, match="got stopped"):
            command()
    assert (learned / "run/weights.pt").is_file()
    assert not (learned / "learned.json").exists()
    table = (learned / CORRECTIONS).read_bytes()
    with pytest.raises(SystemExit, match="0"):
        command()
    assert (learned / CORRECTIONS).read_bytes() == table
    assert (learned / "bundle/bundle.json").is_file()
    with pytest.raises(ConfigError, match="name another folder by --out"):
        command()
    (learned / "learned.json").unlink()
    with pytest.raises(ConfigError, match="name another folder by --out"):
        learn(learned / "run", New([tmp_path / "0.json"]), few, learned, store=store, say=quiet)
    assert (learned / CORRECTIONS).read_bytes() == table, "not what goes on from another run"


def test_corrections_become_a_run_s_own_labels() -> None:
    tasks = {
        "mood": Task(classes=("happy", "angry", "calm"), label="kind"),
        "polarity": Task(),
        "score": Task(scale=3.0),
    }

    def said(*pairs: tuple[str, str, object]) -> dict:
        return labels_of(
            [Correction("x", name, value, by, None, own=name == "mood") for by, name, value in pairs], tasks
        )

    assert said(("ann", "emotions", ["joy"])) == {"kind": "happy"}
    assert said(("ann", "polarity", "negative")) == {"polarity": "negative"}
    assert said(("ann", "score", 0.5)) == {"polarity": "positive", "score": 0.5}
    assert said(("ann", "score", 0.1))["polarity"] == "positive"  # the sign, as raters' scores are read
    assert said(("ann", "polarity", "positive"), ("bob", "score", -0.7)) == {"score": -0.7}, "they disagree"
    assert said(("ann", "polarity", "positive"), ("ann", "score", -0.7)) == {"polarity": "negative", "score": -0.7}
    assert said(("ann", "score", -0.7), ("ann", "polarity", "positive")) == {"polarity": "positive"}
    assert said(("ann", "mood", "calm"), ("bob", "mood", "calm"), ("eve", "mood", "angry")) == {"kind": "calm"}
    assert said(("ann", "mood", "calm"), ("bob", "mood", "angry")) == {}
    assert said(("ann", "polarity", "great")) == {}
    scores = [Correction("x", "score", 0.5, "ann", None)]
    assert labels_of(scores, {"score": Task()}, {"score": (-3.0, 3.0)}) == {"score": 1.5}
    assert labels_of(scores, {"mosi": Task(label="sentiment")}, {"mosi": (0.0, 4.0)}) == {"sentiment": 3.0}
    own = [*scores, Correction("x", "score", -2.0, "ann", None, own=True)]
    assert labels_of(own, {"score": Task()}, {"score": (-3.0, 3.0)}) == {"score": -2.0}


def test_a_corrected_score_is_learned_in_the_unit_of_the_run_s_labels(tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": str(n), "split": "train", "label_sentiment": str(n - 3)} for n in range(7)]
    write(tmp_path / "scores.csv", [*rows, {"id": "v", "text": "v", "split": "valid", "label_sentiment": "-9"}])
    run = {**RUN, "data": {"dataset": "table", "root": "scores.csv"}, "tasks": {"sentiment": {}}}
    (tmp_path / "seen.json").write_text(json.dumps(corrected_analysis("so good", ("overall.sentiment.score", 1.0))))
    told: dict = {}
    found = module._corrections(lab.check(run), tmp_path, New([tmp_path / "seen.json"]), 0, tmp_path, told, quiet)
    assert [s.labels for s in found] == [{"sentiment": 3.0}]


def corrected_analysis(text: str, *said: tuple[str, object], **more: object) -> dict:
    """A text as it is read without a name, and what ann said of it; `more` is put over it."""
    reading = {"sentiment": {"score": 0.0, "label": "neutral"}, "abstain": False}
    return {
        "id": "text", "source": text, "kind": "text", "overall": reading, "language": "en",
        "segments": [{"text": text, "reading": reading}],
        "corrections": [{"path": path, "value": value, "by": "ann"} for path, value in said], **more,
    }  # fmt: skip


def test_texts_without_a_name_are_told_apart_by_what_they_say(tmp_path: Path) -> None:
    said = ("overall.sentiment.label", "positive")
    texts = ["so good", "So  good", "so bad", "a table", "a chair"]
    for number, text in enumerate(texts[:3]):
        (tmp_path / f"{number}.json").write_text(json.dumps(corrected_analysis(text, said)))
    (tmp_path / "all.json").write_text(json.dumps([corrected_analysis(text, said) for text in texts[3:]]))
    found = corrected([tmp_path], {"polarity": Task()}).samples
    assert {s.text for s in found} == {"So  good", "so bad", "a table", "a chair"}  # the last of the same text
    assert len({s.id for s in found}) == len({s.group for s in found}) == 4


def test_files_of_one_name_in_two_folders_are_two_samples(tmp_path: Path) -> None:
    said = ("overall.sentiment.label", "positive")
    for folder, text in (("a", "so good"), ("b", "so bad"), ("c", "so good")):
        (tmp_path / folder).mkdir()
        analysis = corrected_analysis(text, said, id="1.txt")
        (tmp_path / folder / "seen.json").write_text(json.dumps(analysis))
    found = corrected([tmp_path], {"polarity": Task()}).samples
    assert [(s.id, s.group, s.text) for s in found] == [
        ("1.txt", "1.txt", "so good"), ("1.txt~2", "1.txt~2", "so bad"),
    ]  # fmt: skip


def test_files_of_one_name_in_one_file_are_two_samples(tmp_path: Path) -> None:
    said = [
        corrected_analysis(text, ("overall.sentiment.label", label), id="1.txt", source="1.txt")
        for text, label in (("so good", "positive"), ("so bad", "negative"))
    ]
    (tmp_path / "all.json").write_text(json.dumps(said))
    found = corrected([tmp_path], {"polarity": Task()}).samples
    assert [(s.text, s.labels["polarity"]) for s in found] == [("so good", "positive"), ("so bad", "negative")]
    assert len({s.id for s in found}) == len({s.group for s in found}) == 2


def test_a_folder_s_other_json_is_passed_over_and_a_named_one_is_refused(tmp_path: Path) -> None:
    said = corrected_analysis("so good", ("overall.sentiment.label", "positive"))
    (tmp_path / "seen.json").write_text(json.dumps(said))
    (tmp_path / "talk.json").write_text('{"segments": [{"text": "so good"}]}')
    found = corrected([tmp_path], {"polarity": Task()})
    assert len(found.samples) == 1
    assert found.foreign == [tmp_path / "talk.json"]
    with pytest.raises(ConfigError, match="1 of 1 that are none"):
        corrected([tmp_path / "talk.json"], {"polarity": Task()})
    (tmp_path / "talk.json").write_text(json.dumps([said, 3]))
    with pytest.raises(ConfigError, match="1 of 2 that are none"):
        corrected([tmp_path], {"polarity": Task()})


def test_pictures_and_the_sentences_of_posts_are_learned_from(tmp_path: Path) -> None:
    read = {"sentiment": {"score": 0.0, "label": "neutral"}, "abstain": False}
    label = "reading.sentiment.label"
    for name in ("sky.jpg", "sea.jpg", "post.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    pictures = [
        corrected_analysis("", id=name, source=name, kind="image", segments=[{"text": None, "reading": read}])
        for name in ("sky.jpg", "sea.jpg")
    ]
    pictures[1]["corrections"] = [{"path": f"segments[0].{label}", "value": "positive", "by": "ann"}]
    parts = [{"text": t, "reading": read} for t in ("so good", "so bad", None)]
    said = [(f"segments[{n}].{label}", "negative") for n in (1, 2)]
    post = corrected_analysis("", *said, id="post.jpg", source="post.jpg", kind="mixed", segments=parts)
    (tmp_path / "seen.json").write_text(json.dumps([*pictures, post]))
    found = corrected([tmp_path], {"polarity": Task()}, reviewed=True)
    assert {s.id: s.labels["polarity"] for s in found.samples} == {
        "sky.jpg": "neutral", "sea.jpg": "positive", "post.jpg": "neutral", "post.jpg#1": "negative",
    }  # fmt: skip
    (sentence,) = (s for s in found.samples if s.id == "post.jpg#1")
    assert (sentence.text, sentence.image, sentence.group) == ("so bad", None, "post.jpg")
    assert found.left_out == {"of parts that have no words": 1}


def test_where_all_corrections_are_held_back_the_refusal_says_so(few: Path, store: Store, tmp_path: Path) -> None:
    said = corrected_analysis("so good", ("overall.sentiment.label", "positive"))
    (tmp_path / "seen.json").write_text(json.dumps(said))
    with pytest.raises(ConfigError, match="held back; give --hold 0"):
        learn(few / "run", New([tmp_path / "seen.json"]), few, tmp_path / "out", hold=0.999, store=store, say=quiet)


def test_what_a_reviewed_analysis_left_as_it_was_is_a_label_too(tmp_path: Path) -> None:
    """Corrections alone show a model its mistakes only; what was looked at and left says what it got right."""

    def segment(text: str, label: str) -> dict:
        return {"text": text, "reading": {"sentiment": {"score": 0.0, "label": label}, "abstain": False}}

    said = {
        "id": "talk", "kind": "text", "overall": {"sentiment": None}, "language": "en",
        "segments": [segment("so good", "negative"), segment("so bad", "negative"), segment("a table", "neutral")],
        "corrections": [{"path": "segments[0].reading.sentiment.label", "value": "positive", "by": "ann"}],
    }  # fmt: skip
    (tmp_path / "talk.json").write_text(json.dumps(said))
    for reviewed, expected in (
        (False, {"talk#0": "positive"}),
        (True, {"talk#0": "positive", "talk#1": "negative", "talk#2": "neutral"}),
    ):
        found = corrected([tmp_path], {"polarity": Task()}, reviewed=reviewed)
        assert {s.id: s.labels["polarity"] for s in found.samples} == expected
        assert {s.group for s in found.samples} == {"talk"}


def test_what_people_say_goes_before_a_run_s_own_labels_as_read(tmp_path: Path) -> None:
    """Of an item, and of the whole, whose segments then say nothing."""

    def found(*said: tuple[str, object]) -> dict:
        own = {
            "sentiment": {"score": 0.5, "label": "positive"},
            "abstain": False,
            "own": {"mood": {"neg": 0.1, "pos": 0.9}},
        }
        analysis = corrected_analysis("so good", *said, id="t", overall=own)
        analysis["segments"] = [{"text": text, "reading": own} for text in ("so good", "so bad")]
        (tmp_path / "seen.json").write_text(json.dumps(analysis))
        tasks = {"mood": Task(classes=("neg", "pos")), "polarity": Task()}
        return {s.id: s.labels for s in corrected([tmp_path], tasks, reviewed=True).samples}

    read = {"mood": "pos", "polarity": "positive"}
    assert found() == {"t#0": read, "t#1": read}
    assert found(("segments[0].reading.sentiment.label", "negative")) == {
        "t#0": {"mood": "neg", "polarity": "negative"}, "t#1": read,
    }  # fmt: skip
    assert found(("segments[0].reading.sentiment.label", "neutral")) == {"t#0": {"polarity": "neutral"}, "t#1": read}
    assert found(("segments[0].reading.own.mood", "neg")) == {"t#0": {"mood": "neg"}, "t#1": read}
    assert found(("overall.sentiment.score", -0.5)) == {"t": {"mood": "neg", "polarity": "negative"}}


def test_of_two_corrections_of_one_label_the_last_in_the_list_counts_as_in_the_report(tmp_path: Path) -> None:
    path = "segments[0].reading.sentiment.label"
    analysis = demeanor.analyze("The soup was cold.").to_dict() | {
        "corrections": [
            {"path": path, "value": "positive", "by": "ann", "at": "2026-01-01"},
            {"path": path, "value": "neutral", "by": "ann", "at": None},
        ]
    }
    (tmp_path / "soup.json").write_text(json.dumps(analysis))
    (sample,) = corrected([tmp_path], {"polarity": Task()}).samples
    (row,) = csv.DictReader(
        io.StringIO(demeanor.Analysis.from_dict(analysis).save(tmp_path / "soup.csv").read_text(encoding="utf-8-sig"))
    )
    assert (sample.labels["polarity"], row["corrected_label"]) == ("neutral", "neutral")
