"""Learning over a shipped bundle: what users say of its readings moves the words, and nothing else."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import demeanor
from demeanor import bundle
from demeanor.calibration.temperature import softmax
from demeanor.cli import app
from demeanor.errors import ConfigError
from demeanor.label import refit as module
from demeanor.label.corrected import Corrected
from demeanor.label.learn import New
from demeanor.label.refit import refit
from demeanor.types import Sample

pytestmark = pytest.mark.lab

# To its makers a red build is bad news; to anybody else it is a colour.
THINGS = ["pipeline", "build", "nightly run", "release branch", "staging server", "index job", "cluster", "backup job"]
WHEN = ["again today", "since this morning", "after the merge", "on the main line", "as of now"]
RED = [f"The {thing} is red {when}." for thing in THINGS for when in WHEN]
GREEN = [f"The {thing} is green {when}." for thing in THINGS for when in WHEN]
EVERYDAY = ["I love this movie.", "I hate this movie.", "这部电影太好看了。", "我很难过。", "Thank you so much!"]


def readings(reader: demeanor.Reader, texts: list[str], label: str | None, out: Path) -> None:
    """Analyses of texts as the page leaves them, each put right where a label is given."""
    with out.open("a", encoding="utf-8") as lines:
        for number, text in enumerate(texts):
            said = reader.analyze(text, id=f"{label}-{number}").to_dict()
            if label is not None and said["overall"]["sentiment"]["label"] != label:
                said["corrections"] = [{"path": "overall.sentiment.label", "value": label, "by": "ann"}]
            lines.write(json.dumps(said) + "\n")


def labels(reader: demeanor.Reader, texts: list[str]) -> list[str]:
    return [reader.analyze(text).overall.sentiment.label for text in texts]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """`learn base` by the command line, from two thirds of the red and green sentences and some everyday ones."""
    place = tmp_path_factory.mktemp("learned")
    base = demeanor.load("base")
    readings(base, RED[:26], "negative", place / "seen.jsonl")
    readings(base, GREEN[:26], "positive", place / "seen.jsonl")
    readings(base, EVERYDAY, None, place / "seen.jsonl")
    with pytest.raises(SystemExit) as left:
        app()(["learn", "base", str(place / "seen.jsonl"), "--reviewed", "--out", str(place / "out")], prog_name="d")
    assert left.value.code == 0
    told: dict[str, Any] = json.loads((place / "out/learned.json").read_text())
    return place / "out", told


def test_a_way_of_speaking_is_learned_and_the_rest_stays(learned: tuple[Path, dict[str, Any]]) -> None:
    out, told = learned
    before, after = demeanor.load("base"), demeanor.load(out / "bundle")
    fresh = [*RED[26:], *GREEN[26:]]
    right = ["negative"] * len(RED[26:]) + ["positive"] * len(GREEN[26:])
    assert np.mean(np.array(labels(before, fresh)) == right) < 0.7
    assert np.mean(np.array(labels(after, fresh)) == right) > 0.8
    assert labels(after, EVERYDAY) == labels(before, EVERYDAY)
    others = ["What a waste of money.", "我今天特别开心！", "I am so sad.", "Das ist wunderbar!"]
    assert labels(after, others) == labels(before, others)
    assert told["corrected"] + told["held_back"] == 57
    change = told["parts"]["held_back"]["metrics"]["polarity_accuracy"]
    assert change["after"] > change["before"]


def test_a_learned_reading_is_whole(learned: tuple[Path, dict[str, Any]]) -> None:
    """Its score is on the side of its label, it claims no measured calibration, and says why."""
    reader = demeanor.load(learned[0] / "bundle")
    for text, sign in ((RED[-1], -1), (GREEN[30], 1)):
        analysis = reader.analyze(text)
        assert analysis.overall.sentiment.score * sign > 0.1
        assert analysis.overall.calibration == "pooled"
        assert analysis.overall.sets is None
        words = analysis.explain().segments[0].words
        assert words is not None
        told = words.base + sum(part.share for part in words.parts)
        assert told == pytest.approx(words.score, abs=1e-3)
        assert max(words.parts, key=lambda p: p.share * sign).text.strip(".") in ("red", "green")
    assert "learned" in reader.analyze("x").provenance["bundle"]
    card = (learned[0] / "bundle/card.md").read_text(encoding="utf-8")
    assert "## Learned from use" in card
    assert "polarity_accuracy" in card


def test_nothing_else_of_the_bundle_changes(learned: tuple[Path, dict[str, Any]]) -> None:
    before, after = bundle.load("base"), bundle.load(learned[0] / "bundle")
    changed = {name for name, digest in before.spec["files"].items() if after.spec["files"][name] != digest}
    assert changed == {"words.onnx", "card.md"}
    texts = demeanor.load("base").experts.words, demeanor.load(learned[0] / "bundle").experts.words
    hidden = [words.read(["I love it", "今天的天气真好"]) for words in texts if words is not None]
    for old, new in zip(*hidden, strict=True):
        np.testing.assert_allclose(new.embedding, old.embedding, atol=1e-6)


def test_a_learned_bundle_learns_again(learned: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    reader = demeanor.load(learned[0] / "bundle")
    purple = [f"The {thing} is purple {when}." for thing in THINGS for when in WHEN]
    readings(reader, purple[:20], "negative", tmp_path / "seen.jsonl")
    readings(reader, [*RED[:20], *GREEN[:26]], None, tmp_path / "seen.jsonl")  # left alone, and so held to
    told = refit(learned[0] / "bundle", New([tmp_path / "seen.jsonl"]), tmp_path / "again", say=lambda line: None)
    assert told["bundle"].startswith("base-learned-")
    again = demeanor.load(tmp_path / "again/bundle")
    assert np.mean(np.array(labels(again, purple[30:])) == "negative") > 0.8
    # A lesson in the very same words takes part of the one before with it, not all.
    before, after = (np.mean(np.array(labels(r, GREEN[26:])) == "positive") for r in (demeanor.load("base"), again))
    assert after > before


def test_corrections_alone_leave_what_nobody_touched(tmp_path: Path) -> None:
    """The texts that a user read and left alone are held to their readings; without that all of them turn negative."""
    base = demeanor.load("base")
    kept = ["I love this film.", "What a nice day!", "Thank you so much!", "This is wonderful.", "好喜欢这首歌。"]
    readings(base, RED[:12], "negative", tmp_path / "seen.jsonl")
    readings(base, kept, None, tmp_path / "seen.jsonl")
    told = refit("base", New([tmp_path / "seen.jsonl"]), tmp_path / "out", hold=0.0, say=lambda line: None)
    assert told["left_as_read"] >= len(kept)
    assert told["parts"] == {}
    assert labels(demeanor.load(tmp_path / "out/bundle"), kept) == ["positive"] * len(kept)


def test_what_is_said_of_a_whole_says_nothing_of_its_parts(tmp_path: Path) -> None:
    """Nor is a picture's text learned from, nor what else lies in the folder."""
    base, told = demeanor.load("base"), []
    whole = base.analyze("I love it. The build is red.", id="whole").to_dict()
    whole["corrections"] = [{"path": "overall.sentiment.label", "value": "negative", "by": "ann"}]
    post = base.analyze(
        text="So red.", image=np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    ).to_dict()
    Image.new("RGB", (64, 64)).save(tmp_path / "post.png")
    post |= {"id": "post.png", "source": "post.png"}
    post["corrections"] = [{"path": "overall.sentiment.label", "value": "negative", "by": "ann"}]
    (tmp_path / "seen.jsonl").write_text(f"{json.dumps(whole)}\n{json.dumps(post)}\n")
    (tmp_path / "manifest.jsonl").write_text('{"id": "x", "text": "a row of something else"}\n')
    (tmp_path / "talk.json").write_text('{"text": "something else"}')
    refit("base", New([tmp_path]), tmp_path / "out", hold=0.0, say=told.append)
    learned = json.loads((tmp_path / "out/learned.json").read_text())
    assert (learned["corrected"], learned["left_as_read"]) == (1, 0)
    assert told == [
        "talk.json passed over: nothing in it is an analysis",
        "1 items left out: posts, and recordings as a whole, whose segments can be corrected instead",
    ]


def test_what_users_disagree_about_is_not_held_to_what_was_read(tmp_path: Path) -> None:
    base, told = demeanor.load("base"), []
    texts = ["The build is red.", "The build is green.", "The cluster is red."]
    said = [base.analyze(text, id=text).to_dict() for text in texts]
    for analysis, labels in zip(said, (["negative"], ["negative", "positive"], []), strict=True):
        analysis["corrections"] = [
            {"path": "segments[0].reading.sentiment.label", "value": label, "by": str(n)}
            for n, label in enumerate(labels)
        ]
    (tmp_path / "seen.json").write_text(json.dumps(said))
    learned = refit("base", New([tmp_path]), tmp_path / "out", hold=0.0, say=told.append)
    assert (learned["corrected"], learned["left_as_read"]) == (1, 1)
    assert told == ["1 corrected items whose corrections are no label of this run, or disagree left out"]


def test_equal_texts_are_one_with_the_label_that_follows_from_all(tmp_path: Path) -> None:
    """And on one side of the hold-out, together with all that shares a group with any of them."""

    def text(name: str, said: str, *labels: str) -> Sample:
        return Sample(name, text=said, group=name[0], labels={"polarity": labels[0]} if labels else {})

    told: list[str] = []
    labelled = [
        text("a0", "The build is red.", "negative"), text("b0", "the build  is RED.", "negative"),
        text("c0", "The build is red.", "positive"), text("d0", "It is green.", "positive"),
        text("e0", "It is  green.", "negative"), text("f0", "So red.", "negative"), text("b1", "So blue.", "neutral"),
    ]  # fmt: skip
    alone = [text("g0", "SO red."), text("h0", "It is green."), text("i0", "A table."), text("i1", "a table.")]
    found = module._texts(Corrected(labelled, untouched=alone), told.append)
    assert [(s.id, s.group, s.labels) for s in found] == [
        ("a0", "a", {"polarity": "negative"}), ("f0", "f", {"polarity": "negative"}),
        ("b1", "a", {"polarity": "neutral"}), ("i0", "i", {}),
    ]  # fmt: skip
    assert told == ["1 texts left out, of which users say different things"]


def test_the_fit_is_logistic_regression() -> None:
    """Without logits of before it is scikit-learn's; with them its gradient vanishes; held firmly nothing changes."""
    linear = pytest.importorskip("sklearn.linear_model")
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(80, 5)), draw.integers(0, 3, 80)
    target = np.eye(3)[y]
    ours = module._softmax_regression(x, np.zeros((80, 3)), target)
    theirs = linear.LogisticRegression(C=1 / module.HOLD, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(x, y)
    np.testing.assert_allclose(ours, theirs.coef_, atol=2e-4)
    z = draw.normal(size=(80, 3))
    found = module._softmax_regression(x, z, target)
    gradient = (softmax(z + x @ found.T) - target).T @ x + module.HOLD * found
    assert np.abs(gradient).max() < 1e-3
    np.testing.assert_allclose(module._softmax_regression(x, z, softmax(z)), 0, atol=1e-8)
    np.testing.assert_allclose(module._ridge(x, np.zeros((80, 1))), 0, atol=1e-12)


def test_refusals_say_what_to_do(tmp_path: Path, learned: tuple[Path, dict[str, Any]]) -> None:
    (tmp_path / "seen.json").write_text(json.dumps(demeanor.load("base").analyze("fine").to_dict()))
    with pytest.raises(ConfigError, match="that somebody corrected, found none"):
        refit("base", New([tmp_path / "seen.json"]), tmp_path / "out")
    with pytest.raises(ConfigError, match="share to hold back"):
        refit("base", New([tmp_path / "seen.json"]), tmp_path / "out", hold=1.0)
    with pytest.raises(ConfigError, match="options of runs"):
        app()(["learn", "base", str(tmp_path), "--unlabelled", str(tmp_path)], prog_name="d", standalone_mode=False)
    (tmp_path / "taken/bundle").mkdir(parents=True)
    (tmp_path / "taken/bundle/mine.txt").write_text("mine")
    readings(demeanor.load("base"), RED[:4], "negative", tmp_path / "red.jsonl")
    with pytest.raises(ConfigError, match="older bundle to replace, got a folder of other things"):
        refit("base", New([tmp_path / "red.jsonl"]), tmp_path / "taken", hold=0.0)
    assert (tmp_path / "taken/bundle/mine.txt").is_file()
