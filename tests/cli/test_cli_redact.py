"""`demeanor redact` and `analyze --redact` from the command line."""

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calls import Demeanor
from PIL import Image

import demeanor
from demeanor.errors import ConfigError
from demeanor.media.audio import decode_audio
from demeanor.media.faces import FaceFinder
from reader_fakes import speech, write_wav

ROOT = Path(__file__).parents[2]


def test_a_sentence_is_printed(run: Demeanor) -> None:
    ran = run("redact", "Write to a@example.com, Mr. Smith.")
    assert (ran.code, ran.out, ran.err) == (0, "Write to [MAIL], Mr. [NAME].\n", "")
    ran = run("redact", "a@example.com b@example.com a@example.com Zed", "--pseudonyms", "--name", "Zed")
    assert ran.out == "[MAIL 1] [MAIL 2] [MAIL 1] [NAME 1]\n"


def test_texts_subtitles_and_json_of_a_folder(run: Demeanor, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("我叫张伟,手机13800138000", encoding="utf-8")
    srt = "1\n00:00:01,000 --> 00:00:02,000\nCall 212-555-0187\n\n2\n00:00:02,000 --> 00:00:03,500\nOkay.\n"
    (folder / "sub" / "b.srt").write_text(srt)
    (folder / "c.json").write_text(json.dumps([{"note": "a@example.com", "n": 5}]))
    ran = run("redact", folder, "--out", out, "--json")
    assert ran.code == 0, ran.err
    assert (out / "a.txt").read_text(encoding="utf-8") == "我叫[NAME],手机[PHONE]"
    assert (out / "sub" / "b.srt").read_text() == srt.replace("212-555-0187", "[PHONE]")
    assert json.loads((out / "c.json").read_text()) == [{"note": "[MAIL]", "n": 5}]
    told = json.loads(ran.out)
    assert [t["found"] for t in told] == [{"NAME": 1, "PHONE": 1}, {"MAIL": 1}, {"PHONE": 1}]
    assert "138" not in ran.out


def test_what_cannot_be_is_said_before_the_work(run: Demeanor, tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("hello")
    for arguments, message in (
        ([text], "--out"),
        ([ROOT / "demo" / "clip.mp4", "--out", tmp_path / "x.webm"], "expected a name"),
        ([text, "--out", text], "overwritten"),
        ([tmp_path / "in", "--out", tmp_path / "out"], "expected files to redact in this folder, found none"),
    ):
        (tmp_path / "in").mkdir(exist_ok=True)
        ran = run("redact", *arguments)
        assert ran.code == 2
        assert message in ran.err


def test_what_was_found_overwrites_no_input_and_no_copy(run: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('["js@example.com"]')
    out = tmp_path / "out"
    for told, what in ((tmp_path / "a.json", "an input"), (out / "a.json", "a copy")):
        ran = run("redact", tmp_path / "a.json", "--out", out, "--json", told)
        assert ran.code == 2
        assert f"--json {told}: this file is {what}, and would be overwritten; name another" in ran.err
    ran = run("redact", tmp_path / "a.json", "--out", out, "--json", tmp_path / "nowhere" / "told.json")
    assert (ran.code, out.exists()) == (2, False)
    assert "expected an existing folder" in ran.err
    assert (tmp_path / "a.json").read_text() == '["js@example.com"]'
    assert run("redact", tmp_path / "a.json", "--out", out, "--json", out / "told.json").code == 0, "the work makes it"
    assert json.loads((out / "told.json").read_text())[0]["found"] == {"MAIL": 1}


def test_a_copy_takes_no_originals_place_and_copies_are_not_copied(run: Demeanor, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "raw").mkdir(parents=True)
    (folder / "a.txt").write_text("js@example.com")
    (folder / "raw" / "a.txt").write_text("another original")
    (folder / "raw" / "b.txt").write_text("fine")
    ran = run("redact", folder, "--out", folder / "raw")
    assert ran.code == 2
    assert "got a file of the input, which would be overwritten; name another folder by --out" in ran.err
    assert (folder / "raw" / "a.txt").read_text() == "another original"
    (folder / "raw" / "a.txt").unlink()
    ran = run("redact", folder, "--out", folder / "raw")
    assert f"{folder}: passed over what is in {folder / 'raw'}, where the copies go" in ran.err
    assert ran.code == 0, ran.err
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.txt")) == [
        "a.txt",
        "raw/a.txt",
        "raw/b.txt",
    ]
    assert run("redact", folder, "--out", folder).err.count("this file is the input") == 3


def test_an_existing_file_is_no_folder_for_copies(run: Demeanor, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "taken", "taken.txt"):
        (tmp_path / name).write_text("js@example.com")
    two = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for out in ("taken", "taken.txt"):
        ran = run("redact", *two, "--out", tmp_path / out)
        assert (ran.code, "Traceback" in ran.err) == (2, False)
        assert "expected a folder for the copies, got a file; name a folder" in ran.err
    ran = run("redact", *two, "--out", tmp_path / "taken" / "copies")
    assert (ran.code, "Traceback" in ran.err) == (2, False)
    assert ran.err.count("expected a folder for the copy, got Not a directory") == 2
    assert run("redact", two[0], "--out", tmp_path / "taken").code == 0
    assert (tmp_path / "taken").read_text() == "[MAIL]"


@pytest.mark.parametrize("error", [ConfigError("no such form; take another"), ZeroDivisionError("division by zero")])
def test_whatever_is_wrong_with_one_input_costs_itself_only(
    run: Demeanor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    redact = demeanor.redact

    def fails_once(source: str, *rest: Any, **options: Any) -> Any:
        if source.endswith("a.txt"):
            raise error
        return redact(source, *rest, **options)

    monkeypatch.setattr(demeanor, "redact", fails_once)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("js@example.com")
    ran = run("redact", tmp_path / "a.txt", tmp_path / "b.txt", "--out", tmp_path / "out")
    assert ran.code == 1
    assert f"a.txt: {'ZeroDivisionError: ' * isinstance(error, ZeroDivisionError)}{error}" in ran.err
    assert (tmp_path / "out" / "b.txt").read_text() == "[MAIL]"


def test_what_a_folder_holds_beside_is_said_and_links_are_followed(run: Demeanor, tmp_path: Path) -> None:
    folder, store = tmp_path / "in", tmp_path / "store"
    folder.mkdir()
    store.mkdir()
    for path in (folder / "a.txt", folder / "notes.docx", store / "b.txt"):
        path.write_text("js@example.com")
    (folder / "linked").symlink_to(store)
    (folder / "gone.txt").symlink_to("nowhere.txt")
    ran = run("redact", folder, "--out", tmp_path / "out")
    assert ran.code == 1
    assert f"{folder}: passed over 1 file (.docx 1): not named as text, picture" in ran.err
    assert "gone.txt: no such file" in ran.err
    assert (tmp_path / "out" / "linked" / "b.txt").read_text() == "[MAIL]"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.txt", "linked"]


def test_one_bad_input_costs_itself_only(run: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    (tmp_path / "good.txt").write_text("a@example.com")
    ran = run("redact", tmp_path / "bad.jpg", tmp_path / "good.txt", "--out", tmp_path / "out")
    assert ran.code == 1
    assert "bad.jpg" in ran.err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good.txt"]


def test_an_empty_folder_costs_itself_only(run: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("js@example.com")
    done = run("redact", str(tmp_path / "empty"), str(tmp_path / "a.txt"), "--out", str(tmp_path / "out"))
    assert done.code == 1
    assert "expected files to redact in this folder, found none" in done.err
    assert (tmp_path / "out/a.txt").read_text() == "[MAIL]"


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_mistyped_file_is_no_text(run: Demeanor, more: list[str]) -> None:
    ran = run("redact", "nofile.txt", *more)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("demeanor: 'nofile.txt': no such file")
    assert run("analyze", "nofile.txt").err == ran.err
    ran = run("redact", "nofile.txt", "Write to a@example.com")
    assert (ran.code, ran.out) == (1, "Write to [MAIL]\n")


def test_of_a_sentence_json_holds_the_copy(run: Demeanor, tmp_path: Path) -> None:
    text = "Write to a@example.com or b@example.com"
    ran = run("redact", text, "--json")
    (told,) = json.loads(ran.out)
    assert (told["text"], told["found"]) == ("Write to [MAIL] or [MAIL]", {"MAIL": 2})
    ran = run("redact", text, "--json", tmp_path / "told.json")
    assert ran.out == told["text"] + "\n"
    assert json.loads((tmp_path / "told.json").read_text()) == [told]


def test_a_picture(run: Demeanor, tmp_path: Path) -> None:
    ran = run("redact", ROOT / "demo" / "sky.jpg", "--out", tmp_path)
    assert ran.code == 0
    assert "nothing was found" in ran.err
    with Image.open(tmp_path / "sky.jpg") as picture:
        assert FaceFinder().find(np.asarray(picture.convert("RGB"))) == []


def test_a_given_transcript_says_what_to_beep(reads: Demeanor, tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", speech(6.0))
    (tmp_path / "in.srt").write_text(
        "1\n00:00:00,000 --> 00:00:02,000\nHello there\n\n2\n00:00:02,500 --> 00:00:04,000\nCall 212-555-0187\n"
    )
    ran = reads(
        "redact", tmp_path / "in.wav", "--out", tmp_path / "out.wav", "--transcript", tmp_path / "in.srt", "--json"
    )
    assert ran.code == 0, ran.err
    (told,) = json.loads(ran.out)
    assert told["stretches"] == [{"start": 2.5, "end": 4.0, "kind": "PHONE"}]
    before, after = (decode_audio(tmp_path / n, 16000) for n in ("in.wav", "out.wav"))
    changed = np.flatnonzero(np.abs(before - after) > 1e-3)
    assert changed[0] / 16000 == pytest.approx(2.35, abs=0.01)
    assert changed[-1] / 16000 == pytest.approx(4.15, abs=0.01)


def test_only_what_is_asked_for(reads: Demeanor, tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", speech(2.0))
    assert reads("redact", tmp_path / "in.wav", "--out", tmp_path / "o.wav", "--no-beep").code == 0
    before, after = (decode_audio(tmp_path / n, 16000) for n in ("in.wav", "o.wav"))
    np.testing.assert_allclose(before, after, atol=1e-4)


def test_analyze_with_redact(reads: Demeanor, tmp_path: Path) -> None:
    ran = reads("analyze", "I love it, write to a@example.com", "--redact", "--json", tmp_path / "a.json")
    assert ran.code == 0
    found = json.loads((tmp_path / "a.json").read_text())
    assert "a@example.com" not in json.dumps(found)
    assert found["segments"][0]["text"] == found["source"] == "I love it, write to [MAIL]"
    assert "[MAIL]" in reads("analyze", "I love it, write to a@example.com", "--redact").out


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_what_is_said_is_heard_found_and_beeped(run: Demeanor, tmp_path: Path) -> None:
    said = "Hello there. My phone number is five five five, one two three four. Thank you very much."
    subprocess.run(["espeak-ng", "-s", "140", "-w", tmp_path / "in.wav", said], check=True)
    ran = run("redact", tmp_path / "in.wav", "--out", tmp_path / "out.wav", "--json", "--language", "en")
    assert ran.code == 0, ran.err
    (told,) = json.loads(ran.out)
    assert told["found"] == {"PHONE": 1}
    again = run("analyze", tmp_path / "out.wav", "--cues", "words", "--language", "en", "--json")
    heard = json.loads(again.out)
    text = " ".join(s["text"] or "" for s in heard["segments"]).lower()
    assert "thank you" in text
    assert not [w for w in ("555", "1234", "five five", "three four") if w in text]


def test_stdin_is_refused(run: Demeanor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It might be JSON or subtitles, which are told by the names of files."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"firstName": "Peter"}'), "ascii"))
    ran = run("redact", "-")
    assert (ran.code, ran.out) == (2, "")
    assert "save it as a file" in ran.err
