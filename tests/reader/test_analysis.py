import json
import math
import os
import re
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demeanor.errors import ConfigError, DataError, InputError, MissingExtraError
from demeanor.reader.analysis import Analysis, write_whole
from demeanor.reader.record import plain
from demeanor.report.schema import validate
from reader_fakes import fake_reader, picture, speech, talking


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    path = talking(tmp_path_factory.mktemp("film") / "talk.mp4", [(1.0, None, 0.0), (2.0, 220.0, 0.1)])
    return fake_reader().analyze(path, id="clip-1", sample={"labels": {"polarity": 1.0}, "speaker": None})


def everything(film: Analysis) -> list[Analysis]:
    read = fake_reader().analyze
    return [
        film,
        read("I love it. It was awful."),
        read(text="今天的天气真好", image=picture([(20, 20, 60, "bright")])),
        read(audio=speech(2.0)),
        read(audio=np.zeros(16_000, np.float32)),
        fake_reader("voice").analyze("no expert reads this"),
    ]


def test_the_json_fits_the_schema_and_comes_back_the_same(film: Analysis) -> None:
    for a in everything(film):
        data = a.to_dict()
        validate(data)
        assert json.loads(a.to_json()) == data
        back = Analysis.from_dict(data)
        assert back.to_dict() == data
        assert type(back.segments) is tuple
        assert back == Analysis.from_dict(json.loads(a.to_json(indent=2)))


def test_the_sums_of_the_contract(film: Analysis) -> None:
    for a in everything(film):
        for r in (a.overall, *a.cues.values(), *(s.reading for s in a.segments)):
            if r.sentiment is None or r.emotions is None:
                continue
            p = r.sentiment.probabilities
            assert sum(p.values()) == pytest.approx(1, abs=1e-5)
            assert sum(r.emotions.values()) == pytest.approx(1, abs=1e-5)
            assert r.sentiment.label == max(p, key=lambda k: p[k])
            assert r.confidence == pytest.approx(p[r.sentiment.label])
        if a.cues and a.overall.sentiment:
            assert sum(c.weight or 0 for c in a.cues.values()) == pytest.approx(1)
            assert sum(c.share or 0 for c in a.cues.values()) == pytest.approx(a.overall.sentiment.score, abs=1e-6)
        assert set(a.cues) | set(a.missing) == {"words", "voice", "face", "scene"}


def test_the_keys_are_those_of_the_contract(film: Analysis) -> None:
    data = fake_reader().analyze("I love it").to_dict()
    assert list(data) == [
        "schema", "id", "source", "kind", "duration", "language", "overall", "cues", "segments", "people", "missing",
        "warnings", "provenance",
    ]  # fmt: skip
    assert set(data["provenance"]) == {"version", "bundle", "speech", "threads", "seconds"}
    assert film.to_dict()["sample"] == {"labels": {"polarity": 1.0}, "speaker": None}
    assert film.to_dict()["segments"][0]["start"] >= 0


def test_numbers_are_plain() -> None:
    value = {"a": np.float32(0.1), "b": math.nan, "c": (np.int64(3), True), "d": np.array([1.23456789]), "e": -0.0}
    assert plain(value) == {"a": 0.1, "b": None, "c": [3, True], "d": [1.234568], "e": 0.0}
    assert str(plain(-0.0)) == "0.0"
    assert plain(Path("x")) == "x"
    assert plain(math.inf) is None


def test_persons_have_a_reading_in_json_written_before_they_had_too(film: Analysis) -> None:
    data = film.to_dict()
    (person,) = data["people"]
    assert list(person) == ["id", "faces", "speaker", "seconds", "reading"]
    assert person["seconds"] == pytest.approx(sum(s["end"] - s["start"] for s in data["segments"] if s["faces"]))
    assert person["reading"]["sentiment"]["label"] in ("negative", "neutral", "positive")
    old = {**data, "people": [{k: person[k] for k in ("id", "faces", "speaker")}]}
    validate(old)
    (again,) = Analysis.from_dict(old).to_dict()["people"]
    assert again["seconds"] == pytest.approx(person["seconds"], abs=1e-5)
    assert again["reading"]["sentiment"]["score"] == pytest.approx(person["reading"]["sentiment"]["score"], abs=1e-5)


def test_corrections_stay() -> None:
    data = fake_reader().analyze("I love it").to_dict()
    data["corrections"] = [{"path": "segments/0/text", "value": "I loved it", "by": None, "at": None}]
    assert Analysis.from_dict(data).to_dict() == data


@pytest.mark.parametrize(
    "broken", [[{}], "{}", None, {}, {"schema": "demeanor.analysis/2"}, {"schema": "demeanor.analysis/1", "id": 3}]
)
def test_what_is_no_analysis(broken: object) -> None:
    with pytest.raises(DataError, match="expected an analysis"):
        Analysis.from_dict(broken)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("overall/sentiment/score", "high", "overall/sentiment/score: expected number, got 'high'"),
        ("overall/sentiment/score", True, "overall/sentiment/score: expected number, got True"),
        ("overall/sentiment/label", "good", "overall/sentiment/label: expected negative, .*, got 'good'"),
        ("overall/emotions/joy", None, "overall/emotions/joy: expected number, got None"),
        ("overall/confidence", [], "overall/confidence: expected number, got \\[\\]"),
        ("cues/words/weight", "all", "cues/words/weight: expected number, got 'all'"),
        ("segments", None, "segments: expected array, got None"),
        ("segments/0/text", 7, "segments/0/text: expected string or null, got 7"),
        ("segments/0/chars/1", 2.5, "segments/0/chars/1: expected integer, got 2.5"),
        ("warnings/0", None, "warnings/0: expected string, got None"),
        ("trend", {"labels": ["good"]}, "trend/labels/0: expected negative, neutral, positive, None, got 'good'"),
        ("provenance", "here", "provenance: expected object, got 'here'"),
    ],
)  # fmt: skip
def test_a_part_of_another_type_is_named(path: str, value: object, told: str) -> None:
    data = fake_reader().analyze("I love it").to_dict()
    data["warnings"] = ["nothing"]
    *inside, last = [int(name) if name.isdigit() else name for name in path.split("/")]
    place: Any = data
    for name in inside:
        place = place[name]
    place[last] = value
    with pytest.raises(DataError, match=f"expected an analysis as in .*, got one that does not fit at {told}"):
        Analysis.from_dict(data)


def test_save_writes_what_the_suffix_says(film: Analysis, tmp_path: Path) -> None:
    for name in ("r.html", "r.json", "r.csv", "r.srt", "r.vtt", "R.JSON"):
        assert film.save(tmp_path / name) == tmp_path / name
        assert (tmp_path / name).stat().st_size > 50
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8")) == film.to_dict()
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "data:image/jpeg" in page
    assert "I love it." in (tmp_path / "r.srt").read_text(encoding="utf-8")
    assert (tmp_path / "r.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
    assert (tmp_path / "r.json").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_page_is_saved_in_the_language_asked_for(tmp_path: Path) -> None:
    a = fake_reader().analyze("I love it")
    assert '<html lang="en">' in a.save(tmp_path / "r.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in a.save(tmp_path / "r.html", language="zh").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="expected the page's language as en, zh or auto, got 'klingon'"):
        a.save(tmp_path / "r.html", language="klingon")


def test_save_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = fake_reader().analyze("I love it")
    path = tmp_path / "r.json"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\.html"):
        a.save(tmp_path / "r.docx")
    with pytest.raises(ConfigError, match="folder"):
        a.save(tmp_path / "nowhere" / "r.json")
    with pytest.raises(InputError, match="times"):
        a.save(tmp_path / "r.srt")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(ConfigError, match="disk full"):
        a.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]
    assert path.read_text(encoding="utf-8") == "before"


def test_of_a_link_the_file_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    for name in ("old.json", "new.json"):
        (tmp_path / name).symlink_to(Path("store") / name)
    (tmp_path / "store" / "old.json").write_text("before")
    a = fake_reader().analyze("I love it")
    for name in ("old.json", "new.json"):
        a.save(tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert json.loads((tmp_path / "store" / name).read_text(encoding="utf-8")) == a.to_dict()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_into_and_stays(tmp_path: Path) -> None:
    pipe, found = tmp_path / "pipe.json", list[str]()
    os.mkfifo(pipe)
    reading = threading.Thread(target=lambda: found.append(pipe.read_text(encoding="utf-8")), daemon=True)
    reading.start()
    a = fake_reader().analyze("I love it")
    a.save(pipe)
    assert pipe.is_fifo()
    reading.join(10)
    assert json.loads(found[0]) == a.to_dict()


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="this system names no open streams")
def test_a_redirected_stream_is_written_on(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        out.write("before\n")
        out.flush()
        write_whole(Path(f"/dev/fd/{out.fileno()}"), "here\n")
        out.seek(0, os.SEEK_END)
        out.write("after\n")
    assert (tmp_path / "out").read_text() == "before\nhere\nafter\n"


@pytest.mark.parametrize("form", ["json", "html", "csv"])
def test_half_a_character_is_written_as_a_mark(tmp_path: Path, form: str) -> None:
    analysis = fake_reader().analyze(text="\ud83d I love it. I hate it \ud83d")
    assert analysis.source == "\ufffd I love it. I hate it \ufffd"
    assert [s.text for s in analysis.segments] == ["\ufffd I love it.", "I hate it \ufffd"]
    named = replace(analysis, id="caf\udce9.txt", sample={"note": "\ud83d"})
    assert "caf\ufffd.txt" in named.to_json()
    assert named.save(tmp_path / f"a.{form}").read_text(encoding="utf-8")
    assert named.to_json().encode("utf-8")


def test_to_frame_has_a_row_per_segment(film: Analysis) -> None:
    frame = film.to_frame()
    assert frame.height == len(film.segments)
    assert {"start", "end", "text", "label", "score", "p_positive", "emotion_joy", "face_score"} <= set(frame.columns)
    assert frame["text"].to_list() == [s.text for s in film.segments]
    assert frame["score"][0] == pytest.approx(film.to_dict()["segments"][0]["reading"]["sentiment"]["score"])
    with pytest.raises(ConfigError, match="pandas"):
        film.to_frame(backend="excel")  # type: ignore[arg-type]


def test_without_pandas_the_hint_brings_pandas(film: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"'polars'\) needs the library 'pandas'.*: pip install pandas$"):
        film.to_frame(backend="pandas")


def test_plot_and_notebook(film: Analysis) -> None:
    assert len(film.plot().axes) >= 3
    page = film._repr_html_()
    assert re.match(r'<iframe srcdoc="&lt;!doctype html&gt;', page)
    assert "<script" not in page
