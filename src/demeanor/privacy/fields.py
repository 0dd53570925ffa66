"""Keys of JSON that say what their values are: "dob", "firstName", "home_phone", 姓名, 身份证号."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from demeanor.privacy.labels import forms
from demeanor.privacy.names import is_han_name, variants
from demeanor.privacy.numbers import ACCOUNT_WORDS, BIRTH_WORDS, IDENTITY_WORDS
from demeanor.privacy.script import UPPER
from demeanor.privacy.spans import PLACEHOLDER
from demeanor.privacy.speakers import is_name, sought

_DOTTED = re.compile(r"\b([A-Za-z])\.(?=[A-Za-z]\b|\W|$)")  # D.O.B.
_JOINS = re.compile(r"[_\-. ]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # of home_phone, homePhone, userID
_ONE_OF_SEVERAL = re.compile(r"(?:(?<=ss)es|(?<!s)s)?(?: ?\d{1,2})?$")  # of phones, addresses, phone1
_LONGEST_KEY = 60
_PERSON = (
    r"authors?|speaker|(?:card ?|account )?holder"
    r"|(?:.+ )?(?:first|last|middle|maiden|given|family|full|legal|real|sur) ?names?"
    r"|(?:.+ )?(?:customer|client|patient|contact|caller|employee|student|sender|recipient|author|owner|member|"
    r"guest|holder) ?name"
    r"|.{0,4}姓名|姓"
)
_CALLED = (  # what things and accounts have too: "Galaxy Watch", "Amazing"
    r"name|user|by|(?:.+ )?(?:user|display|nick) ?names?"
    r"|(?:(?:我|本人|客户|顾客|用户|患者|病人|孩子|宝宝|学生|员工|联系人|收件人|作者)的?)?名字|.{0,4}(?:昵称|用户名)|名"
    r"|联系人|收件人|收货人|寄件人|发件人|经办人|作者|称呼"
)
_ADDRESS = (
    r"(?:(?:.+ )?(?:home|postal|street|mailing|billing|shipping|delivery|work|office|residential|current|permanent) )?"
    r"(?:address|addr)(?: line)?(?: ?\d)?|street"
    r"|(?!.*(?:ip|网址|网站|网页|链接)).{0,4}(?:地址|住址)|居住地|户籍地"
)
_PLACE = re.compile(  # a number, two words with capitals, a Chinese sign of a place; and no opinion of a sentence
    rf"(?!.*[!?！？。]\s*$)(?:.*\d|(?:.*\b[{UPPER}]\w+){{2}}|.*[省市区县镇乡村路街巷弄号楼室栋幢])", re.DOTALL
)
_POSTCODE = r"(?:.+ )?(?:zip|zip ?code|post ?code|postal code)|邮编|邮政编码"
_PHONE = (
    r"(?:.+ )?(?:(?:tele|cell |mobile )?phone|mobile|cell|tel|fax|whats ?app|contact)(?: ?(?:number|no|nr|num))?"
    r"|.{0,4}(?:电话|手机|座机|传真)(?:号码?)?|联系方式"
)
_SECRET = (
    r"(?:.+ )?(?:password|passwd|pwd|passphrase)|(?:.+ )?(?:access|auth|api|bearer|refresh|session) ?token|.{0,4}密码"
)
_MAIL = r"(?:.+ )?(?:e ?)?mail(?: ?(?:address|addr))?|.{0,4}(?:邮箱|邮件)(?:地址)?|电邮"


class _Field(NamedTuple):
    """Keys of one kind, in words and small letters, and how many digits a value has at least; 0 where it needs none."""

    kind: str
    keys: re.Pattern[str]
    digits: int


_CALLS = _Field("NAME", re.compile(_CALLED), 0)
_SECRETS = _Field("ACCOUNT", re.compile(_SECRET), 0)
_FIELDS = (
    _Field("NAME", re.compile(_PERSON), 0),
    _CALLS,
    _Field("MAIL", re.compile(_MAIL), 0),
    _SECRETS,
    _Field("BIRTHDATE", re.compile(rf"(?:.+ )?(?:{BIRTH_WORDS})", re.IGNORECASE), 3),
    _Field("ID", re.compile(rf"(?:.+ )?(?:{IDENTITY_WORDS}|ssn|social security(?: number)?)", re.IGNORECASE), 5),
    _Field("ACCOUNT", re.compile(rf"(?:.+ )?(?:{ACCOUNT_WORDS})", re.IGNORECASE), 4),
    _Field("ADDRESS", re.compile(_ADDRESS), 0),
    _Field("ADDRESS", re.compile(_POSTCODE), 4),
    _Field("PHONE", re.compile(_PHONE), 5),
)
_LONGEST = 200  # characters; what is longer is a text about it
_DIGIT = re.compile(r"[\d零〇一二三四五六七八九十]")


def kind_of_value(key: str, value: str) -> str | None:
    """The kind, one of `KINDS`, that a whole value is of because its key says so; None where it is a text as others.

    Args:
        key: as it stands in the data: `home_phone`, `homePhone`, "Home phone".
        value: under it. Placeholders and numbers of speakers are of no kind; nor is what cannot be meant: a mail
            address without "@", a number whose characters are digits for less than a half ("none", "moved in 2024").
    """
    field = _field(key)
    if field is None or not value.strip() or PLACEHOLDER.fullmatch(value.strip()):
        return None
    if field.kind == "NAME":  # of any length: a list of authors
        said = field is _CALLS and _is_said(value)  # as {"user": …, "assistant": …} of a conversation
        return "NAME" if is_name(value) and not said else None
    if field is _SECRETS:
        return field.kind
    if len(value) > _LONGEST:
        return None
    if field.kind == "MAIL":
        return "MAIL" if re.fullmatch(r"\s*\S+[@＠]\S+\s*", value) else None
    if not field.digits:
        return field.kind if _PLACE.match(value) else None
    if field.kind == "PHONE" and re.match(r"\s*[A-Za-z]\d", value):  # the cell B12345 of a sheet
        return None
    digits = len(_DIGIT.findall(value))
    return field.kind if digits >= max(field.digits, sum(map(str.isalnum, value)) / 2) else None


def _is_said(value: str) -> bool:
    """Whether a value is a sentence: a mark at its end, and three words in small letters or seven Chinese signs."""
    words = len(re.findall(r"\b[a-z]+\b", value)), len(re.findall(r"[\u4e00-\u9fff]", value))
    return value.rstrip()[-1:] in tuple(".!?。！？") and (words[0] >= 3 or words[1] >= 7)


def as_line(key: str, value: str) -> tuple[str, int]:
    """A value as a line of a text says it, "date of birth: 1985-03-12", and where in this it begins.

    Without its key where that says nothing of people (`count`, `call_id`) or a name, which `kind_of_value` tells.
    """
    field = _field(key)
    begin = "" if field is None or field.kind == "NAME" else f"{_words_of(key)}: "
    return begin + value, len(begin)


def names_under(key: str, value: str) -> Iterator[str]:
    """The forms of a name that its key tells, to be found wherever they stand, part by part.

    Usual words and those in small letters ("battery"), roles and numbers ("Customer 1", "S1") are none. Nothing under
    keys that things have as well as people: see `whole_names_under`.
    """
    if _field(key) is not _CALLS:
        for name in _told_by(key, value):
            yield from variants(name)


def whole_names_under(key: str, value: str) -> Iterator[str]:
    """Names under `name`, `user`, `username`, 昵称 and the like, of which no part may be looked for.

    Only those of two words at least, or of the form of a Chinese name: others are usual words ("Amazing", 开心).
    """
    if _field(key) is _CALLS:
        yield from (name for name in _told_by(key, value) if " " in name or is_han_name(name))


def _told_by(key: str, value: str) -> Iterator[str]:
    if kind_of_value(key, value) == "NAME" and _is_called_so(key, value):
        yield from forms(sought({value: ""}))


def _words_of(key: str) -> str:
    """A key in words: `homePhone`, `home_phone` and `home-phone` are "home phone", `D.O.B.` is "dob"."""
    return " ".join(part.lower() for part in _JOINS.split(_DOTTED.sub(r"\1", key)) if part)


@lru_cache(maxsize=4096)
def _field(key: str) -> _Field | None:
    words = _words_of(key) if len(key) <= _LONGEST_KEY else ""
    told = next((field for field in _FIELDS if field.keys.fullmatch(words)), None)
    if told is None and (one := _ONE_OF_SEVERAL.sub("", words)) != words:
        told = next((field for field in _FIELDS if field.kind != "NAME" and field.keys.fullmatch(one)), None)
    return told  # no name: `user1` may be what this user says


def _is_called_so(key: str, value: str) -> bool:
    """Whether it has the form of a name: capitals in all words but short ones, or Chinese characters."""
    if is_han_name(value) or (not key.isascii() and re.fullmatch(r"[\u4e00-\u9fff]{2,4}", value)):
        return True
    return all(word[0].isupper() or len(word) < 4 for word in value.split()) and any(map(str.isupper, value))
