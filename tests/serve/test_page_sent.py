"""What the page sends: names, keys and files that the way to the service does not take as they are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import report_analyses as made

from serve_page import answers, read_text, saved


def option(body: bytes, name: str) -> str:
    """The value of a part of a form."""
    return body.partition(f'name="{name}"\r\n\r\n'.encode())[2].partition(b"\r\n")[0].decode()


def test_a_file_whose_name_is_long_is_read(page: Any) -> None:
    """By the service itself, which takes 255 characters of a name; a browser counts an emoji as two."""
    name = "😀" * 200 + "a" * 90 + ".txt"
    page.set_input_files("[data-files]", {"name": name, "mimeType": "text/plain", "buffer": b"I love it."})
    page.click("[data-go]")
    page.locator("[data-list] .reading").wait_for()
    assert json.loads(saved(page, "JSON"))["id"] == "😀" * 200 + "a" * 55
    assert page.get_attribute("[data-list] .open", "title") == name


def test_no_name_is_cut_in_half_where_it_may_be_personal(page: Any) -> None:
    sent = answers(page, made.pure_text())
    page.click(".options summary")
    page.check("[data-redact]")
    for name in ("x" * 180 + " maya.okafor@example.com.txt", "x" * 240 + " maya.okafor@example.com.txt"):
        page.set_input_files("[data-files]", {"name": name, "mimeType": "text/plain", "buffer": b"I love it."})
        with page.expect_response("**/result?format=json*"):
            page.click("[data-go]")
        assert (b'name="id"' in sent[-1]) == (len(name) <= 255)


def test_no_emoji_is_cut_in_half(page: Any) -> None:
    sent = answers(page, made.pure_text())
    for text, name in (("a" * 59 + "😀!", "a" * 59 + "😀…"), ("😀" * 60, "😀" * 60)):
        read_text(page, text)
        assert option(sent.pop(), "id") == name
        with page.expect_download() as caught:
            page.get_by_role("button", name="JSON", exact=True).click()
        assert caught.value.suggested_filename == name.removesuffix("…") + ".json"


@pytest.mark.parametrize(("language", "said"), [("en", "cannot be read any more"), ("zh", "已无法读取")])
def test_a_file_that_was_moved_is_told_as_that(page: Any, tmp_path: Path, language: str, said: str) -> None:
    """A browser tells of it as of a server that does not answer."""
    talk = tmp_path / "talk.txt"
    talk.write_text("I love it.")
    page.set_input_files("[data-files]", talk)
    talk.rename(tmp_path / "moved.txt")
    if language == "zh":
        page.click("[data-language]")
    page.click("[data-go]")
    told = page.locator("[data-list] .error")
    told.wait_for()
    assert f"talk.txt {said}" in told.inner_text()
    assert [t for t in page.trouble if "ERR_" not in t] == []
    page.trouble.clear()  # the browser tells of it too


def test_a_key_loses_what_cannot_be_sent(page: Any) -> None:
    """As one does that was copied out of a message, with a mark that nobody sees; one that was kept before, too."""
    answers(page, made.pure_text())
    refused = {"type": "urn:demeanor:problem:no-key", "title": "x", "status": 401, "detail": "expected a valid key"}
    told = {"id": "0f" * 16, "state": "done", "progress": 1.0, "error": None}
    keys = []

    def accept(route: Any) -> None:
        keys.append(route.request.headers.get("authorization"))
        right = keys[-1] == "Bearer mine"
        route.fulfill(status=202, json=told) if right else route.fulfill(status=401, json=refused)

    page.route("**/v1/jobs?explain=false", accept)
    page.evaluate("sessionStorage.setItem('demeanor-key', 'old\u200b')")
    page.reload()
    page.fill("[data-text]", "I love it.")
    page.click("[data-go]")
    page.fill("[data-key-dialog] [data-key]", " mine\u200b ")
    page.locator("[data-key-dialog] button[value=ok]").click()
    page.locator("[data-list] .reading").wait_for()
    assert keys == ["Bearer old", "Bearer mine"]
    assert page.evaluate("sessionStorage.getItem('demeanor-key')") == "mine"
    page.evaluate("sessionStorage.clear()")
    assert [t for t in page.trouble if "401" not in t] == []
    page.trouble.clear()


def test_a_sample_whose_answer_was_lost_is_read_once(page: Any) -> None:
    """The service knows it again by its key, and answers with the job that it made."""
    made_of: list[Any] = []

    def lose(route: Any) -> None:
        answer = route.fetch()
        made_of.append((json.loads(answer.text())["id"], answer.headers.get("idempotency-replayed")))
        if len(made_of) == 1:
            route.fulfill(status=502, body="<html>")
        else:
            route.fulfill(response=answer)

    page.route("**/v1/jobs?explain=false", lose)
    read_text(page, "I love it.")
    (first, _), (second, replayed) = made_of
    assert (first, replayed) == (second, "true")
    assert page.locator("[data-list] li").count() == 1
    page.trouble[:] = [t for t in page.trouble if "502" not in t]


def test_what_is_rendered_is_asked_for_again(page: Any) -> None:
    answers(page, made.pure_text())
    read_text(page, "I love it.")
    page.locator('[data-line="0"] .edit').click()
    page.select_option('[data-line="0"] select', "negative")
    page.click('[data-line="0"] form .main')
    asked: list[str] = []

    def lose(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(status=504, body="<html>") if len(asked) == 1 else route.continue_()

    page.route("**/v1/render*", lose)
    with page.expect_download():
        page.get_by_role("button", name="CSV", exact=True).click()
    assert len(asked) == 2
    page.trouble[:] = [t for t in page.trouble if "504" not in t]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.rtf", "application/rtf"), ("a.ass", "text/plain"), ("a.pdf", "application/pdf")]
)
def test_what_the_page_does_not_know_the_service_tells(page: Any, name: str, kind: str) -> None:
    content = {"a.rtf": b"{\\rtf1 I love it.}", "a.ass": b"[Script Info]\nTitle: x", "a.pdf": b"%PDF-1.7 x"}[name]
    page.set_input_files("[data-files]", {"name": name, "mimeType": kind, "buffer": content})
    page.click("[data-go]")
    page.locator("[data-list] .error", has_text="got ").wait_for()
    assert re.search("got (RTF|subtitles in ASS|a PDF)", page.inner_text("[data-list] .error"))
    page.trouble[:] = [t for t in page.trouble if "422" not in t]
