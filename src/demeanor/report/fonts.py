"""Letters of matplotlib figures: names of classes, files and speakers may be Chinese, which its own font has not."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

CHINESE = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "PingFang SC",
    "PingFang HK", "Hiragino Sans GB", "Microsoft YaHei", "SimHei",
)  # fmt: skip


def lettered() -> AbstractContextManager[None]:
    """In it figures are made and saved with the standard font and, for what that lacks, the Chinese ones there are."""
    from matplotlib import rc_context

    return rc_context({"font.family": fonts(), "axes.unicode_minus": True})


def fonts() -> list[str]:
    """The standard font, then Chinese ones that are installed."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in CHINESE if name in installed)]


def drawable(text: str, instead: str = "□") -> str:
    """The text for a figure, `instead` of letters that no font has (matplotlib would warn); `$` begins no formula."""
    known = _letters(tuple(fonts()))
    return "".join(c if ord(c) in known else instead for c in text).replace("$", r"\$")


@cache
def _letters(names: tuple[str, ...]) -> frozenset[int]:
    """What those fonts can draw: a Chinese one has tens of thousands, and a figure may have a hundred labels."""
    from matplotlib import font_manager

    charts = (font_manager.get_font(font_manager.findfont(name)).get_charmap() for name in names)
    return frozenset(letter for chart in charts for letter in chart)
