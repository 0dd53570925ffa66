"""Names of people, where the words around them say that they are names; and names that are given.

No model of names is shipped. What is found here is what people say of themselves and of whom they address: high
precision, low recall. A recogniser of names can be passed to `demeanor.privacy.text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from demeanor.errors import InputError
from demeanor.privacy.script import LETTERS, LOWER, MARKS, UPPER, Script
from demeanor.privacy.spans import Span
from demeanor.types import COMMAS

_SMALL = LOWER + MARKS
_ON = rf"(?![A-ZÀ-ÖØ-Þ])[{LETTERS}{MARKS}]"  # no word in capitals; the usual ones will do to tell, in fewer steps
_JOINT = rf"['’\-](?=[{LETTERS}])"
# To the end of the word, whatever the pattern asks for behind it: half a name is worse than none.
_CAP = rf"[{UPPER}](?:{_ON}|{_JOINT})(?:[{LETTERS}{MARKS}]|{_JOINT})*+"
_LATIN = rf"A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ{MARKS}"  # other alphabets have endings that nobody lists: Иван, Ивана
_INITIAL = rf"[{UPPER}]\."
_BETWEEN = r"(?:de|van|von|der|den|la|le|del|di|da|bin|al|el|ter)"
_NAME = rf"{_CAP}(?: (?:{_INITIAL}|(?:{_BETWEEN} ){{0,2}}{_CAP})){{0,3}}"
_FULL = rf"{_CAP}(?: {_INITIAL})?(?: {_BETWEEN})? {_CAP}"

_TOLD = re.compile(
    rf"(?i:\b(?:my|his|her|their|the) (?:full |first |last |middle |maiden |real )?name(?: is|['’]s| was)|"
    rf"\b(?:first |last |full |sur|family |patient |customer |client |caller |contact )?names? ?:|"
    rf"\b(?:is|was|named|called) (?=x{{99}})|\bplease call me|\bthey call me|\beveryone calls me|\byou can call me|"
    rf"\bsigned,?|\bspeaking with|\bspeak(?:ing)? to|\bask for|\bcare of|\battn:?|\battention:) ({_NAME})"
)
_CALLING = re.compile(
    rf"(?i:\b(?:this is|it['’]s|i am|i['’]m)) ({_NAME})"
    r"(?=,? (?i:speaking|calling|here(?= (?:from|with|at))|from the\b|on the line))"
)
_SELF = re.compile(rf"(?i:\b(?:i am|i['’]m|this is)) ({_FULL})(?=[,.!?\n]|$| and I| from| born| with the| at )")
_LOWER = re.compile(
    rf"\bmy (?:full |first |last )?name(?: is|'s) ([{_SMALL}]{{2,20}}(?: [{_SMALL}]{{2,20}})?)(?=[,.!?\n]|$| and )"
)
_TITLE = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Mx|Dr|Prof)\.? ({_NAME})|\b(?:Miss|Mister|Professor|Doctor|Officer|Detective|Judge|Nurse|"
    rf"Sergeant|Captain|Senator|Congressman|Reverend|Pastor) ({_NAME})"
)
_GREETED = re.compile(rf"(?:^|[.!?\n\0] ?)(?:Dear|Hi|Hello|Good (?:morning|afternoon|evening)),? ({_NAME})(?=[,!:])")
_SIGNED = re.compile(
    r"(?i:(?:regards|sincerely|yours truly|best wishes|yours faithfully|respectfully|cordially),?)"
    rf" ?\n+ ?({_NAME}) ?(?=\n|$)"
)
_NOT_NAMES_LIST = """
    a actually alexa all also always america an and are as at baby back be because being brother but can can't
    congratulations customer dad daughter day do doctor don't even ever everybody everyone father folks for friend
    friends from god good google great guys had happy has have he hello her here hers hey hi him his how hr i i'm if
    important in is it it's its jesus just know lad ladies legion let like literally lol lord lucky madam manager
    maybe me merry mine miss misspelled mom more most mother mr mrs mud my never new no nobody not now of off oh ok
    okay old on one only or our people pepper please president probably professor reader really reddit redditor
    right same santa service she sir siri sirs sister so some someone son sorry spelled still support team thank
    thanks that the their them then there these they this those to too two universe us used very was we welcome well
    what when where which who why will with world wow written yeah yes you your yours
"""
NOT_NAMES = frozenset(_NOT_NAMES_LIST.split())
"""Usual words that stand where a name could."""

_COMMON_LIST = """
    angel april art august baker bell best bill black bright brown carter case chance chase china christian church
    cook dawn day dean earl early faith field ford forest frank georgia grace grant gray green grey guy hope hunter
    jordan joy june king lane little london long love mark mason may miller moon page paris park price rain rich
    rose rush short sky small smart star stone summer sunny sweet virginia white will winter wood young
"""
_USUAL = NOT_NAMES | frozenset(_COMMON_LIST.split())

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任"
    "姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_SURE = (
    "王李张刘陈杨赵黄周吴徐孙胡朱郭罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈彭吕苏卢蒋蔡贾丁魏薛阎潘杜戴汪姜姚谭廖邹熊陆郝孔崔邱秦"
    "侯邵孟钱汤尹黎乔贺赖龚"
)
_TITLED = _SURE.replace("谢", "")  # for 谢师傅 is thanked, not called Xie
_DOUBLE = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|夏侯|端木"
_H = r"[\u4e00-\u9fff]"
_HAN_NAME = rf"(?:(?:{_DOUBLE}){_H}{{1,2}}|[{_SURNAMES}]{_H}{{1,2}})"
_HAN_SURE = rf"(?:(?:{_DOUBLE}){_H}{{1,2}}|[{_SURE}]{_H}{{1,2}})"
_STOP = r"(?=[，。,.！!？?\s、；;：:\0（(]|$|今年|来自|我[今来在是住的]|[是住在]|的(?!时候)|，)"
_HAN_TOLD = re.compile(
    rf"(?:我的?名字[是叫]|我叫做?|[他她]叫做?|姓名[:：是为]{{0,2}} ?|联系人[:：是]{{0,2}} ?|收件人[:：是]{{0,2}} ?|"
    rf"收货人[:：是]{{0,2}} ?|患者[:：]? ?|本人[:：]? ?|经办人[:：] ?|署名[:：] ?|名叫)"
    rf"({_HAN_NAME}|[小阿老]{_H}){_STOP}"
)
_HAN_FIELD = re.compile(rf"(?:姓名|联系人|收件人|收货人|经办人)[:：] ?({_H}{{2,4}})(?=[，。,;；\s\0]|$)")
_HAN_SELF = re.compile(rf"(?:^|[，。！？,.!?\s\0]|你好|您好)我是({_HAN_SURE})(?=[，。,！!？?\s\0]|$)")
_TITLES = (
    r"(?:先生|女士|小姐|老师|医生|大夫|经理|教授|同学|师傅|律师|主任|警官|护士|院长|校长|"
    r"总(?:监|裁|经理)?(?=[，。,!！?？\s说的好您]|$)|阿姨|叔叔)"
)
_ENDS = (  # where the character of a surname ends a usual word: 上周, 也许, 课程, 大陆, 紧张
    r"(?<![上下本每](?=周)|[也或允准些少默](?=许)|[工课编教流行全](?=程)|大(?=陆)|[紧夸慌](?=张))"
)
_HAN_TITLE = re.compile(rf"(?<!班)(?<!主){_ENDS}([{_TITLED}]{_H}{{0,2}}?)(?={_TITLES})")
_HAN_USUAL_LIST = """
    王国 王牌 王者 王室 王朝 王子 王后 王妃 王府 王宫 王座 王位 刘海 陈年 陈旧 陈列 陈述 黄色 黄金 黄金周 黄昏 黄油
    黄豆 黄瓜 黄牛 黄牌 黄种 周一 周二 周三 周四 周五 周六 周日 周天 周末 周围 周边 周期 周年 周刊 周报 周岁 周全 徐州
    孙子 孙女 孙辈 胡同 胡说 胡闹 胡乱 胡子 胡椒 罗马 罗列 罗汉 宋朝 宋代 郑重 郑州 韩国 韩语 韩式 韩系 韩剧 韩裔 唐朝
    唐代 唐山 唐人街 董事 董事会 程序 程序员 程度 程式 许多 许久 许可 许愿 许诺 沈阳 苏州 苏联 苏格兰 杜绝 杜撰 戴着
    戴上 戴眼镜 戴口罩 戴帽子 汪汪 熊猫 熊孩子 陆续 陆军 陆地 陆战队 孔雀 孔庙 秦朝 秦代 侯爵 孟买 钱包 钱财 汤里 贺卡
    贺岁 赖皮
"""
_HAN_USUAL = re.compile(rf"(?:{'|'.join(_HAN_USUAL_LIST.split())})[男女好]?")
_HAN_UNSURE = re.compile(rf"[{_TITLED}]{_H}{{1,2}}")  # before a title it may be a word that no list knows
_HAN_CALLED = re.compile(
    rf"(?:{_HAN_SURE}|[小阿老][{_SURNAMES}]|(?:[{_SURNAMES}]|{_DOUBLE}|{_HAN_SURE}){_TITLES}|{_H}{{1,6}}[·•]{_H}{{1,8}})"
)
_HAN_TITLED = re.compile(_TITLES)
_HAN_PERSON = re.compile("先生|女士")  # hardly ever after a word of three characters that is no name
_HAN_NOT = re.compile(r"[人者座生家员族党手师民们了着过吗呢吧的店号级]$")


def find(text: str, script: Script) -> Iterator[Span]:
    """Names told by what stands around them."""
    for pattern in () if not script.latin else (_TOLD, _CALLING, _SELF, _TITLE, _GREETED, _SIGNED):
        for m in pattern.finditer(text):
            group = m.lastindex or 0
            yield from _trimmed(m[group], m.start(group))
    for m in _LOWER.finditer(text) if script.latin else ():
        if not any(word in NOT_NAMES for word in m[1].split()):
            yield Span(*m.span(1), "NAME")
    if not script.han:
        return
    for m in (*_HAN_TOLD.finditer(text), *_HAN_FIELD.finditer(text)):
        yield Span(*m.span(1), "NAME")
    for m in _HAN_TITLE.finditer(text):
        yield from _titled(m[1], m.start(1), text)
    for m in _HAN_SELF.finditer(text):
        if not _HAN_NOT.search(m[1]):
            yield Span(*m.span(1), "NAME")


def _titled(name: str, start: int, text: str) -> Iterator[Span]:
    """A Chinese name before a title; nothing where a usual word stands there, or something's or somebody's."""
    if name.endswith("的"):
        if text[max(0, start - 1) : start] == "姓":  # 姓张的老师
            yield Span(start, start + 1, "NAME")
    elif not _HAN_USUAL.fullmatch(name):
        yield Span(start, start + len(name), "NAME")


def _trimmed(name: str, start: int) -> Iterator[Span]:
    """A name without words at its end that begin the next sentence; nothing where its first word is none."""
    parts = name.split(" ")
    if parts[0].lower() in NOT_NAMES:
        return
    while parts[-1].lower() in NOT_NAMES or parts[-1] in _BETWEEN[3:-1].split("|"):
        parts.pop()
    yield Span(start, start + len(" ".join(parts)), "NAME")


def is_han_name(text: str) -> bool:
    """Whether Chinese characters look like what somebody is called: 李明, 欧阳娜娜, 小李, 王老师, 约翰·史密斯."""
    return _HAN_CALLED.fullmatch(text) is not None and _HAN_USUAL.fullmatch(text) is None


def told_names(text: str, spans: Iterable[Span]) -> set[str]:
    """Names among the spans that may be looked for elsewhere too: whole, and part by part unless it is a usual word."""
    out = set()
    for span in spans:
        if span.kind == "NAME" and not _only_titled(text, span):
            out |= variants(text[span.start : span.end])
    return out


def _only_titled(text: str, span: Span) -> bool:
    """Whether a title is all that makes it a Chinese name: too little to take the same characters out everywhere."""
    if not _HAN_UNSURE.fullmatch(text, span.start, span.end) or not _HAN_TITLED.match(text, span.end):
        return False
    return span.end - span.start < 3 or not _HAN_PERSON.match(text, span.end)


def variants(name: str) -> set[str]:
    """A name and those of its parts that mean this person wherever they stand."""
    name = " ".join(name.split())
    parts = {p.strip(".") for p in name.split(" ")}
    known = {p for p in parts if len(p) > 2 and p[0].isupper() and p.lower() not in _USUAL}
    whole = {name} if len(name) > 1 and name.lower() not in _USUAL else set()
    return whole | known


def several(names: Iterable[str]) -> list[str]:
    """Names one by one: a single text is one, not its letters, and one with a comma in it is several.

    Raises:
        InputError: something else than texts.
    """
    listed = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    for name in listed:
        if not isinstance(name, str):
            raise InputError(f"names: expected texts, got {type(name).__name__}; give the names of people as a list")
    return [part.strip() for name in listed for part in COMMAS.split(name) if part.strip()]


def given(text: str, names: Iterable[str]) -> Iterator[Span]:
    """Where given names stand: whole words, as written or all in capitals; Chinese ones anywhere."""
    forms = {form for n in names if n.strip() for form in (n, n.upper()) if form in text}  # of hundreds hardly any are
    if not forms:
        return
    either = "|".join(re.escape(form) for form in sorted(forms, key=lambda n: (-len(n), n)))
    for m in re.finditer(rf"(?<![{_LATIN}0-9_])(?:{either})(?![{_LATIN}0-9_])", text):
        yield Span(*m.span(), "NAME")
