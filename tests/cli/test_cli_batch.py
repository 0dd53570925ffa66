import json
from pathlib import Path
from typing import Any

import pytest
from cli_calls import Demeanor

import demeanor
from demeanor.report.schema import validate


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def manifest(media: Path) -> Path:
    path = media / "manifest.csv"
    path.write_text(
        "id,text,image,label_polarity\np1,今天的天气真好,sky.jpg,positive\np2,I hate it,,\n", encoding="utf-8"
    )
    return path


def test_a_manifest(reads: Demeanor, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    ran = reads("batch", manifest, "--out", out)
    assert (ran.code, ran.out) == (0, "")
    assert "2 read" in ran.err
    first, second = lines(out)
    assert [first["id"], second["id"]] == ["p1", "p2"]
    assert (first["kind"], first["sample"]["labels"]) == ("mixed", {"polarity": "positive"})
    first.pop("sample"), second.pop("sample")
    validate(first)


def test_a_folder_names_its_failures(reads: Demeanor, media: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    ran = reads("batch", media, "--out", out)
    assert ran.code == 1
    assert [one["id"] for one in lines(out)] == ["broken.mp4", "sky.jpg", "sub/talk.wav", "天气.txt"]
    assert lines(out)[0]["error"]["type"] == "DecodeError"
    assert "broken.mp4: " in ran.err
    assert "3 read, 1 failed" in ran.err
    assert f"{media}: passed over 1 file (.md 1)" in ran.err


def test_it_goes_on_where_it_stopped(reads: Demeanor, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    reads("batch", manifest, "--out", out)
    whole = out.read_bytes()
    out.write_bytes(whole[: whole.index(b"\n") + 40])
    ran = reads("batch", manifest, "--out", out)
    assert ran.code == 0
    assert "1 read, 1 read by an earlier run" in ran.err
    assert [one["id"] for one in lines(out)] == ["p1", "p2"]


def test_subtitles_that_pairs_leave_are_not_told_to_be_joined_by_pairs(
    reads: Demeanor, media: Path, tmp_path: Path
) -> None:
    (media / "sub" / "talk.en.srt").write_text("1\n00:00:00,100 --> 00:00:01,800\nI hate it\n")
    for more, told in (
        (["--pair"], "with --pair those of its very stem"),
        ([], "join those of its stem by `batch --pair"),
    ):
        ran = reads("batch", media, "--out", tmp_path / "out.jsonl", *more)
        assert f"give them by `analyze RECORDING --transcript` ({told}" in ran.err


def test_pairs(reads: Demeanor, media: Path, tmp_path: Path) -> None:
    (media / "sky.txt").write_text("I love it")
    (media / "broken.mp4").unlink()
    reads("batch", media, "--out", tmp_path / "out.jsonl", "--pair")
    kinds = {one["id"]: one["kind"] for one in lines(tmp_path / "out.jsonl")}
    assert kinds == {"sky": "mixed", "sub/talk.wav": "audio", "天气.txt": "text"}


def test_nothing_could_be_read(reads: Demeanor, media: Path, tmp_path: Path) -> None:
    for path in (media / "sky.jpg", media / "天气.txt", media / "sub" / "talk.wav"):
        path.unlink()
    assert reads("batch", media, "--out", tmp_path / "out.jsonl").code == 2


def test_wrong_usage(reads: Demeanor, media: Path, tmp_path: Path) -> None:
    assert "--out" in reads("batch", media).err
    ran = reads("batch", tmp_path / "nowhere.csv", "--out", tmp_path / "out.jsonl")
    assert ran.code == 2
    assert "expected a manifest" in ran.err


def test_stopped_by_ctrl_c(run: Demeanor, monkeypatch: pytest.MonkeyPatch, manifest: Path, tmp_path: Path) -> None:
    class Stops:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setattr(demeanor, "load", lambda *_, **__: Stops())
    ran = run("batch", manifest, "--out", tmp_path / "out.jsonl")
    assert ran.code == 130
    assert "goes on from there" in ran.err
    assert "Traceback" not in ran.err


def test_wrong_lines_of_a_manifest_cost_themselves_only(reads: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"id": "a", "text": "I love it"}\n{"id"\n{"id": "a", "text": "x"}\n')
    ran = reads("batch", tmp_path / "m.jsonl", "--out", tmp_path / "o.jsonl")
    assert ran.code == 1
    assert "1 read, 2 failed" in ran.err
    assert "m.jsonl, line 2: expected JSON" in ran.err
    assert [line["id"] for line in lines(tmp_path / "o.jsonl")] == ["a", "line 2", "a (line 3)"]


def test_no_cue_that_was_asked_for(reads: Demeanor, manifest: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the second time they have been read already
        ran = reads("batch", manifest, "--out", tmp_path / "none.jsonl", "--cues", "voice")
        assert ran.code == 2
        assert "2 without any cue that was asked for" in ran.err
        for name in ("p1", "p2"):
            assert f"{name}: voice was asked for, but needs sound" in ran.err
    ran = reads("batch", manifest, "--out", tmp_path / "some.jsonl", "--cues", "scene")
    assert ran.code == 1
    assert "1 without any cue that was asked for" in ran.err
    assert "p2: scene was asked for" in ran.err
    assert "p1: " not in ran.err
    assert reads("batch", manifest, "--out", tmp_path / "all.jsonl", "--cues", "words,voice").code == 0


def test_a_manifest_without_rows(reads: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,text\n")
    ran = reads("batch", tmp_path / "m.csv", "--out", tmp_path / "o.jsonl")
    assert ran.code == 2
    assert "m.csv: expected a row for each sample" in ran.err


def test_a_note_is_not_emptied(reads: Demeanor, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("call the dentist")
    ran = reads("batch", manifest, "--out", tmp_path / "note.txt")
    assert ran.code == 2
    assert "name another output" in ran.err
    assert (tmp_path / "note.txt").read_text() == "call the dentist"


def test_an_empty_name_is_not_this_folder(reads: Demeanor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("I love it.", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    ran = reads("batch", "", "--out", tmp_path / "o.jsonl")
    assert ran.code == 2
    assert "got an empty name" in ran.err
    assert not (tmp_path / "o.jsonl").exists()
    assert reads("batch", ".", "--out", tmp_path / "o.jsonl").code == 0


def test_a_guessed_encoding_of_a_manifest_is_told_once(reads: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes("id,text\na,今天的天气真好\nb,我很开心\n".encode("gb18030"))
    ran = reads("batch", tmp_path / "m.csv", "--out", tmp_path / "o.jsonl")
    assert ran.code == 0
    assert ran.err.count("m.csv: not UTF-8; read as gb18030; save it as UTF-8 if that is another one") == 1


def test_failures_of_another_input_are_not_named(reads: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "m1.csv").write_text("id,image\nold,nowhere.png\n")
    (tmp_path / "m2.csv").write_text("id,text,image\na,I love it,\nnew,,nowhere.png\n")
    reads("batch", tmp_path / "m1.csv", "--out", tmp_path / "o.jsonl")
    ran = reads("batch", tmp_path / "m2.csv", "--out", tmp_path / "o.jsonl")
    assert ran.code == 1
    assert "new: " in ran.err
    assert "old: " not in ran.err
    assert "1 lines in it are of no sample of this input, and were left" in ran.err
