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

# Writing without spaces (Chinese, Japanese, Thai …) goes on right behind an address. So of it only what follows a slash
# or a sign of a query, /people/张三 and ?q=张三, is part of one, and whole labels of the host, 例子.中国.
_SPACELESS = rf"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff{_HAN}"
_UNFIT = r"\s\0<>\"'`，。；！？、）】》」"  # what ends every address
_IN_HOST = rf"(?:[^{_UNFIT}{_SPACELESS}/?#]|[{_SPACELESS}]{{1,63}}+(?=[.:/?#@\-]))*"
_IN_PATH = rf"(?:[^{_UNFIT}{_SPACELESS}]|(?:(?<=[/=&+])|(?<=/[@~]))[{_SPACELESS}]+(?:[_\-][{_SPACELESS}]+)*)*"
_PAGE = re.compile(
    rf"(?<![A-Za-z0-9_@.])(?:[a-z][a-z+]{{1,11}}://|www\.){_IN_HOST}(?:(?=[/?#]){_IN_PATH})?", re.IGNORECASE
)
_SITE = re.compile(
    r"(?<![A-Za-z0-9_@.])(?:facebook|instagram|twitter|x|linkedin|tiktok|github|t|weibo|reddit|vk|wa|youtube|telegram|zhihu|"
    rf"douyin|xiaohongshu|paypal)\.(?:com|me|cn)(?=/[\w@.\-/%?=&]{{2}}){_IN_PATH}",
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
            yield Span(*m.span(1), "MAIL")
        for m in _AFTER_FOREIGN.finditer(text):
            yield Span(_box(text, m.start()), m.end(), "MAIL")
        for m in _HANDLE.finditer(text):
            yield Span(*m.span(), "HANDLE")
    for pattern in (_PAGE, _SITE) if "/" in text or "www." in text.lower() else ():
        for m in pattern.finditer(text):
            end = m.start() + len(m[0].rstrip(".,;:!?()[]{}"))
            if pattern is _SITE or _PERSONAL.search(m[0]):
                yield Span(m.start(), end, "URL")
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
