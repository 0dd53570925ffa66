"""Addresses of pages that show a person, or give a secret away.

Words of scripts without spaces (Chinese, Japanese, Thai …) and emoji go on right behind an address. Of these only
that is part of one which stands where a name does, follows a sign of an address, or has one following: so that no name
is cut in two and no secret is left behind. Chinese marks end an address, unless a query follows; an emoji, and "!",
"," or ")" before such words, ends a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from demeanor.media.addresses import SPACELESS
from demeanor.privacy.script import Script
from demeanor.privacy.spans import Span

_OWNER = r"(?:in|u|users?|profiles?|people|members?|author|account|channel|c)/"  # leads to whose page it is
_FREE = r"user(?:name)?|name|first_?name|last_?name|address|q"  # what may begin with a number and go on in words
_KEY = (
    rf"(?:{_FREE}|e?mail|userid|uid|phone|tel|mobile|token|auth|session(?:id)?|sid|key|api_?key|password|pwd|code|id|"
    r"account|ssn|dob|lat|lon|lng)="
)
_MARKS = "，。；！？、【】《》「」『』〈〉“”‘’"  # what ends every address, unless a query follows
_UNFIT = rf"\s\0<>\"'`{_MARKS}"
_PAUSES = "…—―（）"
_EMOJI = r"\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u20e3\U0001f000-\U0001faff\U000e0020-\U000e007f"
_LOOSE = rf"{SPACELESS}{_EMOJI}{_PAUSES}|"  # what ends one unless it goes on as one
_IN_HOST = rf"(?:[^{_UNFIT}{SPACELESS}/?#]|[{SPACELESS}]{{1,63}}+(?=[.:/?#@\-]))*"
_STAYS = rf"{_UNFIT}{_PAUSES}{_EMOJI}|"  # what ends a name
_NAMED = (  # a number is whole before words go on; all else may be the half of a name, but not behind "!", "," or ")"
    rf"/(?:{_OWNER}(?!\d+[{_LOOSE}])|[@~])(?:[^{_STAYS}:/?#!,)]|[!,)](?![{SPACELESS}]))*"
    rf"|[?&#;](?:{_FREE})=[^{_STAYS}&#]*"
    rf"|[?&#;]{_KEY}(?!\d+[{_LOOSE}])(?:[^{_STAYS}&#!,)]|[!,)](?![{SPACELESS}])|\|(?=[A-Za-z0-9]))*"
)
_QUERY = r"[?&#]\w{1,24}="
_GOES_ON = (
    rf"(?<=[/=&+\-_.%])[{SPACELESS}]+"
    rf"|[{_LOOSE}]{{1,63}}+(?=[A-Za-z0-9._~%()+\-{_LOOSE}]{{0,63}}(?:{_QUERY}|[&=]|/[A-Za-z0-9])|[._%\-][A-Za-z0-9])"
    rf"|[{_LOOSE}{_MARKS}]{{1,63}}+(?=[A-Za-z0-9._~%()+/\-{_LOOSE}{_MARKS}]{{0,63}}{_QUERY})"
)
_PAGE = re.compile(
    rf"(?<![A-Za-z0-9_@.])(?:[a-z][a-z+]{{1,11}}://|www\.){_IN_HOST}"
    rf"(?:(?=[/?#])(?:{_NAMED}|[^{_UNFIT}{_LOOSE}]|{_GOES_ON})*)?",
    re.IGNORECASE,
)
_SITE = re.compile(
    r"(?<![A-Za-z0-9_@.])(?:facebook|instagram|twitter|x|linkedin|tiktok|github|t|weibo|reddit|vk|wa|youtube|telegram|zhihu|"
    r"douyin|xiaohongshu|paypal)\.(?:com|me|cn)(?=/[\w@.\-/%?=&]{2})"
    rf"(?:{_NAMED}|[^\W{SPACELESS}]|[@.\-/%?=&#+]|[,;:!~*$()]++(?=[A-Za-z0-9%])|{_GOES_ON})*",
    re.IGNORECASE,
)
_PERSONAL = re.compile(
    r"://[^/\s]*@"  # user and password
    rf"|/{_OWNER}[^/?#\s]"
    r"|/@\w|/~\w"
    rf"|[?&#;]{_KEY}[^&\s]"
    r"|(?:facebook|instagram|twitter|github|weibo|vk|zhihu|paypal|fb|wa|t)\.(?:com|me|cn)/(?!(?:p|explore|search|home|"
    r"watch|hashtag|share|sharer|intent|i|events|groups|pages)(?:/|$|\?))[\w.\-]{2}"
    r"|//x\.com/\w",
    re.IGNORECASE,
)


def find(text: str, script: Script) -> Iterator[Span]:
    """Addresses of pages in a text that has Chinese commas, brackets and long dashes as they were written."""
    if not script.latin or not ("/" in text or "www." in text.lower()):
        return
    for pattern in (_PAGE, _SITE):
        for m in pattern.finditer(text):
            end = m.start() + len(m[0].rstrip(".,;:!?()[]{}"))
            if pattern is _SITE or _PERSONAL.search(m[0]):
                yield Span(m.start(), end, "URL")
