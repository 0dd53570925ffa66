import csv
import io
import json
import os
from pathlib import Path

import pytest
from cli_calls import Demeanor

import demeanor
from closed_folders import close
from demeanor.errors import BundleError, UnknownNameError
from demeanor.report.schema import validate
from reader_fakes import fake_reader, speech, write_wav


def test_a_sentence_is_a_table(reads: Demeanor) -> None:
    ran = reads("analyze", "I love it")
    assert (ran.code, ran.err) == (0, "")
    assert "positive" in ran.out
    assert "I love it" in ran.out


def test_json_of_one_input_is_one_object_and_nothing_else(reads: Demeanor) -> None:
    ran = reads("analyze", "我很开心", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    validate(found)
    assert (found["kind"], found["language"], found["source"]) == ("text", "zh", "我很开心")
    assert found["overall"]["sentiment"]["label"] == "positive"


@pytest.mark.parametrize(
    "words",
    [["--json", "I love it"], ["I love it", "--json"], ["--json=-", "I love it"], ["I love it", "--json", "-"],
     ["--json", "-", "I love it"]],
)  # fmt: skip
def test_json_without_a_file_does_not_swallow_the_input(reads: Demeanor, words: list[str]) -> None:
    assert json.loads(reads("analyze", *words).out)["source"] == "I love it"


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), "ascii"))


@pytest.mark.parametrize("command", ["analyze", "explain"])
@pytest.mark.parametrize("data", ["我很开心\n".encode(), "我很开心".encode("utf-16")])
def test_a_hyphen_is_what_stdin_holds(
    reads: Demeanor, monkeypatch: pytest.MonkeyPatch, command: str, data: bytes
) -> None:
    pipe(monkeypatch, data)
    found = json.loads(reads(command, "-", "--json").out)
    label = found["overall"]["sentiment"]["label"] if command == "analyze" else found["label"]
    assert (found["kind"], label) == ("text", "positive")


def test_a_sound_may_come_from_stdin_and_a_name_of_a_file_there_is_words(
    reads: Demeanor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipe(monkeypatch, write_wav(tmp_path / "talk.wav", speech(2.0)).read_bytes())
    assert json.loads(reads("analyze", "-", "--json").out)["kind"] == "audio"
    pipe(monkeypatch, b"missing.wav\n")
    assert json.loads(reads("analyze", "-", "--json").out)["segments"][0]["text"] == "missing.wav"


def test_stdin_is_the_only_input_and_not_empty(reads: Demeanor, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"")
    ran = reads("analyze", "-")
    assert (ran.code, ran.out) == (2, "")
    assert "stdin: <0 bytes>: expected something to read, got an empty file" in ran.err
    for words in (["-", "I love it"], ["-", "-"]):
        ran = reads("analyze", *words)
        assert (ran.code, ran.out) == (2, "")
        assert "expected - (stdin) as the only INPUT, got 2" in ran.err


@pytest.mark.parametrize("form", ["--json {}", "--json={}"])
def test_json_into_a_file(reads: Demeanor, tmp_path: Path, form: str) -> None:
    path = tmp_path / "out.json"
    ran = reads("analyze", "I hate it", *form.format(path).split())
    assert (ran.code, ran.out) == (0, "")
    assert f"wrote {path}" in ran.err
    validate(json.loads(path.read_text(encoding="utf-8")))


def test_any_file_name_goes_after_an_equals_sign(reads: Demeanor, tmp_path: Path) -> None:
    reads("analyze", "I hate it", f"--json={tmp_path / 'out'}")
    assert json.loads((tmp_path / "out").read_text())["overall"]["sentiment"]["label"] == "negative"


def test_what_stands_after_two_dashes_is_an_input(reads: Demeanor) -> None:
    assert json.loads(reads("analyze", "--json", "--", "--json").out)["source"] == "--json"


def test_several_inputs_are_a_list_in_their_order(reads: Demeanor) -> None:
    found = json.loads(reads("analyze", "I love it", "I hate it", "--json").out)
    assert [a["overall"]["sentiment"]["label"] for a in found] == ["positive", "negative"]


def test_a_folder_is_a_list_whose_ids_are_paths_in_it(reads: Demeanor, media: Path) -> None:
    (media / "broken.mp4").unlink()
    ran = reads("analyze", media, "--json")
    assert ran.code == 0
    assert [a["id"] for a in json.loads(ran.out)] == ["sky.jpg", "sub/talk.wav", "天气.txt"]


def test_one_bad_input_costs_that_input_only(reads: Demeanor, media: Path) -> None:
    ran = reads("analyze", media / "broken.mp4", "I love it", "--json")
    assert ran.code == 1
    assert "broken.mp4" in ran.err
    (found,) = json.loads(ran.out)
    assert found["source"] == "I love it"


@pytest.mark.parametrize("command", ["analyze", "explain", "redact"])
def test_a_transcript_is_of_one_recording(reads: Demeanor, media: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "t.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nI love this.\n", encoding="utf-8")
    for inputs in (["a.wav", "b.wav"], [media]):
        ran = reads(command, *inputs, "--transcript", tmp_path / "t.srt")
        assert ran.code == 2
        assert "--transcript is what one recording says" in ran.err


def test_the_only_hyphen_is_stdin_and_may_be_a_recording(
    reads: Demeanor, monkeypatch: pytest.MonkeyPatch, media: Path
) -> None:
    pipe(monkeypatch, "我很开心".encode())
    assert json.loads(reads("analyze", "--json", "-").out)["kind"] == "text"
    for words in (["--language", "zh", "--json", "-"], ["--json", "-", "--threads", 1], ["--threads=1", "--json", "-"]):
        pipe(monkeypatch, "我很开心".encode())
        assert json.loads(reads("analyze", *words).out)["kind"] == "text"
    assert json.loads(reads("analyze", "--text", "I love it", "--json", "-").out)["kind"] == "text"
    assert json.loads(reads("analyze", "--json", "-", "--", "I love it").out)["kind"] == "text"
    pipe(monkeypatch, (media / "sub" / "talk.wav").read_bytes())
    found = json.loads(reads("analyze", "-", "--start", "0.5", "--end", "1.5", "--json").out)
    assert found["duration"] == pytest.approx(1.0)
    pipe(monkeypatch, b"I love it")
    ran = reads("analyze", "-", "--start", "0.5")
    assert (ran.code, "which has no seconds" in ran.err) == (2, True)


@pytest.mark.parametrize("command", ["analyze", "explain"])
def test_a_stretch_is_of_one_recording(reads: Demeanor, media: Path, command: str) -> None:
    talk, stretch = media / "sub" / "talk.wav", ("--start", "0.5", "--end", "1.5")
    post, sky = media / "天气.txt", media / "sky.jpg"
    ran = reads(command, talk, *stretch, "--json")
    assert ran.code == 0, ran.err
    if command == "analyze":
        found = json.loads(ran.out)
        validate(found)
        assert found["duration"] == pytest.approx(1.0)
        assert found["sample"] == {"start": 0.5, "end": 1.5}
    for inputs, told in (
        ([talk, talk], "expected one recording beside --start and --end, got several inputs"),
        ([media], "got several inputs"),
        (["I love it"], "expected a recording beside --start and --end, got a text that was typed"),
        (["--text", "I love it"], "got a text that was typed"),
        ([post], "expected a recording (sound or film) beside --start and --end, got"),
        ([sky], "which has no seconds; leave --start and --end out"),
        (["--text", f"@{post}"], "which has no seconds"),
        (["--text", "I love it", "--image", sky], "which has no seconds"),
        (["--video", sky], "which has no seconds"),
    ):
        ran = reads(command, *inputs, *stretch)
        assert (ran.code, told in ran.err) == (2, True), ran.err
    said = media / "said.srt"
    said.write_text("1\n00:00:00,000 --> 00:00:01,000\nI love this.\n", encoding="utf-8")
    for inputs in (["--text", "I love it", "--audio", talk], [said]):
        assert reads(command, *inputs, *stretch).code == 0
    assert "0 ≤ start < end in seconds, got start=2.0, end=1.0" in reads(command, talk, "--start=2", "--end=1").err


@pytest.mark.parametrize("command", ["analyze", "explain"])
def test_a_report_is_in_the_language_asked_for(reads: Demeanor, tmp_path: Path, command: str) -> None:
    page = tmp_path / "r.html"
    for asked, language in (([], "en"), (["--report-language", "zh"], "zh")):
        assert reads(command, "I love it", "--report", page, *asked).code == 0
        assert f'<html lang="{language}">' in page.read_text(encoding="utf-8")
    page.unlink()
    ran = reads(command, "I love it", "--report", page, "--report-language", "de")
    assert (ran.code, page.exists()) == (2, False)
    assert "expected the page's language as en, zh or auto, got 'de'" in ran.err


@pytest.mark.parametrize("several", [False, True])
def test_nothing_could_be_read(reads: Demeanor, media: Path, several: bool) -> None:
    bad = [media / "broken.mp4"] * (1 + several)
    ran = reads("analyze", *bad, "--json")
    assert ran.code == 2
    assert ran.err.count("broken.mp4") >= len(bad)
    assert ran.out == ""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero; this is a fault in demeanor"),
        (BundleError("face.onnx: expected another graph; export it anew"), "face.onnx: expected another graph"),
    ],
)
def test_a_fault_of_ours_or_of_the_bundle_costs_one_input_too(
    run: Demeanor, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    reader = fake_reader()
    good = reader.analyze

    def analyze(source: str, **options: object) -> object:
        if source == "oops":
            raise error
        return good(source, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "analyze", analyze)
    monkeypatch.setattr(demeanor, "load", lambda *_, **__: reader)
    ran = run("analyze", "oops", "I love it")
    assert ran.code == 1
    assert f"oops: {told}" in ran.err
    assert "positive" in ran.out
    assert run("analyze", "oops").code == 2


def test_a_missing_file_and_a_url(reads: Demeanor) -> None:
    ran = reads("analyze", "nowhere.mp4", "https://example.org/clip.mp4")
    assert ran.code == 2
    assert "'nowhere.mp4': no such file" in ran.err
    assert "URLs are never opened" in ran.err


def test_a_post_from_parts(reads: Demeanor, media: Path) -> None:
    ran = reads("analyze", "--text", "今天的天气真好", "--image", media / "sky.jpg", "--json")
    found = json.loads(ran.out)
    assert (found["kind"], sorted(found["cues"])) == ("mixed", ["scene", "words"])


def test_text_from_a_file_and_text_that_begins_with_an_at_sign(reads: Demeanor, media: Path) -> None:
    def said(text: str) -> str:
        return str(json.loads(reads("analyze", "--text", text, "--json").out)["segments"][0]["text"])

    assert said(f"@{media / '天气.txt'}") == "今天的天气真好"
    assert said("@you I love it") == "@you I love it"
    assert said("@@love.txt") == "@love.txt"


def test_a_text_file_that_is_not_there(reads: Demeanor) -> None:
    ran = reads("analyze", "--text", "@nowhere.txt")
    assert ran.code == 2
    assert "no file 'nowhere.txt'" in ran.err


def test_parts_and_inputs_do_not_mix(reads: Demeanor) -> None:
    ran = reads("analyze", "I love it", "--text", "too")
    assert ran.code == 2
    assert "expected INPUT... or one sample from parts" in ran.err


def test_no_input(reads: Demeanor) -> None:
    ran = reads("analyze")
    assert ran.code == 2
    assert "expected a sentence, a file, a folder, or - for stdin" in ran.err


def test_an_empty_folder(reads: Demeanor, tmp_path: Path) -> None:
    assert reads("analyze", tmp_path).code == 2


def test_a_folder_with_nothing_to_read_costs_itself_only(reads: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("no sample")
    ran = reads("analyze", tmp_path / "empty", "I love it", tmp_path / "notes", "--json")
    assert ran.code == 1
    assert f"{tmp_path / 'empty'}: expected text, image, sound or video files, found none" in ran.err
    assert ran.err.count(str(tmp_path / "notes")) == 1, "what it holds is said once"
    assert [a["source"] for a in json.loads(ran.out)] == ["I love it"]
    ran = reads("analyze", tmp_path / "empty", tmp_path / "notes")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("expected text, image, sound or video files") == 2


def test_inputs_behind_a_closed_folder_cost_themselves_only(
    reads: Demeanor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut" / "a.txt").write_text("I hate it")
    (tmp_path / "some" / "in").mkdir(parents=True)
    (tmp_path / "some" / "b.txt").write_text("I love it")
    (tmp_path / "some" / "in" / "c.txt").write_text("I hate it")
    close(monkeypatch, tmp_path / "shut")
    close(monkeypatch, tmp_path / "some" / "in")
    shut, folder = tmp_path / "shut" / "a.txt", tmp_path / "shut" / "folder"
    ran = reads("analyze", shut, folder, tmp_path / "some", "--json")
    assert ran.code == 1
    assert [a["id"] for a in json.loads(ran.out)] == ["b.txt"]
    for path in (shut, folder, tmp_path / "some" / "in" / "c.txt"):
        assert f"{path}: cannot " in ran.err
    assert ran.err.count("Permission denied") == 3
    assert "Traceback" not in ran.err
    ran = reads("analyze", shut)
    assert ran.code == 2
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("options", [["--cues", "vioce"], ["--language", "english"]])
def test_an_option_that_is_wrong_for_all_is_told_once(reads: Demeanor, options: list[str]) -> None:
    ran = reads("analyze", "I love it", "I hate it", *options)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("did you mean") == 1


def test_near_names(reads: Demeanor, run: Demeanor) -> None:
    assert "did you mean voice?" in reads("analyze", "x", "--cues", "vioce").err
    assert "--report" in reads("analyze", "x", "--repor", "a.html").err
    assert "Did you mean 'analyze'" in run("analyse", "x").err


def test_an_unknown_bundle_lists_near_ones(run: Demeanor, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, **_: object) -> None:
        raise UnknownNameError("bundle", name, ["base"])

    monkeypatch.setattr(demeanor, "load", load)
    ran = run("analyze", "x", "--model", "bas")
    assert ran.code == 2
    assert "did you mean base?" in ran.err


def test_options_reach_the_reader(run: Demeanor, monkeypatch: pytest.MonkeyPatch) -> None:
    from reader_fakes import fake_reader

    seen: dict[str, object] = {}

    class Spy:
        def analyze(self, **options: object) -> object:
            seen.update(options)
            return fake_reader().analyze("I love it")

    monkeypatch.setattr(demeanor, "load", lambda *names, **more: (seen.update(more, model=names[0]), Spy())[1])
    run("analyze", "a.wav.", "--cues", "words", "--language", "en", "--threads", 1, "--offline",
        "--model", "m", "--transcript", "a.srt", "--json")  # fmt: skip
    assert seen == {
        "source": "a.wav.", "cues": "words", "language": "en", "threads": 1, "offline": True, "model": "m",
        "transcript": Path("a.srt"),
    }  # fmt: skip


def test_files_of_every_kind(reads: Demeanor, media: Path, tmp_path: Path) -> None:
    out = {kind: tmp_path / f"out.{kind}" for kind in ("html", "srt", "vtt", "csv", "json")}
    options = [f"--{'report' if kind == 'html' else kind}={path}" for kind, path in out.items()]
    ran = reads("analyze", media / "sub" / "talk.wav", *options)
    assert (ran.code, ran.out) == (0, "")
    assert "<html" in out["html"].read_text(encoding="utf-8")
    assert "-->" in out["srt"].read_text(encoding="utf-8")
    assert out["vtt"].read_text(encoding="utf-8").startswith("WEBVTT")
    rows = list(csv.DictReader(io.StringIO(out["csv"].read_text(encoding="utf-8-sig"))))
    assert rows[0]["id"] == "talk.wav"
    validate(json.loads(out["json"].read_text(encoding="utf-8")))


def test_a_name_in_another_encoding_has_a_report_too(reads: Demeanor, media: Path, tmp_path: Path) -> None:
    talk = tmp_path / os.fsdecode(b"\xca\xd3\xc6\xb5.wav")
    (media / "sub" / "talk.wav").rename(talk)
    page, rows = tmp_path / "out.html", tmp_path / "out.csv"
    ran = reads("analyze", talk, "--report", page, "--csv", rows)
    assert ran.code == 0, ran.err
    assert 'src="./%CA%D3%C6%B5.wav"' in page.read_text(encoding="utf-8")


def test_an_output_that_fails_in_any_way_costs_itself_only(
    reads: Demeanor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> str:
        raise ValueError("no page today")

    monkeypatch.setattr("demeanor.report.html.render", fails)
    page, rows = tmp_path / "out.html", tmp_path / "out.csv"
    ran = reads("analyze", "I love it", "--report", page, "--csv", rows)
    assert ran.code == 1
    assert f"{page}: ValueError: no page today" in ran.err
    assert len(rows.read_text(encoding="utf-8-sig").splitlines()) == 2


def test_one_report_and_one_table_of_several(reads: Demeanor, media: Path, tmp_path: Path) -> None:
    page, rows = tmp_path / "out.html", tmp_path / "out.csv"
    assert reads("analyze", "I love it", media / "sky.jpg", "--report", page, "--csv", rows).code == 0
    assert page.read_text(encoding="utf-8").count("<article") == 2
    assert len(rows.read_text(encoding="utf-8-sig").splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--srt", "a.srt", "more"], "--srt is for one input"),
        (["--csv", "nowhere/a.csv"], "expected an existing folder"),
        (["--csv", "."], "got a folder"),
        (["--csv", "same", "--srt", "same"], "same file"),
        (["--threads", "-1"], "--threads"),
    ],
)
def test_wrong_usage_is_told_before_the_work(
    run: Demeanor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: list[str], message: str
) -> None:
    monkeypatch.setattr(demeanor, "load", lambda *_, **__: pytest.fail("the work was begun"))
    monkeypatch.chdir(tmp_path)
    ran = run("analyze", "x", *options)
    assert ran.code == 2
    assert message in ran.err


@pytest.mark.parametrize("option", ["--csv", "--json", "--report"])
def test_an_input_is_never_overwritten(reads: Demeanor, media: Path, option: str) -> None:
    sky = media / "sky.jpg"
    before = sky.read_bytes()
    for given in ([sky], ["--image", sky], [media]):
        ran = reads("analyze", *given, f"{option}={sky}")
        assert ran.code == 2
        assert "this file is an input" in ran.err
    assert sky.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--report", "a.pdf"], "expected a name in .html, for the report is a page, got .pdf"),
        (["--report", "a"], "got no ending"),
        (["--csv", "talk.wav"], "expected a name for csv, got that of audio; name it talk.csv"),
        (["--json=sky.jpg"], "expected a name for json, got that of a picture"),
        (["--srt", "a.mp4"], "expected a name for srt, got that of video"),
        (["--json", "a.json", "--json", "b.json"], "expected one --json, got 2 (a.json, b.json)"),
        (["--json=a.json", "--json"], "expected one --json, got 2 (a.json, -)"),
    ],
)
def test_outputs_that_would_not_be_what_they_say(reads: Demeanor, options: list[str], said: str) -> None:
    ran = reads("analyze", "I love it", *options)
    assert ran.code == 2
    assert said in ran.err


def test_subtitles_of_a_sentence(reads: Demeanor, tmp_path: Path) -> None:
    ran = reads("analyze", "I love it", "--srt", tmp_path / "a.srt")
    assert ran.code == 2
    assert "segments with times" in ran.err
    assert not (tmp_path / "a.srt").exists()


def test_subtitles_as_input_keep_their_times(reads: Demeanor, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nI love it\n\n2\n00:x --> 1\nGone\n")
    out = {kind: tmp_path / f"out.{kind}" for kind in ("html", "srt", "vtt", "csv", "json")}
    named = [part for kind, path in out.items() for part in ("--report" if kind == "html" else f"--{kind}", path)]
    ran = reads("analyze", tmp_path / "a.srt", *named)
    assert ran.code == 0, ran.err
    found = json.loads(out["json"].read_text(encoding="utf-8"))
    assert [(s["start"], s["end"], s["text"]) for s in found["segments"]] == [(1.0, 2.5, "I love it")]
    assert "1 cue left out; the first: a.srt, line 6" in found["warnings"][0]
    assert "00:00:01,000 --> 00:00:02,500\nI love it" in out["srt"].read_text(encoding="utf-8")
    assert "00:00:01.000 --> 00:00:02.500\nI love it" in out["vtt"].read_text(encoding="utf-8")
    (row,) = csv.DictReader(out["csv"].read_text(encoding="utf-8-sig").splitlines())
    assert (float(row["start"]), float(row["end"]), row["text"]) == (1.0, 2.5, "I love it")


def test_subtitles_of_a_recording_in_the_folder_are_passed_over_and_said_to_be(reads: Demeanor, media: Path) -> None:
    for name in ("alone.srt", "sub/talk.srt"):
        (media / name).write_text("1\n00:00:00,100 --> 00:00:01,800\nI hate it\n")
    (media / "broken.mp4").unlink()
    ran = reads("analyze", media, "--json")
    assert [a["id"] for a in json.loads(ran.out)] == ["alone.srt", "sky.jpg", "sub/talk.wav", "天气.txt"]
    assert "passed over 1 file of subtitles (first: sub/talk.srt): they belong to the recordings beside" in ran.err


def test_an_output_that_cannot_be_made_costs_itself_only(reads: Demeanor, tmp_path: Path) -> None:
    srt, rows = tmp_path / "a.srt", tmp_path / "a.csv"
    ran = reads("analyze", "I love it", "--srt", srt, "--csv", rows)
    assert ran.code == 1
    assert f"{srt}: subtitles need segments with times" in ran.err
    assert f"wrote {rows}" in ran.err
    assert not srt.exists()
    ran = reads("analyze", "I love it", "--vtt", tmp_path / "a.vtt", "--json")
    assert ran.code == 1
    assert json.loads(ran.out)["source"] == "I love it"
    assert reads("analyze", "I love it", "--srt", srt, "--vtt", tmp_path / "a.vtt").code == 2


def test_a_transcript_takes_the_place_of_recognition(reads: Demeanor, tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "a.wav", speech(2.0))
    (tmp_path / "a.srt").write_text("1\n00:00:00,100 --> 00:00:01,800\nI hate it\n")
    found = json.loads(reads("analyze", sound, "--transcript", tmp_path / "a.srt", "--json").out)
    assert found["segments"][0]["text"] == "I hate it"
    assert found["provenance"]["speech"] == "given transcript"


@pytest.mark.parametrize("option", ["--srt", "--csv", "--report"])
def test_what_is_no_json_does_not_go_to_a_file_called_hyphen(reads: Demeanor, option: str) -> None:
    ran = reads("analyze", "I love it", option, "-")
    assert (ran.code, ran.out) == (2, "")
    assert "stands for the terminal after --json alone" in ran.err
