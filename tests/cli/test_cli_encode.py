import json
from pathlib import Path

import numpy as np
import pytest
from cli_calls import Demeanor

RUN = """
[run]
name = "x"
model = "concat"
[data]
dataset = "table"
root = "t.csv"
[encoders.text]
name = "text_tfidf"
min_count = 1
[encoders.ids]
name = "text_tokens"
[encoders.audio]
name = "audio_mfcc"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [f"{i},text number {i},{'train' if i < 6 else 'valid'}" for i in range(8)]
    (tmp_path / "t.csv").write_text("id,text,split\n" + "\n".join(rows) + "\n")
    (tmp_path / "run.toml").write_text(RUN)
    monkeypatch.setenv("DEMEANOR_FEATURES", str(tmp_path / "store"))
    monkeypatch.setenv("DEMEANOR_DATA", str(tmp_path))
    return tmp_path


def numbers(found: str) -> list[tuple[int, int, int]]:
    return [(e["stored"], e["missing"], e["failed"]) for e in json.loads(found)["encoders"]]


def test_fills_the_store_and_tells_what_is_in_it(run: Demeanor, place: Path) -> None:
    path = str(place / "run.toml")
    assert numbers(run("encode", path, "--status", "--json").out) == [(0, 8, 0)] * 3
    done = run("encode", path, "--json")
    assert done.code == 0
    assert numbers(done.out) == [(8, 0, 0), (8, 0, 0), (0, 8, 0)]
    assert numbers(run("encode", path, "--status", "--json").out) == [(8, 0, 0), (8, 0, 0), (0, 8, 0)]
    entries = {e["encoder"]: e for e in json.loads(run("encode", "--status", "--json").out)["entries"]}
    assert (entries["text_tfidf"]["entries"], entries["text_tfidf"]["fitted"]) == (9, 1)
    assert entries["text_tokens"]["bytes"] > 0
    changed = run("encode", path, "--status", "--json", "--set", "encoders.ids={name='text_tokens', max_tokens=4}")
    assert numbers(changed.out)[1] == (0, 8, 0)
    table = run("encode", path, "--status").out
    assert "text_tokens" in table
    assert str(place / "store") in table


def test_further_tables_are_read_and_learned_from(run: Demeanor, place: Path) -> None:
    """As training does: what it will look for is what is stored."""
    (place / "more.csv").write_text("id,text\nx,another word\ny,text number 7\n")
    path, also = str(place / "run.toml"), ("--set", "data.also=['more.csv']")
    run("encode", path, "--json")
    assert numbers(run("encode", path, "--status", "--json", *also).out)[0] == (0, 10, 0)
    assert numbers(run("encode", path, "--json", *also).out) == [(10, 0, 0), (10, 0, 0), (0, 10, 0)]
    (fitted,) = (p for p in (place / "store/text_tfidf/fitted").iterdir() if len(np.load(p)["ids"]) == 7)
    assert "also-0/x" in np.load(fitted)["ids"]
    assert "also-0/y" not in np.load(fitted)["ids"]  # its text is held back


def test_encoders_of_an_earlier_run_are_taken_as_they_are(run: Demeanor, place: Path) -> None:
    path, before = str(place / "run.toml"), place / "before"
    run("encode", path)
    (first,) = (place / "store/text_tfidf/fitted").iterdir()
    before.mkdir()
    state = {k.removeprefix("state/"): v for k, v in np.load(first).items() if k != "ids"}
    np.savez(before / "encoder-text.npz", **state)
    (before / "fitted.json").write_text(json.dumps({"ids": [str(i) for i in range(6)]}))
    (place / "more.csv").write_text("id,text\nx,another word\n")
    more = ("--set", "data.also=['more.csv']", "--set", f"features.as_in='{before}'")
    assert numbers(run("encode", path, "--status", "--json", *more).out)[0] == (8, 1, 0)
    assert numbers(run("encode", path, "--json", *more).out)[0] == (9, 0, 0)
    assert list((place / "store/text_tfidf/fitted").iterdir()) == [first]


def test_a_bad_file_is_named_and_the_rest_is_stored(run: Demeanor, place: Path) -> None:
    (place / "t.csv").write_text("id,audio\na,none.wav\n")
    (place / "run.toml").write_text(RUN.partition("[encoders.text]")[0] + "[encoders.audio]\nname='audio_mfcc'\n")
    ran = run("encode", str(place / "run.toml"))
    assert ran.code == 1
    assert "none.wav" in ran.err


def test_wrong_calls(run: Demeanor, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "RUN.toml" in run("encode").err
    assert "did you mean" in run("encode", str(place / "run.toml"), "--set", "data.dataset=tabel").err
    for said, told in (
        ("training.epoch=30", "unknown key training.epoch; did you mean epochs"),
        ("run.model=lmff", "did you mean lmf"),
        ("tasks.score.clases=['a']", "unknown key tasks.score.clases"),
        ("trainin.epochs=3", "unknown key trainin"),
    ):
        ran = run("encode", str(place / "run.toml"), "--set", said)
        assert (ran.code, told in ran.err) == (2, True), ran.err
    (place / "run.toml").write_text("[run]\nname='x'\nmodel='concat'\n")
    assert "section [data]" in run("encode", str(place / "run.toml")).err
    monkeypatch.delenv("DEMEANOR_DATA")
    (place / "run.toml").write_text(RUN)
    ran = run("encode", str(place / "run.toml"))
    assert (ran.code, "--data" in ran.err) == (2, True)


def test_data_that_read_no_files_need_no_folder(run: Demeanor, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMEANOR_DATA")
    path = str(place / "run.toml")
    (place / "run.toml").write_text(
        "[run]\nname='x'\nmodel='concat'\n[data]\ndataset='synthetic'\nsamples=8\n[encoders.audio]\nname='series'\n"
    )
    ran = run("encode", path, "--json")
    assert (ran.code, numbers(ran.out)) == (0, [(8, 0, 0)])
    assert "--data" in run("encode", path, "--set", "data.also=['more.csv']").err


def test_a_store_that_cannot_be_written_is_told(run: Demeanor, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_bytes(b"")
    monkeypatch.setenv("DEMEANOR_FEATURES", str(place / "file/store"))
    ran = run("encode", str(place / "run.toml"))
    assert ran.code == 2
    assert "cannot be written" in ran.err
    assert "DEMEANOR_FEATURES" in ran.err


def test_encoders_say_what_they_read_and_whether_they_learn(run: Demeanor) -> None:
    found = {e["name"]: e for e in json.loads(run("encoders", "--json").out)}
    assert (found["text_tfidf"]["modality"], found["text_tfidf"]["learns"]) == ("text", True)
    assert (found["audio_mfcc"]["modality"], found["audio_mfcc"]["learns"]) == ("audio", False)
    assert {e["modality"] for e in found.values()} == {"text", "audio", "visual", "series"}
