import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from demeanor.errors import ConfigError, DecodeError, InputError
from demeanor.media.video import open_video
from demeanor.reader import clip
from demeanor.reader.clip import MOST, Eye, FaceMoment, Seen, rate, thinned
from demeanor.reader.reader import Reader
from demeanor.reader.timeline import Piece, moments_of, silent
from demeanor.types import KeyFrame
from reader_fakes import FakeExperts, fake_reader, picture, said, silence, speech, talking, write_video, write_wav

PLAN = [(0.5, None, 0.0), (2.0, 220.0, 0.1), (6.0, None, 0.0), (2.0, 120.0, 0.5), (0.5, None, 0.0)]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talking(tmp_path_factory.mktemp("film") / "gespräch.mp4", PLAN)


def test_all_four_cues_on_one_timeline(film: Path) -> None:
    a = fake_reader().analyze(film)
    assert (a.kind, a.source, a.language) == ("video", "gespräch.mp4", "en")
    assert a.duration == pytest.approx(11.0, abs=0.2)
    assert a.missing == ()
    texts = [s.text for s in a.segments]
    assert texts[0] == "I love it."
    assert texts[-1] == "I hate it."
    assert texts[1:-1] == [None, None]  # the pause, in windows
    starts = [s.start for s in a.segments]
    assert starts == sorted(starts)  # type: ignore[type-var]
    assert all(set(s.cues) == {"words", "voice", "face", "scene"} for s in (a.segments[0], a.segments[-1]))
    assert all(set(s.cues) == {"face", "scene"} for s in a.segments[1:-1])
    assert {f.id for s in a.segments for f in s.faces} == {"F1"}
    assert [(p.id, p.faces, p.speaker) for p in a.people] == [("P1", ("F1",), None)]
    for cues in (a.cues, *(s.cues for s in a.segments)):
        assert sum(c.weight or 0 for c in cues.values()) == pytest.approx(1)


def test_faces_have_boxes_and_their_own_reading(film: Path) -> None:
    segments = fake_reader().analyze(film, cues="face").segments
    assert segments
    for segment in segments:
        (face,) = segment.faces
        assert face.box == pytest.approx((110 / 320, 60 / 240, 90 / 320, 90 / 240), abs=0.06)
        assert face.reading is not None
        assert face.reading.sentiment is not None
        assert face.reading.sentiment.label == "positive"


def test_key_frames_are_small_few_and_one_per_segment(film: Path) -> None:
    a = fake_reader().analyze(film)
    assert a.media is not None
    frames = a.media.keyframes
    assert len(frames) == len(a.segments)
    assert all(max(f.image.shape) <= 320 and f.image.dtype == np.uint8 for f in frames)
    for frame, segment in zip(frames, a.segments, strict=True):
        assert segment.start is not None
        assert segment.end is not None
        assert segment.start <= frame.time <= segment.end
    assert a.media.media_file == film


def test_one_thread_and_two_read_the_same(film: Path) -> None:
    one, two = (Reader(FakeExperts(threads=n)).analyze(film).to_dict() for n in (1, 2))
    assert one.pop("provenance") != two.pop("provenance")
    assert one == two


@pytest.mark.parametrize(
    ("cues", "present"),
    [("words", {"words"}), ("voice", {"voice"}), ("scene", {"scene"}), ("words,face", {"words", "face"})],
)
def test_only_the_cues_wanted(film: Path, cues: str, present: set[str]) -> None:
    a = fake_reader().analyze(film, cues=cues)
    assert set(a.cues) == present
    assert a.duration == pytest.approx(11.0, abs=0.2)


def test_two_faces_keep_their_names(tmp_path: Path) -> None:
    frames = [picture([(20, 60 + i % 8, 70, "bright"), (220, 60, 80, "dark")]) for i in range(40)]
    a = fake_reader().analyze(write_video(tmp_path / "two.mp4", frames))
    assert [f.id for s in a.segments for f in s.faces] == ["F1", "F2"] * len(a.segments)
    by_name = {f.id: f for f in a.segments[0].faces}
    lefts = sorted((f.box[0], f.reading.sentiment.label) for f in by_name.values() if f.reading and f.reading.sentiment)
    assert [label for _, label in lefts] == ["positive", "negative"]
    assert [p.faces for p in a.people] == [("F1",), ("F2",)]
    assert a.missing == ("words", "voice")


def test_faces_missing_from_some_segments_are_told(tmp_path: Path) -> None:
    frames = [picture([(100, 60, 90, "bright")] if i < 40 else []) for i in range(80)]
    a = fake_reader().analyze(write_video(tmp_path / "leaves.mp4", frames))
    assert any("no face found in" in w and f"of {len(a.segments)} segments" in w for w in a.warnings)


def test_black_film_without_speech(tmp_path: Path) -> None:
    frames = [np.zeros((120, 160, 3), np.uint8)] * 40
    a = fake_reader().analyze(write_video(tmp_path / "black.mp4", frames, sound=silence(4)))
    assert set(a.cues) == {"scene"}
    assert {"no face found", "no speech found in the sound"} <= set(a.warnings)
    assert len(a.segments) == 2
    assert a.segments[-1].end == pytest.approx(a.duration)


def test_one_frame(tmp_path: Path) -> None:
    a = fake_reader().analyze(write_video(tmp_path / "one.mp4", [picture([(100, 60, 90, "bright")])]))
    assert len(a.segments) == 1
    assert set(a.cues) == {"face", "scene"}


def test_transcript_of_a_silent_film_is_laid_over_it(tmp_path: Path) -> None:
    film = write_video(tmp_path / "silent.mp4", [picture()] * 40)
    a = fake_reader().analyze(video=film, text="I love it. It was awful.")
    assert a.kind == "mixed"
    assert [s.text for s in a.segments] == ["I love it.", "It was awful."]
    assert a.segments[0].start == 0.0
    assert a.segments[-1].end == pytest.approx(a.duration)
    assert a.provenance["speech"] == "given transcript"


def test_sound_given_apart(tmp_path: Path) -> None:
    film = write_video(tmp_path / "silent.mp4", [picture([(100, 60, 90, "bright")])] * 40)
    wav = write_wav(tmp_path / "sound.wav", np.concatenate([silence(1), speech(2), silence(1)]))
    a = fake_reader().analyze(video=film, audio=wav)
    assert a.kind == "video"
    assert set(a.cues) == {"words", "voice", "face", "scene"}
    loud = talking(tmp_path / "loud.mp4", [(2.0, 120.0, 0.5)])
    a = fake_reader().analyze(video=loud, audio=wav)
    assert [s.text for s in a.segments if s.text] == ["I love it."]
    assert any("left aside" in w for w in a.warnings)


def test_a_film_that_is_only_sound_is_heard(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "sound.wav", np.concatenate([silence(1), speech(2), silence(1)]))
    a = fake_reader().analyze(video=wav)
    assert set(a.cues) == {"words", "voice"}
    assert any("no pictures" in w for w in a.warnings)
    with pytest.raises(InputError, match="no such file"):
        fake_reader().analyze(video=tmp_path / "none.mp4")


@pytest.fixture
def unknown(tmp_path: Path) -> Callable[..., Path]:
    """A film with a picture and a sound track whose codecs FFmpeg is made not to know."""

    def make(*codecs: bytes) -> Path:
        path = tmp_path / "odd.mkv"
        write_video(path, [picture([(100, 60, 90, "bright")])] * 30, 10, speech(3.0))
        data = path.read_bytes()
        for codec in codecs:
            assert data.count(codec) == 1
            data = data.replace(codec, codec[:2] + b"X" + codec[3:])
        path.write_bytes(data)
        return path

    return make


PICTURES, SOUND = b"V_MPEG4", b"A_AAC"


def test_pictures_of_an_unknown_codec_leave_the_sound_and_say_so(unknown: Callable[..., Path]) -> None:
    a = fake_reader().analyze(unknown(PICTURES))
    assert set(a.cues) == {"words", "voice"}
    assert [w for w in a.warnings if "odd.mkv: its pictures cannot be decoded" in w and "only the sound was read" in w]
    assert set(fake_reader().analyze(video=unknown(PICTURES)).cues) == {"words", "voice"}


def test_sound_of_an_unknown_codec_leaves_the_pictures_and_says_so(unknown: Callable[..., Path]) -> None:
    for cues in (None, "face"):
        a = fake_reader().analyze(unknown(SOUND), cues=cues)
        assert "face" in a.cues
        assert [w for w in a.warnings if "odd.mkv: its sound cannot be decoded" in w and "only the pictures" in w]
    a = fake_reader().analyze(unknown(SOUND), cues="voice")
    assert a.lacking == ("voice",)


def test_a_film_of_unknown_codecs_only_is_an_error(unknown: Callable[..., Path]) -> None:
    with pytest.raises(DecodeError, match="FFmpeg does not know the codec; convert it"):
        fake_reader().analyze(unknown(PICTURES, SOUND))


def test_a_film_that_looks_whole_and_yields_no_picture_is_heard(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from demeanor.media.video import VideoReader

    def broken(*_: object) -> None:
        raise DecodeError("gespräch.mp4: cannot decode pictures: expected pictures, got none")

    monkeypatch.setattr(VideoReader, "frames", broken)
    a = fake_reader().analyze(film)
    assert set(a.cues) == {"words", "voice"}
    assert any(w.endswith("got none; only the sound was read") for w in a.warnings)


def test_damaged_sound_leaves_the_pictures(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from demeanor.media.audio import AudioReader

    def broken(*_: object) -> None:
        raise DecodeError("gespräch.mp4: cannot decode sound: expected samples, got none")

    monkeypatch.setattr(AudioReader, "mono", broken)
    a = fake_reader().analyze(film)
    assert set(a.cues) == {"face", "scene"}
    assert any("cannot decode sound" in w for w in a.warnings)


def test_a_film_cut_short_is_read_as_far_as_it_goes(film: Path, tmp_path: Path) -> None:
    frames = [picture([(100, 60, 90, "bright")])] * 100
    whole = write_video(tmp_path / "whole.avi", frames).read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    a = fake_reader().analyze(cut)
    assert "face" in a.cues
    assert a.duration is not None
    assert 2 < a.duration < 10
    assert a.warnings


def test_a_cut_of_a_film(film: Path) -> None:
    a = fake_reader().analyze(film, start=8, end=10.9, sample={"speaker": "Ann"})
    assert a.sample == {"start": 8.0, "end": 10.9, "speaker": "Ann"}, "labels of its segments lie right in the file"
    assert fake_reader().analyze(film).sample is None
    assert a.duration == pytest.approx(2.9, abs=0.2)
    assert [s.text for s in a.segments] == ["I hate it."]
    assert set(a.cues) == {"words", "voice", "face", "scene"}
    assert a.media is not None
    assert a.media.media_file is None  # a report would play the file from its beginning


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of pictures in a file that does not say how long they are, as browsers record."""

    class Pipe(io.RawIOBase):
        def __init__(self, path: Path) -> None:
            self._file = path.open("wb")

        def write(self, data: Any) -> int:
            return self._file.write(data)

        def writable(self) -> bool:
            return True

        def close(self) -> None:
            self._file.close()

    path = tmp_path_factory.mktemp("endless") / "live.mkv"
    pipe = Pipe(path)
    with av.open(pipe, "w", format="matroska") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(30):
            image = picture([(100, 60, 90, "bright")])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode())
    pipe.close()
    assert open_video(path).duration is None
    return path


@pytest.mark.parametrize(
    ("start", "end", "lasts"), [(0.0, 0.5, 0.5), (0.3, 0.8, 0.5), (1.0, None, 2.0), (1.2, 9.0, 1.8), (2.01, 2.05, 0.1)]
)
def test_a_cut_of_a_film_that_does_not_say_how_long_it_is(
    endless: Path, start: float, end: float | None, lasts: float
) -> None:
    a = fake_reader().analyze(endless, start=start, end=end)
    assert a.duration == pytest.approx(lasts, abs=0.01 if end and end < 3 else 0.35)
    assert {"face", "scene"} <= set(a.cues)


def test_a_start_beyond_the_end_of_such_a_film(endless: Path) -> None:
    with pytest.raises(InputError, match=r"expected a start before the end, got 60\.00"):
        fake_reader().analyze(endless, start=60.0)


def test_a_cut_shorter_than_the_time_between_pictures_shows_one(film: Path) -> None:
    a = fake_reader().analyze(film, start=9.01, end=9.05, cues="face,scene")
    assert {"face", "scene"} <= set(a.cues)


def test_faces_are_read_a_few_at_a_time(film: Path) -> None:
    experts = FakeExperts()
    Reader(experts).analyze(film)
    assert 8 <= experts._loaded["face"].largest <= 32  # type: ignore[attr-defined]
    assert experts._loaded["scene"].pictures <= 5  # type: ignore[attr-defined]


@pytest.mark.parametrize("seconds", [0.5, 2, 8, 60, 600, 1000, 7200, 36_000])
def test_rate_is_bounded(seconds: float) -> None:
    assert rate(seconds) * seconds <= MOST or rate(seconds) == 0.25
    assert rate(seconds) >= min(3.0, MOST / seconds)
    assert rate(None) == 1.0


def test_a_film_without_end_is_thinned_evenly_and_what_was_just_seen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    most, end, seen = 300, 1440, Seen()
    monkeypatch.setattr(clip, "MOST", most)
    eye = Eye(FakeExperts(), frozenset({"face", "scene"}), None, seen)
    for at in range(end * 3):
        seen.faces.append(FaceMoment(at / 3, "F1", (0.0, 0.0, 1.0, 1.0), said(0.5, "joy")))
        seen.scenes.append((at / 3, said(0.5, "joy")))
        eye.thin()
    for times in ([m.time for m in seen.faces], [time for time, _ in seen.scenes]):
        gaps = np.diff(times)
        assert most < len(times) <= 3 * most
        assert gaps[-most + 1 :] == pytest.approx(1 / 3)
        assert gaps[: most // 4] == pytest.approx(gaps[0], abs=0.4)
        assert max(gaps) < 2.5 * end / most
    assert seen.step == 4.0, "a face that left longer ago is gone"
    assert moments_of(Piece(end + 10.0, end + 11.0), seen) == []


def test_windows_fill_long_gaps_only() -> None:
    assert [(p.start, p.end) for p in silent([], 6.0)] == [(0.0, 3.0), (3.0, 6.0)]
    assert [(p.start, p.end) for p in silent([], 2.0)] == [(0.0, 2.0)]
    assert silent([(1.0, 4.0), (6.9, 9.0)], 10.0) == []
    assert [(p.start, p.end) for p in silent([(0.0, 4.0), (2.0, 3.0)], 10.0)] == [(4.0, 7.0), (7.0, 10.0)]
    lengths = [p.length for p in silent([(0.0, 1.0)], 14.3)]
    assert all(2 <= length <= 3.6 for length in lengths)
    assert sum(lengths) == pytest.approx(13.3)


def test_thinned_takes_the_still_nearest_to_each_middle() -> None:
    stills = [KeyFrame(float(t), np.zeros((2, 2, 3), np.uint8)) for t in range(200)]
    assert [s.time for s in thinned(stills, [(0, 4), (10, 11)])] == [2.0, 10.0]
    assert len(thinned(stills, [(t, t + 1) for t in range(199)])) == 48
    assert thinned([], [(0, 1)]) == []


def test_real_talking_heads(shared: Path) -> None:
    from demeanor.media.faces import FaceFinder

    experts = FakeExperts()
    experts._loaded["finder"] = FaceFinder()
    a = Reader(experts).analyze(shared / "data" / "talking_heads" / "bbaf2n.mpg", cues="face,scene")
    assert a.duration == pytest.approx(3.0, abs=0.1)
    assert {f.id for s in a.segments for f in s.faces} == {"F1"}
    assert "scene" in a.cues


def test_the_waveform_of_sound_that_ends_early_goes_on_in_silence() -> None:
    from demeanor.reader.sound import filled

    peaks = np.full((40, 2), 0.5, np.float32)  # two seconds
    long = filled(peaks, 5.0)
    assert long is not None
    assert (len(long), float(np.abs(long[40:]).max())) == (100, 0.0)
    assert filled(peaks, 1.0) is not None
    assert np.array_equal(filled(peaks, 2.0), peaks)
    assert filled(None, 5.0) is None


def test_words_beyond_the_end_are_cut_with_their_segment(film: Path, tmp_path: Path) -> None:
    words = [{"text": str(at), "start": at, "end": at + 1} for at in range(60)]
    said = tmp_path / "t.json"
    said.write_text(json.dumps([{"start": 0, "end": 60, "text": "so on", "words": words}]), encoding="utf-8")
    analysis = fake_reader().analyze(film, transcript=said, end=2.5)
    (segment,) = [s for s in analysis.segments if s.text]
    assert segment.end is not None
    assert segment.end < 3
    assert [word.text for word in segment.words] == ["0", "1", "2"]
    assert segment.words[-1].end == segment.end


def test_utterances_that_end_shuts_out_go_quietly(film: Path, tmp_path: Path) -> None:
    cues = [{"start": at, "end": at + 1, "text": "I love it."} for at in (0, 1, 8, 60)]
    said = tmp_path / "t.json"
    said.write_text(json.dumps(cues), encoding="utf-8")
    cut = fake_reader().analyze(film, transcript=said, start=0.5, end=2.5, cues="words")
    assert not [w for w in cut.warnings if "beyond the end" in w]
    whole = fake_reader().analyze(film, transcript=said, cues="words")
    assert "1 utterance of the transcript lies beyond the end; left out" in whole.warnings


@pytest.mark.parametrize(
    "given", [{"text": "I love it."}, {"image": picture([])}, {"text": "Hm.", "image": picture([])}]
)
def test_what_has_no_seconds_has_no_stretch(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected sound or film beside start"):
        fake_reader().analyze(**given, start=1)
    with pytest.raises(ConfigError, match="expected sound or film beside start and end"):
        fake_reader().analyze(**given, start=0, end=2.5)
