"""Who speaks in a talk that is written down line by line: names before a colon, "Bob: hi", "李明:你好".

A label is the beginning of a line up to its first colon, without a remark in brackets, which may be a further name. It
is a speaker's only if it has the form of a name, is no usual word, and the text looks like a talk: see `speakers_in`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from demeanor.privacy.names import NOT_NAMES, is_han_name
from demeanor.privacy.speakers import is_role

_LABEL = re.compile(
    r"(?P<before>\s{0,20}(?:(?:<[^<>]{0,60}>|\{[^{}]{0,60}\}|\[[\d:., -]{1,30}\]|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?"
    r"|[-–—*•]|>{1,3})\s{0,9}){0,4})"
    r"(?P<label>[^\W\d_][^\n:：<>{}\[\](),;!?/\"“”，。！？、*]{0,39}?)\*{0,3}"
    r"\s?(?:[(（](?P<remark>[^()（）]{1,40})[)）]|\[[\d:., -]{1,30}\])?"
    r"\s?(?:</[a-z]{1,4}>|\*{1,3})?(?:：|:(?=\s|$|[<\"“'‘*]|[^\x00-\u024f]))"
)
_TITLES_LIST = """
    mr mrs ms mx dr prof miss sir madam judge officer detective captain sergeant doctor
"""
_TITLES = frozenset(_TITLES_LIST.split())
_BETWEEN_LIST = """
    de van von der den la le del di da bin al el ter
"""
_BETWEEN = frozenset(_BETWEEN_LIST.split())
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_])){0,24}\.?")
_HAN = re.compile(r"(?!.*[我你您他她它咱这那哪谁的了着过是在有没不说讲想问道叫就都也很和与等上下])[\u4e00-\u9fff]{2,3}")
_CASELESS = re.compile(r"[^\W\d_]+")
_MOST_WORDS = 4
_FIELDS_LIST = """
    abstract account action actions added address age agenda aim amount answer answers appendix attachment attachments
    attendees attention author available bcc benefits breakfast budget building caption cast category cause caution cc
    changed chapter chorus city class code color colour comment comments company conclusion cons contact content
    contents context copyright cost country course credits danger data date dates deadline delivery department
    description destination details diagnosis dinner director disclaimer distance dosage due duration edit edited
    email ending end ends episode equipment error errors example examples explanation fact facts fax fee file files
    final first fixed follow footnote footnotes format friday from goal goals guess height hint history hours idea
    image impact important includes info information ingredients input instructions interests introduction intro
    invoice issue item items job keywords known label language last later legend length lesson level license licence
    limits link links list listen location look lunch lyrics mail meaning means meeting menu message method mobile
    model monday motto music name names next night no note notes notice now number object objective occupation offer
    opening option options order origin output overview owner page part participants password payment people phone
    photo picture place plan plot plus point points position postscript presents price prices priority problem
    problems procedure produced product profile project proof pros ps purpose question questions quote rating reason
    reasons recap recipe recommended reference references remark remarks remember reminder removed reply report
    request requirements response result results risk risks role room rule rules saturday scene schedule score season
    second secret section see sender sent series shipping side size skills solution song source sources speaking
    spoiler stage start starts state status step steps story street subject subtitles suggestion sum summary sunday
    surname symptoms synopsis table tags task tasks tel telephone term terms test text third thoughts thursday time
    times tip tips title to today todo tomorrow topic topics total translated translation transcript truth tuesday
    type update updates upside downside usage user username value verdict verse version via video view voice wait
    warning warnings watch website wednesday weather web weight width wifi winner word words written year yesterday
"""
_USUAL = NOT_NAMES - {"will"}
_FIELDS = frozenset(_FIELDS_LIST.split())
_REMARKS_LIST = """
    aside breathing cheerfully clapping contd cont'd continued continuing coughing coughs crying cries gasps giggles
    groans inaudible interrupting laughing laughs laughter loudly music nodding offscreen offstage os pause pausing ph
    quietly sarcastically shouting shouts sighing sighs singing sings smiling sobbing softly subtitle subtitled
    translating unintelligible vo voiceover whispering whispers yelling
    ceo cfo cto chair chairman chairwoman director editor founder manager president producer secretary
"""
_REMARKS = frozenset(_REMARKS_LIST.split())
_HAN_FIELDS_LIST = """
    注意 备注 注 时间 日期 地点 地址 电话 手机 邮箱 主题 标题 题目 提示 说明 问题 问 答 答案 回答 例如 比如 譬如
    结果 原因 目的 方法 步骤 总结 结论 建议 优点 缺点 内容 摘要 关键词 作者 来源 出处 链接 网址 姓名 名字 性别 年龄
    职业 公司 单位 部门 职位 学校 专业 价格 总价 数量 单价 金额 费用 编号 型号 规格 颜色 尺寸 重量 品牌 产地 类型
    类别 状态 版本 更新 附件 抄送 收件人 发件人 联系人 收货人 经办人 署名 电邮 密码 账号 帐号 用户名 翻译 字幕 校对
    制作 导演 编剧 主演 演员 监制 出品 片名 歌名 歌词 作词 作曲 词 曲 演唱 旁白 声明 警告 重点 要点 目标 任务 背景
    简介 介绍 目录 参考 配料 食材 做法 主料 辅料 用法 用量 功效 早餐 午餐 晚餐 早上 中午 下午 晚上 今天 明天 昨天
    周一 周二 周三 周四 周五 周六 周日 星期一 星期二 星期三 星期四 星期五 星期六 星期日 另外 其他 其它 首先 其次
    最后 第一 第二 第三 一是 二是 三是 所以 因此 但是 然后 记住 结局 真相 评分 评价 评论 回复 转发 口味 环境 服务
    性价比 位置 交通 停车 总之 概述 定义 备考 单号 订单 快递 发票 标签 话题 分类 图 表 图片 视频 来自 编辑 责编 记录
    记录人 参加 出席 缺席 会议 议题 主持 开场 结尾 场景 时长 语言 国家 城市 省份 生日 爱好 特长 身高 体重 血型 星座
"""
_HAN_FIELDS = frozenset(_HAN_FIELDS_LIST.split())


class Label(NamedTuple):
    """What stands before a line's colon: characters `start` to `end`, the name or role itself, a remark in brackets."""

    start: int
    end: int
    name: str
    remark: str = ""


class Speakers(NamedTuple):
    """Who speaks in a talk: names that open lines, and further names of theirs, in order."""

    names: list[str]
    further: list[str]

    def forms(self) -> Iterator[str]:
        """How the names may stand in what is said; see `forms`."""
        return forms([*self.names, *self.further])


def label_of(line: str) -> Label | None:
    """What a line begins with up to its colon: after dashes, tags and a time, before a remark in brackets or a time."""
    m = _LABEL.match(line)
    return None if m is None else Label(m.start("label"), m.end("label"), m["label"], m["remark"] or "")


def speakers_in(lines: Iterable[str]) -> Speakers:
    """Names of speakers that open lines of a talk; none where it does not look like one.

    A label is a name if all its words begin with a capital and none is a usual word ("DR. SMITH", "Ann Lee"; not
    "Note", "Then Bob"), or if it has the form of a Chinese name. One that opens a single line is none if its words
    stand in the text in small letters too; other two or three Chinese characters have to open two lines. Names are
    taken only where one opens two lines, or where another name or a role ("Host", "S1") opens a line as well; and not
    where as many lines open with words of forms ("Phone: …"). A remark behind a speaker that has the form of a name is
    a further one ("Speaker 1 (Ann Lee)", "Bob (Miller)"); a role with one is a talk by itself.

    Args:
        lines: of what is said, without times.
    """
    lines = list(lines)
    labels = [label for line in lines if (label := label_of(line)) is not None]
    counts = Counter(label.name for label in labels)
    if not counts:
        return Speakers([], [])
    small = {word for line in lines for word in _CASELESS.findall(line) if word.islower()}
    fields = {name for name in counts if name in _HAN_FIELDS or _FIELDS & set(name.lower().split())}
    roles = {name for name in counts if is_role(name)} - fields
    named = [n for n, count in counts.items() if n not in fields | roles and _like_a_name(n, count, small)]
    remarks = [label for label in labels if label.name in {*roles, *named} and _is_further(label.remark, small)]
    spoken = sum(counts[name] for name in (*roles, *named)) + sum(label.name in roles for label in remarks)
    if spoken <= max(1, sum(counts[name] for name in fields)):
        return Speakers([], [])
    return Speakers(named, list(dict.fromkeys(label.remark for label in remarks)))


def renamed(line: str, called: Mapping[str, str]) -> str:
    """The line with its label as it is called now."""
    label = label_of(line)
    if label is None or label.name not in called:
        return line
    return line[: label.start] + called[label.name] + line[label.end :]


def forms(names: Iterable[str]) -> Iterator[str]:
    """How the names of labels may stand in what is said: without titles, and of capitals alone in usual letters too."""
    for name in names:
        words = name.split()
        while len(words) > 1 and words[0].lower().strip(".") in _TITLES:
            del words[0]
        plain = " ".join(words)
        yield plain
        if plain.isupper() and plain.lower() != plain:
            yield plain.title()


def _is_further(remark: str, small: set[str]) -> bool:
    """Whether a remark behind who speaks is a name, and not how or where it is said."""
    usual = _REMARKS | _FIELDS | {"off", "on", "screen", "phone", "radio", "camera"}
    return not is_role(remark) and not usual & set(remark.lower().split()) and _like_a_name(remark, 1, small)


def _like_a_name(label: str, count: int, small: set[str]) -> bool:
    if is_han_name(label):
        return True
    if _HAN.fullmatch(label):
        return count > 1
    words = label.split(" ")
    if len(words) > _MOST_WORDS or not all(_WORD.fullmatch(w) for w in words):
        return False
    titled = len(words) > 1 and words[0].lower().strip(".") in _TITLES
    own = [w for w in words[titled:] if w not in _BETWEEN]
    plain = [w.lower().strip(".") for w in own]
    if not own or not all(w[0].isupper() for w in own) or max(map(len, plain)) < 2:
        return False
    return not any(w in _USUAL or (count == 1 and w in small) for w in plain)
