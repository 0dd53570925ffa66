from pathlib import Path

import pytest

from dataset_trees import build, write, write_csv, write_picture
from demeanor.datasets import folder
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import ConfigError, DataError


def test_classes_below_parts(tmp_path: Path) -> None:
    samples = {s.id: s for s in folder.read(build("folder", tmp_path))}
    assert set(samples) == {
        "train/joy/a.txt", "train/joy/a.png", "train/anger/b.jpg", "val/anger/c.wav", "test/joy/d.mp4",
    }  # fmt: skip
    assert samples["train/joy/a.txt"].text == "I am so glad"
    assert samples["train/anger/b.jpg"].image == tmp_path / "train/anger/b.jpg"
    assert samples["val/anger/c.wav"].split == "valid"
    film = samples["test/joy/d.mp4"]
    assert film.video == film.audio
    assert {tuple(s.labels.items()) for s in samples.values()} == {(("emotions", "joy"),), (("emotions", "anger"),)}


def test_files_of_one_stem_are_joined_when_asked(tmp_path: Path) -> None:
    samples = {s.id: s for s in folder.read(build("folder", tmp_path), pair=True)}
    assert samples["train/joy/a"].text == "I am so glad"
    assert samples["train/joy/a"].image == tmp_path / "train/joy/a.png"
    write_picture(tmp_path / "train/joy/a.jpg", 3)
    assert {"train/joy/a.jpg", "train/joy/a.png"} <= {s.id for s in folder.read(tmp_path, pair=True)}


def test_classes_of_any_name(tmp_path: Path) -> None:
    write(tmp_path / "Cats" / "deep" / "1.txt", "meow")
    write(tmp_path / "Dogs" / "2.txt", "woof")
    write(tmp_path / ".cache" / "3.txt", "x")
    samples = folder.read(tmp_path)
    assert [(s.id, s.labels, s.split) for s in samples] == [
        ("Cats/deep/1.txt", {"label": "Cats"}, None), ("Dogs/2.txt", {"label": "Dogs"}, None),
    ]  # fmt: skip
    assert folder.task_of(["Positive", "negative"]) == "polarity"
    assert folder.task_of(["joy", "sadness"]) == "emotions"


def test_groups_by_content_or_by_pattern(tmp_path: Path) -> None:
    for name, shade in (("actor_01_a", 5), ("actor_01_b", 6), ("actor_02_a", 5)):
        write_picture(tmp_path / "joy" / f"{name}.png", shade)
    by_content = {s.id: s.group for s in folder.read(tmp_path)}
    assert by_content["joy/actor_01_a.png"] == by_content["joy/actor_02_a.png"] != by_content["joy/actor_01_b.png"]
    assert [s.group for s in folder.read(tmp_path, group_pattern=r"(actor_\d+)")] == [
        "actor_01",
        "actor_01",
        "actor_02",
    ]
    assert [s.group for s in folder.read(tmp_path, group_pattern=r"actor_\d+")] == ["actor_01", "actor_01", "actor_02"]
    with pytest.raises(ConfigError, match="expected a regular expression"):
        folder.read(tmp_path, group_pattern="(")


def test_twins_of_a_later_part_are_left_out_when_asked(tmp_path: Path) -> None:
    for part, words in (("train", "ok"), ("train", "well"), ("test", "OK")):
        write(tmp_path / part / "joy" / f"{words}.txt", words)
    assert len(folder.read(tmp_path)) == 3
    assert {s.id for s in folder.read(tmp_path, duplicates="drop")} == {"train/joy/well.txt", "test/joy/OK.txt"}
    with pytest.raises(ConfigError, match="option duplicates"):
        folder.read(tmp_path, duplicates="no")


def test_a_label_table_names_a_column_once(tmp_path: Path) -> None:
    write(tmp_path / "labels.csv", "file,label,label\n1.wav,joy,anger\n")
    with pytest.raises(DataError, match=r"labels\.csv: expected every column once, found more of label; rename one"):
        folder.read(tmp_path)


def test_clips_with_a_label_table(tmp_path: Path) -> None:
    rows = [
        ("clips/1.mp4", "joy", "ann", "train", "0.5"), ("clips/2.wav", "anger", "bob", "test", ""),
        ("notes/3.txt", "neutral", "", "", "-0.2"), ("clips/4.xyz", "joy", "", "", ""),
        ("notes/5.txt", "joy", "", "", ""),
    ]  # fmt: skip
    write(tmp_path / "notes/3.txt", "a note")
    write_csv(tmp_path / "labels.csv", ("file", "label", "speaker", "split", "label_score"), rows)
    with pytest.warns(DataWarning, match=r"file of no known kind \(line 5\).*no such text file \(line 6\)"):
        film, sound, note = folder.read(tmp_path)
    assert film.video == film.audio == tmp_path / "clips/1.mp4", "it is not there, which costs it where it is decoded"
    assert film.labels == {"emotions": "joy", "score": 0.5}
    assert (sound.group, sound.split) == ("bob", "test")
    assert (note.text, note.labels) == ("a note", {"emotions": "neutral", "score": -0.2})


def test_stretches_of_one_recording(tmp_path: Path) -> None:
    table = "file,label,start,end\nlong.mp4,joy,0,2.5\nlong.mp4,anger,2.5,4\nshort.mp4,joy,1,2\n"
    (tmp_path / "labels.csv").write_text(table)
    for name in ("long", "short"):
        (tmp_path / f"{name}.mp4").write_bytes(b"film")
    found = folder.read(tmp_path)
    assert [s.id for s in found] == ["long.mp4#0", "long.mp4#2.5", "short.mp4"]
    assert [(s.start, s.end) for s in found] == [(0, 2.5), (2.5, 4), (1, 2)]
    assert found[0].group == found[1].group != found[2].group, "never on both sides of a split"
    (tmp_path / "labels.csv").write_text(table.replace("short.mp4,joy,1", "long.mp4,joy,0"))
    with pytest.raises(DataError, match=r"once per `start`, found more of long\.mp4#0"):
        folder.read(tmp_path)
    (tmp_path / "labels.csv").write_text(table.replace("long.mp4,joy,0,2.5", "long.mp4,joy,,"))
    whole, part, _ = folder.read(tmp_path)
    assert (whole.id, part.id) == ("long.mp4", "long.mp4#2.5")
    assert whole.group == part.group
    (tmp_path / "labels.csv").write_text(table.replace("2.5,4", "5,3").replace("1,2", "-3,-1"))
    with pytest.warns(DataWarning, match=r"2 × start and end that are no stretch of time \(line 3, line 4\)"):
        assert [s.id for s in folder.read(tmp_path)] == ["long.mp4#0"]
    spoken = table.replace("file,", "speaker,file,").replace("\n", "\nann,")
    (tmp_path / "labels.csv").write_text(spoken.removesuffix("ann,"))
    assert {s.group for s in folder.read(tmp_path)} == {"ann"}


def test_a_file_listed_twice_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "mine.csv", ("file", "label"), [("1.wav", "a"), ("1.wav", "b")])
    with pytest.raises(DataError, match=r"expected every file once, .*found more of 1\.wav"):
        folder.read(tmp_path, labels="mine.csv")
    write_csv(tmp_path / "mine.csv", ("path", "label"), [("1.wav", "a")])
    with pytest.raises(DataError, match="expected columns file; found path, label"):
        folder.read(tmp_path, labels="mine.csv")


def test_a_row_that_breaks_off_costs_itself(tmp_path: Path) -> None:
    write(tmp_path / "labels.csv", "label,file\nanger\njoy,1.wav\n")
    with pytest.warns(DataWarning, match=r"file of no known kind \(line 2\)"):
        assert [s.id for s in folder.read(tmp_path)] == ["1.wav"]


def test_a_folder_beside_the_parts_does_not_undo_them(tmp_path: Path) -> None:
    root = build("folder", tmp_path)
    parts = {s.id: s.split for s in folder.read(root)}
    write(root / "__MACOSX" / "train" / "._a.txt", "x")
    write(root / "docs" / "readme.md", "x")
    assert {s.id: s.split for s in folder.read(root)} == parts
    write(root / "extra" / "joy" / "1.txt", "x")
    with pytest.raises(DataError, match="found test, train, valid beside extra; move or rename"):
        folder.read(root)
    for name in ("train", "car"):
        write(tmp_path / "toys" / name / "1.txt", name)
    assert [s.labels for s in folder.read(tmp_path / "toys")] == [{"label": "car"}, {"label": "train"}]


def test_folders_without_media(tmp_path: Path) -> None:
    write(tmp_path / "joy" / "readme.md", "x")
    with pytest.raises(DataError, match="expected text, pictures, sound or films"):
        folder.read(tmp_path)
