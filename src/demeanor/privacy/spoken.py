"""Numbers and mail as they are said: "five five five one two three four", "john dot smith at example dot com"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from demeanor.privacy.checks import is_card, is_resident_id
from demeanor.privacy.script import Script
from demeanor.privacy.spans import Span

_ONES = {
    "zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_TEENS = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
_TENS = {
    "twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8",
    "ninety": "9",
}  # fmt: skip
_WORD = rf"(?:{'|'.join([*_ONES, *_TEENS, *_TENS, 'hundred', 'double', 'triple'])}|\d{{1,4}})"
_RUN = re.compile(
    rf"(?<![A-Za-z0-9_.,$£€+\-])(?:plus )?{_WORD}"
    rf"(?:(?:[ \-]|, ?|\. |\.\.\. ?){_WORD}\b){{3,}}"
    r"(?![%A-Za-z0-9_]| (?:thousand|million|billion|percent|dollars|"
    r"euros|pounds|years|people)\b)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[a-z]+|\d+", re.IGNORECASE)

_HAN = dict(zip("零〇一二三四五六七八九幺两", "0012345678912", strict=True))
_HAN_RUN = re.compile(r"[零〇一二三四五六七八九幺两0-9](?:[ ,，、\-]{0,2}[零〇一二三四五六七八九幺两0-9]){6,}")
_HAN_UNIT = "十百千万亿年月"

_TLD = r"(?:com|org|net|edu|gov|info|biz|io|co|me|uk|us|de|fr|cn|jp|ca|au|in|eu|ch|at|nl|es|it|ru|hk|tw|sg)"
_JOINT = r"(?:dot|period|point|underscore|under score|dash|hyphen|plus)"
_DOT = r"(?: dot | ?\. ?| period | point )"
_MAIL = re.compile(
    rf"(?<![A-Za-z0-9_@])((?:[a-z0-9] ){{0,20}}[a-z0-9_.\-]{{1,40}}(?: {_JOINT} [a-z0-9_]{{1,40}}){{0,5}})"
    rf" at ((?:[a-z0-9] ){{0,12}}[a-z0-9\-]{{1,40}}(?:{_DOT}[a-z0-9\-]{{1,30}}){{0,2}}?"
    rf"{_DOT}{_TLD}(?:{_DOT}(?:uk|cn|au|jp|in|br|hk|tw))?)"
    r"(?![A-Za-z0-9_@]|\.\w)",
    re.IGNORECASE,
)
_PROVIDER = re.compile(
    r"\b(?:gmail|g mail|outlook|"
    r"hotmail|yahoo|icloud|aol|proton(?:mail)?|gmx|qq|163|126|foxmail|mail|msn|live|me|sina)\b",
    re.IGNORECASE,
)
_ABOUT_MAIL = re.compile(r"\be-?mail|\bmail\b|\bwrite (?:to )?(?:me|us)|\bsend |address is|邮箱", re.IGNORECASE)
_ABOUT_NUMBER = re.compile(r"\b(?:number|phone|call|dial|cell|mobile)\b|电话|手机|座机|号码|卡号", re.IGNORECASE)
_JOINTS = re.compile(rf"[._\d]| {_JOINT} |^(?:[a-z] ){{2,}}", re.IGNORECASE)
_USUAL_LIST = """
    a an and are available be buy check find found go got her here him is it look looking me more on one online only
    order out page read see shop site sold that them there us visit was website work working works you
"""
_USUAL = frozenset(_USUAL_LIST.split())
_HAN_MAIL = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z0-9零〇一二三四五六七八九幺_.]{2,30}(?: ?点 ?[A-Za-z0-9]{1,20})?"
    r" ?(?:艾特|圈[aA]|爱特|小老鼠|at) ?"
    r"[A-Za-z0-9零〇一二三四五六七八九幺\-]{2,20} ?(?:点|\.|dot) ?(?:com|cn|net|org|COM|CN|康姆)"
    r"(?: ?(?:点|\.) ?cn)?(?![A-Za-z0-9])"
)
_BEFORE = 48


def find(text: str, script: Script) -> Iterator[Span]:
    """Numbers and mail in words."""
    for m in _RUN.finditer(text) if script.latin or " " in text else ():
        yield from _number(m, text)
    for m in _HAN_RUN.finditer(text) if script.han else ():
        yield from _han_number(m, text)
    for m in _MAIL.finditer(text) if " at " in text or " AT " in text or " At " in text else ():
        yield from _mail(m, text)
    for m in _HAN_MAIL.finditer(text) if script.han else ():
        if not m[0].isascii():  # what is said in English is looked at above
            yield Span(*m.span(), "MAIL")


def _number(match: re.Match[str], text: str) -> Iterator[Span]:
    tokens = _TOKEN.findall(match[0])
    numerals = [t for t in tokens if t.isdecimal()]
    if len(numerals) == len(tokens) and (any(len(t) > 1 for t in tokens) or "," in match[0]):
        return  # written numbers: other finders know their forms; a list with commas is a list
    if numerals and any(len(t) > 1 for t in numerals) and len(numerals) > len(tokens) / 2:
        return
    digits = digits_of(tokens)
    if len(digits) >= 7 and not _is_counting(tokens, digits, text, match.start()):
        yield Span(*match.span(), _kind(digits, text, match.start()))


def digits_of(tokens: list[str]) -> str:
    """The digits that number words say: "double five" is 55, "twenty three" 23, "eight hundred" 800."""
    out, times, tens = "", 1, False
    for token in (t.lower() for t in tokens):
        if token in ("double", "triple"):
            times, tens = (2 if token == "double" else 3), False
            continue
        if token in _TENS:
            out, tens = out + _TENS[token] + "0", True
            continue
        if token == "hundred":
            out += "00"
        else:
            said = _ONES.get(token) or _TEENS.get(token) or (token if token.isdecimal() else "")
            if tens and len(said) == 1 and said != "0":
                out = out[:-1]
            out += said * times
        times, tens = 1, False
    return out


def _is_counting(tokens: list[str], digits: str, text: str, start: int) -> bool:
    """One two three four …, ten nine eight …, one one one …: nobody's number, unless it is said to be one."""
    if _ABOUT_NUMBER.search(text, max(0, start - 16), start):
        return False
    steps = {ord(b) - ord(a) for a, b in pairwise(digits)}
    ordered = [int(digits_of([t]) or 0) for t in tokens]
    rises = {b - a for a, b in pairwise(ordered)}
    return len(steps) == 1 or len(rises) == 1


def _han_number(match: re.Match[str], text: str) -> Iterator[Span]:
    digits = "".join(_HAN.get(c, c) for c in match[0] if c in _HAN or c.isdecimal())
    followed = text[match.end() : match.end() + 1]
    if sum(c in _HAN for c in match[0]) < 3 or len(digits) < 7 or (followed and followed in _HAN_UNIT):
        return
    if len(digits) > 40 and not _ABOUT_NUMBER.search(text, max(0, match.start() - 16), match.start()):
        return  # nobody's number, but for one that a recogniser loops over
    if not _is_counting(list(digits), digits, text, match.start()):
        yield Span(*match.span(), _kind(digits, text, match.start()))


def _kind(digits: str, text: str, start: int) -> str:
    said = text[max(0, start - _BEFORE) : start].lower()
    if is_resident_id(digits) or any(
        w in said for w in ("social security", "ssn", "passport", "身份证", "护照", "license")
    ):
        return "ID"
    if is_card(digits) or any(w in said for w in ("card", "卡号", "信用卡", "银行卡")):
        return "CARD"
    if any(w in said for w in ("account", "routing", "账号", "账户", "order", "订单", "member", "policy")):
        return "ACCOUNT"
    return "PHONE" if len(digits) <= 15 else "NUMBER"


def _mail(match: re.Match[str], text: str) -> Iterator[Span]:
    local, start = match[1], match.start()
    words = local.split(" ")
    sure = _JOINTS.search(local) is not None
    if not sure and words[-1].lower() in _USUAL:
        return
    told = _ABOUT_MAIL.search(text, max(0, start - _BEFORE), start) or _PROVIDER.search(match[2])
    if sure or told:
        yield Span(start, match.end(), "MAIL")
