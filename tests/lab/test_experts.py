"""What the face and the voice learn from: blended faces, teachers, windows with babble, linear members."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.fusion.audio_cnn import AudioCnn  # noqa: E402
from demeanor.fusion.audio_cnn import Config as VoiceConfig  # noqa: E402
from demeanor.fusion.image_cnn import Config, ImageCnn  # noqa: E402
from demeanor.training import face, voice  # noqa: E402
from demeanor.training.data import Rows  # noqa: E402
from demeanor.types import Sample  # noqa: E402

pytestmark = pytest.mark.lab
NAN = float("nan")


def faces(count: int = 6) -> FeatureBatch:
    generator = torch.Generator().manual_seed(1)
    polarity = torch.eye(3)[torch.arange(count) % 3]
    polarity[-1] = NAN
    labels = {
        "emotions": torch.eye(7)[torch.arange(count) % 7],
        "polarity": polarity,
        "score": torch.full((count,), NAN),
        "weight": torch.ones(count),
    }
    x = torch.randn(count, 1, 48, 48, generator=generator)
    return FeatureBatch({"visual": x}, {"visual": None}, {"visual": torch.ones(count, dtype=torch.bool)}, labels)


def test_a_blended_face_has_the_labels_of_both_in_the_same_proportion() -> None:
    batch = faces()
    mixed = face.mix(batch, torch.Generator().manual_seed(3), 1.0)
    before, after = batch.values["visual"].flatten(1), mixed.values["visual"].flatten(1)
    blended = 0
    for row in range(len(batch)):
        shares = torch.linalg.lstsq(before.T, after[row]).solution
        assert shares.sum().item() == pytest.approx(1, abs=1e-3)
        assert shares[row] >= 0.5 - 1e-4, "a face stays the greater part of its own picture"
        torch.testing.assert_close(mixed.labels["emotions"][row], shares @ batch.labels["emotions"], atol=1e-3, rtol=0)
        blended += int(shares[row] < 0.999)
    assert blended >= 3
    assert torch.equal(mixed.labels["weight"], batch.labels["weight"])


def test_what_one_of_two_blended_faces_lacks_a_label_for_stays_unlabelled() -> None:
    mixed = face.mix(faces(), torch.Generator().manual_seed(3), 1.0)
    lost = torch.isnan(mixed.labels["polarity"]).any(1)
    assert lost[-1]
    assert lost.sum() <= 2


def test_no_face_is_blended_at_a_share_of_nothing() -> None:
    batch = faces()
    mixed = face.mix(batch, torch.Generator().manual_seed(3), 0.0)
    assert torch.equal(mixed.values["visual"], batch.values["visual"])
    torch.testing.assert_close(mixed.labels["emotions"], batch.labels["emotions"])


def test_teachers_are_asked_about_the_very_pictures_and_outvote_the_label_by_their_share() -> None:
    batch = faces()
    teachers = [ImageCnn(Config(width=8, depths=(1,))).eval() for _ in range(2)]
    told = face.taught(batch, teachers, 0.75)
    with torch.no_grad():
        said = torch.stack([t(batch).tasks["emotions"].softmax(1) for t in teachers]).mean(0)
    expected = 0.25 * batch.labels["emotions"] + 0.75 * said
    torch.testing.assert_close(told.labels["emotions"], expected, atol=1e-2, rtol=0)
    torch.testing.assert_close(told.labels["emotions"].sum(1), torch.ones(len(batch)), atol=1e-4, rtol=0)
    assert torch.isnan(told.labels["polarity"][-1]).all()
    assert torch.equal(told.values["visual"], batch.values["visual"])


def test_a_pupil_is_trained_by_the_run_folders_it_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = np.arange(32) % 2
    labels = {
        "emotions": np.eye(7, dtype=np.float32)[kinds * 3],
        "polarity": np.eye(3, dtype=np.float32)[kinds * 2],
        "score": np.full(32, NAN, np.float32),
    }
    values = (rng.standard_normal((32, 1, 48, 48)) * 0.1 + (kinds * 2 - 1)[:, None, None, None]).astype(np.float32)
    rows = Rows({"visual": values}, labels, np.ones(32, np.float32), corpus=["face"] * 32)
    training = {"epochs": 2, "batch": 8, "learning_rate": 1e-2, "device": "cpu", "precision": "float32", "track": ()}
    spec = {"run": {"mix": 0.5}, "model": {"width": 8, "depths": (1,)}, "training": training}
    teacher = tmp_path / "teacher"
    face.learn(spec, {"train": rows, "valid": rows}, _described(teacher, spec))
    pupil = {**spec, "run": {"mix": 0.5, "teachers": [str(teacher)], "taught": 0.8}}
    progress = face.learn(pupil, {"train": rows, "valid": rows}, _described(tmp_path / "pupil", pupil))
    assert progress.epoch == 2
    assert face.load(tmp_path / "pupil").config.width == 8


def _described(folder: Path, spec: dict) -> Path:
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"config": spec}))
    return folder


def clips(actors: int = 3) -> list[voice.Clip]:
    """Each actor hums a tone of their own."""
    time = np.arange(voice.RATE * 2) / voice.RATE
    out = []
    for actor in range(actors):
        tone = np.sin(2 * np.pi * 200 * (actor + 1) * time).astype(np.float32)
        out += [voice.Clip(Sample(f"{actor}-{n}", speaker=str(actor)), tone, slice(0, len(tone))) for n in range(4)]
    return out


def test_every_clip_is_in_the_windows_once_where_it_is_said_to_be() -> None:
    made = clips()
    found = []
    for sound, inside in voice.windows(made, np.random.default_rng(0)):
        assert sound.shape == (voice.WINDOW,)
        for i, at in inside:
            own = made[i].sound
            heard = sound[at : at + len(own)]
            assert np.corrcoef(own, heard)[0, 1] > 0.8, "the clip is louder than what disturbs it"
            found.append(i)
    assert sorted(found) == list(range(len(made)))


def test_some_windows_have_other_actors_behind_the_speaker() -> None:
    made, heard = clips(), 0
    for seed in range(12):
        for sound, inside in voice.windows(made, np.random.default_rng(seed)):
            speaker = int(made[inside[0][0]].sample.speaker or 0)
            power = np.abs(np.fft.rfft(sound)) ** 2
            bins = [round(200 * (k + 1) * len(sound) / voice.RATE) for k in range(3) if k != speaker]
            heard += any(power[b - 3 : b + 4].max() > 30 * np.median(power[b - 200 : b + 200]) for b in bins)
    assert 4 <= heard <= 20


def test_the_last_view_has_no_noise_in_it() -> None:
    quiet = np.zeros(voice.RATE, np.float32)
    quiet[: voice.RATE // 4] = 0.5
    made = [replace(clip, sound=quiet) for clip in clips()]
    for sound, inside in voice.windows(made, np.random.default_rng(1), noisy=False):
        silent = np.ones(len(sound), bool)
        for _, at in inside:
            silent[at : at + voice.RATE // 4] = False
        assert not sound[silent].any()
    assert [len(view) for view in voice.frames(made, "logmel", 2, 0)] == [len(made)] * 3


@pytest.mark.parametrize("learning", [True, False])
def test_a_linear_member_reads_one_utterance_as_it_reads_many(learning: bool) -> None:
    model = AudioCnn(VoiceConfig(dim=12, width=16, members=0, linear=1, linear_dropout=0.0)).train(learning)
    x, valid = torch.randn(3, 9, 12), torch.ones(3, 9, dtype=torch.bool)
    valid[1, 5:] = False
    labels = {"emotions": torch.eye(7)[:3], "polarity": torch.eye(3), "score": torch.zeros(3)}
    batch = FeatureBatch({"audio": x}, {"audio": valid}, {"audio": torch.ones(3, dtype=torch.bool)}, labels)
    one = replace(batch, values={"audio": x[:1]}, valid={"audio": valid[:1]}, present={"audio": torch.ones(1) > 0})
    assert torch.isfinite(model(one).tasks["emotions"]).all()
    model.eval()
    torch.testing.assert_close(model(one).tasks["emotions"], model(batch).tasks["emotions"][:1])
    cut = replace(batch, values={"audio": torch.where(valid[..., None], x, torch.tensor(99.0))})
    torch.testing.assert_close(model(cut).tasks["emotions"], model(batch).tasks["emotions"])
