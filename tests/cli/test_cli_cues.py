"""Exit codes and messages: cues that cannot be had, languages there are not, damaged and closed files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_calls import Demeanor
from PIL import Image

from demeanor.cli._inputs import named
from reader_fakes import picture, silence, speech, write_video, write_wav


@pytest.fixture
def sky(tmp_path: Path) -> Path:
    Image.fromarray(picture()).save(tmp_path / "sky.png")
    return tmp_path / "sky.png"


def test_a_cue_that_the_only_input_cannot_have(reads: Demeanor, sky: Path) -> None:
    ran = reads("analyze", sky, "--cues", "voice", "--json")
    assert ran.code == 2
    assert ran.err == f"demeanor: {sky}: voice was asked for, but needs sound, and there is none in this image\n"
    assert json.loads(ran.out)["cues"] == {}


def test_a_cue_that_one_of_several_inputs_cannot_have(reads: Demeanor, sky: Path, tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "talk.wav", speech(2.0))
    ran = reads("analyze", sky, wav, "--cues", "voice", "--json")
    assert ran.code == 1  # as for any input that gave nothing: named, and the rest delivered
    assert f"{sky}: voice was asked for" in ran.err
    assert [sorted(a["cues"]) for a in json.loads(ran.out)] == [[], ["voice"]]
    assert reads("analyze", sky, "I love it", "--cues", "voice").code == 2


def test_a_cue_beside_others_that_are_there(reads: Demeanor, sky: Path) -> None:
    ran = reads("analyze", sky, "--cues", "voice,scene")
    assert ran.code == 0
    assert "voice was asked for" in ran.err
    assert reads("analyze", sky).err == ""


def test_no_such_language(reads: Demeanor) -> None:
    ran = reads("analyze", "I love it", "--language", "english")
    assert ran.code == 2
    assert "did you mean en (English)?" in ran.err


def test_subtitles_of_silence_are_an_empty_file(reads: Demeanor, tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "still.wav", silence(7))
    ran = reads("analyze", wav, "--srt", tmp_path / "a.srt", "--vtt", tmp_path / "a.vtt")
    assert ran.code == 0
    assert ran.err.count("which is empty: nothing was said") == 2
    assert (tmp_path / "a.srt").read_text() == ""
    assert (tmp_path / "a.vtt").read_text().startswith("WEBVTT")


@pytest.mark.parametrize(
    ("name", "message", "said"),
    [
        ("a/b.mp4", "b.mp4: cannot decode", "a/b.mp4: cannot decode"),
        ("b.mp4", "b.mp4: cannot decode", "b.mp4: cannot decode"),
        ("a/b.mp4", "'a/b.mp4': no such file", "'a/b.mp4': no such file"),
        ("a/b.mp4", "nothing to read", "a/b.mp4: nothing to read"),
        ("a", "nothing to read: expected a text", "a: nothing to read: expected a text"),
    ],
)
def test_a_message_names_its_file_once(name: str, message: str, said: str) -> None:
    assert named(name, message) == said


def test_files_cut_off_and_empty_say_what_is_wrong_with_them(reads: Demeanor, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    data = write_video(tmp_path / "a.mp4", [picture()] * 20).read_bytes()
    (folder / "cut.mp4").write_bytes(data[: data.index(b"moov") - 4])
    (folder / "empty.mp4").touch()
    ran = reads("analyze", folder, "I love it", "--json")
    assert ran.code == 1
    cut, empty = ran.err.splitlines()
    assert cut.startswith(f"demeanor: {folder}/cut.mp4: cannot")
    assert "index (the box 'moov'" in cut
    assert ran.err.count("cut.mp4") == ran.err.count("empty.mp4") == 1
    assert "an empty file (0 bytes)" in empty
    ran = reads("batch", folder, "--out", tmp_path / "out.jsonl")
    assert ran.code == 2
    assert ran.err.splitlines()[0].startswith("demeanor: cut.mp4: cannot")


def test_folders_that_may_not_be_read(reads: Demeanor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in" / "closed").mkdir(parents=True)
    (tmp_path / "in" / "a.txt").write_text("I love it")

    def closing(look: Callable[[str], Any]) -> Callable[[str], Any]:
        def refusing(path: str) -> Any:
            if str(path).endswith("closed"):
                raise PermissionError(13, "Permission denied", str(path))
            return look(path)

        return refusing

    allowed = os.access
    monkeypatch.setattr(os, "scandir", closing(os.scandir))
    monkeypatch.setattr(os, "listdir", closing(os.listdir))
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("closed") and allowed(path, mode))
    ran = reads("batch", tmp_path / "in", "--out", tmp_path / "o.jsonl")
    assert ran.code == 1
    assert "in/closed: expected a folder that may be read, got one that may not" in ran.err
    ran = reads("analyze", tmp_path / "in" / "closed")
    assert ran.code == 2
    assert "expected a folder that may be read, got Permission denied" in ran.err
