"""Cards, accounts, identity papers and dates of birth: by their check, their form, or what is said before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from demeanor.privacy.checks import iban_length, is_card, is_iban, is_resident_id, is_social_security
from demeanor.privacy.script import Script
from demeanor.privacy.spans import Span

_GAP = r"(?: {1,3}| ?[.,\-] ?| ?\r?\n ?)"
_CARD = re.compile(
    rf"(?<![A-Za-z0-9_.+\-])(?=([2-6]\d{{3}}(?:\d{{9,15}}|(?:{_GAP}\d{{4}}){{2}}{_GAP}\d{{1,7}}|{_GAP}\d{{6}}{_GAP}\d{{4,5}}))"
    r"(?![A-Za-z0-9_]|[.\-]\d))"
)
# Of 17 to 19 digits, as Chinese banks print them; looked for by itself, for a card of 16 may stand before "123".
_LONG_CARD = re.compile(
    rf"(?<![A-Za-z0-9_.+\-])(?=([3-6]\d{{3}}(?:(?:{_GAP}\d{{4}}){{3}}{_GAP}\d{{1,3}}|\d\d{_GAP}\d{{13}}))"
    r"(?![A-Za-z0-9_]|[.\-]\d))"
)
_LISTED = re.compile(r"(?<!\d)\d{4} ?(?:,|\r?\n) ?$")  # a number of four digits before: in a list or a column of such
_IBAN = re.compile(r"(?<![A-Za-z0-9])(?=([A-Z]{2}\d{2}(?:(?: {1,3}|[.\-] ?|\r?\n)?[A-Z0-9]){11,30}))", re.IGNORECASE)
_RESIDENT = re.compile(r"(?<![A-Za-z0-9])[1-8]\d{5}[ \-]?[12]\d{7}[ \-]?\d{3}[0-9Xx](?![A-Za-z0-9])")
_SOCIAL = re.compile(r"(?<![A-Za-z0-9_.+\-])\d{3}([ \-]?)\d{2}\1\d{4}(?![A-Za-z0-9_]|[.\-]\d)")
_ABOUT_SOCIAL = re.compile(r"\bssn\b|social security|\bsocial\b[^.]{0,12}$|tax ?payer|\bitin\b|\btin\b", re.IGNORECASE)
_INSURANCE = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r" ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![A-Za-z0-9])"
)
_BEFORE = 48  # characters in which the word that tells what a number is may stand
# Digits without an end, as a recogniser that loops over a number writes them. They are told by a word of letters, so
# that no digit is looked at for more than the few words that stand in the 29 places before: linear in the length.
_LOOP = r"(?:[ \-]?\d)*+"

IDENTITY_WORDS = (
    r"\bpassport(?: ?(?:number|no\.?|nr\.?|num|#))?|\bdriver'?s?'? licen[cs]e(?: ?(?:number|no\.?|#))?|"
    r"\b(?:national |identity |id )(?:card|number|no\.?)(?: ?(?:number|no\.?))?|"
    r"\bnational insurance(?: (?:number|no\.?))?|"
    r"\b(?:medical record|patient|nhs|medicare|visa|permit|licen[cs]e plate)(?: ?(?:number|no\.?|id|#))?|"
    r"护照号?码?|身份证号?码?|驾驶?证号?码?|驾照号?码?|社保号?码?|医保卡?号|车牌号?码?|通行证号?码?|港澳通行证"
)
"""What a number of identity papers is told by, in a text and as a key, in letters of any case."""

_IDENTITY = re.compile(
    rf"(?i:{IDENTITY_WORDS})"
    r"(?: ?[:#是为])?(?i: (?:is|was|are|number|no\.?)){0,2} ?"
    r"((?:[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼] ?[A-Z] ?·?|[A-Za-z]{1,3}-?)?"
    rf"\d(?:(?:[ \-]?\d|[A-Za-z](?![a-z])){{19}}(?=[ \-]?\d){_LOOP}|"
    r"(?:[ \-]?\d|[A-Za-z](?![a-z])){4,19}(?![A-Za-z0-9_])))"
)
ACCOUNT_WORDS = (
    r"\b(?:bank |savings |checking )?account(?: (?:number|no\.?|#))?|\bacct\.?(?: ?#)?|"
    r"\brouting(?: (?:number|no\.?))?|"
    r"\bsort code|\b(?:card|member|membership|customer|policy|employee|student|tracking|order|case|reference|"
    r"confirmation|booking|invoice) (?:number|no\.?|id|#)|\bpin(?: code| number)?|\bcvv2?|\bcvc|"
    r"银行账号|银行卡号?|账号|帐号|卡号|账户|订单号|会员号|工号|学号|保单号|快递单号|运单号|验证码|密码"
)
"""What a number of an account, a card, an order is told by, likewise."""

_HOLDS = re.compile(
    rf"(?i:{ACCOUNT_WORDS})"
    r"(?: ?[:#是为])?(?i: (?:is|was|number|no\.?|ending in)){0,2} ?"
    rf"([A-Z]{{0,4}}-?\d(?:(?:[ \-]?\d|[A-Z](?![a-z])){{29}}(?=[ \-]?\d){_LOOP}|"
    r"(?:[ \-]?\d|[A-Z](?![a-z])){2,29}(?![A-Za-z0-9_])))"
)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?:the )?\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d\d"
_DATE = (
    rf"(?:\d{{1,2}}[./\- ]\d{{1,2}}[./\- ](?:{_YEAR}|\d\d)|{_YEAR}[./\- ]\d{{1,2}}[./\- ]\d{{1,2}}"
    rf"|{_MONTH} {_DAY}(?:,? {_YEAR})?|{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?)(?![A-Za-z0-9_])"
)
_HAN_DATE = (
    r"(?:(?:19|20)\d\d ?年 ?\d{1,2} ?月(?: ?\d{1,2} ?[日号])?"
    r"|[一二][零〇一二三四五六七八九]{3}年[一二三四五六七八九十]{1,2}月"
    r"(?:[一二三四五六七八九十]{1,3}[日号])?|\d{1,2} ?月 ?\d{1,2} ?[日号])"
)
BIRTH_WORDS = (
    r"\bborn(?: on| in)?|\bdate of birth|\bd\.?o\.?b\b\.?|\bbirth ?(?:day|date)|"
    r"出生日期|出生年月日?|出生于|生于|生日|出生"
)
"""What a date of birth is told by, likewise."""

_BORN = re.compile(
    rf"(?:{BIRTH_WORDS})[ :是为在]{{0,4}}(?:(?:is|was|on|it's) ){{0,2}}({_DATE}|{_HAN_DATE})",
    re.IGNORECASE,
)
_BORN_AFTER = re.compile(rf"({_HAN_DATE})(?: ?出)?生(?:的|人|于|，|。|,|$|在)")


def find(text: str, script: Script) -> Iterator[Span]:
    """Cards, accounts, papers, dates of birth."""
    if script.digits:
        yield from _checked(text, script)
    if script.digits and script.words:
        for pattern, kind, least in ((_IDENTITY, "ID", 5), (_HOLDS, "ACCOUNT", 4)):
            for m in pattern.finditer(text):
                if len(_digits(m[1])) >= least:
                    yield Span(*m.span(1), kind)
    for pattern in (_BORN, _BORN_AFTER) if script.words else ():
        for m in pattern.finditer(text):
            yield Span(m.start(1), m.start(1) + len(m[1].rstrip(".")), "BIRTHDATE")


def _checked(text: str, script: Script) -> Iterator[Span]:
    """Numbers that their form and check digits tell."""
    for m in chain(_CARD.finditer(text), _LONG_CARD.finditer(text)):
        if is_card(_digits(m[1])) and _in_groups(m[1], text, m.start()):
            yield Span(*m.span(1), "CARD")
    yield from _ibans(text) if script.latin else ()
    for m in _RESIDENT.finditer(text):
        if is_resident_id(re.sub(r"[ \-]", "", m[0])):
            yield Span(*m.span(), "ID")
    for m in _SOCIAL.finditer(text):
        told = m[1] == "-" or _ABOUT_SOCIAL.search(text, max(0, m.start() - _BEFORE), m.start())
        if told and is_social_security(_digits(m[0])):
            yield Span(*m.span(), "ID")
    for m in _INSURANCE.finditer(text) if script.latin else ():
        yield Span(*m.span(), "ID")


def _in_groups(written: str, text: str, start: int) -> bool:
    """Whether what is between the groups of a card is of one kind, but for breaks of lines, and goes on no list."""
    gaps = re.findall(r"\D+", written)
    kinds = {gap.strip() for gap in gaps if "\n" not in gap}
    if "," in kinds or (gaps and not kinds):
        return len(kinds) < 2 and not _LISTED.search(text, max(0, start - 8), start)
    return len(kinds) < 2


def _ibans(text: str) -> Iterator[Span]:
    for m in _IBAN.finditer(text):
        length = iban_length(m[1])
        if length is None:
            continue
        ends = [i for i, c in enumerate(m[1], start=1) if c.isalnum()]
        if len(ends) < length:
            continue
        end = m.start() + ends[length - 1]
        whole = "".join(c for c in text[m.start() : end] if c.isalnum())
        if is_iban(whole) and not (end < len(text) and text[end].isascii() and text[end].isalnum()):
            yield Span(m.start(), end, "IBAN")


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())
