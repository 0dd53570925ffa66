"""Mail, accounts by their handle, IP addresses.

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
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
_OTHER = r"Ͱ-ϿԀ-\u1fff\u2c00-\u2dff\u3041-\u318f\ua000-\ud7ff\uf900-\ufaff\ufb1d-\ufdff\ufe70-\ufefc"  # Greek to Hangul
_FOREIGN = rf"Ѐ-ӿ{_OTHER}{_HAN}"
_TOP = (  # Chinese ones by name, for what is written on after them has no space before it
    r"(?:(?:xn--[a-z0-9\-]{2,59}|[A-Za-z]{2,24})(?![A-Za-z0-9@])|中国|中國|公司|网络|網絡|网址|网站|网店|中文网|在线|集团|"
    r"香港|台湾|台灣|新加坡|澳门|澳門|商标|商城|商店|移动|手机|信息|企业|政务|公益|机构|组织机构|世界|我爱你|广东|佛山|"
    rf"(?<=[{_FOREIGN}]\.)[Ѐ-ӿ{_OTHER}]{{2,24}})"
)
_HOST = (
    rf" ?(?:@|\(at\)|\[at\]) ?"
    rf"(?:[{_LETTER}{_OTHER}{_HAN}][{_LETTER}{_OTHER}{_HAN}\-]{{0,62}}(?:\.| ?\[dot\] ?| ?\(dot\) ?)){{1,6}}{_TOP}"
)
_MAIL = re.compile(  # quotes, dashes and marks of emphasis before it are passed over in one go
    rf"(?<![{_LETTER}_.+%'\-])[_.+%'\-]*+({_ATOM}(?:\.[{_LETTER}_+%'\-]{{1,64}}){{0,6}}{_HOST})",
    re.IGNORECASE,
)
_AFTER_FOREIGN = re.compile(rf"(?<=[{_OTHER}{_HAN}]){_HOST}", re.IGNORECASE)
_BOX = re.compile(rf"[{_LETTER}{_OTHER}{_HAN}_.+%'\-]{{1,64}}$")
# Nothing parts Chinese words from the name after them; these lead to one, and are hardly ever in one.
_LEADS = re.compile(r".*(?:[是到给至]|邮箱|信箱|邮件|地址|联系)(?=.)")
_SPELLED_AT = re.compile(r"[(\[]at[)\]]", re.IGNORECASE)
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
    """Mail, handles and IP addresses."""
    if not script.latin and ":" not in text and "." not in text:
        return
    if "@" in text or _SPELLED_AT.search(text):
        for m in _MAIL.finditer(text):
            yield Span(*m.span(1), "MAIL")
        for m in _AFTER_FOREIGN.finditer(text):
            yield Span(_box(text, m.start()), m.end(), "MAIL")
        for m in _HANDLE.finditer(text):
            yield Span(*m.span(), "HANDLE")
    for m in _ACCOUNT.finditer(text) if script.words else ():
        if any(c.isdigit() or c == "_" for c in m[1]):
            yield Span(*m.span(1), "HANDLE")
    yield from _addresses(text)


def _box(text: str, end: int) -> int:
    """Where the name before an `@` begins that ends in a script which may have no spaces between words."""
    start = max(0, end - 64)
    if m := _BOX.search(text, start, end):
        led = _LEADS.match(text, m.start(), end)
        start = led.end() if led else m.start()
    return start


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
