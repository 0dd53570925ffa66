"""Explanations of bundles that fuse features: the model is asked again, and its answers add up."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

from export_runs import run_of, spec_of, write_wav  # noqa: E402

from demeanor import load  # noqa: E402
from demeanor.encoders._faces import Seen  # noqa: E402
from demeanor.explain.explanation import Explanation  # noqa: E402
from demeanor.explain.occlusion import covered  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.reader.reasons.joint_media import limit  # noqa: E402
from demeanor.training.pack import pack  # noqa: E402
from demeanor.types import POLARITIES  # noqa: E402

pytestmark = pytest.mark.lab


GLAD, CROSS = ("lovely", "splendid"), ("awful", "dreadful")


def tones(*pitches: float, noise: np.random.Generator | None = None) -> np.ndarray:
    """Half a second of each pitch."""
    time = np.arange(8_000) / 16_000
    found = np.concatenate([0.4 * np.sin(2 * np.pi * pitch * time) for pitch in pitches])
    return found if noise is None else found + 0.01 * noise.standard_normal(len(found))


def stripes(upright: bool, rng: np.random.Generator) -> np.ndarray:
    """RGB (64, 128, 3): stripes of 8 pixels, shifted and of changing contrast."""
    line = (np.arange(128) + rng.integers(16)) // 8 % 2 * rng.integers(100, 200)
    rows = np.broadcast_to(line if upright else line[:64, None], (64, 128))
    return np.repeat(rows[..., None], 3, -1).astype(np.uint8)


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


def test_cues_are_weighed(bundle: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "high.wav", tones(900))
    analysis = load(bundle).analyze(text="the street was awful", audio=tmp_path / "high.wav")
    found = checked(analysis.explain())
    by_cue = {c.cue: c for c in found.cues}
    assert by_cue["words"].without.label == "positive"
    assert by_cue["voice"].without.label == "negative"
    assert found.limits == ()


def bundle_of(folder: Path, store: Store, encoders: dict[str, dict]) -> Path:
    """Learned from lying stripes and a low tone, what is out of focus and noise, upright stripes and a high tone."""
    rng = np.random.default_rng(0)
    lines = ["id,group,image,audio,label_polarity,split"]
    for n in range(90):
        kind = n % 3
        picture = stripes(kind == 2 or (kind == 1 and n % 2 == 1), rng)
        cv2.imwrite(str(folder / f"{n}.png"), cv2.GaussianBlur(picture, (0, 0), 8) if kind == 1 else picture)
        write_wav(folder / f"{n}.wav", tones((150, 0, 400)[kind], noise=rng))
        lines.append(
            f"{n},{n},{n}.png,{n}.wav,{POLARITIES[kind]},{('train', 'train', 'train', 'valid', 'test')[n % 5]}"
        )
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    spec = spec_of("clips.csv", tasks={"polarity": {"classes": list(POLARITIES)}})
    spec["encoders"] = encoders
    spec["training"] |= {"epochs": 30, "batch": 8, "learning_rate": 0.01}
    prepared = run_of(spec, folder, folder / "run", store)
    return pack(folder / "run", folder / "bundle", prepared, say=lambda line: None)


@pytest.fixture(scope="module")
def seen(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    encoders = {"visual": {"name": "visual_hog", "size": 64, "fps": 4.0}}
    return bundle_of(tmp_path_factory.mktemp("stripes"), store, encoders)


@pytest.fixture(scope="module")
def heard(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_of(tmp_path_factory.mktemp("tones"), store, {"audio": {"name": "audio_mfcc", "deltas": 0}})


@pytest.fixture(scope="module")
def measured(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_of(tmp_path_factory.mktemp("measures"), store, {"audio": {"name": "audio_egemaps"}})


def test_the_seconds_that_sound_glad_have_the_shares(heard: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "half.wav", tones(400, 400, 150, noise=np.random.default_rng(1)))
    analysis = load(heard).analyze(audio=tmp_path / "half.wav")
    found = checked(analysis.explain())
    voice = found.segments[0].voice
    assert sum(p.share for p in voice.parts) == pytest.approx(voice.score - voice.base, abs=1e-6)
    assert voice.score == pytest.approx(analysis.segments[0].cues["voice"].sentiment.score, abs=1e-4)
    assert voice.parts[0].start == 0
    assert voice.parts[-1].end == pytest.approx(1.5)
    shares = [p.share for p in voice.parts]
    assert min(shares[:2]) > 0 > shares[-1]
    assert any("0:00" in said["en"] for said in found.said)


def test_the_regions_with_the_shares_are_those_the_reading_rests_on(seen: Path, tmp_path: Path) -> None:
    picture = stripes(True, np.random.default_rng(1))
    reader = load(seen)
    analysis = reader.analyze(image=picture)
    found = checked(analysis.explain())
    (heat,) = found.heat
    values = np.array(heat.values)
    assert heat.score == pytest.approx(analysis.cues[heat.cue].sentiment.score, abs=1e-6)
    assert values.sum() == pytest.approx(heat.score - heat.base, abs=1e-6)
    ranked = values.ravel() >= np.median(values)
    blurred = covered(picture, values.shape, np.array([~ranked, ranked]))
    without_most, without_least = (reader.analyze(image=p).overall.sentiment.score for p in blurred)
    assert without_most < without_least


def test_the_frames_that_look_glad_have_the_shares_and_the_strongest_its_regions(seen: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    with av.open(str(tmp_path / "turn.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for n in range(24):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(stripes(n < 16, rng), format="rgb24")))
        out.mux(stream.encode(None))
    analysis = load(seen).analyze(tmp_path / "turn.mp4")
    found = checked(analysis.explain())
    cue = next(c for c in analysis.cues.values() if c.sentiment is not None)
    assert sum(f.share for f in found.frames) == pytest.approx(cue.sentiment.score, abs=1e-3)
    assert all(f.share > 0 for f in found.frames if f.time < 1.8)
    assert all(f.share < 0 for f in found.frames if f.time > 2.2)
    (heat,) = found.heat
    assert heat.time in {f.time for f in found.frames}
    assert [k.time for k in found.pictures] == [heat.time]


def test_sound_that_is_encoded_as_one_step_is_cut_itself(measured: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "half.wav", tones(400, 400, 150, noise=np.random.default_rng(1)))
    analysis = load(measured).analyze(audio=tmp_path / "half.wav")
    voice = checked(analysis.explain()).segments[0].voice
    assert voice.score == pytest.approx(analysis.segments[0].cues["voice"].sentiment.score, abs=0.05)
    assert len(voice.parts) == 3
    assert sum(p.share for p in voice.parts) == pytest.approx(voice.score - voice.base, abs=1e-6)
    assert min(p.share for p in voice.parts[:2]) > voice.parts[2].share


def test_the_times_are_those_of_the_pictures_that_were_read(seen: Path, tmp_path: Path, monkeypatch) -> None:
    """Of an encoder of faces those in which the main face was found; where steps have no times, a limit."""
    with av.open(str(tmp_path / "film.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for _ in range(24):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(stripes(True, np.random.default_rng(1)), format="rgb24")))
        out.mux(stream.encode(None))
    analysis = load(seen).analyze(tmp_path / "film.mp4")
    (encoder,) = analysis.hold.model.encoders.values()
    whole = encoder.encode(analysis.hold.sample)
    monkeypatch.setattr(encoder, "encode", lambda s: whole[-5:] if s.video is not None else None)
    late = [Seen(1.5 + 0.25 * n, None, None) for n in range(5)]
    monkeypatch.setattr("demeanor.reader.reasons.joint_media.faces_of", lambda sample, config: late)
    found = analysis.explain()
    assert {f.time for f in found.frames} <= {seen.time for seen in late}
    assert any("nothing is read of that picture" in limit for limit in found.limits)
    monkeypatch.setattr("demeanor.reader.reasons.joint_media.faces_of", lambda sample, config: late[:3])
    found = analysis.explain()
    assert (found.frames, found.heat) == ((), ())
    assert any("frames of the" in limit for limit in found.limits)


def test_of_a_film_that_is_read_as_one_picture_that_picture_is_told(seen: Path, tmp_path: Path, monkeypatch) -> None:
    upright = stripes(True, np.random.default_rng(1))
    with av.open(str(tmp_path / "film.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for _ in range(24):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(upright, format="rgb24")))
        out.mux(stream.encode(None))
    reader = load(seen)
    (encoder,) = reader.model.encoders.values()
    read = encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda s: read(s)[:1])
    found = reader.analyze(tmp_path / "film.mp4").explain()
    assert found.frames == ()
    assert [h.time for h in found.heat] == [k.time for k in found.pictures] == [pytest.approx(1.5, abs=0.1)]
    assert any("read as one picture" in limit for limit in found.limits)


def test_models_of_other_things_than_sentiment_alone_say_so(seen: Path, tmp_path: Path, monkeypatch) -> None:
    picture = stripes(True, np.random.default_rng(1))
    monkeypatch.setattr("demeanor.reader.reasons.joint_media.sentiment_of", lambda spec, said: None)
    found = load(seen).analyze(image=picture).explain()
    assert found.heat == ()
    assert any("predicts no sentiment" in limit for limit in found.limits)


@pytest.mark.parametrize(("modality", "context", "told"), [("audio", 2, True), ("audio", 0, False), ("text", 2, False)])
def test_models_of_utterances_in_context_say_that_seconds_are_not_told(modality: str, context: int, told: bool) -> None:
    model = SimpleNamespace(encoders={"m": SimpleNamespace(modality=modality)}, spec=SimpleNamespace(context=context))
    said = limit(SimpleNamespace(model=model, features={"m": None}, said={}))
    assert (said is not None and "among those around them" in said) == told


def test_what_is_gone_costs_its_own_part(bundle: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "high.wav", tones(900))
    analysis = load(bundle).analyze(text="the street was awful", audio=tmp_path / "high.wav")
    (tmp_path / "high.wav").unlink()
    found = checked(analysis.explain())
    assert found.segments[0].words is not None
    assert any("high.wav" in limit for limit in found.limits)


def test_what_was_too_long_to_be_read_as_one_is_not_read_without_sentences(bundle: Path, monkeypatch) -> None:
    """Its whole is the mean of its segments, which a reading of the rest would not be compared with."""
    monkeypatch.setattr("demeanor.reader.joint_reader.JointModel.too_long", lambda *given: True)
    analysis = load(bundle).analyze(text="The house was lovely. Awful, dreadful street.")
    assert any("far longer than anything" in w for w in analysis.warnings)
    found = checked(analysis.explain())
    assert not any(c.kind == "segments" for c in found.counterfactuals)
    assert all(s.without is None for s in found.segments)
