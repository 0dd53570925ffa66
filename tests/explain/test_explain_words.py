"""Words of a text as spans: nothing is lost, and what is left out leaves readable text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demeanor.explain.words import MOST, left, units


def parts(text: str) -> list[str]:
    return [text[a:b] for a, b in units(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't like it, at all.", ["I", "don't", "like", "it,", "at", "all."]),
        ("So good!!! 😀😀 :)", ["So", "good", "!!!", "😀😀", ":)"]),
        ('He said "never" (twice)…', ["He", "said", '"never"', "(twice)", "…"]),
        ("state-of-the-art U.S. 3.5%", ["state-of-the-art", "U.S.", "3.5%"]),
        ("@anna loves #cats https://a.b/c?d", ["@anna", "loves", "#cats", "https://a.b/c?d"]),
        (
            "好吃http://t.cn/R1?a=b真难吃,www.a.cn/x失望",
            [*"好吃", "http://t.cn/R1?a=b", *"真难", "吃,", "www.a.cn/x", *"失望"],
        ),
        (
            "Great https://en.wikipedia.org/wiki/Café_Zürich…",
            ["Great", "https://en.wikipedia.org/wiki/Café_Zürich", "…"],
        ),
        ("太好吃了http://t.cn/R123真的", [*"太好吃了", "http://t.cn/R123", *"真的"]),
        ("看http://a.cn/wiki/张三，好", ["看", "http://a.cn/wiki/", "张", "三，", "好"]),
        ("难过[泪]", ["难", "过", "[泪]"]),
        ("…", ["…"]),
        ("—", ["—"]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_units(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_chinese_is_parted_by_the_tokenizer_it_is_given() -> None:
    def by_two(run: str) -> list[tuple[int, int]]:
        return [(i, min(len(run), i + 2)) for i in range(0, len(run), 2)]

    text = "今天天气,真好 ok"
    assert [text[a:b] for a, b in units(text, by_two)] == ["今天", "天气,", "真好", "ok"]


@given(st.text(max_size=120))
def test_every_visible_character_is_in_exactly_one(text: str) -> None:
    found = units(text)
    assert len(found) <= MOST
    assert all(a < b for a, b in found)
    assert all(p[1] <= q[0] for p, q in pairwise(found))
    inside = {i for a, b in found for i in range(a, b)}
    assert all(i in inside for i, c in enumerate(text) if not c.isspace())


def test_what_is_left_reads_on() -> None:
    text = "I do  not like\nit, no!"
    spans = units(text)
    assert left(text, spans, [True] * len(spans)) == "I do not like it, no!"
    assert left(text, spans, [True, False, False, True, True, False, False]) == "I like it,"
    assert left("我不喜欢", units("我不喜欢"), [True, False, True, True]) == "我喜欢"
    assert left(text, spans, [False] * len(spans)) == ""
