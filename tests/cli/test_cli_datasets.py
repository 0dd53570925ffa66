import json
from pathlib import Path

import pytest
from cli_calls import Demeanor

from dataset_trees import build, write, write_csv, write_picture
from demeanor import plugins


def test_the_list_tells_licence_labels_and_parts(run: Demeanor) -> None:
    found = {one["name"]: one for one in json.loads(run("datasets", "--json").out)}
    assert list(found) == plugins.names("datasets")
    assert found["ravdess"]["licence"] == "CC BY-NC-SA 4.0"
    assert set(found["sims"]["labels"]) == {"score", "polarity", "score_text", "score_audio", "score_visual"}
    assert found["mosi"]["counts"] == {"train": 1284, "valid": 229, "test": 686}
    assert all(one["summary"] and one["splits"] and one["source"] for one in found.values())
    assert "CC BY-NC-SA 4.0" in run("datasets").out


def posts(tmp_path: Path, texts: tuple[str, str]) -> Path:
    rows = [(1, texts[0], "a.png", "positive", "train"), (2, texts[1], "b.png", "negative", "test")]
    write_picture(tmp_path / "a.png", 1)
    write_picture(tmp_path / "b.png", 2)
    return write_csv(tmp_path / "posts.csv", ("id", "text", "image", "label_polarity", "split"), rows)


def test_nothing_wrong(run: Demeanor, tmp_path: Path) -> None:
    ran = run("datasets", "check", posts(tmp_path, ("good", "bad")))
    assert ran.code == 0
    assert "2 samples (text 2, image 2), 2 groups" in ran.out
    assert "positive 1 (100%)" in ran.out
    assert ran.out.strip().endswith("nothing wrong beside the notes")


def test_something_wrong(run: Demeanor, tmp_path: Path) -> None:
    line = "the very same words in the training and in the test part"
    path = posts(tmp_path, (line, line))
    (tmp_path / "b.png").write_bytes(b"no picture")
    ran = run("datasets", "check", path, "--json")
    assert ran.code == 1
    report = json.loads(ran.out)
    assert report["duplicates"]["text"] == [["1", "2"]]
    assert [b["id"] for b in report["broken"]] == ["2"]
    assert any(p.startswith("1 groups in more than one part") for p in report["problems"])
    table = run("datasets", "check", path)
    assert table.code == 1
    assert "wrong: 1 broken: 2 (image: " in table.out
    assert "things wrong" in table.out


def test_named_and_by_manifest(run: Demeanor, tmp_path: Path) -> None:
    root = build("mosi", tmp_path / "corpus")
    ran = run("datasets", "check", root, "--name", "mosi", "--fast", "--json")
    assert ran.code == 1
    assert "train: expected 1284 samples, found 2" in json.loads(ran.out)["problems"]
    manifest = write(
        tmp_path / "m.toml",
        'name = "own"\nlicence = "mine"\nfile = "label.csv"\n[fields]\nid = "{video_id}-{clip_id}"\ntext = "{text}"\n'
        '[split]\ncolumn = "mode"\n[labels.score]\ncolumn = "label"\nscale = 0.33333333\n',
    )
    ran = run("datasets", "check", root, "--manifest", manifest)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "own: m.toml · mine")


def test_options_of_a_reader(run: Demeanor, tmp_path: Path) -> None:
    root = build("mvsa", tmp_path)
    ran = run(
        "datasets", "check", root, "--name", "mvsa", "--set", "cleaned=false", "--set", "version=single", "--json"
    )
    assert ran.code == 0
    assert json.loads(ran.out)["samples"] == 5
    ran = run("datasets", "check", root, "--name", "mvsa", "--set", "version")
    assert ran.code == 2
    assert "--set expects OPTION=VALUE, such as version=multiple, got 'version'" in ran.err


@pytest.mark.parametrize(
    ("name", "option", "says"),
    [
        ("mvsa", "cleaned=no", "mvsa: option cleaned: expected true or false, got 'no'"),
        ("folder", "group_pattern=3", "folder: option group_pattern: expected text, got 3; a text that"),
        ("folder", "pair=1", "folder: option pair: expected true or false, got 1"),
        ("twitter1517", "year=true", "twitter1517: option year: expected a whole number, got True"),
        ("synthetic", "missing=much", "synthetic: option missing: expected a number, got 'much'"),
        ("synthetic", "snr=4", "synthetic: option snr: expected a table, got 4"),
        ("table", "manifest=4", "table: option manifest: expected text or a path or a list, got 4"),
        ("synthetic", "lengths=4", "synthetic: option lengths: expected a list, got 4"),
    ],
)
def test_an_option_of_another_type(run: Demeanor, tmp_path: Path, name: str, option: str, says: str) -> None:
    ran = run("datasets", "check", tmp_path, "--name", name, "--set", option)
    assert ran.code == 2
    assert says in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_options_of_every_type_are_taken(run: Demeanor, tmp_path: Path) -> None:
    write(tmp_path / "joy/3.txt", "fine")
    assert run("datasets", "check", tmp_path, "--name", "folder", "--set", 'group_pattern="3"').code == 0
    options = ("samples=80", "lengths=[4, 6]", "missing=0", "snr={ text = 2 }", "dims={ text = 4 }", "synergy=false")
    ran = run("datasets", "check", tmp_path, "--name", "synthetic", *(o for one in options for o in ("--set", one)))
    assert (ran.code, ran.err) == (0, "")


def test_wrong_usage(run: Demeanor, tmp_path: Path) -> None:
    for arguments, message in (
        (("datasets", "chekc", tmp_path), "expected `datasets` or `datasets check DIR`"),
        (("datasets", "check"), "expected `datasets` or `datasets check DIR`"),
        (("datasets", "check", tmp_path / "no"), "found nothing there"),
        (("datasets", "check", tmp_path, "--manifest", "no.toml"), "expected a TOML manifest"),
        (("datasets", "check", tmp_path, "--name", "ravdes"), "did you mean ravdess"),
        (("datasets", "check", tmp_path), "name one with --name"),
    ):
        ran = run(*arguments)
        assert ran.code == 2
        assert message in ran.err
        assert "Traceback" not in ran.err
