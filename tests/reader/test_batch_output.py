"""What `out` may hold when a batch begins, and what a batch says of itself at its end."""

import json
from pathlib import Path
from typing import Any

import pytest

from demeanor.errors import ConfigError
from demeanor.reader.batch import BatchResult, run
from reader_fakes import fake_reader


def manifest(root: Path, *rows: str) -> Path:
    path = root / "m.csv"
    path.write_text("id,text,image\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    "content",
    [
        "call the dentist on Monday",
        "call the dentist on Monday\n",
        "{\n",  # no kill leaves the end of a line
        '{"id": "a", "text": "I love it"}\n',  # a manifest
        '{"id": "a", "text": "I love it"}',
        '{"id": "a", "text": "I lo',
        '{"schema": "other/1", "id": "a"',
        '{"schema": "demeanor.analysis/1", "id": "a", "over\n',
        "[1, 2",
        "[" * 100_000,
    ],
)
def test_a_file_of_one_line_that_is_not_ours_is_left_alone(tmp_path: Path, content: str) -> None:
    out = tmp_path / "note.txt"
    out.write_text(content, encoding="utf-8")
    before = out.read_bytes()
    with pytest.raises(ConfigError, match="left as it is"):
        run(manifest(tmp_path, "a,I love it,"), out, reader=fake_reader())
    assert out.read_bytes() == before


def test_a_note_below_the_lines_of_a_batch_is_left_alone(tmp_path: Path) -> None:
    path, out = manifest(tmp_path, "a,I love it,"), tmp_path / "o.jsonl"
    run(path, out, reader=fake_reader())
    out.write_bytes(out.read_bytes() + b"remember the milk")
    with pytest.raises(ConfigError, match="remember the milk"):
        run(path, out, reader=fake_reader())
    assert out.read_bytes().endswith(b"}\nremember the milk")


@pytest.mark.parametrize("row", ["天气,今天的天气真好,", '"say ""x\\y""",,nowhere.png'])
def test_a_line_cut_at_any_byte_is_written_anew(tmp_path: Path, row: str) -> None:
    path, out = manifest(tmp_path, row), tmp_path / "o.jsonl"
    run(path, out, reader=fake_reader())
    whole = out.read_bytes()
    id_of = lines(out)[0]["id"]
    for size in [*range(1, min(len(whole), 120)), len(whole) // 2, len(whole) - 2]:
        out.write_bytes(whole[:size])
        assert run(path, out, reader=fake_reader()).skipped == 0
        assert [line["id"] for line in lines(out)] == [id_of]


def test_the_manifest_is_never_its_own_output(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    for content in ('{"id": "a", "text": "I love it"}\n', '{"id": "a'):
        path.write_text(content)
        with pytest.raises(ConfigError, match="this file is the manifest"):
            run(path, tmp_path / "." / "m.jsonl", reader=fake_reader())
        assert path.read_text() == content


def test_readings_without_any_cue_that_was_asked_for_are_counted_in_every_run(tmp_path: Path) -> None:
    path, out = manifest(tmp_path, "a,I love it,", "b,I hate it,", "c,,"), tmp_path / "o.jsonl"
    first = run(path, out, reader=fake_reader(), cues="voice")
    assert first == BatchResult(done=2, failed=1, skipped=0, empty=("a", "b"))
    assert first.nothing
    again = run(path, out, reader=fake_reader(), cues="voice")
    assert again == BatchResult(done=0, failed=1, skipped=2, empty=("a", "b"))
    assert again.nothing
    more = run(path, out, reader=fake_reader(), cues="words,voice")
    assert (more.empty, more.nothing) == ((), False)
    silent = run(manifest(tmp_path, "a,10/10,"), tmp_path / "silent.jsonl", reader=fake_reader(), cues="words")
    assert (silent.empty, silent.nothing) == ((), False), "what is read and says nothing is no failure"


def test_a_linked_output_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    link = tmp_path / "o.jsonl"
    link.symlink_to(Path("store") / "o.jsonl")
    run(manifest(tmp_path, "b,I hate it,"), link, reader=fake_reader())
    run(manifest(tmp_path, "a,I love it,", "b,I hate it,"), link, reader=fake_reader())
    assert link.is_symlink()
    assert [line["id"] for line in lines(tmp_path / "store" / "o.jsonl")] == ["a", "b"]


def test_failures_of_another_input_are_left(tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    first = manifest(tmp_path, "x,,nowhere.png", "y,too,,many").rename(tmp_path / "m1.csv")
    assert run(first, out, reader=fake_reader()) == BatchResult(0, 2, 0)
    second = manifest(tmp_path, "a,I love it,")
    assert run(second, out, reader=fake_reader()) == BatchResult(1, 0, 0, strange=2)
    assert [line["id"] for line in lines(out)] == ["x", "y", "a"]
    second.write_text("id,text\nx,I love it\na,I love it\n")
    assert run(second, out, reader=fake_reader()) == BatchResult(1, 0, 1, changed=0, strange=1)
    assert [line["id"] for line in lines(out)] == ["y", "x", "a"]


def test_lines_follow_an_input_that_was_put_in_another_order(tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    run(manifest(tmp_path, "a,I love it,", "b,I hate it,"), out, reader=fake_reader())
    assert run(manifest(tmp_path, "b,I hate it,", "a,I love it,"), out, reader=fake_reader()) == BatchResult(0, 0, 2)
    assert [line["id"] for line in lines(out)] == ["b", "a"]
