import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from demeanor.errors import ConfigError, UnknownNameError
from demeanor.reader import executor
from demeanor.reader.batch import BatchResult, run
from demeanor.reader.executor import Line, Threads
from demeanor.reader.manifest import Item, read_items
from demeanor.reader.reader import Reader
from demeanor.report.schema import validate
from reader_fakes import FakeExperts, fake_reader, picture, silence, speech, write_wav


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def folder(root: Path) -> Path:
    (root / "sub" / "deeper").mkdir(parents=True)
    (root / "a.txt").write_text("I love it", encoding="utf-8")
    Image.fromarray(picture([(20, 20, 60, "bright")])).save(root / "a.jpg")
    (root / "sub" / "天气.txt").write_text("今天的天气真好", encoding="utf-8")
    write_wav(root / "sub" / "deeper" / "talk.wav", speech(2.0))
    (root / "sub" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(30))
    (root / "notes.docx").write_bytes(b"PK")
    (root / ".hidden.txt").write_text("never", encoding="utf-8")
    (root / ".git").mkdir()
    (root / ".git" / "x.txt").write_text("never", encoding="utf-8")
    return root


def test_a_folder_is_searched_whole_and_in_order(tmp_path: Path) -> None:
    root = folder(tmp_path / "in")
    out = root / "out.txt"  # a known extension, in the folder itself
    told: list[tuple[int, int]] = []
    result = run(root, out, reader=fake_reader(), progress=lambda done, total: told.append((done, total)))
    found = lines(out)
    assert [line["id"] for line in found] == ["a.jpg", "a.txt", "sub/broken.png", "sub/deeper/talk.wav", "sub/天气.txt"]
    assert result == BatchResult(done=4, failed=1, skipped=0)
    assert found[2] == {
        "id": "sub/broken.png",
        "error": {"type": "DecodeError", "message": found[2]["error"]["message"]},
    }
    assert "broken.png" in found[2]["error"]["message"]
    assert told == [(n, 5) for n in range(6)]
    for line in found:
        if "error" not in line:
            validate(line)
    assert {line["id"]: line.get("kind") for line in found}["sub/deeper/talk.wav"] == "audio"
    assert run(root, out, reader=fake_reader()) == BatchResult(done=0, failed=1, skipped=4)
    assert [line["id"] for line in lines(out)] == [line["id"] for line in found]


def test_pairs(tmp_path: Path) -> None:
    root = folder(tmp_path / "in")
    Image.fromarray(picture()).save(root / "sub" / "a.png")
    for name in ("b.jpg", "b.png"):
        Image.fromarray(picture()).save(root / name)
    (root / "b.txt").write_text("I hate it", encoding="utf-8")
    items = {item.id: set(item.given) for item in read_items(root, tmp_path / "out.jsonl", pair=True)}
    assert items["a"] == {"text", "image"}
    assert items["sub/a.png"] == {"source"}
    assert {"b.jpg", "b.png", "b.txt"} <= set(items)  # two pictures are no pair
    run(root, tmp_path / "out.jsonl", reader=fake_reader(), pair=True)
    (post,) = [line for line in lines(tmp_path / "out.jsonl") if line["id"] == "a"]
    assert post["kind"] == "mixed"
    said = {line["id"]: line.get("warnings", []) for line in lines(tmp_path / "out.jsonl")}
    told = "expected one file of a kind to pair, got b.jpg, b.png, b.txt; each was read by itself"
    assert all(told in said[name] for name in ("b.jpg", "b.png", "b.txt"))
    assert told not in said["a"]
    assert set(post["cues"]) == {"words", "face", "scene"}


def manifest(root: Path) -> Path:
    root.mkdir(exist_ok=True)
    Image.fromarray(picture()).save(root / "sky.png")
    write_wav(root / "talk.wav", speech(4.0))
    path = root / "m.csv"
    path.write_text(
        "\ufeffid,text,image,audio,start,end,language,speaker,label_polarity,label_emotion,split\n"
        't1,"I love it, really",,,,,en,Ann,2.5,joy,train\n'
        "p1,今天的天气真好,sky.png,,,,,,,,\n"
        "a1,,,talk.wav,1,3,,,,,test\n"
        "e1,,,,,,,,,,\n"
        "x1,,nowhere.png,,,,,,,,\n"
        "n1,,,talk.wav,one,3,,,,,\n"
        "t2,I hate it,,,,,,,,,\n",
        encoding="utf-8",
    )
    return path


def test_a_manifest(tmp_path: Path) -> None:
    path, out = manifest(tmp_path / "in"), tmp_path / "out.jsonl"
    assert run(path, out, reader=fake_reader()) == BatchResult(done=4, failed=3, skipped=0)
    found = {line["id"]: line for line in lines(out)}
    assert list(found) == ["t1", "p1", "a1", "e1", "x1", "n1", "t2"]
    assert found["t1"]["sample"] == {
        "speaker": "Ann", "group": None, "time": None, "author": None, "split": "train",
        "labels": {"polarity": 2.5, "emotion": "joy"},
    }  # fmt: skip
    assert found["t1"]["language"] == "en"
    assert found["p1"]["kind"] == "mixed"
    assert found["a1"]["duration"] == pytest.approx(2.0)
    assert found["a1"]["sample"]["split"] == "test"
    assert {i: found[i]["error"]["type"] for i in ("e1", "x1", "n1")} == dict.fromkeys(("e1", "x1", "n1"), "InputError")
    assert "nothing to read" in found["e1"]["error"]["message"]
    assert "start" in found["n1"]["error"]["message"]
    for line in found.values():
        if "error" not in line:
            validate(line)


def test_decimal_commas_of_a_manifest_with_semicolons(tmp_path: Path) -> None:
    write_wav(tmp_path / "x.wav", speech(4.0))
    (tmp_path / "m.csv").write_text(
        "id;audio;start;end;label_score;label_seen\na;x.wav;0,5;2,75;-0,8;1,2,3\n", encoding="utf-8"
    )
    assert run(tmp_path / "m.csv", tmp_path / "o.jsonl", reader=fake_reader()).done == 1
    (found,) = lines(tmp_path / "o.jsonl")
    assert (found["duration"], found["sample"]["labels"]) == (
        pytest.approx(2.25, abs=0.02),
        {"score": -0.8, "seen": "1,2,3"},
    )


@pytest.mark.parametrize("sign", [";", "\t"])
def test_a_manifest_as_other_spreadsheets_write_it(tmp_path: Path, sign: str) -> None:
    path, out = tmp_path / "m.csv", tmp_path / "o.jsonl"
    rows = [["id", "text", "label_polarity"], ["a", '"I love it, and how"', "1"], ["b", "I hate it", "-1", "x"]]
    path.write_text("\ufeff" + "\r\n".join(sign.join(row) for row in rows), encoding="utf-8")
    assert run(path, out, reader=fake_reader()) == BatchResult(done=1, failed=1, skipped=0)
    first, second = lines(out)
    assert (first["segments"][0]["text"], first["sample"]["labels"]) == ("I love it, and how", {"polarity": 1.0})
    assert f"quote a text with {'semicolons' if sign == ';' else 'tabs'} in it" in second["error"]["message"]


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    root = tmp_path / "in"
    manifest(root)
    path = root / "m.jsonl"
    rows = [
        {"id": "t1", "text": "I love it", "label_polarity": 1},
        {"id": 7, "audio": "talk.wav", "start": 1.0, "end": 3},
    ]
    path.write_text("\n".join(json.dumps(r) for r in rows) + "\n\n", encoding="utf-8")
    run(path, tmp_path / "o.jsonl", reader=fake_reader())
    text, audio = lines(tmp_path / "o.jsonl")
    assert text["sample"]["labels"] == {"polarity": 1.0}
    assert (audio["id"], audio["duration"]) == ("7", pytest.approx(2.0))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", "id,text,mood\na,x,glad\n", "mood"),
        ("m.csv", "text\nx\n", "a column 'id'"),
        ("m.csv", "id,label_x\na,1\n", "at least one of"),
        ("m.csv", "id,id,text\na,x,y\n", "every column once"),
        ("m.csv", "", "a column 'id'"),
        ("m.xlsx", "x", r"\.csv, \.tsv or \.jsonl"),
    ],
)
def test_a_wrong_manifest_is_told_before_anything_is_read(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        run(path, tmp_path / "out.jsonl", reader=fake_reader())
    assert not (tmp_path / "out.jsonl").exists()


def test_other_wrong_calls(tmp_path: Path) -> None:
    path = manifest(tmp_path / "in")
    with pytest.raises(ConfigError, match="nothing there"):
        run(tmp_path / "none.csv", tmp_path / "o.jsonl", reader=fake_reader())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="found none"):
        run(tmp_path / "empty", tmp_path / "o.jsonl", reader=fake_reader())
    for name in ("a.md", "b.MD", "README", ".hidden.md"):
        (tmp_path / "empty" / name).write_text("hello")
    with pytest.raises(ConfigError, match=r"none, but 3 files \(.md 2, no extension 1\)"):
        run(tmp_path / "empty", tmp_path / "empty" / "o.jsonl", reader=fake_reader())
    with pytest.raises(ConfigError, match="paired"):
        run(path, tmp_path / "o.jsonl", reader=fake_reader(), pair=True)
    with pytest.raises(UnknownNameError):
        run(path, tmp_path / "o.jsonl", reader=fake_reader(), cues="smell")
    with pytest.raises(ConfigError, match="check the folder"):
        run(path, tmp_path / "nowhere" / "o.jsonl", reader=fake_reader())
    with pytest.raises(ConfigError, match="file of lines"):
        run(path, tmp_path / "in", reader=fake_reader())


def test_a_row_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,text\na,x\n,y\n", encoding="utf-8")
    run(tmp_path / "m.csv", tmp_path / "o.jsonl", reader=fake_reader())
    assert [line["id"] for line in lines(tmp_path / "o.jsonl")] == ["a", "line-3"]


def failures(found: list[dict[str, Any]]) -> dict[str, str]:
    return {line["id"]: line["error"]["message"] for line in found if "error" in line}


def test_a_wrong_line_costs_itself_only(tmp_path: Path) -> None:
    path, out = tmp_path / "m.jsonl", tmp_path / "o.jsonl"
    good = '{"id": "a", "text": "I love it"}\n'
    path.write_text(good + '{"id": \n[1]\n{"id": "b", "text": "I hate it"}\n', encoding="utf-8")
    assert run(path, out, reader=fake_reader()) == BatchResult(done=2, failed=2, skipped=0)
    found = lines(out)
    assert [line["id"] for line in found] == ["a", "line 2", "line 3", "b"]
    told = failures(found)
    assert told["line 2"].startswith("m.jsonl, line 2: expected JSON, got")
    assert told["line 3"].startswith("m.jsonl, line 3: expected an object, got [1]")
    path.write_text(path.read_text().replace("[1]", '{"id": "c", "text": "I love it"}'), encoding="utf-8")
    assert run(path, out, reader=fake_reader()) == BatchResult(done=1, failed=1, skipped=2)
    assert [line["id"] for line in lines(out)] == ["a", "line 2", "c", "b"]


def test_lines_none_of_which_can_be_read_each_say_why(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text("nothing\n{\n", encoding="utf-8")
    assert run(tmp_path / "m.jsonl", tmp_path / "o.jsonl", reader=fake_reader()) == BatchResult(0, 2, 0)
    assert list(failures(lines(tmp_path / "o.jsonl"))) == ["line 1", "line 2"]


def test_a_field_too_many_costs_its_row_only(tmp_path: Path) -> None:
    path, out = tmp_path / "m.csv", tmp_path / "o.jsonl"
    path.write_text("id,text\na,I love it, really\n,x,y,z\nb,I hate it\n", encoding="utf-8")
    assert run(path, out, reader=fake_reader()) == BatchResult(done=1, failed=2, skipped=0)
    assert failures(lines(out)) == {
        "a": "m.csv, line 2: expected 2 fields, got 3; quote a text with commas in it",
        "line 3": "m.csv, line 3: expected 2 fields, got 4; quote a text with commas in it",
    }


def test_of_two_rows_with_one_id_the_later_fails(tmp_path: Path) -> None:
    path, out = tmp_path / "m.csv", tmp_path / "o.jsonl"
    path.write_text("id,text\na,I love it\nb,I hate it\na,I hate it\na,x,y\n", encoding="utf-8")
    for expected in (BatchResult(done=2, failed=2, skipped=0), BatchResult(done=0, failed=2, skipped=2)):
        assert run(path, out, reader=fake_reader()) == expected
        found = lines(out)
        assert [line["id"] for line in found] == ["a", "b", "a (line 4)", "a (line 5)"]
        assert found[0]["overall"]["sentiment"]["label"] == "positive"
        assert "got 'a' again, as line 2 has" in failures(found)["a (line 4)"]


def test_a_wrong_line_takes_no_other_ones_id(tmp_path: Path) -> None:
    path, out = tmp_path / "m.csv", tmp_path / "o.jsonl"
    path.write_text("id,text\na,x,y\na,I love it\n", encoding="utf-8")
    run(path, out, reader=fake_reader())
    assert list(failures(lines(out))) == ["a (line 2)"]


def test_a_url_in_a_manifest_is_named_as_it_stands(tmp_path: Path) -> None:
    path, out = tmp_path / "m.csv", tmp_path / "o.jsonl"
    path.write_text("id,image,video\na,,http://x/y.mp4\nb,https://x/y.jpg,\n", encoding="utf-8")
    run(path, out, reader=fake_reader())
    told = failures(lines(out))
    for name, url in (("a", "'http://x/y.mp4'"), ("b", "'https://x/y.jpg'")):
        assert told[name].startswith(f"{url}: expected a local file, got a URL; URLs are never opened")


def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    path = manifest(tmp_path / "in")
    precious = tmp_path / "thesis.tex"
    precious.write_text("\\documentclass{article}\nyears of work\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="left as it is"):
        run(path, precious, reader=fake_reader())
    assert precious.read_text(encoding="utf-8").endswith("years of work\n")


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9, 0.999, 1.0])
def test_resuming_after_a_kill_at_any_byte(tmp_path: Path, keep: float) -> None:
    path, out, whole = manifest(tmp_path / "in"), tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    run(path, whole, reader=fake_reader())
    data = whole.read_bytes()
    out.write_bytes(data[: int(len(data) * keep)])
    run(path, out, reader=fake_reader())
    assert _without_seconds(lines(out)) == _without_seconds(lines(whole))
    assert out.read_bytes().endswith(b"\n")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def _without_seconds(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for line in found:
        line.get("provenance", {}).pop("seconds", None)
    return found


def test_what_failed_is_tried_again_and_takes_its_place(tmp_path: Path) -> None:
    path, out = manifest(tmp_path / "in"), tmp_path / "out.jsonl"
    run(path, out, reader=fake_reader())
    Image.fromarray(picture()).save(tmp_path / "in" / "nowhere.png")
    assert run(path, out, reader=fake_reader()) == BatchResult(done=1, failed=2, skipped=4)
    found = lines(out)
    assert [line["id"] for line in found] == ["t1", "p1", "a1", "e1", "x1", "n1", "t2"]
    assert "error" not in found[4]


def test_what_has_changed_under_an_old_id_is_read_anew(tmp_path: Path) -> None:
    manifest, out = tmp_path / "m.jsonl", tmp_path / "out.jsonl"
    for name, at in (("a", 20), ("b", 30)):
        Image.fromarray(picture([(at, 20, 60, "bright")])).save(tmp_path / f"{name}.jpg")
    write_wav(tmp_path / "talk.wav", speech(4.0))
    rows: dict[str, dict[str, Any]] = {
        "text": {"text": "I love it"},
        "long": {"text": "I love it. " * 50},
        "file": {"image": "a.jpg"},
        "same": {"image": "a.jpg"},
        "part": {"audio": "talk.wav", "start": 0, "end": 2},
        "tongue": {"text": "Hand", "language": "en"},
        "post": {"text": "so good", "image": "a.jpg"},
        "label": {"text": "fine", "label_polarity": "positive"},
        "odd": {"text": "fine", "label_score": float("nan")},
    }

    def again(**reading: Any) -> BatchResult:
        manifest.write_text("".join(json.dumps({"id": i, **row}) + "\n" for i, row in rows.items()), encoding="utf-8")
        return run(manifest, out, **{"reader": fake_reader(), **reading})

    assert again() == BatchResult(9, 0, 0)
    assert again() == BatchResult(0, 0, 9)
    kept = {line["id"]: line for line in lines(out)}
    rows["text"]["text"] = "I hate it"
    rows["file"]["image"] = "b.jpg"
    rows["part"] |= {"start": 2, "end": 4}
    rows["tongue"]["language"] = "de"
    rows["post"]["text"] = "so bad"
    rows["label"]["label_polarity"] = "negative"
    assert again() == BatchResult(5, 0, 4, changed=5)
    found = {line["id"]: line for line in lines(out)}
    assert list(found) == list(rows)
    assert {i for i in rows if found[i]["provenance"] != kept[i]["provenance"]} == {
        "text", "file", "part", "tongue", "post",
    }  # fmt: skip
    assert found["label"]["sample"]["labels"] == {"polarity": "negative"}
    assert found["label"]["overall"] == kept["label"]["overall"]
    assert again(cues="words,face") == BatchResult(9, 0, 0, changed=9)
    gone = rows.pop("long")
    assert again(cues="words,face") == BatchResult(0, 0, 8, strange=1)
    rows["long"] = gone
    assert again(cues="face,words") == BatchResult(0, 0, 9)


def test_texts_of_a_folder_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    root = folder(tmp_path / "in")
    run(root, tmp_path / "out.jsonl", reader=fake_reader())
    (root / "a.txt").write_text("I hate it", encoding="utf-8")  # as long as before
    assert run(root, tmp_path / "out.jsonl", reader=fake_reader()) == BatchResult(1, 1, 3, changed=1)


@pytest.mark.parametrize("last", ["bad", '"bad, really"'])
def test_a_quote_that_is_never_closed_costs_its_row_only(tmp_path: Path, last: str) -> None:
    (tmp_path / "m.csv").write_text(f'id,text\nu1,fine\nu2,"She said hi\nu3,good\nu4,{last}\n', encoding="utf-8")
    assert run(tmp_path / "m.csv", tmp_path / "out.jsonl", reader=fake_reader()) == BatchResult(3, 1, 0)
    found = lines(tmp_path / "out.jsonl")
    assert [line["id"] for line in found] == ["u1", "u2", "u3", "u4"]
    said = (
        "m.csv, line 3: expected the quote closed that is opened here, got all down to line 5 in it; close or double it"
    )
    assert failures(found) == {"u2": said}


def test_texts_of_several_lines_are_fine(tmp_path: Path) -> None:
    text = 'id,text\n1,"I love\nit"\n\n\n,"so\r\ngood"\n3,"a\u2028b\x85c\x0bd"\n\n4,"so bad"\n'
    (tmp_path / "m.csv").write_text(text, encoding="utf-8", newline="")
    assert run(tmp_path / "m.csv", tmp_path / "out.jsonl", reader=fake_reader()) == BatchResult(4, 0, 0)
    assert [line["id"] for line in lines(tmp_path / "out.jsonl")] == ["1", "line-6", "3", "4"]


def refuse(monkeypatch: pytest.MonkeyPatch, call: str, name: str) -> None:
    """A file of this name may not be read by this method of `Path`; permissions do not bind a superuser."""
    read = getattr(Path, call)

    def guarded(path: Path, *rest: Any, **options: Any) -> Any:
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return read(path, *rest, **options)

    monkeypatch.setattr(Path, call, guarded)


def test_a_text_that_may_not_be_read_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path / "in")
    refuse(monkeypatch, "open", "a.txt")
    result = run(root, tmp_path / "out.jsonl", reader=fake_reader())
    assert (result.done, result.failed) == (3, 2)
    errors = {line["id"]: line["error"]["message"] for line in lines(tmp_path / "out.jsonl") if "error" in line}
    assert set(errors) == {"a.txt", "sub/broken.png"}
    assert "Permission denied" in errors["a.txt"]


def test_a_text_that_cannot_be_known_again_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path / "in")
    refuse(monkeypatch, "read_bytes", "a.txt")
    for _ in range(2):
        result = run(root, tmp_path / "out.jsonl", reader=fake_reader())
        assert (result.done + result.skipped, result.failed) == (4, 1)


def test_killed_for_real(tmp_path: Path) -> None:
    source = tmp_path / "m.csv"
    source.write_text("id,text\n" + "".join(f"t{i},I love number {i}\n" for i in range(3000)), encoding="utf-8")
    script = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from reader_fakes import fake_reader
        from demeanor.reader.batch import run
        run({str(source)!r}, {str(tmp_path / "o.jsonl")!r}, reader=fake_reader())
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    out = tmp_path / "o.jsonl"
    for _ in range(6000):
        if process.poll() is not None or (out.exists() and out.stat().st_size > 200_000):
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    result = run(source, out, reader=fake_reader())
    assert result.skipped > 0
    assert [line["id"] for line in lines(out)] == [f"t{i}" for i in range(3000)]


@pytest.mark.parametrize("name", ["x\\u0000.wav", "x\\ud83d.wav"])
def test_a_path_that_can_be_none_costs_itself_only(tmp_path: Path, name: str) -> None:
    rows = f'{{"id": "a", "text": "I love it"}}\n{{"id": "b", "audio": "{name}"}}\n'
    (tmp_path / "m.jsonl").write_text(rows, encoding="utf-8")
    out = tmp_path / "out.jsonl"
    assert run(tmp_path / "m.jsonl", out, reader=fake_reader()) == BatchResult(done=1, failed=1, skipped=0)
    assert ["error" in line for line in lines(out)] == [False, True]


def test_one_batch_at_a_time_writes_an_output(tmp_path: Path) -> None:
    path, out, refused = manifest(tmp_path / "in"), tmp_path / "o.jsonl", []

    def another(done: int, total: int) -> None:
        with pytest.raises(ConfigError, match="another batch is writing it"):
            run(path, tmp_path / "in" / ".." / "o.jsonl", reader=fake_reader())
        refused.append(done)
        run(path, tmp_path / "other.jsonl", reader=fake_reader())

    first = run(path, out, reader=fake_reader(), progress=another)
    assert len(refused) > first.done > 0
    assert run(path, out, reader=fake_reader()).skipped == first.done
    assert len(lines(out)) == first.done + first.failed
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_texts_are_read_together(tmp_path: Path) -> None:
    source = tmp_path / "m.csv"
    source.write_text("id,text\n" + "".join(f"t{i},I love number {i}\n" for i in range(600)), encoding="utf-8")
    experts = FakeExperts()
    run(source, tmp_path / "o.jsonl", reader=Reader(experts))
    assert [len(call) for call in experts._loaded["words"].calls] == [256, 256, 88]  # type: ignore[attr-defined]


def test_one_text_that_fails_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "m.csv"
    source.write_text("id,text\na,I love it\nb,poison\nc,I hate it\n", encoding="utf-8")
    experts = FakeExperts()
    plain = experts._loaded["words"].read  # type: ignore[attr-defined]

    def read(texts: list[str], *rest: object) -> object:
        if "poison" in texts:
            raise RuntimeError("the graph failed")
        return plain(texts, *rest)

    monkeypatch.setattr(experts._loaded["words"], "read", read)
    result = run(source, tmp_path / "o.jsonl", reader=Reader(experts))
    assert result == BatchResult(done=2, failed=1, skipped=0)
    found = lines(tmp_path / "o.jsonl")
    assert [line["id"] for line in found] == ["a", "b", "c"]
    assert found[1]["error"] == {"type": "RuntimeError", "message": "the graph failed"}


def test_several_workers_keep_the_order(tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    for i in range(12):
        write_wav(root / f"{i:02}.wav", speech(1.5) if i % 3 else silence(1.0))
    one, many = tmp_path / "one.jsonl", tmp_path / "many.jsonl"
    run(root, one, reader=fake_reader())
    run(root, many, reader=fake_reader(), executor=Threads(4))
    assert _without_seconds(lines(one)) == _without_seconds(lines(many))


def test_stopped_it_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = [], threading.Event()

    def read(group: Sequence[Item], reader: Reader, cues: frozenset[str]) -> list[Line]:
        begun.append(group[0].id)
        assert len(begun) == 1 or go.wait(60)
        return [{"id": group[0].id}]

    monkeypatch.setattr(executor, "read_group", read)
    found = Threads(2).lines([[Item(str(n), {"text": "x"})] for n in range(20)], fake_reader(), frozenset())
    assert next(found) == [{"id": "0"}]
    threading.Timer(0.2, go.set).start()
    found.close()
    assert len(begun) <= 3  # the first, and those that were being read


def test_a_language_there_is_not_costs_its_row_only(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,text,language\na,I love it,english\nb,I love it,en-GB\n", encoding="utf-8")
    result = run(tmp_path / "m.csv", tmp_path / "o.jsonl", reader=fake_reader())
    assert (result.done, result.failed) == (1, 1)
    first, second = (json.loads(line) for line in (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines())
    assert "did you mean en (English)?" in first["error"]["message"]
    assert second["language"] == "en"
