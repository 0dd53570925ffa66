"""Explanations of bundles that fuse features: the model is asked again, and its answers add up."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export_runs import run_of, spec_of, write_wav  # noqa: E402

from demeanor import load  # noqa: E402
from demeanor.explain.explanation import Explanation  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.training.pack import pack  # noqa: E402

pytestmark = pytest.mark.lab

GLAD, CROSS = ("lovely", "splendid"), ("awful", "dreadful")
TASKS = {"polarity": {"classes": ["negative", "positive"]}}


@pytest.fixture(scope="module")
def bundle(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learned from sentences where one word tells, and tones that are high where it is a glad one."""
    folder = tmp_path_factory.mktemp("glad")
    rng = np.random.default_rng(0)
    lines = ["id,group,text,audio,label_polarity,split"]
    for n in range(60):
        glad = n % 2
        word = (CROSS, GLAD)[glad][n // 2 % 2]
        filler = " ".join(rng.choice(["the", "house", "was", "really", "street", "over"], 4))
        time = np.arange(8_000) / 16_000
        write_wav(folder / f"{n}.wav", 0.4 * np.sin(2 * np.pi * (300, 900)[glad] * time))
        label = ("negative", "positive")[glad]
        lines.append(f"{n},{n},{filler} {word},{n}.wav,{label},{('train', 'train', 'train', 'valid', 'test')[n % 5]}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    spec = spec_of("clips.csv", tasks=TASKS)
    spec["encoders"] = {k: v for k, v in spec["encoders"].items() if k != "visual"}
    spec["training"] |= {"epochs": 30, "batch": 8, "learning_rate": 0.01}
    prepared = run_of(spec, folder, folder / "run", store)
    return pack(folder / "run", folder / "bundle", prepared, say=lambda line: None)


def checked(found: Explanation) -> Explanation:
    assert sum(c.share for c in found.cues) == pytest.approx(found.score - found.base, abs=1e-6)
    for segment in found.segments:
        if segment.words is not None:
            parts = segment.words
            assert sum(p.share for p in parts.parts) == pytest.approx(parts.score - parts.base, abs=1e-6)
    return found


def test_the_word_that_was_learned_has_the_share(bundle: Path) -> None:
    analysis = load(bundle).analyze(text="the street was lovely")
    found = checked(analysis.explain())
    assert found.label == "positive"
    shares = {p.text: p.share for p in found.segments[0].words.parts}
    assert max(shares, key=shares.__getitem__) == "lovely"
    assert not any("not read in this process" in limit for limit in found.limits)


def test_what_turns_the_text_is_read_anew_without_it(bundle: Path) -> None:
    sentences = ["The house was lovely.", "Awful, dreadful street.", "Dreadful, awful!"]
    analysis = load(bundle).analyze(text=" ".join(sentences))
    assert analysis.overall.sentiment.label == "negative"
    found = checked(analysis.explain())
    assert len([s for s in found.segments if s.without is not None]) == 3
    changed = next(c for c in found.counterfactuals if c.kind == "segments")
    assert changed.after.label == "positive"
    assert 0 not in changed.items
    left = " ".join(s for at, s in enumerate(sentences) if at not in changed.items)
    again = load(bundle).analyze(text=left)
    assert changed.after.score == pytest.approx(again.overall.sentiment.score, abs=1e-6)


def test_cues_are_weighed_and_the_voice_is_a_limit(bundle: Path, tmp_path: Path) -> None:
    time = np.arange(8_000) / 16_000
    write_wav(tmp_path / "high.wav", 0.4 * np.sin(2 * np.pi * 900 * time))
    analysis = load(bundle).analyze(text="the street was awful", audio=tmp_path / "high.wav")
    found = checked(analysis.explain())
    by_cue = {c.cue: c for c in found.cues}
    assert by_cue["words"].without.label == "positive"
    assert by_cue["voice"].without.label == "negative"
    assert any("seconds, regions and frames" in limit for limit in found.limits)


def test_what_was_too_long_to_be_read_as_one_is_not_read_without_sentences(bundle: Path, monkeypatch) -> None:
    """Its whole is the mean of its segments, which a reading of the rest would not be compared with."""
    monkeypatch.setattr("demeanor.reader.joint_reader.JointModel.too_long", lambda *given: True)
    analysis = load(bundle).analyze(text="The house was lovely. Awful, dreadful street.")
    assert any("far longer than anything" in w for w in analysis.warnings)
    found = checked(analysis.explain())
    assert not any(c.kind == "segments" for c in found.counterfactuals)
    assert all(s.without is None for s in found.segments)
