"""Who speaks: what they are called from now on, and which of their names are looked for in what is said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from demeanor.privacy.names import several

_NUMBERED = re.compile(r"(?:S|speaker ?|channel ?)\d{1,3}|left|right", re.IGNORECASE)
_UNNAMED = frozenset({"user", "reader", "demeanor"})
_ROLES_LIST = """
    speaker spk channel voice unknown unnamed other customer client agent caller host guest interviewer interviewee
    moderator operator doctor nurse patient teacher student user assistant system bot narrator participant presenter
    reporter audience man woman boy girl child male female mother father mom mum dad husband wife
    me you the one two three
    客服 客户 顾客 用户 坐席 主持人 主持 嘉宾 记者 采访者 受访者 说话人 发言人 讲者 旁白 医生 护士 患者 病人 老师 学生
    助手 未知 男 女 男声 女声 男人 女人 男孩 女孩 孩子 妈妈 爸爸
"""
_ROLE = re.compile(
    rf"(?:{'|'.join(_ROLES_LIST.split())})(?:[_-]?\d{{1,3}}号?|[_-][a-z])?"
    r"|(?:speaker|spk)[a-z]|S[_-]?\d{1,3}|left|right",
    re.IGNORECASE,
)


def numbered(called: Iterable[Any]) -> dict[Any, str]:
    """Speakers by what they are called to what they will be called: numbers stay, names become numbers."""
    called = list(called)
    out: dict[Any, str] = {}
    taken = {str(c) for c in called if c and _NUMBERED.fullmatch(str(c))}
    for name in dict.fromkeys(c for c in called if c):
        if str(name) in taken:
            out[name] = name
            continue
        number = 1
        while f"S{number}" in taken:
            number += 1
        out[name] = f"S{number}"
        taken.add(out[name])
    return out


def sought(speakers: Mapping[Any, str]) -> set[str]:
    """Which names of speakers, as `numbered` has them, are looked for in what is said.

    Letters, numbers and roles ("A", "spk_0", "Customer 1") are none: they stand in texts as usual words.
    """
    return {name for called, mark in speakers.items() if called != mark for name in _names_in(str(called))}


def _names_in(called: str) -> list[str]:
    """The names in what a speaker is called: "Smith, A" and "Smith, expert" are Smith, for those are no names."""
    first, *rest = several(called) or [""]
    parts = [first, *(part for part in rest if _may_be_further(part, first))]
    return [name for part in parts if (name := _name_in(part))]


def _may_be_further(part: str, first: str) -> bool:
    """Whether what stands behind a comma has the capitals of a name; one in capitals alone only behind another so."""
    return not part[0].islower() and (first.isupper() or not part.isupper())


def _name_in(called: str) -> str:
    """What a speaker is called without the roles before it, "Doctor Smith"; empty where no name is left."""
    words = called.split()
    while words and _ROLE.fullmatch(words[0].strip("()[]<>.,:;#")):
        del words[0]
    name = " ".join(words)
    return name if sum(c.isalpha() for c in name) > 1 else ""


def is_number(called: str) -> bool:
    """Whether a speaker has a number or a side already, "S1", "left"."""
    return _NUMBERED.fullmatch(called) is not None


def is_role(called: str) -> bool:
    """Whether it is a number, a letter or a role ("S1", "A", "Customer 1") and no name."""
    return not _name_in(called)


def speakers_of(data: Mapping[str, Any]) -> dict[Any, str]:
    """The speakers of an analysis as `numbered`."""
    called = [s.get("speaker") for s in data.get("segments") or ()] + [
        p.get("speaker") for p in data.get("people") or ()
    ]
    sample = data.get("sample") or {}
    called += [sample.get("speaker")] if isinstance(sample, Mapping) else []
    return numbered(called)


def called_in(value: Any) -> Iterator[str]:
    """Speakers anywhere in JSON data."""
    if isinstance(value, Mapping):
        if isinstance(value.get("speaker"), str):
            yield value["speaker"]
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from called_in(inner)


def corrected_speakers(data: Mapping[str, Any]) -> Iterator[str]:
    """What users call the speakers in their corrections."""
    for said in data.get("corrections") or ():
        value = said.get("value") if isinstance(said, Mapping) and about_speaker(said) else None
        if isinstance(value, str):
            yield from _names_in(value)


def about_speaker(correction: Mapping[str, Any]) -> bool:
    """Whether a correction says who speaks."""
    return str(correction.get("path", "")).endswith("speaker")


def is_name(value: str) -> bool:
    """Whether somebody is called so where a key says who it is; else it is a number, or a part of the program."""
    return bool(value) and not _NUMBERED.fullmatch(value) and value not in _UNNAMED
