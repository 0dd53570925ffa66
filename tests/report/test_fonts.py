"""Letters of figures."""

import pytest

pytest.importorskip("matplotlib")

from matplotlib import font_manager

from demeanor.report import fonts


def test_letters_without_a_font_are_replaced_and_no_formula_begins() -> None:
    assert fonts.drawable("glad \U000e0041 $5") == r"glad □ \$5"


def test_what_fonts_can_draw_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    found = font_manager.findfont
    monkeypatch.setattr(font_manager, "findfont", lambda name: asked.append(name) or found(name))
    fonts._letters.cache_clear()
    for label in ("glad", "mad", "sad"):
        assert fonts.drawable(label) == label
    assert asked == fonts.fonts()
