"""Postal addresses: a number and a street in English and German forms, 省市区路号 and buildings in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator

from demeanor.privacy.script import Script
from demeanor.privacy.spans import Span

_ENDS = (
    r"Street|Str|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Parkway|"
    r"Pkwy|Circle|Cir|Highway|Hwy|Close|Crescent|Row|Mews|Gardens|Way|Trail|Alley|Broadway|Grove|Hill"
)
_WORD = r"(?:[A-Z][A-Za-z'’\-]{1,20}|St\.|\d{1,3}(?:st|nd|rd|th))"
_UNIT = r"(?:,? ?(?:Apt|Apartment|Suite|Ste|Unit|Flat|Room|Rm|Floor|#)\.? ?#?[0-9A-Z\-]{1,6})?"
_STATE = (
    r"A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
)
_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}"
_TOWN = (
    rf"(?:,? {_WORD}(?: {_WORD}){{0,2}})?"
    rf"(?:,? (?:(?:{_STATE}|[A-Z][a-z]{{3,12}}) \d{{5}}(?:-\d{{4}})?|{_POSTCODE}|(?:{_STATE})\b))?"
)
_STREET = re.compile(
    r"(?<![A-Za-z0-9_.$£€\-])(?:(?:Apt|Flat|Unit|Suite|Apartment)\.? ?\d{1,4}[A-Za-z]?,? )?"
    rf"\d{{1,5}}[A-Za-z]?(?:-\d{{1,5}})?,? (?:[NSEW]\.? |North |South |East |West )?(?:{_WORD} ){{1,4}}(?:{_ENDS})\b\.?"
    rf"{_UNIT}{_TOWN}"
)
_LIVED = re.compile(
    r"\b(?:live|lives|living|lived|address is|address:|located|stay|staying|deliver(?:ed)?|ship(?:ped)?|send it|mailed|"
    r"moved|house is|home is)(?: (?:at|to|on|is|down|over|it)){0,2} "
    r"((?:\d{1,5}|(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    r"seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|oh|zero)[ \-]){0,4}"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)) "
    rf"(?:[A-Za-z'’\-]{{2,20}} ){{1,3}}?(?:{_ENDS})\b(?:,? (?:apartment|apt|unit|suite|flat|number) "
    r"(?:\d{1,5}[A-Za-z]?|[A-Za-z]{1,8}))?)",
    re.IGNORECASE,
)
_BOX = re.compile(r"\bP\.? ?O\.? ?Box \d{1,7}", re.IGNORECASE)
_ZIP = re.compile(rf"\b(?:{_STATE}),? \d{{5}}(?:-\d{{4}})?(?![A-Za-z0-9_])")
_CODE = re.compile(rf"(?<![A-Za-z0-9_\-]){_POSTCODE}(?![A-Za-z0-9_])")
_GERMAN = re.compile(
    r"(?<![A-Za-z0-9_])(?:[A-ZÄÖÜ][A-Za-zäöüß\-]{2,30}(?:straße|strasse|str\.|weg|gasse|allee|platz)"
    r"|(?:[A-ZÄÖÜ][a-zäöüß]{2,20}[ \-])"
    r"(?:Straße|Strasse|Str\.|Weg|Gasse|Allee|Platz))"
    r" \d{1,4} ?[a-z]?(?:, ?\d{5} [A-ZÄÖÜ][a-zäöüß]{2,20})?(?![A-Za-z0-9_])"
)

_COUNT = r"(?:\d{1,5}|[零〇一二三四五六七八九十百千两]{1,6})"
_DOOR = re.compile(
    rf"(?:路|街|道|巷|弄|胡同|村|镇|(?:路|街|大道)[东西南北中]?[一二三四五六七八九]?段)"
    rf" ?{_COUNT}(?:-\d{{1,4}})? ?(?:号|弄)(?:院|楼|门)?"
    rf"(?:[ ,]?(?:[\u4e00-\u9fff]{{2,8}}?)?{_COUNT} ?(?:号楼|栋|幢|座|单元|层|楼|室|房|号|户)){{0,5}}"
)
_BLOCK = re.compile(
    rf"(?:小区|花园|公寓|大厦|家园|苑|新村|公馆|广场|宿舍|大院|名邸) ?(?:[A-Z]|{_COUNT}) ?(?:栋|幢|号楼|座|期|单元)"
    rf"(?:[ ,]?(?:[A-Z]|{_COUNT}) ?(?:号楼|栋|幢|座|单元|层|楼|室|房|号|户)?){{0,4}}"
)
_NO_ROAD = re.compile(r"(?:[知味难报频通渠轨一]道|[走问一同带顺迷铁网这那哪几每半马]路|高速公?路|公路|[逛上]街|农村)$")
_REACH = 28  # characters before the street's last one that may belong to the address
_HAN_RUN = re.compile(r"[\u4e00-\u9fffA-Za-z0-9 ]*$")
_CUT = re.compile(
    r".*(?:(?:住址|地址|收货地|现居|户籍|籍贯)[是为在]?|住在|位于|[寄送发搬邮快递导航]到|[寄送]往|坐落|来自|[在是到于去从往住，：的了])",
    re.DOTALL,
)


def find(text: str, script: Script) -> Iterator[Span]:
    """Postal addresses."""
    for pattern in () if not (script.latin and script.digits) else (_STREET, _BOX, _ZIP, _CODE, _GERMAN):
        for m in pattern.finditer(text):
            yield Span(m.start(), m.start() + len(m[0].rstrip(".")), "ADDRESS")
    for m in _LIVED.finditer(text) if script.latin else ():
        yield Span(*m.span(1), "ADDRESS")
    for pattern in (_DOOR, _BLOCK) if script.han else ():
        for m in pattern.finditer(text):
            start = _where_it_begins(text, m.start(), m[0][:2])
            if start is not None:
                yield Span(start, m.end(), "ADDRESS")


def _where_it_begins(text: str, at: int, road: str) -> int | None:
    """Where the address begins whose street ends with the character at `at`; None where that is no street."""
    run = _HAN_RUN.search(text, max(0, at - _REACH), at)
    name = run[0] if run else ""
    cut = _CUT.match(name)
    own = (name[cut.end() :] if cut else name).lstrip(" ")
    if not own or not own.strip("0123456789") or _NO_ROAD.search(own + road[:1]):
        return None
    return at - len(own)
