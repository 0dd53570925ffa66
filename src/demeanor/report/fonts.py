"""Letters of matplotlib figures: names of classes, files and speakers may be Chinese, which its own font has not."""

from __future__ import annotations

from contextlib import AbstractContextManager

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
    from matplotlib import font_manager

    charts: set[int] = set()
    for name in fonts():
        charts |= set(font_manager.get_font(font_manager.findfont(name)).get_charmap())
    return "".join(c if ord(c) in charts else instead for c in text).replace("$", r"\$")
