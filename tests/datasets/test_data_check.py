import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataset_trees import build, write, write_csv, write_picture
from demeanor import plugins
from demeanor.datasets import synthetic
from demeanor.datasets._check import check
from demeanor.datasets._dataset import Card
from demeanor.datasets._recognise import Found, read_any
from demeanor.errors import ConfigError, DataError, UnknownNameError
from demeanor.types import Sample
from reader_fakes import silence, speech, write_video, write_wav

CARD = Card("mine", "Mine", {"score": "x"}, {"none": "x"}, "speaker", "own", "nowhere")


def checked(samples: list[Sample], counts: dict[str, int] | None = None, fast: bool = False) -> dict[str, Any]:
    report = check(Found(replace(CARD, counts=counts or {}), samples, samples, []), fast)
    json.dumps(report, allow_nan=False)
    return report


def sample(name: str, split: str | None = None, **fields: Any) -> Sample:
    fields = {"text": f"words of {name}", "group": name, **fields}
    return Sample(id=name, split=split, **fields)


def test_a_sound_data_set_has_nothing_wrong() -> None:
    samples = synthetic.read(samples=80)
    found = Found(synthetic.CARD, samples, samples, [])
    report = check(found)
    assert report["problems"] == []
    assert report["parts"]["train"] == {"found": 48, "expected": None}
    assert report["modalities"]["series audio"] == 80
    balance = report["labels"]["score"]["train"]
    values = [s.labels["score"] for s in found.samples if s.split == "train"]
    assert balance["mean"] == pytest.approx(np.mean(values))
    assert balance["deviation"] == pytest.approx(np.std(values))
    classes = report["labels"]["polarity"]["test"]["classes"]
    assert classes == Counter(s.labels["polarity"] for s in found.samples if s.split == "test")


def test_counts_against_the_card() -> None:
    samples = [sample("a", "train"), sample("b", "test")]
    assert checked(samples, {"train": 1, "test": 1})["problems"] == []
    assert checked(samples, {"train": 2, "valid": 3, "test": 1})["problems"] == [
        "train: expected 2 samples, found 1", "valid: expected 3 samples, found 0",
    ]  # fmt: skip
    many = [sample(f"s{n}") for n in range(1999)]
    near = checked(many, {"all": 2000})
    assert near["problems"] == []
    assert near["notes"] == ["all: expected 2000 samples, found 1999"]


def test_a_release_that_holds_validation_and_test_in_one() -> None:
    counts = {"train": 2, "valid": 3, "test": 3}
    report = checked([sample(f"s{n}", "train" if n < 2 else "test") for n in range(8)], counts)
    assert report["problems"] == []
    assert report["parts"]["test"] == {"found": 6, "expected": 6}
    assert "valid" not in report["parts"]
    lacking = checked([sample(f"s{n}", "train" if n < 2 else "test") for n in range(7)], counts)
    assert lacking["problems"] == ["test: expected 6 samples, found 5"]


def test_groups_ids_and_labels() -> None:
    samples = [
        sample("a", "train", group="ann", labels={"score": 2.0}), sample("b", "test", group="ann"),
        sample("b", "test", group=None, labels={"polarity": "glad"}),
        sample("c", "test", labels={"emotions": "joy,fear"}), sample("d", "train", labels={"emotions": "joy"}),
    ]  # fmt: skip
    report = checked(samples)
    assert report["problems"] == [
        "ids that stand twice: b",
        "score: expected a number in [-1, 1], found a: 2.0",
        "polarity: expected negative, neutral, positive, found b: glad",
        "1 samples without a group",
        "1 groups in more than one part: ann",
    ]
    assert "emotions: classes of the test part that training never sees: fear" in report["notes"]


def test_a_class_and_a_score_on_opposite_sides_are_noted() -> None:
    told = [("positive", -0.9), ("negative", 0.2), ("positive", 0.0), ("neutral", 0.4), ("negative", -1)]
    samples = [sample(f"s{n}", labels={"polarity": p, "score": s}) for n, (p, s) in enumerate(told)]
    report = checked([*samples, sample("s9", labels={"polarity": "positive"})])
    assert report["notes"] == ["2 × polarity and score on opposite sides: s0: positive, -0.9, s1: negative, +0.2"]


def test_equal_texts_in_two_parts() -> None:
    line = "this is a long enough line of plain words"
    samples = [sample("a", "train", text=line), sample("b", "test", text=line.upper() + " http://x.y")]
    assert checked(samples)["duplicates"] == {"text": [["a", "b"]]}
    assert checked(samples)["problems"] == ["1 × equal text in different parts: a = b"]
    same_part = [replace(s, split="train") for s in samples]
    assert checked(same_part)["problems"] == []
    short = [replace(s, text="Yes.") for s in samples]
    assert checked(short)["problems"] == [], "a word or two is chance"
    no_parts = [replace(s, split=None) for s in samples]
    assert checked(no_parts)["problems"] == ["1 × equal text in different groups: a = b"], "a split may divide them"
    assert checked([replace(s, group="g") for s in no_parts])["problems"] == []


def test_equal_files_and_equal_pixels(tmp_path: Path) -> None:
    one, twin = (write_picture(tmp_path / name, 9) for name in ("one.png", "twin.png"))
    other = write_picture(tmp_path / "other.png", 200)
    again = tmp_path / "again.bmp"
    Image.open(one).save(again)
    samples = [
        sample("a", "train", image=one), sample("b", "test", image=twin), sample("c", "test", image=other),
        sample("d", "valid", image=again),
    ]  # fmt: skip
    report = checked(samples)
    assert report["duplicates"]["image"] == [["a", "b"]]
    assert report["duplicates"]["pixels"] == [["a", "b", "d"]]
    assert [p.partition(" in ")[0] for p in report["problems"]] == ["1 × equal image", "1 × equal pixels"]


def test_windows_of_one_film_are_no_duplicates(tmp_path: Path) -> None:
    film = write_wav(tmp_path / "long.wav", speech(2.0))
    samples = [sample(n, p, audio=film, start=s, end=s + 1.0) for n, p, s in (("a", "train", 0.0), ("b", "test", 1.0))]
    assert "audio" not in checked(samples)["duplicates"]
    whole = [replace(s, start=None, end=None) for s in samples]
    assert checked(whole)["duplicates"]["audio"] == [["a", "b"]]


def test_broken_media_are_named(tmp_path: Path) -> None:
    good = write_wav(tmp_path / "good.wav", speech(1.0))
    quiet = write_wav(tmp_path / "quiet.wav", silence(1.0))
    film = write_video(tmp_path / "film.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 10)
    samples = [
        sample("good", audio=good, image=write_picture(tmp_path / "g.png", 7), video=film),
        sample("quiet", audio=quiet),
        sample("gone", audio=tmp_path / "gone.wav"),
        sample("cut", image=write(tmp_path / "cut.png", (tmp_path / "g.png").read_bytes()[:40])),
        sample("empty", video=write(tmp_path / "empty.mp4", b"")),
        sample("odd", text=None, series={"audio": np.array([[np.nan]], np.float32)}),
        sample("flat", text=None, series={"audio": np.zeros(3, np.float32)}),
    ]
    broken = {(b["id"], b["medium"]): b["problem"] for b in checked(samples)["broken"]}
    assert set(broken) == {
        ("quiet", "audio"), ("gone", "audio"), ("cut", "image"), ("empty", "video"), ("odd", "series"),
        ("flat", "series"),
    }  # fmt: skip
    assert broken["quiet", "audio"] == "silent"
    assert "no such file" in broken["gone", "audio"]
    assert "not finite" in broken["odd", "series"]


def test_in_a_hurry_some_are_decoded(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "x.png", 7)
    samples = [sample(f"s{n}", image=picture, text=None) for n in range(450)]
    steps: list[tuple[int, int]] = []
    check(Found(CARD, samples, samples, []), True, lambda done, total: steps.append((done, total)))
    assert steps[-1] == (150, 150)
    assert [done for done, _ in steps] == list(range(1, 151))


CORPORA = sorted(set(plugins.names("datasets")) - {"mosei", "synthetic"})


@pytest.mark.parametrize("name", CORPORA)
def test_a_data_set_is_recognised_by_its_layout(name: str, tmp_path: Path) -> None:
    assert read_any(build(name, tmp_path / "tree")).card.name == {"simsv2": "simsv2"}.get(name, name)


def test_of_equal_layouts_the_nearer_count_decides(tmp_path: Path) -> None:
    header = ("video_id", "clip_id", "text", "label", "label_T", "label_A", "label_V", "annotation", "mode")
    for name, sizes in (("mosi", (1300, 230, 600)), ("mosei", (15000, 1800, 4000))):
        parts = [part for part, size in zip(("train", "valid", "test"), sizes, strict=True) for _ in range(size)]
        rows = [(f"{part}{n // 9}", n, f"words {n}", 1, "", "", "", "", part) for n, part in enumerate(parts)]
        write_csv(tmp_path / "label.csv", header, rows)
        found = read_any(tmp_path)
        assert found.card.name == name
        assert found.notes == ["the media are not there: read with text_only = true"]


def test_twins_left_out_by_default_are_a_note(tmp_path: Path) -> None:
    found = read_any(build("fer2013", tmp_path))
    assert (len(found.whole), len(found.samples)) == (7, 5)
    report = check(found)
    assert report["notes"][0] == "2 samples with a twin in a later part are left out by default"
    assert report["parts"]["train"] == {"found": 3, "expected": 28709}
    assert not report["duplicates"]


def test_warnings_of_the_reader_are_notes(tmp_path: Path) -> None:
    notes = read_any(build("zh_reviews", tmp_path)).notes
    assert notes == ["zh_reviews: 1 × no text or no label 0 or 1, skipped (online-3)"]


def several_raters(root: Path) -> Path:
    table = "ID\ttext,image\ttext,image\ttext,image\n1" + "\tpositive,neutral" * 3 + "\n"
    write(root / "labelResultAll.txt", table)
    return root


def test_a_corpus_that_cannot_be_read_is_not_taken_for_folders_of_one_s_own(tmp_path: Path) -> None:
    root = several_raters(build("mvsa", tmp_path))
    with pytest.raises(DataError, match=r"MVSA-Multiple has three pairs .*; if it is another data set, name it with"):
        read_any(root)
    found = read_any(root, "mvsa", options={"version": "multiple"})
    assert [s.id for s in found.samples] == ["1"]
    assert found.card.counts == {}
    assert "options were given: samples were not counted against the card" in found.notes
    with pytest.raises(ConfigError, match=r"mvsa: unknown option 'versoin'; did you mean version\?"):
        read_any(root, "mvsa", options={"versoin": "multiple"})
    with pytest.raises(ConfigError, match="got version and no name; add --name"):
        read_any(root, options={"version": "multiple"})


def test_folders_of_one_s_own_beside_a_table_that_a_corpus_has_too(tmp_path: Path) -> None:
    for name, folders in (("label.csv", ("joy", "Raw")), ("fer2013.csv", ("joy",)), ("waimai_10k.csv", ("joy",))):
        root = tmp_path / name.partition(".")[0]
        write(root / name, "file,label\njoy/1.txt,joy\n")
        for folder in folders:
            write(root / folder / "1.txt", "fine")
        found = read_any(root)
        assert (found.card.name, len(found.samples)) == ("folder", len(folders))
        with pytest.raises(DataError, match=r"expected columns .*; found file, label"):
            read_any(root, {"label.csv": "mosei", "fer2013.csv": "fer2013"}.get(name, "zh_reviews"))


def test_a_later_table_without_a_column_is_a_fault_of_the_corpus(tmp_path: Path) -> None:
    root = build("meld", tmp_path)
    (late,) = root.rglob("test_sent_emo.csv")
    write(late, "file,label\n")
    write(root / "joy" / "1.txt", "fine")
    with pytest.raises(DataError, match=r"meld: .*test_sent_emo\.csv: expected columns"):
        read_any(root)


def test_all_readers_that_know_a_layout_say_why_they_failed(tmp_path: Path) -> None:
    root = several_raters(build("mvsa", tmp_path))
    write(root / "usual_train.txt", "no JSON")
    for name in ("usual_eval_labeled.txt", "usual_test_labeled.txt", "virus_train.txt", "virus_eval_labeled.txt",
                 "virus_test_labeled.txt"):  # fmt: skip
        write(root / name, "no JSON")
    with pytest.raises(DataError, match=r"mvsa: .* three pairs.*; weibo: .*JSON.*; if it is another data set"):
        read_any(root)


def test_a_damaged_feature_file_is_told_where_nothing_else_is_found(tmp_path: Path) -> None:
    write(tmp_path / "aligned_50.pkl", b"no pickle")
    with pytest.raises(DataError, match=r"aligned_50\.pkl: expected a pickle of plain data"):
        read_any(tmp_path)
    write(tmp_path / "joy" / "1.txt", "fine")
    assert read_any(tmp_path).card.name == "folder"


def test_twins_in_one_s_own_table_are_seen_though_it_could_drop_them(tmp_path: Path) -> None:
    found = read_any(write(tmp_path / "x.csv", "id,text,split\n1,ok,train\n2,ok,test\n"))
    assert len(found.samples) == 2
    assert len(read_any(tmp_path / "x.csv", "table", options={"duplicates": "drop"}).samples) == 1


def test_what_cannot_be_guessed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected the layout of a known data set, found none; name one with --name: "):
        read_any(tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean mosi"):
        read_any(tmp_path, "mosii")
    with pytest.raises(DataError, match=r"expected label\.csv, Raw"):
        read_any(tmp_path / "nowhere", "sims")
