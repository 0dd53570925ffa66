"""The page's text: self-contained, escaped, in two languages, with readable colours."""

import base64
import hashlib
import html.parser
import io
import itertools
import json
import os
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_analyses as made
from PIL import Image

from demeanor.errors import InputError
from demeanor.report.html import SCRIPTS, ReportMedia, render
from demeanor.report.pictures import frames_data, peaks_data
from demeanor.report.wording import WORDS
from demeanor.types import KeyFrame


class Elements(html.parser.HTMLParser):
    """Tags with their attributes, and the text outside style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.hidden = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.said.append(data)


def data_of(page: str, name: str) -> Any:
    """A data block of the page."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


@pytest.mark.parametrize("build", [*made.ALL, made.failed], ids=lambda f: f.__name__)
def test_the_page_needs_nothing_else(build: Any) -> None:
    page = render(build(), made.video_media() if build is made.video else None)
    for tag, attributes in Elements(page).tags:
        for key in ("src", "href", "action", "data", "poster", "srcset"):
            assert (attributes.get(key) or "#").startswith(("data:", "#")), (tag, attributes)
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        assert not any(key.startswith("on") for key in attributes), "no handler in an attribute"
        assert "style" not in attributes, "the policy forbids style attributes"
    assert not re.search(r"url\((?!#)|@import", page)


def test_the_policy_allows_only_our_own_script_and_style() -> None:
    page = render(made.video())
    policy = next(
        a["content"] or "" for t, a in Elements(page).tags if a.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    style = re.search(r"<style>(.*?)</style>", page, re.S)[1]  # type: ignore[index]
    script = re.search(r"<script>(.*?)</script>", page, re.S)[1]  # type: ignore[index]
    for rule, text in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["media-src"] == "'none'"
    assert rules["img-src"] == "data:"


def test_user_text_cannot_become_markup() -> None:
    page = render(made.hostile(), made.video_media(made.hostile()))
    plain = render(made.video(), made.video_media())
    assert page.count("</script>") == plain.count("</script>")
    assert "<img src=x" not in page
    assert "<b>&" not in page
    assert "\x00" not in page
    assert "\u202e" not in page
    assert any('</script><img src=x onerror="alert(1)">\' "quoted" <b>& עברית' in said for said in Elements(page).said)
    assert data_of(page, "data-1")["analysis"]["segments"][0]["text"].startswith("</script><img src=x")


def test_lone_surrogates_do_not_stop_the_page() -> None:
    part = made.segment("half \ud83d emoji", made.reading(0.2), {}, chars=[0, 12])
    render(made.analysis(segments=[part])).encode("utf-8")


def test_the_timeline_gets_the_contract_s_numbers() -> None:
    analysis = made.video()
    data = data_of(render(analysis, made.video_media()), "data-1")
    assert data["analysis"]["duration"] == 50.2
    assert list(data["analysis"]["cues"]) == ["words", "voice", "face"]
    for slim, whole in zip(data["analysis"]["segments"], analysis["segments"], strict=True):
        assert slim["start"] == whole["start"]
        assert slim["reading"]["sentiment"]["score"] == pytest.approx(whole["reading"]["sentiment"]["score"], abs=5e-4)
        assert sum(slim["reading"]["emotions"].values()) == pytest.approx(1, abs=4e-3)
        assert slim["faces"] == [f["id"] for f in whole["faces"]]
    assert len(data["frames"]) == 12
    assert [f["id"] for f in data["frames"][1]["faces"]] == ["F2", "F1"]
    assert data["frames"][4]["faces"] == []


def test_numbers_that_are_none_become_null() -> None:
    analysis = made.video()
    analysis["segments"][0]["reading"]["confidence"] = float("nan")
    page = render(analysis)
    assert data_of(page, "data-1")["analysis"]["segments"][0]["reading"]["confidence"] is None


def test_at_most_48_small_key_frames() -> None:
    frames = [KeyFrame(float(t), np.full((540, 960, 3), t, np.uint8)) for t in range(61)]
    data = frames_data(frames, [])
    assert len(data) == 48
    assert (data[0]["time"], data[-1]["time"]) == (0.0, 60.0)
    assert all(a["time"] < b["time"] for a, b in itertools.pairwise(data))
    picture = Image.open(io.BytesIO(base64.b64decode(data[7]["src"].split(",")[1])))
    assert picture.size == (data[7]["width"], data[7]["height"]) == (384, 216)


def test_the_waveform_keeps_its_peaks() -> None:
    peaks = np.zeros((50_000, 2))
    peaks[31_234] = (-0.5, 0.25)
    data = peaks_data(peaks)
    assert data is not None
    assert len(data) == 3200
    assert min(data) == -100
    assert max(data) == 50
    assert data.index(-100) // 2 == 31_234 * 1600 // 50_000
    assert peaks_data(np.zeros((0, 2))) is None


def test_media_are_linked_beside_the_report(tmp_path: Path) -> None:
    def source(media_file: Path, folder: Path | None = None) -> str | None:
        page = render(made.video(), ReportMedia(media_file=media_file), folder=folder)
        return next(a["src"] for t, a in Elements(page).tags if t == "video")

    assert source(Path("clips/a b#1.mp4")) == "./clips/a%20b%231.mp4"
    assert source(Path("javascript:alert(1)")) == "./javascript%3Aalert%281%29"
    assert source(Path("/home/someone/电影.mp4")) == "./%E7%94%B5%E5%BD%B1.mp4", "no private path in the page"
    assert source(tmp_path / "in" / "a.mp4", tmp_path / "out") == "./../in/a.mp4"
    gbk = os.fsdecode(b"\xca\xd3\xc6\xb5.mp4")
    assert source(tmp_path / gbk, tmp_path) == source(Path(gbk)) == "./%CA%D3%C6%B5.mp4", "the name's own bytes"


def test_a_recording_on_another_drive_is_linked_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def relpath(*_: Any) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", relpath)
    page = render(made.video(), ReportMedia(media_file=tmp_path / "a.mp4"), folder=tmp_path)
    assert 'src="./a.mp4"' in page


def test_a_long_film_stays_small() -> None:
    analysis = made.long_film(3000)
    page = render(analysis)
    assert len(page) < 5_000_000
    assert page.count('class="line ') == 3000
    assert '"words":[' not in page


def test_several_analyses_have_a_list() -> None:
    items = [made.video(), made.failed(), made.post()]
    page = render(items, [made.video_media(), None, None])
    elements = Elements(page)
    targets = [a["href"] for t, a in elements.tags if t == "a" and (a.get("href") or "").startswith("#item")]
    assert targets == ["#item-1", "#item-2", "#item-3"]
    assert {"item-1", "item-2", "item-3"} <= {a.get("id") for _, a in elements.tags}
    assert "DecodeError: expected a video, got 0 bytes" in " ".join(elements.said)
    assert "".join(elements.said).count(WORDS["en"]["limits_text"]) == 1


def test_wrong_numbers_of_media_are_refused() -> None:
    with pytest.raises(InputError, match="one media entry"):
        render([made.video(), made.post()], [made.media()])
    with pytest.raises(InputError, match="at least one analysis"):
        render([])


def test_both_languages_have_every_word() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, english in WORDS["en"].items():
        assert re.findall(r"{\w+}", english) == re.findall(r"{\w+}", WORDS["zh"][key]), key
    sources = [files("demeanor.report").joinpath(n).read_text("utf-8") for n in (*SCRIPTS, "sections.py", "cards.py")]
    used = {w for s in sources for w in re.findall(r'words(?:\.|\[")(\w+)', s)} - {
        "get",
        "length",
        "map",
        "forEach",
    }
    assert used <= WORDS["en"].keys()


@pytest.mark.parametrize(("language", "expected"), [("auto", "zh"), ("zh", "zh"), ("en", "en")])
def test_the_page_speaks_the_language_asked_for(language: str, expected: str) -> None:
    page = render(made.chinese_audio(), language=language)
    assert f'<html lang="{expected}">' in page
    said = " ".join(Elements(page).said)
    assert ("情绪" in said, "Emotions" in said) == (expected == "zh", expected == "en")


def test_abstention_missing_cues_and_warnings_are_told() -> None:
    said = " ".join(Elements(render(made.empty())).said)
    assert "Not sure enough to say" in said
    assert "no speech and no face found" in said
    assert "Not in this input: Words, Voice, Face, Scene." in said


def test_the_shares_add_up_on_the_page() -> None:
    said = "".join(Elements(render(made.video())).said)
    assert "starting point +0.02 Words +0.17 Voice −0.05 Face +0.04 = +0.18" in said


def test_style_script_and_schema_belong_to_the_package() -> None:
    folder = files("demeanor.report")
    for name in (*SCRIPTS, "report.css", "analysis.schema.json"):
        path = Path(str(folder.joinpath(name)))
        assert path.is_file()
        ignored = subprocess.run(["git", "check-ignore", "-q", path], cwd=path.parent, check=False)
        assert ignored.returncode != 0, "what git ignores is not packaged"


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_text_has_enough_contrast_in_both_themes() -> None:
    css = files("demeanor.report").joinpath("report.css").read_text("utf-8")
    blocks = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", b))
        for b in css.split("*, *::before")[0].split("{")
        if "--paper" in b
    ]
    assert len(blocks) == 3
    assert blocks[1] == blocks[2], "asked for or chosen, dark is the same"
    for colours in blocks:
        grounds = ["paper", "card"]
        pairs = [
            (t, g)
            for t in ("ink", "muted", "positive-text", "negative-text", "neutral-text", "accent")
            for g in grounds
        ]
        pairs += [("ink", "positive-soft"), ("ink", "negative-soft"), ("warn", "warn-soft")]
        pairs += [("positive-text", "positive-soft"), ("negative-text", "negative-soft")]
        for text, ground in pairs:
            low, high = sorted((luminance(colours[text]), luminance(colours[ground])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_what_abstains_is_not_said_to_be_right() -> None:
    for abstains in (False, True):
        page = render(made.analysis(overall=made.reading(0.6, abstain=abstains)))
        assert ('<p class="sure">' in page) is not abstains


def test_what_abstains_has_its_own_place_in_the_list_and_no_chance_on_its_card() -> None:
    unsure = made.reading(0.6, abstain=True)
    page = render([made.analysis(overall=unsure, cues={"words": unsure}), made.analysis(overall=made.reading(0.6))])
    rows = page.partition("</section>")[0]
    assert "▲ positive 1<" in rows
    assert "? Not sure enough to say 1<" in rows
    first, second = rows.split('<tr><th scope="row">')[1:]
    assert "Not sure" in first
    assert not any(word in first for word in ("positive", "svg"))
    assert "positive" in second
    card = page.partition('<div class="card cue">')[2].partition("</div>")[0]
    assert ">?</span>" in card
    assert "likely to be right" not in card


def test_the_cards_of_persons_show_the_numbers_of_the_json() -> None:
    item = made.video()
    item["people"][1] |= {"speaker": None}
    cards = re.findall(r'<li class="card person">.*?</li>', render(item))
    assert ["seen or heard for 0:27" in c and "<b>+0.12</b>" in c for c in cards] == [True, False]
    assert ["seen for 0:34" in c and "<b>−0.08</b>" in c for c in cards] == [False, True]
    for person in item["people"]:
        del person["seconds"], person["reading"]  # as written before persons had them
    assert len(re.findall('<li class="card person">', render(item))) == 2
