"""`demeanor label …` as a user types it."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from test_label_analyses import analysis, audio, correction, reading

import demeanor
from demeanor.cli import main
from demeanor.datasets import table
from demeanor.label.task import Task, open_task
from reader_fakes import fake_reader


@dataclass
class Said:
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("progress", task)` → exit code, stdout, stderr; the reader reads by plain rules."""
    monkeypatch.setattr(demeanor, "load", lambda *_, **__: fake_reader())

    def call(*arguments: object) -> Said:
        with pytest.raises(SystemExit) as left:
            main(["label", *(str(a) for a in arguments)])
        captured = capsys.readouterr()
        return Said(int(left.value.code or 0), captured.out, captured.err)

    return call


def label(task: Task, rater: str, *given: tuple[str, float, str]) -> None:
    store = task.store()
    for item, score, emotion in given:
        store.add(rater, item, {"score": score, "emotions": [emotion]})


def test_from_a_manifest_to_a_table(run: Run, manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    made = run("new", manifest, folder, "--instructions", "Be fair.")
    assert (made.code, made.out) == (0, "")
    assert "6 items" in made.err
    task = open_task(folder)
    label(task, "Ann", ("a1", 1, "joy"), ("a2", -1, "anger"), ("b1", 1, "joy"), ("c2", 0.667, "joy"))
    label(task, "Bob", ("a1", 1, "joy"), ("a2", -1, "anger"), ("c2", -1, "disgust"))
    task.store().add("Bob", "c1", {"score": 0})
    task.store().add("Bob", "b1", {}, skipped=True)

    rows = json.loads(run("progress", folder, "--json").out)
    assert rows == [
        {"rater": "Ann", "decides": False, "items": 6, "labelled": 4, "begun": 0, "cannot_tell": 0},
        {"rater": "Bob", "decides": False, "items": 6, "labelled": 3, "begun": 1, "cannot_tell": 1},
    ]
    assert "Bob" in run("progress", folder).out

    said = json.loads(run("agreement", folder, "--json", "--resamples", 50).out)
    assert [(a["label"], a["measured"], a["items"]) for a in said["alpha"]][:2] == [
        ("score", "interval", 3), ("score", "ordinal", 3),
    ]  # fmt: skip
    assert [d["item"] for d in said["disputes"]] == ["c2"]
    told = run("agreement", folder, "--resamples", 50)
    assert "interval" in told.out
    assert "1 items in disagreement" in told.err

    spreadsheet = tmp_path / "disputes.csv"
    assert "demeanor label take" in run("adjudicate", folder, "--csv", spreadsheet).err
    spreadsheet.write_text("id,text,label_score,label_emotions\nc2,x,-0.667,anger\n")
    assert "1 labels taken in" in run("take", folder, spreadsheet, "--decides", "--rater", "Eve").err

    out = tmp_path / "labels.csv"
    assert "5 rows" in run("export", folder, out).err
    labels = {s.id: s.labels for s in table.read(out)}
    assert labels["c2"]["score"] == -0.667
    assert labels["c2"]["decided"] == 1
    assert labels["a1"]["agreement"] == 1


def test_nothing_to_settle_or_compare_is_said(run: Run, task: Task) -> None:
    assert "nothing to settle" in run("adjudicate", task.folder).err
    told = run("agreement", task.folder)
    assert (told.code, told.out) == (0, "")
    assert "expected items that two raters labelled" in told.err
    assert json.loads(run("agreement", task.folder, "--json").out) == {"alpha": [], "disputes": []}


def test_suggest_reads_the_items_itself(run: Run, task: Task) -> None:
    label(task, "Ann", ("c1", -1, "anger"))
    said = run("suggest", task.folder)
    assert said.code == 0, said.err
    assert "6 items in order" in said.err
    order = [task.items[n].id for n in open_task(task.folder).order()]
    assert order[0] == "c1", "what somebody has labelled"
    assert {name[0] for name in order[1:4]} == {"a", "b", "c"}, "then one of every thread"
    assert "c1" not in said.out
    readings = task.folder / "readings.jsonl"
    again = run("suggest", task.folder, "--readings", readings, "--by", "confidence", "--top", 0)
    assert again.code == 0
    twice = [analysis("sky.jpg", "image", [], overall=reading(score)) for score in (0.5, -0.5)]
    readings.write_text(readings.read_text() + "\n" + "\n".join(map(json.dumps, twice)))
    for command in (("suggest", task.folder, "--readings"), ("pseudo", task.folder)):
        out = () if command[0] == "suggest" else (readings.with_name("out.csv"),)
        assert "2 readings of pictures or recordings of one name were passed" in run(*command, readings, *out).err
    wrong = run("suggest", task.folder, "--readings", readings, "--by", "entropie")
    assert wrong.code == 2
    assert "did you mean entropy" in wrong.err


def test_pseudo_labels_of_a_batch(run: Run, manifest: Path, tmp_path: Path) -> None:
    from demeanor.reader.batch import run as batch

    batch(manifest, tmp_path / "out.jsonl", reader=fake_reader())
    said = run("pseudo", manifest, tmp_path / "out.jsonl", tmp_path / "p.csv", "--at-least", 0.7)
    assert said.code == 0, said.err
    assert "2 items of the validation or test part left out" in said.err
    found = table.read(tmp_path / "p.csv")
    assert {s.id for s in found} <= {"a1", "a2", "c1", "c2"}
    assert all(s.labels["pseudo"] == 1 and s.split == "train" for s in found)
    assert run("pseudo", manifest, tmp_path / "out.jsonl", tmp_path / "p.csv", "--at-least", 1.5).code == 2


def test_corrections_become_labels(run: Run, media: Path, tmp_path: Path) -> None:
    one = audio("sub/talk.wav") | {
        "corrections": [correction("segments[0].reading.sentiment.label", "negative", by="Zoë")]
    }
    (media / "a.json").write_text(json.dumps(one))
    said = run("new", media / "a.json", tmp_path / "t", "--ask", "polarity")
    assert (said.code, said.err.count("\n")) == (0, 2)
    assert "1 labels taken in" in said.err
    run("export", tmp_path / "t", tmp_path / "l.csv")
    (row,) = table.read(tmp_path / "l.csv")
    assert (row.id, row.start, row.labels["polarity"]) == ("sub/talk.wav#0", 0.25, "negative")


def test_a_guessed_encoding_is_told(run: Run, media: Path, tmp_path: Path) -> None:
    (media / "m.csv").write_bytes("id,text\na,今天的天气真好\n".encode("gb18030"))
    assert "m.csv: not UTF-8; read as gb18030" in run("new", media / "m.csv", tmp_path / "t").err
    said = json.dumps(audio("sub/talk.wav") | {"source": "今天的天气真好.wav"}, ensure_ascii=False)
    (media / "a.json").write_bytes(said.encode("gb18030"))
    assert "a.json: not UTF-8; read as gb18030" in run("new", media / "a.json", tmp_path / "u", "--ask", "polarity").err


def test_left_out_files_are_named(run: Run, media: Path, tmp_path: Path) -> None:
    assert "left out empty.mp4" in run("new", media, tmp_path / "t").err


def test_a_wrong_line_of_a_manifest_is_left_out(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("id,text\na,Fine.\nb,x,y\na,Bad.\n", encoding="utf-8")
    said = run("new", manifest, tmp_path / "t")
    assert said.code == 0
    assert "left out b: m.csv, line 3: expected 2 fields" in said.err
    assert "left out a (line 4): m.csv, line 4: expected every id once" in said.err
    assert [item.id for item in open_task(tmp_path / "t").items] == ["a"]


@pytest.mark.parametrize("words", [["page"], ["progress"], ["agreement"], ["export"], ["suggest"], ["take"]])
def test_a_task_that_is_not_there(run: Run, tmp_path: Path, words: list[str]) -> None:
    more = [tmp_path / "x.csv"] if words[0] in ("export", "take") else []
    said = run(*words, tmp_path / "none", *more)
    assert said.code == 2
    assert "demeanor label new" in said.err


def test_damaged_lines_are_told(run: Run, task: Task) -> None:
    label(task, "Ann", ("a1", 1, "joy"))
    with task.store().path.open("ab") as file:
        file.write(b"torn\n")
    said = run("progress", task.folder)
    assert "1 line(s) could not be read" in said.err
    assert "Ann" in said.out


def test_damaged_lines_of_a_copy_are_told(run: Run, task: Task, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_text('{"rater": "Bob", "item": "a1", "values": {"score": 1}}\ntorn\n')
    assert "1 labels taken in, 1 line(s) could not be read" in run("take", task.folder, copy).err


def test_the_actions_have_help(run: Run) -> None:
    assert "page" in run("--help").out
    assert "--min-agreement" in run("export", "--help").out


def start(task: Task) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "demeanor", "label", "page", str(task.folder), "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def post(url: str, said: dict[str, Any]) -> int:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    connection.request("POST", f"{where.path}api/label", json.dumps(said), {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_killed_at_once_it_has_lost_nothing(task: Task) -> None:
    process, url = start(task)
    try:
        for number in range(6):
            assert post(url, {"rater": "Ann", "number": number, "values": {"score": 1}}) == 200
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert list(task.store().marks("Ann")) == [i.id for i in task.items]


def test_ctrl_c_ends_the_page_quietly(task: Task) -> None:
    process, url = start(task)
    assert url.startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode == 0
