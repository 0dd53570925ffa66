"""Addresses of pages in texts: where one ends, for words of some scripts go on right behind it."""

from __future__ import annotations

SPACELESS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff\u3100-\u31bf\u3400-\u4dbf"
    r"\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""What is written without spaces between words (Chinese, Japanese, Thai …), for the inside of a class of a pattern."""

_SIGNS = (  # quotes, dashes, Arabic, Hindi and Chinese marks, full-width forms, emoji; in no address as it is shown
    r"\u0080-\u00bf\u060c\u061b\u061f\u06d4\u0964\u0965\u2000-\u2bff\u2e00-\u2e7f\u3000-\u303f\ud800-\uf8ff"
    r"\ufe00-\ufe6f\uff00-\U0001ffff\U000e0000-\U0010ffff"
)

URL = rf"(?:https?://|www\.)(?:[!-~]|[^\x00-\x7f\s{SPACELESS}{_SIGNS}])+"
"""A page's address, with letters of any script but those without spaces: behind a slash too they are mostly said."""
