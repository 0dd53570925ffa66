"""The page's choice to leave personal data out: of what is shown, of what is saved, and of the reasons."""

from pathlib import Path
from typing import Any

import pytest
import report_analyses as made

from serve_page import PHONES, accessible, answers, fits, read_text

MAIL = "js@example.com"
TEXT = f"I love this phone, ask me at {MAIL}. The battery, though, is a disappointment."


def exports(page: Any) -> dict[str, str]:
    """What every button under "Save as" gives, by the file's name."""
    found = {}
    for name in page.locator(".result-tools .button:not(.main)").all_inner_texts():
        with page.expect_download() as caught:
            page.get_by_role("button", name=name, exact=True).click()
        found[caught.value.suggested_filename] = Path(caught.value.path()).read_text(encoding="utf-8")
    return found


def test_what_is_saved_is_without_personal_data_where_that_is_chosen(page: Any) -> None:
    page.click(".options summary")
    page.check("[data-redact]")
    accessible(page)
    for width in PHONES:
        fits(page, width)
    assert page.is_disabled("[data-live]")
    assert "Live readings cannot" in page.inner_text("[data-redact-note]")
    with page.expect_request("**/v1/jobs?explain=false") as sent:
        read_text(page, TEXT)
    assert b'name="redact"\r\n\r\ntrue' in sent.value.post_data_buffer
    assert b'name="id"' not in sent.value.post_data_buffer
    assert "[MAIL]" in page.inner_text("article.analysis")
    assert MAIL not in page.content()
    assert page.inner_text("[data-list] .open") == page.inner_text("article.analysis h2") == "text"
    page.click("[data-why]")
    page.wait_for_selector("article.analysis .why h3")
    page.locator(".result-tools", has_text="Reasons").wait_for()
    saved = exports(page)
    assert set(saved) == {"text.json", "text.html", "text.csv", "text Reasons.json"}
    assert [name for name, text in saved.items() if MAIL in text or "[MAIL]" not in text] == []


@pytest.mark.parametrize("language", ["English", "中文"])
def test_nothing_on_the_page_tells_what_a_recording_is_called_nor_plays_it(page: Any, language: str) -> None:
    if language == "中文":
        page.click("[data-language]")
    answers(page, {**made.video(), "id": "[MAIL].mp4", "source": "[MAIL].mp4"}, made.media())
    held: list[Any] = []
    page.route("**/v1/jobs?explain=false", lambda route: held.append(route))
    page.click(".options summary")
    page.check("[data-redact]")
    page.set_input_files("[data-files]", {"name": f"{MAIL}.mp4", "mimeType": "video/mp4", "buffer": b"x"})
    with page.expect_request("**/v1/jobs?explain=false"):
        page.click("[data-go]")
    name = {"English": "a sample", "中文": "一个样本"}[language]
    page.locator("[data-list] .open bdi", has_text=name).wait_for()
    assert MAIL not in page.content()
    held[0].fallback()
    page.locator("article.analysis").wait_for()
    assert MAIL not in page.content()
    assert page.inner_text("[data-list] .open") == page.inner_text("article.analysis h2") == "[MAIL].mp4"
    assert page.locator("[data-player], article.analysis [src^=blob]").count() == 0
    page.click("[data-language]")
    assert MAIL not in page.content()


def test_it_is_off_unless_it_is_chosen_and_says_so_in_chinese(page: Any) -> None:
    assert not page.is_disabled("[data-live]")
    with page.expect_request("**/v1/jobs?explain=false") as sent:
        read_text(page, TEXT)
    assert b'name="redact"' not in sent.value.post_data_buffer
    assert all(MAIL in text for text in exports(page).values())
    page.click("[data-language]")
    page.click(".options summary")
    assert "不含个人信息" in page.inner_text(".options")
    page.check("[data-redact]")
    assert "实时读取不支持" in page.inner_text("[data-redact-note]")
    page.click("[data-language]")
