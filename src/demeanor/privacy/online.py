"""Mail, addresses of pages that show a person, accounts by their handle, IP addresses.

Every pattern here and in its neighbours is one pass: parts that repeat are told apart by their first character, and
what may be looked for in many places is of bounded length, so that no text makes it slow.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from demeanor.privacy.script import Script
from demeanor.privacy.spans import Span

_LETTER = r"A-Za-z0-9À-ɏЀ-ӿ"
_ATOM = rf"[{_LETTER}](?:[{_LETTER}_+%'\-]){{0,63}}"
_MAIL = re.compile(
    rf"(?<![{_LETTER}_.+%'\-]){_ATOM}(?:\.[{_LETTER}_+%'\-]{{1,64}}){{0,6}} ?(?:@|\(at\)|\[at\]) ?"
    rf"(?:[{_LETTER}][{_LETTER}\-]{{0,62}}(?:\.| ?\[dot\] ?| ?\(dot\) ?)){{1,6}}[A-Za-z]{{2,24}}(?![A-Za-z0-9_@])",
    re.IGNORECASE,
)
_SPELLED_AT = re.compile(r"[(\[]at[)\]]", re.IGNORECASE)

_PAGE = re.compile(
    r"(?<![A-Za-z0-9_@.])(?:[a-z][a-z+]{1,11}://|www\.)[^\s\0<>\"'`，。；！？、）】》」]+", re.IGNORECASE
)
_SITE = re.compile(
    r"(?<![A-Za-z0-9_@.])(?:facebook|instagram|twitter|x|linkedin|tiktok|github|t|weibo|reddit|vk|wa|youtube|telegram|zhihu|"
    r"douyin|xiaohongshu|paypal)\.(?:com|me|cn)/[\w@.\-/%?=&]{2,200}",
    re.IGNORECASE,
)
_PERSONAL = re.compile(
    r"://[^/\s]*@"  # user and password
    r"|/(?:in|u|user|users|profile|profiles|people|people|member|members|author|account|~\w+|channel|c)/[^/?#\s]"
    r"|/@\w|/~\w"
    r"|[?&#;](?:e?mail|user(?:name|id)?|uid|name|first_?name|last_?name|phone|tel|mobile|token|auth|session(?:id)?|sid|"
    r"key|api_?key|password|pwd|code|id|account|ssn|dob|address|lat|lon|lng|q)=[^&\s]"
    r"|(?:facebook|instagram|twitter|github|weibo|vk|zhihu|paypal|fb|wa|t)\.(?:com|me|cn)/(?!(?:p|explore|search|home|"
    r"watch|hashtag|share|sharer|intent|i|events|groups|pages)(?:/|$|\?))[\w.\-]{2}"
    r"|//x\.com/\w",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![A-Za-z0-9_@./:])@[A-Za-z_][A-Za-z0-9_]{2,29}(?![A-Za-z0-9_@]|\.\w)")
_ACCOUNT = re.compile(
    r"(?:(?:微信号|qq号)[ :是为]{0,3}"
    r"|(?:微信|wechat(?: id)?|weixin|qq|q q|line id|skype(?: id)?|telegram|snapchat|kik|discord)"
    r"(?: (?:id|is|name))?[ :是为]{1,3})([A-Za-z0-9_\-]{5,30})",
    re.IGNORECASE,
)
_V4 = re.compile(r"(?<![A-Za-z0-9_.\-])(?:\d{1,3}\.){3}\d{1,3}(?![A-Za-z0-9_\-]|\.\d)")
_V6 = re.compile(
    r"(?<![A-Za-z0-9_:.])[0-9a-f:]{6,39}(?:\d\.\d{1,3}\.\d{1,3}\.\d{1,3})?(?![A-Za-z0-9_:])", re.IGNORECASE
)
_VERSION = re.compile(r"(?:\bv|\bver|\bversions?|\brelease|\bbuild|版本号?|§|section) ?$", re.IGNORECASE)


def find(text: str, script: Script) -> Iterator[Span]:
    """Mail, pages, handles and IP addresses."""
    if not script.latin and ":" not in text and "." not in text:
        return
    if "@" in text or _SPELLED_AT.search(text):
        for m in _MAIL.finditer(text):
            yield Span(*m.span(), "MAIL")
        for m in _HANDLE.finditer(text):
            yield Span(*m.span(), "HANDLE")
    for pattern in (_PAGE, _SITE) if "/" in text or "www." in text.lower() else ():
        for m in pattern.finditer(text):
            end = m.start() + len(m[0].rstrip(".,;:!?)]}"))
            if pattern is _SITE or _PERSONAL.search(m[0]):
                yield Span(m.start(), end, "URL")
    for m in _ACCOUNT.finditer(text) if script.words else ():
        if any(c.isdigit() or c == "_" for c in m[1]):
            yield Span(*m.span(1), "HANDLE")
    yield from _addresses(text)


def _addresses(text: str) -> Iterator[Span]:
    for m in _V4.finditer(text) if "." in text else ():
        if all(int(part) < 256 for part in m[0].split(".")) and not _VERSION.search(
            text, max(0, m.start() - 12), m.start()
        ):
            yield Span(*m.span(), "IP")
    for m in _V6.finditer(text) if ":" in text else ():
        if m[0].count(":") > 2 and any(c.isdigit() for c in m[0]):
            try:
                ipaddress.IPv6Address(m[0])
            except ValueError:
                continue
            yield Span(*m.span(), "IP")
