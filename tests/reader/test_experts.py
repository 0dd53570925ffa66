"""Which recogniser and which voice expert a bundle gets on this machine."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from demeanor.errors import WeightsError
from demeanor.media import faces
from demeanor.media import speech as module
from demeanor.reader.experts import Experts
from demeanor.reader.reader import Reader
from reader_fakes import FakeExperts, FakeVoice, speech, write_wav

OWN, OTHER = "aa" * 32, "bb" * 32


def experts() -> Experts:
    voice = {"whisper-base": {"graph": "v.onnx", "sha256": OWN}, "logmel": {"graph": "l.onnx"}}
    return Experts(SimpleNamespace(name="b-1", cues={"voice": voice}, spec={}))  # type: ignore[arg-type]


def test_the_edition_that_the_bundle_names_is_looked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, **options: object) -> SimpleNamespace:
        asked.append((name, options["prefer"]))
        return SimpleNamespace(sha256=OWN)

    monkeypatch.setattr(module, "load_recogniser", load)
    e = experts()
    assert e.voice is not None
    assert asked == [("whisper-base", OWN)]
    assert e.voice.encoder == "whisper-base"
    assert "encoder" not in e.why


def test_another_edition_recognises_speech_and_the_voice_is_read_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "load_recogniser", lambda *_, **__: SimpleNamespace(sha256=OTHER))
    e = experts()
    assert e.voice is not None
    assert e.voice.encoder == "logmel"
    assert "bbbbbbbbbbbb" in e.why["encoder"]
    fake = FakeExperts()
    fake.why |= e.why
    a = Reader(fake).analyze(write_wav(tmp_path / "a.wav", speech(2.0)))
    assert any("log-mel expert" in w for w in a.warnings)
    assert isinstance(fake.voice, FakeVoice)
    assert not any("log-mel" in w for w in Reader(fake).analyze("I love it").warnings)


def test_weights_that_would_not_help_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise WeightsError("expected the weights of MTCNN, got none")

    monkeypatch.setattr(faces, "FaceFinder", missing)
    without = experts()
    assert without.face is None
    assert without.why["face"] == "the bundle b-1 has no expert for 'face'; take another one for that cue"
    assert without.finder is None
    with_one = Experts(SimpleNamespace(name="b-1", cues={"face": {}}, spec={}))  # type: ignore[arg-type]
    assert with_one.face is None
    assert with_one.why["face"].startswith("faces cannot be found: expected the weights of MTCNN")
