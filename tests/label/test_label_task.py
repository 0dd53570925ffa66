"""From a folder, a manifest or analyses to a task on disk, and back."""

import json
from pathlib import Path
from typing import Any

import pytest
import test_label_analyses as made

from demeanor.datasets import table
from demeanor.errors import ConfigError, DataError
from demeanor.label.items import find_items
from demeanor.label.task import Task, create_task, open_task
from demeanor.reader.manifest import read_items


def test_a_manifest(task: Task) -> None:
    again = open_task(task.folder)
    assert again == task
    assert [i.id for i in again.items] == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert again.items[2].text == "它很好"
    assert (again.asked, again.instructions, again.name) == (("score", "emotions"), "Label what is said.", "task")


def test_the_items_are_a_manifest_that_batch_reads(task: Task) -> None:
    read = read_items(task.manifest, Path("none"))
    assert [(i.id, i.given["text"]) for i in read] == [(i.id, i.text) for i in task.items]
    assert [i.split for i in table.read(task.manifest)] == ["train", "train", "valid", "valid", "train", "train"]


def test_labels_of_a_manifest_do_not_lead_the_raters(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": "x", "text": "a\\u0000b", "label_score": 0.5}\n{"id": "y", "text": ""}\n')
    found = find_items(path)
    task = create_task(tmp_path / "t", found.items, ["score"])
    assert "label_score" not in task.manifest.read_text()
    assert task.items[0].text == "ab"
    assert found.left_out == [("y", "expected a text or a medium, got an empty text")]


def test_a_folder(media: Path, tmp_path: Path) -> None:
    found = find_items(media)
    assert [name for name, _ in found.left_out] == ["empty.mp4"]
    task = create_task(tmp_path / "deep" / "task", found.items, ["polarity"])
    sky, talk, weather = task.items
    assert (sky.id, talk.id, weather.id) == ("sky.jpg", "sub/talk.wav", "天气.txt")
    assert sky.image is not None
    assert Path(str(sky.image)).samefile(media / "sky.jpg")
    assert talk.audio is not None
    assert weather.text == "今天的天气真好。我喜欢!"
    assert ".." in task.manifest.read_text(encoding="utf-8"), "paths are relative, so that both can move together"


def test_subtitles_are_labelled_by_their_words(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\n<i>I love it</i>\n")
    assert [(i.id, i.text) for i in find_items(tmp_path).items] == [("a.srt", "I love it")]


def test_sentences(media: Path) -> None:
    found = find_items(media, sentences=True).items
    assert [(i.id, i.text, i.group) for i in found][-2:] == [
        ("天气.txt#0", "今天的天气真好。", "天气.txt"),
        ("天气.txt#1", "我喜欢!", "天气.txt"),
    ]
    assert found[0].id == "sky.jpg"


def test_a_missing_file_costs_its_row(media: Path) -> None:
    path = media / "m.csv"
    path.write_text("id,image,start\nx,sky.jpg,\ny,gone.jpg,\nz,sky.jpg,soon\n")
    found = find_items(path)
    assert [i.id for i in found.items] == ["x"]
    assert "found nothing there" in dict(found.left_out)["y"]
    assert "expected seconds" in dict(found.left_out)["z"]


def test_a_stretch_that_is_none_costs_its_row(tmp_path: Path, media: Path) -> None:
    path = media / "m.csv"
    path.write_text("id,audio,start,end\na,sub/talk.wav,0,1\nb,sub/talk.wav,5,3\nc,sub/talk.wav,-1,\n")
    found = find_items(path)
    assert [i.id for i in found.items] == ["a"]
    assert dict(found.left_out)["b"] == "expected seconds from start to a later end, got 5 to 3; mend the manifest"
    assert "got -1 to the end" in dict(found.left_out)["c"]
    assert len(create_task(tmp_path / "t", found.items, ["score"]).items) == 1


@pytest.mark.parametrize(
    ("wrong", "why"),
    [("id,text,split\na,I like it,holdout\n", "found 'holdout'"), ("id,text\na,One. Two.\na#0,x y\n", "a#0")],
)
def test_a_source_that_makes_no_task_can_be_mended_and_taken_again(tmp_path: Path, wrong: str, why: str) -> None:
    path, folder = tmp_path / "m.csv", tmp_path / "deep" / "task"
    path.write_text(wrong)
    with pytest.raises(DataError, match=why):
        create_task(folder, find_items(path, sentences=True).items, ["score"])
    assert not folder.parent.exists()
    path.write_text("id,text\na,I like it\n")
    assert [i.id for i in create_task(folder, find_items(path).items, ["score"]).items] == ["a"]


def write(path: Path, *analyses: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(a, ensure_ascii=False) + "\n" for a in analyses), encoding="utf-8")
    return path


def test_segments_of_a_recording(media: Path) -> None:
    path = write(media / "out.jsonl", made.audio("sub/talk.wav"), made.failed("broken.mp4"))
    found = find_items(path)
    one, two = found.items
    assert (one.id, one.text, one.start, one.end) == ("sub/talk.wav#0", "I love it", 0.25, 0.9)
    assert (two.id, two.speaker, two.group) == ("sub/talk.wav#1", "sub/talk.wav:S2", "sub/talk.wav")
    assert one.audio == media / "sub" / "talk.wav"
    assert found.left_out == [("broken.mp4", "no sound in it")]
    (whole,) = find_items(path, whole=True).items
    assert (whole.id, whole.start) == ("sub/talk.wav", None)


def test_segments_of_a_stretch_are_on_the_clock_of_the_file(media: Path) -> None:
    (media / "m.csv").write_text("id,audio,start,end,group\nt,sub/talk.wav,1,2,film\n")
    found = find_items(write(media / "out.jsonl", made.audio("t")), media=media / "m.csv")
    assert [(i.start, i.end, i.group) for i in found.items] == [(1.25, 1.9, "film"), (2.0, 2.5, "film")]


def test_a_batch_tells_which_stretch_of_a_file_it_read(media: Path) -> None:
    (media / "m.csv").write_text(
        "id,audio,start,end\nq1,sub/talk.wav,60,90\nq2,sub/talk.wav,120,150\nw,sub/talk.wav,,\n"
    )
    told = [
        {**made.audio("sub/talk.wav"), "id": i.id, "sample": i.sample} for i in read_items(media / "m.csv", media / "o")
    ]
    path = write(media / "out.jsonl", *told)
    assert [i.start for i in find_items(path).items] == [60.25, 61.0, 120.25, 121.0, 0.25, 1.0]
    assert [(i.start, i.end) for i in find_items(path, whole=True).items] == [(60, 90), (120, 150), (None, None)]


def test_a_recording_that_is_not_there_is_named(media: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "out.jsonl", made.audio("sub/talk.wav"))
    ((name, why),) = find_items(path).left_out
    assert name == "sub/talk.wav"
    assert "--media" in why
    assert len(find_items(path, media=media).items) == 2


def test_sentences_and_posts_of_analyses(media: Path) -> None:
    path = media / "a.json"
    path.write_text(json.dumps([made.text("t"), made.post("sky.jpg")]), encoding="utf-8")
    items = find_items(path).items
    assert [(i.id, i.text) for i in items] == [
        ("t#0", "I love it."), ("t#1", "The rest was awful."), ("sky.jpg", "I love it. The rest was awful."),
    ]  # fmt: skip
    assert items[2].image == media / "sky.jpg"


def test_a_speaker_s_number_is_of_one_recording_and_a_name_of_all(media: Path) -> None:
    one = made.audio("sub/talk.wav") | {"corrections": [made.correction("segments[1].speaker", "Eve")]}
    found = find_items(write(media / "out.jsonl", one, made.audio("t") | {"source": "sub/talk.wav"})).items
    assert [i.speaker for i in found] == ["sub/talk.wav:S1", "Eve", "t:S1", "t:S2"]


def test_equally_named_files_are_several_samples(media: Path) -> None:
    """Texts carry what they say; of pictures and recordings nobody can tell which file is whose."""
    other = made.text("1.txt") | {"segments": [made.segment("So good."), made.segment("So bad.")]}
    talk = made.audio("sub/talk.wav")
    again, longer = made.failed("1.txt"), {**talk, "duration": 3.0}
    path = media / "all.json"
    path.write_text(json.dumps([made.text("1.txt"), other, made.text("1.txt"), again, talk, talk]))
    assert [(i.id, i.text) for i in find_items(path).items] == [
        ("1.txt#0", "So good."), ("1.txt#1", "So bad."),
        ("1.txt (2)#0", "I love it."), ("1.txt (2)#1", "The rest was awful."),
        ("sub/talk.wav#0", "I love it"), ("sub/talk.wav#1", None),
    ]  # fmt: skip
    path.write_text(json.dumps([talk, longer]))
    found = find_items(path)
    assert not found.items
    assert [name for name, _ in found.left_out] == ["sub/talk.wav", "sub/talk.wav (2)"]
    assert "demeanor batch" in found.left_out[0][1]


def test_corrected_words_are_what_is_labelled(media: Path) -> None:
    one = made.text("t") | {"corrections": [made.correction("segments[1].text", "The rest was lawful.")]}
    assert [i.text for i in find_items(write(media / "a.jsonl", one)).items] == ["I love it.", "The rest was lawful."]


@pytest.mark.parametrize("content", ["{", "[]", '{"id": 1}', '[{"id": "x", "overall": {}}, 3]'])
def test_a_json_file_that_is_no_analysis(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="expected analyses"):
        find_items(path)


def test_wrong_tasks_are_named(task: Task, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is a task already"):
        create_task(task.folder, task.items, ["score"])
    with pytest.raises(ConfigError, match="got nothing"):
        create_task(tmp_path / "new", [], ["score"])
    for asked in ([], ["mood"], ["score", "polarity"]):
        with pytest.raises(ConfigError, match="expected emotions, score or polarity"):
            create_task(tmp_path / "new", task.items, asked)
    with pytest.raises(ConfigError, match="demeanor label new"):
        open_task(tmp_path / "none")
    with pytest.raises(ConfigError, match="expected a place"):
        create_task(task.manifest / "inside", task.items, ["score"])
    (task.folder / "task.json").write_text('{"schema": "other/9"}')
    with pytest.raises(ConfigError, match="other/9"):
        open_task(task.folder)


def test_the_order_outlives_items_it_does_not_know(task: Task) -> None:
    assert task.order() == [0, 1, 2, 3, 4, 5]
    task.set_order(["c1", "gone", "a2", "c1"])
    assert task.order() == [4, 1, 0, 2, 3, 5]
    (task.folder / "order.json").write_text("{")
    with pytest.raises(ConfigError, match=r"order\.json"):
        task.order()
