import json
from pathlib import Path

import pytest
from cli_calls import Demeanor

from demeanor.errors import BundleError
from demeanor.reader.analysis import Analysis
from demeanor.report.schema import validate


def test_a_sentence_is_explained_in_words_and_word_by_word(reads: Demeanor) -> None:
    ran = reads("explain", "We love the sea, but it is awful")
    assert (ran.code, ran.err) == (0, "")
    assert "Negative, −0.80, from the words alone." in ran.out
    assert "awful▼-0.80" in ran.out
    assert "“awful”" in ran.out
    assert "▼ negative -0.80 → ● neutral 0.00" in ran.out


def test_chinese_is_answered_in_chinese(reads: Demeanor) -> None:
    assert "消极，−0.80，只来自文字。" in reads("explain", "我讨厌这样的早晨,真的非常讨厌").out


def test_json_is_the_explanation(reads: Demeanor, tmp_path: Path) -> None:
    found = json.loads(reads("explain", "I love it", "--json").out)
    validate(found, "explanation")
    assert (found["label"], found["source"]) == ("positive", "I love it")
    several = json.loads(reads("explain", "I love it", "I hate it", "--json").out)
    assert [e["label"] for e in several] == ["positive", "negative"]
    reads("explain", "I love it", "--json", tmp_path / "why.json")
    validate(json.loads((tmp_path / "why.json").read_text(encoding="utf-8")), "explanation")


def test_the_report_has_the_panel(reads: Demeanor, media: Path, tmp_path: Path) -> None:
    ran = reads("explain", "--text", "I love it", "--image", media / "sky.jpg", "--report", tmp_path / "why.html")
    assert ran.code == 0
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert '<section class="card why"' in page
    assert ">love<" in page
    assert 'class="heat"' in page


def test_what_cannot_be_read_costs_itself_only(reads: Demeanor, media: Path) -> None:
    ran = reads("explain", media / "broken.mp4", "I love it", "--json")
    assert ran.code == 1
    assert "broken.mp4" in ran.err
    assert [e["label"] for e in json.loads(ran.out)] == ["positive"]
    assert reads("explain", media / "broken.mp4").code == 2
    assert reads("explain").code == 2


def test_an_input_is_not_written_over(reads: Demeanor, media: Path) -> None:
    ran = reads("explain", media / "天气.txt", "--report", media / "天气.txt")
    assert ran.code == 2
    assert "overwritten" in ran.err


@pytest.mark.parametrize("error", [BundleError("expected a graph, got none; export it anew"), ValueError("odd")])
def test_what_cannot_be_explained_costs_itself_only(
    reads: Demeanor, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    good = Analysis.explain

    def explain(self: Analysis, **options: int) -> object:
        if "hate" in str(self.source):
            raise error
        return good(self, **options)

    monkeypatch.setattr(Analysis, "explain", explain)
    for form in ([], ["--json"]):
        ran = reads("explain", "I hate it", "I love it", *form)
        assert ran.code == 1
        assert "I hate it: " in ran.err
        assert str(error) in ran.err
        assert "positive" in ran.out.lower()
        assert "negative" not in ran.out.lower().replace('"negative":', "")
    assert reads("explain", "I hate it").code == 2


def test_an_empty_folder_costs_itself_only(reads: Demeanor, tmp_path: Path) -> None:
    ran = reads("explain", "I love it", tmp_path, "--json")
    assert ran.code == 1
    assert f"{tmp_path}: expected text, image, sound or video files, found none" in ran.err
    assert [e["label"] for e in json.loads(ran.out)] == ["positive"]
