import json
import os
from pathlib import Path
from typing import Any

import pytest

from closed_folders import close
from demeanor.datasets import table
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import ConfigError, InputError
from demeanor.reader.batch import BatchResult, run
from demeanor.reader.manifest import Item, passed_over, read_items
from reader_fakes import fake_reader, speech, write_wav


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def items(path: Path, **options: Any) -> dict[str, Item]:
    found = read_items(path, path.parent / "out.jsonl", **options)
    named = {item.id: item for item in found}
    assert len(named) == len(found), "ids are unique"
    return named


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", '[1, NaN, {"a": Infinity}]'])
def test_a_number_that_json_cannot_hold_is_null_in_every_run(tmp_path: Path, number: str) -> None:
    path, out = tmp_path / "m.jsonl", tmp_path / "o.jsonl"
    path.write_text(f'{{"id": "a", "text": "I love it", "time": {number}, "author": {number}}}\n', encoding="utf-8")
    for expected in (BatchResult(1, 0, 0), BatchResult(0, 0, 1)):
        assert run(path, out, reader=fake_reader()) == expected
        (line,) = lines(out)
        told = [1, None, {"a": None}] if number.startswith("[") else None
        assert (line["sample"]["time"], line["sample"]["author"]) == (told, told)


def test_nan_is_an_empty_cell_in_every_column(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": "a", "text": "x", "image": NaN, "start": NaN, "label_x": NaN, "split": NaN}\n')
    item = items(path)["a"]
    assert item.given == {"text": "x"}
    assert item.seconds == (None, None)
    assert item.sample == {**dict.fromkeys(("speaker", "group", "time", "author", "split")), "labels": {}}


def test_zero_is_no_empty_cell(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": 0, "text": "x", "time": 0, "group": 0, "speaker": 0.0, "author": false, "split": ""}\n')
    sample = items(path)["0"].sample
    assert sample is not None
    assert [sample[c] for c in ("time", "group", "speaker", "author", "split")] == [0, 0, 0.0, False, None]


def test_a_number_too_large_for_a_label_is_its_digits(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(f'{{"id": "a", "text": "x", "label_x": 1{"0" * 400}}}\n')
    sample = items(path)["a"].sample
    assert sample is not None
    assert sample["labels"]["x"].startswith("1000")


def test_an_id_that_cannot_be_written_is_found_again(tmp_path: Path) -> None:
    path, out = tmp_path / "m.jsonl", tmp_path / "o.jsonl"
    path.write_text('{"id": "a\\ud800", "text": "I love it"}\n')
    assert run(path, out, reader=fake_reader()) == BatchResult(1, 0, 0)
    assert run(path, out, reader=fake_reader()) == BatchResult(0, 0, 1)


@pytest.mark.parametrize(("name", "content"), [("m.csv", "id,text\n"), ("m.tsv", "id\ttext\n\n\n")])
def test_a_manifest_without_rows_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match="expected a row for each sample, got the names of the columns alone"):
        run(tmp_path / name, tmp_path / "o.jsonl", reader=fake_reader())
    assert not (tmp_path / "o.jsonl").exists()


def test_joined_files_and_a_file_of_their_name_are_two_samples(tmp_path: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "o.jsonl"
    root.mkdir()
    (root / "a.txt").write_text("I love it")
    (root / "a.txt.text").write_text("I hate it")
    write_wav(root / "a.txt.wav", speech(1.0))
    found = items(root, pair=True)
    first, second = found
    assert (first, set(found[first].given)) == ("a.txt", {"text"})
    assert second.startswith("a.txt (")
    assert set(found[second].given) == {"text", "audio"}
    for expected in (BatchResult(2, 0, 0), BatchResult(0, 0, 2)):
        assert run(root, out, reader=fake_reader(), pair=True) == expected
        assert {line["id"]: line["kind"] for line in lines(out)} == {"a.txt": "text", second: "mixed"}


def test_two_names_that_are_no_unicode_are_two_samples(tmp_path: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "o.jsonl"
    root.mkdir()
    try:
        for name, said in ((b"x\xe9.txt", "I love it"), (b"x\xe8.txt", "I hate it"), ("x\ufffd.txt".encode(), "fine")):
            Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_text(said)
    except OSError:
        pytest.skip("this file system takes Unicode alone")
    run(root, out, reader=fake_reader())
    said = {line["id"]: line["segments"][0]["text"] for line in lines(out)}
    assert sorted(said.values()) == ["I hate it", "I love it", "fine"]
    assert said["x\ufffd.txt"] == "fine", "a file whose path is its id keeps it"
    assert run(root, out, reader=fake_reader()) == BatchResult(0, 0, 3)


def test_a_folder_behind_a_closed_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shut" / "in").mkdir(parents=True)
    close(monkeypatch, tmp_path / "shut")
    for name in ("in", "m.csv"):
        with pytest.raises(ConfigError, match="expected a manifest or folder that may be read, got Permission denied"):
            read_items(tmp_path / "shut" / name, tmp_path / "o.jsonl")


def test_files_that_may_not_be_looked_at_cost_themselves_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = tmp_path / "in", tmp_path / "o.jsonl"
    (root / "shut").mkdir(parents=True)
    (root / "a.txt").write_text("I love it")
    (root / "shut" / "b.txt").write_text("I hate it")
    (root / "shut" / "c.jpg").write_bytes(b"x")
    (root / "shut" / "notes.md").write_text("no sample")
    close(monkeypatch, root / "shut")
    assert passed_over(root, out) == ""
    assert run(root, out, reader=fake_reader()) == BatchResult(done=1, failed=2, skipped=0)
    read, *failed = lines(out)
    assert read["id"] == "a.txt"
    assert [line["id"] for line in failed] == ["shut/b.txt", "shut/c.jpg"]
    assert all("Permission denied" in line["error"]["message"] for line in failed)


def test_a_link_that_leads_to_itself_costs_itself_only(tmp_path: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "o.jsonl"
    root.mkdir()
    (root / "a.txt").write_text("I love it")
    for name in ("loop.txt", "loop.md"):
        (root / name).symlink_to(name)
    assert run(root, out, reader=fake_reader()) == BatchResult(done=1, failed=1, skipped=0)


def test_columns_in_capitals_are_told_as_they_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("ID,Text\na,I love it\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"got ID, Text; did you mean id, text\? rename or drop them"):
        read_items(tmp_path / "m.csv", tmp_path / "o.jsonl")


def test_linked_folders_are_followed_once_and_a_loop_ends(tmp_path: Path) -> None:
    root, store = tmp_path / "in", tmp_path / "store"
    (root / "real").mkdir(parents=True)
    (store / "deep").mkdir(parents=True)
    (root / "real" / "a.txt").write_text("I love it")
    (store / "deep" / "b.txt").write_text("I hate it")
    (store / "notes.md").write_text("no sample")
    for link, target in (("linked", store), ("again", store), ("alias", root / "real"), ("real/up", root)):
        (root / link).symlink_to(target)
    (store / "deep" / "back").symlink_to(store)
    assert list(items(root)) == ["again/deep/b.txt", "real/a.txt"]
    assert passed_over(root, tmp_path / "o.jsonl") == "1 file (.md 1)"


def test_links_that_lead_up_are_not_followed(tmp_path: Path) -> None:
    root, store = tmp_path / "top" / "in", tmp_path / "elsewhere" / "store"
    root.mkdir(parents=True)
    store.mkdir(parents=True)
    for path in (root / "a.txt", store / "b.txt", tmp_path / "top" / "beside.txt", tmp_path / "elsewhere" / "c.txt"):
        path.write_text("I love it")
    for link, target in ((root / "up", ".."), (root / "linked", store), (store / "out", store.parent)):
        link.symlink_to(target)
    assert list(items(root)) == ["a.txt", "linked/b.txt"]


def test_a_table_with_quotes_that_quote_nothing_loses_no_row(tmp_path: Path) -> None:
    path = tmp_path / "m.tsv"
    path.write_text('id\ttext\na\tfine\nb\t"what a day\nc\tterrible\nd\t"so" bad\ne\tok\n')
    found = items(path)
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert {name: item.given.get("text") for name, item in found.items() if item.fault is None} == {
        "a": "fine", "c": "terrible", "d": "so bad", "e": "ok",
    }  # fmt: skip
    assert found["b"].fault == (
        "m.tsv, line 3: expected the quote closed that is opened here, got all down to line 5 in it; close or double it"
    )


def test_what_an_open_quote_took_in_and_is_no_row_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text('id,text\na,"first\n\nsecond\nb,"third\nc,"fine\nindeed"\n')
    found = items(path)
    assert [(name, item.fault is None) for name, item in found.items()][:3] == [
        ("a", False), ("line 4", False), ("b", False),
    ]  # fmt: skip
    told = "m.csv, line 4: expected a row of its own, got one in the quote that line 2 opens; mend line 2"
    assert found["line 4"].fault == told


def test_a_text_of_two_lines_with_a_space_behind_its_quote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text('id,text,author\n1,"line one\nline two" ,3\n2,"a\nb" \n3,"c, ""d"" , e\nf",g\n')
    assert {name: item.given.get("text") for name, item in items(path).items() if item.fault is None} == {
        "1": "line one\nline two ", "2": "a\nb ", "3": 'c, "d" , e\nf',
    }  # fmt: skip


def test_rows_that_a_quote_may_have_taken_in_are_told(tmp_path: Path) -> None:
    warnings: list[str] = []
    (tmp_path / "m.csv").write_text('id,text\n1,"Oh no\n2,fine\n3,he said "\n4,ok\n5,"one\ntwo"\n')
    found = read_items(tmp_path / "m.csv", tmp_path / "o.jsonl", warnings=warnings)
    assert [item.id for item in found if item.fault is None] == ["1", "4", "5"]
    told = "m.csv, line 2: the text in quotes has lines like rows in it (first: line 3); close the quotation mark"
    assert warnings == [f"{told} before them if they are rows"]


@pytest.mark.parametrize(
    "broken", ['"I said","no\nWell, yes\nbye"', '"no\nWell, yes\nbye",x', '"a" b,"c\nWell, d\ne" f']
)
def test_lines_of_a_quote_in_a_broken_row_are_no_rows(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"id,text\n1,{broken}\n2,fine\n")
    found = items(path)
    assert [name for name, item in found.items() if item.fault is None] == ["2"]
    assert list(found) == ["1", "line 3", "line 4", "2"]


def test_tables_of_pandas_and_spreadsheets(tmp_path: Path) -> None:
    warnings: list[str] = []
    (tmp_path / "pandas.csv").write_text(",id,text\n0,a,fine\n1,b,bad\n2,,\n")
    found = read_items(tmp_path / "pandas.csv", tmp_path / "o.jsonl", warnings=warnings)
    assert [(item.id, item.given["text"]) for item in found] == [("a", "fine"), ("b", "bad")]
    assert warnings == ["pandas.csv: column 1 has no name and counts the rows; it was left out"]
    (tmp_path / "excel.csv").write_text("id;text;;\na;fine;;\n;;;\nb;bad;;\n;;;\n;;;\n")
    found = items(tmp_path / "excel.csv")
    assert [(name, item.given) for name, item in found.items()] == [
        ("a", {"text": "fine"}), ("line-3", {}), ("b", {"text": "bad"}),
    ]  # fmt: skip
    (tmp_path / "note.csv").write_text("id,text,\na,fine,see below\n")
    with pytest.raises(ConfigError, match="expected a name for every column, got none for column 3"):
        read_items(tmp_path / "note.csv", tmp_path / "o.jsonl")
    (tmp_path / "empty.csv").write_text("id,text\n,\n")
    with pytest.raises(ConfigError, match="expected a row for each sample"):
        read_items(tmp_path / "empty.csv", tmp_path / "o.jsonl")


def test_values_of_json_that_are_no_strings(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "text": 7, "label_emotions": ["joy", "anger"]}, {"id": "b", "text": ["a", "b"]},
        {"id": "c", "text": False}, {"id": "d", "text": {"x": 1}}, {"id": "e", "text": None, "image": "x.png"},
    ]  # fmt: skip
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = items(tmp_path / "m.jsonl")
    assert found["a"].given == {"text": "7"}
    assert (found["a"].sample or {})["labels"] == {"emotions": "joy,anger"}
    got = "m.jsonl, line {}: column 'text': expected a string or a number, got {}; mend it"
    assert {name: item.fault for name, item in found.items() if item.fault} == {
        "b": got.format(2, '["a", "b"]'), "c": got.format(3, "false"), "d": got.format(4, '{"x": 1}'),
    }  # fmt: skip


def test_lines_of_json_mean_the_same_to_a_batch_and_to_a_table(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "text": "x", "image": [], "label_emotions": [], "start": [], "speaker": []},
        {"id": "b", "text": "x", "label_own": ["p", 2], "label_sure": True},
        {"id": "c", "text": [], "image": "x.png"}, {"id": "d", "text": False}, {"id": "e", "text": ["a"]},
    ]  # fmt: skip
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found = items(path)
    with pytest.warns(DataWarning, match=r"1 × column 'text': expected a string or a number, got false \(line 4\)"):
        samples = {s.id: s for s in table.read(path)}
    assert set(samples) == {name for name, item in found.items() if item.fault is None} == {"a", "b", "c"}
    for name, sample in samples.items():
        said = found[name].sample or {}
        assert said["labels"] == dict(sample.labels)
        assert (said["speaker"], found[name].given.get("text")) == (sample.speaker, sample.text)
        assert (found[name].start, found[name].given.get("image")) == (sample.start, sample.image)
    assert samples["b"].labels == {"own": "p,2", "sure": "True"}
    assert samples["a"].labels == {}


def test_a_time_that_is_no_number_fails_in_json_too(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"id": "a", "audio": "x.wav", "start": true}\n')
    with pytest.raises(InputError, match="column 'start': expected seconds, got True"):
        _ = items(tmp_path / "m.jsonl")["a"].seconds


@pytest.mark.parametrize("kind", [".xlsx", ".parquet", ".json"])
def test_a_table_of_another_kind_is_to_be_saved_not_renamed(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"m{kind}").write_bytes(b"x")
    with pytest.raises(ConfigError, match=f"got '{kind}'; save it as .csv or .jsonl"):
        read_items(tmp_path / f"m{kind}", tmp_path / "o.jsonl")
