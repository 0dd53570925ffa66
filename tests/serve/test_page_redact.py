"""The page's choice to leave personal data out: of what is shown, of what is saved, and of the reasons."""

from pathlib import Path
from typing import Any

import pytest
import report_analyses as made

from serve_page import CLIP, PATIENCE, PHONES, SKY, accessible, answers, fits, read_text

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


def leave_out(page: Any) -> None:
    """Choose that personal data are left out."""
    page.click(".options summary")
    page.check("[data-redact]")


def test_what_is_saved_is_without_personal_data_where_that_is_chosen(page: Any) -> None:
    leave_out(page)
    accessible(page)
    for width in PHONES:
        fits(page, width)
    assert "Read live, what only later words" in page.inner_text("[data-redact-note]")
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
    assert set(saved) == {"text.json", "text.html", "text.csv", "text-redacted.txt", "text Reasons.json"}
    assert saved["text-redacted.txt"] == TEXT.replace(MAIL, "[MAIL]")
    assert [name for name, text in saved.items() if MAIL in text or "[MAIL]" not in text] == []


@pytest.mark.parametrize("language", ["English", "中文"])
def test_nothing_on_the_page_tells_what_a_recording_is_called_nor_plays_it(page: Any, language: str) -> None:
    if language == "中文":
        page.click("[data-language]")
    answers(page, {**made.video(), "id": "[MAIL].mp4", "source": "[MAIL].mp4"}, made.media())
    held: list[Any] = []
    page.route("**/v1/jobs?explain=false", lambda route: held.append(route))
    leave_out(page)
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


def test_names_are_told_with_what_is_sent_and_with_the_copy(page: Any) -> None:
    assert page.is_hidden("[data-names]")
    leave_out(page)
    page.fill("[data-names]", " Maya Okafor, 小梅 ")
    read_text(page, "Maya Okafor was a delight, and 小梅 too.")
    assert "[NAME] was a delight, and [NAME] too." in page.inner_text("article.analysis")
    with page.expect_download() as caught:
        page.click("[data-copy]")
    assert Path(caught.value.path()).read_text(encoding="utf-8") == "[NAME] was a delight, and [NAME] too."
    page.locator(".result-tools [role=status]", has_text="Places replaced or covered in what is said: 2;").wait_for()
    accessible(page)
    page.uncheck("[data-redact]")
    assert page.is_hidden("[data-names]")
    with page.expect_request("**/v1/jobs?explain=false") as sent:
        read_text(page, "Maya Okafor was a delight.")
    assert b'name="names"' not in sent.value.post_data_buffer
    assert page.locator("[data-copy]").count() == 0


def test_the_copy_of_a_recording_is_saved_and_played(page: Any) -> None:
    leave_out(page)
    page.set_input_files("[data-files]", [CLIP])
    page.fill("[data-text]", "Call Maya on 0171 5550199, it was wonderful.")
    page.click("[data-go]")
    page.locator("article.analysis").wait_for(timeout=PATIENCE)
    assert page.locator("[data-player]").count() == 0
    with page.expect_download(timeout=PATIENCE) as caught:
        page.click("[data-copy]")
    assert caught.value.suggested_filename == "clip-redacted.mp4"
    assert Path(caught.value.path()).read_bytes()[4:8] == b"ftyp"
    page.locator("[data-player]").wait_for()
    page.wait_for_function("document.querySelector('[data-player]').duration > 11")
    told = page.inner_text(".result-tools [role=status]")
    assert "covered in what is said: 1; faces covered: 1." in told, "the text is what is said in it"
    page.click("[data-language]")
    assert "遮盖面部 1 个" in page.inner_text(".result-tools [role=status]")
    page.click("[data-language]")
    for width in PHONES:
        fits(page, width)
    accessible(page)


def test_of_a_post_picture_and_text_are_copied(page: Any) -> None:
    leave_out(page)
    page.set_input_files("[data-files]", [SKY])
    page.fill("[data-text]", TEXT)
    page.click("[data-go]")
    page.locator("article.analysis").wait_for(timeout=PATIENCE)
    caught: list[Any] = []
    page.on("download", lambda download: caught.append(download))
    page.click("[data-copy]")
    page.locator(".result-tools [role=status]", has_text="Saved").wait_for(timeout=PATIENCE)
    assert [d.suggested_filename for d in caught] == ["sky-redacted.jpg", "sky-redacted.txt"]


def test_a_copy_can_be_called_off_and_fail(page: Any) -> None:
    leave_out(page)
    read_text(page, TEXT)
    job = {"id": "0e" * 16, "state": "running", "progress": 0.4}
    page.route("**/v1/jobs?copy=true", lambda route: route.fulfill(status=202, json=job))
    page.route(f"**/v1/jobs/{job['id']}", lambda route: route.fulfill(json=job))
    page.click("[data-copy]")
    page.locator(".result-tools [role=status]", has_text="40 %").wait_for()
    with page.expect_request(lambda r: r.method == "DELETE"):
        page.get_by_role("button", name="Stop copying").click()
    assert page.inner_text(".result-tools [role=status]") == ""
    page.unroute("**/v1/jobs?copy=true")
    problem = {
        "type": "about:blank",
        "title": "too long",
        "status": 413,
        "kind": "too-large",
        "detail": "it is too long",
    }
    page.route("**/v1/jobs?copy=true", lambda route: route.fulfill(status=413, json=problem))
    page.click("[data-copy]")
    page.locator(".result-tools .fault[role=status]").wait_for()
    page.trouble[:] = [t for t in page.trouble if "413" not in t]  # the browser tells of what was refused
    assert page.inner_text("[data-copy]") == "Copy without personal data"


def test_it_is_off_unless_it_is_chosen_and_says_so_in_chinese(page: Any) -> None:
    with page.expect_request("**/v1/jobs?explain=false") as sent:
        read_text(page, TEXT)
    assert b'name="redact"' not in sent.value.post_data_buffer
    assert all(MAIL in text for text in exports(page).values())
    page.click("[data-language]")
    page.click(".options summary")
    assert "不含个人信息" in page.inner_text(".options")
    page.check("[data-redact]")
    assert "实时读取时" in page.inner_text("[data-redact-note]")
    page.click("[data-language]")
