"""The page's choice to leave personal data out: of what is shown, of what is saved, and of the reasons."""

from pathlib import Path
from typing import Any

from serve_page import PHONES, accessible, fits, read_text

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
    assert MAIL not in page.inner_text("article.analysis [data-lines]")
    page.click("[data-why]")
    page.wait_for_selector("article.analysis .why h3")
    page.locator(".result-tools", has_text="Reasons").wait_for()
    saved = exports(page)
    assert set(saved) == {"text.json", "text.html", "text.csv", "text Reasons.json"}
    assert [name for name, text in saved.items() if MAIL in text or "[MAIL]" not in text] == []


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
