"""Personal data in texts: found by form, check and context; ordinary sentences stay; the text round it is untouched."""

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from personal_cases import cases

from demeanor.errors import InputError
from demeanor.privacy.checks import is_card, is_iban, is_resident_id
from demeanor.privacy.spans import KINDS, PLACEHOLDER, Pseudonyms, Span, joined, replaced
from demeanor.privacy.text import find_personal, redact_text

CASES = cases()


def test_there_are_enough_cases_of_every_kind() -> None:
    assert len(CASES) >= 150
    kinds = [kind for _, _, spans in CASES for _, _, kind in spans]
    assert set(kinds) == set(KINDS) - {"NUMBER"}
    assert min(kinds.count(k) for k in set(kinds)) >= 4


@pytest.mark.parametrize(
    ("text", "spans"), [(text, spans) for _, text, spans in CASES], ids=[t[:40] for _, t, _ in CASES]
)
def test_all_of_it_is_found_and_little_more(text: str, spans: list[tuple[int, int, str]]) -> None:
    found = find_personal(text)
    for start, end, _ in spans:
        assert any(f.start <= start and end <= f.end for f in found), found
    taken = sum(f.end - f.start for f in found)
    assert taken <= sum(end - start for start, end, _ in spans) + 12
    done = redact_text(text).text
    assert not [text[a:b] for a, b, _ in spans if text[a:b] in done]


def test_kinds_are_told() -> None:
    right = [
        any((f.start, f.end, f.kind) == tuple(span) for f in find_personal(text))
        for _, text, spans in CASES
        for span in spans
    ]
    assert sum(right) >= 0.95 * len(right)


ORDINARY = """
The meeting is on 2024-05-06 at 10:30, room 1234.
In 2010-2014 we sold 1,234,567 units for $12,345,678.
Version 1.2.3.4 was released on 12/05/2023.
Pi is 3.14159265358979, e is 2.718281828.
He ran 100 m in 9.58 and 200 m in 19.19 seconds.
Order now and save 50%! Only 1999 left.
The timestamp 1700000000 is in seconds.
ISBN 978-3-16-148410-0 is an example.
Call of Duty 2011 was the best one.
One two three four five six seven eight nine ten.
I have five or six of them, two or three of these.
Look at example dot com for more.
It was sold at amazon.com last week.
May will be warm; Will you come? Grace is a virtue.
My name is not important.
I am happy. I am Groot. This is Great!
Dear God, why?
Hi everyone, hello world!
My birthday was great.
She was born in a small town.
The street was full of people; 2 blocks down the road.
I walked 3 miles down that long road.
https://example.com/news/2024/05/article-title.html is worth reading
See www.example.org/about for details.
std::vector<int> a; b::c; at 10:20:30
The score was 3-2, 4-1, 5-0, then 6-1 6-2.
a@b is no address, nor is @ home.
Doctor, doctor! Mister, wait. Miss you.
1 2 3 4 5 6 7 8 9
Passport control was slow; my visa is for two years.
今天天气真好,一共花了一百二十三块五毛。
我叫了外卖,等了三十分钟。
我叫你别去你不听。
知道3号开学,味道1号窗口最好。
一二三四五六七,上山打老虎。
2024年5月6日开会,3号线坐5站。
谢谢师傅,感谢老师!
二零二四年五月六日
我是江西人,我是金牛座,我是学生。
第12路公交车,走路8号到。
价格从199到299,编号12345。
这家店在5楼,人均80元,营业到22点。
三三两两,七七八八,一五一十。
好评率99.8%,共12345678条评价。
"""


@pytest.mark.parametrize("text", ORDINARY.strip().split("\n"))
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert redact_text(text).text == text


def test_checks_against_official_examples() -> None:
    assert all(map(is_card, ["4111111111111111", "378282246310005", "6011111111111117", "5105105105105100"]))
    assert not any(map(is_card, ["4111111111111112", "0000000000000000", "1234567890123456", "41111"]))
    assert all(map(is_iban, ["GB82WEST12345698765432", "DE89370400440532013000", "NO9386011117947"]))
    assert not any(map(is_iban, ["GB82WEST12345698765433", "DE8937040044053201300", "XX89370400440532013000", ""]))
    assert is_resident_id("11010519491231002X")  # the example of GB 11643-1999
    assert not any(map(is_resident_id, ["110105194912310020", "11010519491331002X", "1101051949123100", "A" * 18]))


def test_given_names_and_a_recogniser() -> None:
    text = "Ask zoe Barnes or FRANK UNDERWOOD; Barnes knows. 小龙女也知道。"
    done = redact_text(text, names=["Zoe Barnes", "Frank Underwood", "小龙女"]).text
    assert done == "Ask zoe [NAME] or [NAME]; [NAME] knows. [NAME]也知道。"
    assert redact_text("so said Aki", recogniser=lambda t: [(8, 11)]).text == "so said [NAME]"
    assert redact_text("Aki", recogniser=lambda t: [(-5, 99)]).text == "[NAME]"


@pytest.mark.parametrize("names", [["张三，李四"], "张三、李四", ["张三", "，李四,"]])
def test_a_given_name_with_a_comma_is_several(names: list[str] | str) -> None:
    assert redact_text("张三和李四吵了一架。", names=names).text == "[NAME]和[NAME]吵了一架。"


@pytest.mark.parametrize("names", [17, [17], [None]])
def test_names_that_are_no_texts_are_refused(names: Any) -> None:
    with pytest.raises(InputError, match="names: expected texts, got"):
        redact_text("I love it", names=names)


def test_who_is_named_once_is_known_everywhere() -> None:
    text = "Whatever Zubrowka says. My name is Otto Zubrowka. May I? Otto did it."
    assert redact_text(text).text == "Whatever [NAME] says. My name is [NAME]. May I? [NAME] did it."


def test_kinds_wanted_and_pseudonyms() -> None:
    text = "a@example.com, 212-555-0187, A@EXAMPLE.COM, b@example.com"
    assert redact_text(text, kinds=["PHONE"]).text == "a@example.com, [PHONE], A@EXAMPLE.COM, b@example.com"
    marks = Pseudonyms()
    assert redact_text(text, pseudonyms=marks).text == "[MAIL 1], [PHONE 1], [MAIL 1], [MAIL 2]"
    assert redact_text("b@example.com", pseudonyms=marks).text == "[MAIL 2]"


def test_keyed_pseudonyms_are_the_same_everywhere_and_differ_by_key() -> None:
    one, again, other = (redact_text("a@example.com", pseudonyms=Pseudonyms(key)).text for key in (b"k1", b"k1", b"k2"))
    assert one == again != other
    assert PLACEHOLDER.fullmatch(one)


def test_hidden_characters_do_not_hide() -> None:
    assert redact_text("call 212\u200b-555\u00ad-0187 now").text == "call [PHONE] now"
    assert redact_text("ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ").text == "[MAIL]"
    assert redact_text("😀a@example.com😀").text == "😀[MAIL]😀"
    assert redact_text("\ud800 a@example.com \udfff").text == "\ud800 [MAIL] \udfff"


PIECES = [text for _, text, _ in CASES] + [
    "[MAIL]",
    "[NAME 3]",
    "😀",
    "\ud83d",
    "\0",
    "\u200b",
    " ",
    "1",
    "@",
    "-",
    "路",
    "号",
]
texts = st.one_of(
    st.text(alphabet=st.characters()),
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.text(alphabet="0123456789 -.()+@a:路号一三八零\n[]", max_size=80),
)


@settings(deadline=None, max_examples=300)
@given(texts)
@example("my name is [NAME] Smith")
@example("[[MAIL]a@example.com]")
@example("1\u200b3800138000")
def test_what_is_not_taken_stays_and_twice_is_once(text: str) -> None:
    found = redact_text(text)
    at, kept = 0, []
    for start, end, kind in found.spans:
        assert at <= start < end <= len(text)
        assert kind in KINDS
        kept.append(text[at:start])
        at = end
    kept.append(text[at:])
    pieces, rest = [f"[{s.kind}]" for s in found.spans], found.text
    for before, mark in zip(kept, [*pieces, ""], strict=True):
        assert rest.startswith(before + mark)
        rest = rest[len(before + mark) :]
    assert rest == ""
    assert redact_text(found.text).text == found.text


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.sampled_from(KINDS)), max_size=12))
def test_joined_spans_cover_the_same_and_do_not_overlap(spans: list[tuple[int, int, str]]) -> None:
    done = joined(Span(*s) for s in spans)
    assert {i for a, b, _ in spans for i in range(a, b)} == {i for a, b, _ in done for i in range(a, b)}
    assert all(one.end <= other.start for one, other in pairwise(done))
    assert replaced("x" * 30, done).replace("x", "") == "".join(f"[{s.kind}]" for s in done)


def test_random_numbers_are_rarely_cards() -> None:
    rng = random.Random(0)
    hits = sum(is_card("".join(rng.choices("0123456789", k=16))) for _ in range(2000))
    assert hits < 0.06 * 2000


@pytest.mark.parametrize(
    "text",
    """
许多老师都来了。许多人不高兴，许多菜难吃。
周末老师不上班，周末人多。
程序经理看了程序。
黄金周老师放假，黄金周人多。
周一老师开会，周一人少。
王牌律师来了，王牌在手。
黄色小姐的裙子是黄色的。
王国的医生爱王国的人。
韩语老师教韩语，韩国同学学中文。
上周医生说没事，也许老师不知道。
课程老师换了，工程经理也换了。
许多女老师来了，许多女人也来了。
""".strip().split("\n"),
)
def test_usual_chinese_words_before_a_title_are_no_names(text: str) -> None:
    assert redact_text(text).text == text


def test_chinese_names_before_a_title() -> None:
    text = "王老师、李小明老师、张经理、陈医生、王国强老师和周一鸣教授，姓张的老师，上周许老师。"
    done = "[NAME]老师、[NAME]老师、[NAME]经理、[NAME]医生、王国强老师和[NAME]教授，姓[NAME]的老师，上周[NAME]老师。"
    assert redact_text(text).text == done.replace("王国强", "[NAME]")


def test_a_title_alone_does_not_make_a_chinese_name_known_everywhere() -> None:
    assert redact_text("陈皮老师来了，陈皮很好吃。").text == "[NAME]老师来了，陈皮很好吃。"
    assert redact_text("李小明先生来了，李小明走了。").text == "[NAME]先生来了，[NAME]走了。"
    assert redact_text("我叫李明。李明老师是我，李明走了。").text == "我叫[NAME]。[NAME]老师是我，[NAME]走了。"


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("写信给张三@qq.com吧", "写信给[MAIL]吧"),
        ("张三@qq.com", "[MAIL]"),
        ("zhang.san@公司.cn，谢谢", "[MAIL]，谢谢"),
        ("联系李雷@例子.com。", "联系[MAIL]。"),
        ("张三@例子.中国谢谢", "[MAIL]谢谢"),
        ("zhang@abc.公司 好", "[MAIL] 好"),
        ("zhang.三@qq.com", "[MAIL]"),
        ("我的邮箱是zhang@qq.com", "我的邮箱是[MAIL]"),
        ("我的邮箱是张三@qq.com", "我的邮箱是[MAIL]"),
        ("γιώργος@παράδειγμα.ελ, ναι", "[MAIL], ναι"),
        ("почта иван@пример.рф тут", "почта [MAIL] тут"),
        ("메일 홍길동@예시.한국 입니다", "메일 [MAIL] 입니다"),
        ("li@xn--fsqu00a.xn--fiqs8s!", "[MAIL]!"),
        ("Пишите a@b.com.Спасибо", "Пишите [MAIL].Спасибо"),
        ("今晚@小明 来吗？a@中国", "今晚@小明 来吗？a@中国"),
    ],
)
def test_mail_in_other_scripts(text: str, done: str) -> None:
    assert redact_text(text).text == done


@pytest.mark.parametrize(
    "card",
    [
        "4111.1111.1111.1111",
        "4111  1111  1111  1111",
        "4111, 1111, 1111, 1111",
        "4111 1111\n1111 1111",
        "4111\n1111\r\n1111\n1111",
        "4111-1111-\n1111-1111".replace("-\n", "\n"),
        "3782.822463.10005",
    ],
)
def test_cards_in_groups_however_parted(card: str) -> None:
    assert redact_text(f"The card is {card}, yes").text == "The card is [CARD], yes"
    other = card[:-1] + str((int(card[-1]) + 1) % 10)
    assert "CARD" not in redact_text(f"It is {other}, yes").text  # Luhn


def test_lists_and_mixtures_of_numbers_are_no_cards() -> None:
    for text in ("2024, 4111, 1111, 1111, 1111", "7000\n4111\n1111\n1111\n1111", "4111, 1111-1111.1111"):
        assert redact_text(text).text == text


@pytest.mark.parametrize(
    "iban",
    [
        "DE89  3704  0044  0532  0130  00",
        "DE89.3704.0044.0532.0130.00",
        "GB29 NWBK 6016\n1331 9268 19",
    ],
)
def test_accounts_in_groups_however_parted(iban: str) -> None:
    assert redact_text(f"Code AB12. {iban}. Thanks").text == "Code AB12. [IBAN]. Thanks"
    assert "IBAN" not in redact_text(f"{iban[:-1]}{(int(iban[-1]) + 1) % 10} it says").text  # modulo 97


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("email='john@example.com'", "email='[MAIL]'"),
        ("邮箱'zhangsan@qq.com'", "邮箱'[MAIL]'"),
        ("_john@example.com_ or *a@example.com*", "_[MAIL]_ or *[MAIL]*"),
        ("-john@example.com", "-[MAIL]"),
        ("—john@example.com—", "—[MAIL]—"),
        ("+j@example.com %j@example.com .j@example.com", "+[MAIL] %[MAIL] .[MAIL]"),
        ("m_o'brien+news@example.com", "[MAIL]"),
    ],
)
def test_signs_around_mail_do_not_hide_it(text: str, left: str) -> None:
    assert redact_text(text).text == left


@pytest.mark.parametrize("card", ["6228 4801 3345 6789 014", "6228-4801-3345-6789-014", "622848 0133456789014"])
def test_cards_of_nineteen_digits_as_they_are_printed(card: str) -> None:
    assert redact_text(f"退款请打到 {card} 谢谢").text == "退款请打到 [CARD] 谢谢"
    assert redact_text("4111 1111 1111 1111 123").text == "[CARD] 123"  # three digits of another number


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Mr. Dvořák called", "Mr. [NAME] called"),
        ("Mr. Dvor\u030ca\u0301k called", "Mr. [NAME] called"),
        ("My name is Łukasz Kowalski.", "My name is [NAME]."),
        ("my name is jiří novák.", "my name is [NAME]."),
        ("Dear Jiří,", "Dear [NAME],"),
        ("Dr. Çağlar Yıldız", "Dr. [NAME]"),
        ("Mrs. Nguyễn said hi", "Mrs. [NAME] said hi"),
        ("My name is Иван Петров.", "My name is [NAME]."),
        ("Mr. MacDonald, Mr. McDONALD, Ms. O'Brien-Smith", "Mr. [NAME], Mr. [NAME], Ms. [NAME]"),
        (f"Mr. W{'o' * 40}lf said", "Mr. [NAME] said"),
    ],
)
def test_a_name_is_taken_whole_whatever_its_letters(text: str, left: str) -> None:
    assert redact_text(text).text == left


def test_a_given_name_is_no_part_of_a_longer_one() -> None:
    assert (
        redact_text("Janů and Jan, 我Jan你, Ивана", names=["Jan", "Иван"]).text
        == "Janů and [NAME], 我[NAME]你, [NAME]а"
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("主页 https://weibo.com/u/12345，真的很好吃，推荐。下次", "主页 [URL]，真的很好吃，推荐。下次"),
        ("看我主页https://weibo.com/u/12345他真的很好吃", "看我主页[URL]他真的很好吃"),
        ("www.zhihu.com/people/ann，回答得很差劲", "[URL]，回答得很差劲"),
        ("https://weibo.com/u/12345（好吃）https://weibo.com/u/12345：好", "[URL]（好吃）[URL]：好"),
        ("weibo.com/ann很好吃", "[URL]很好吃"),
        ("https://www.zhihu.com/people/张三，好吃", "[URL]，好吃"),
        ("https://example.com/?q=张三&uid=3很好", "[URL]很好"),
        ("http://例子.中国/u/张三-李四 好", "[URL] 好"),
        ("https://example.com/users/josé/x", "[URL]"),
        ("https://www.google.com/maps/@40.7128,-74.0060,15z?q=home ok", "[URL] ok"),
        ("http://t.cn/RxYz太好看了#周末好电影#真的感动哭了", "[URL]太好看了#周末好电影#真的感动哭了"),
        ("http://t.cn/RxYz好看吗?反正我哭了", "[URL]好看吗?反正我哭了"),
        ("https://weibo.com/ann太难看了/哭", "[URL]太难看了/哭"),
        ("https://weibo.com/u/ann😭太难过了，真的", "[URL]😭太难过了，真的"),
        ("https://youtube.com/@ann!太好看了", "[URL]!太好看了"),
        ("https://weibo.com/u/ann,太好看了", "[URL],太好看了"),
        ("(https://a.com/?id=5)很好看", "([URL])很好看"),
        ("https://a.com/?q=ann|very good", "[URL]|very good"),
    ],
)
def test_a_page_ends_where_chinese_words_go_on(text: str, left: str) -> None:
    assert redact_text(text).text == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://pan.example.com/s/报告2024年?token=abcd1234 好", "[URL] 好"),
        ("https://pan.example.com/s/a报告（终稿）最终v2?token=abcd 好", "[URL] 好"),
        ("https://pan.example.com/s/报告，《终稿》?token=abcd！", "[URL]！"),
        ("https://zoom.us/j/98会议?pwd=Secret1", "[URL]"),
        ("https://host.com/a张三?token=1", "[URL]"),
        ("https://host.com/a😀?token=1", "[URL]"),
        ("https://host.com/?pipes=a|b&token=1", "[URL]"),
        ("https://shop.example.com/search?kw=iPhone手机&uid=12345", "[URL]"),
        ("https://example.com/docs/A栋/users/zhangsan/profile", "[URL]"),
        ("https://example.com/users/1/x张三.pdf", "[URL]"),
        ("https://www.zhihu.com/people/li-小明", "[URL]"),
        ("https://www.zhihu.com/people/li-小明，很好。", "[URL]，很好。"),
        ("https://www.zhihu.com/people/li小明（很好）！", "[URL]（很好）！"),
        ("https://example.com/profile/john张三：很好", "[URL]：很好"),
        ("https://youtube.com/@li小明——很好", "[URL]——很好"),
        ("https://example.com/?name=a张三&phone=13800138000好", "[URL]好"),
        ("https://example.com/?q=张三,李四", "[URL]"),
        ("https://example.com/?q=2024张三！", "[URL]！"),
        ("github.com/login/oauth/authorize?scope=user:email&code=SECRET99", "[URL]"),
        ("github.com/ann/x;jsessionid=SECRET1", "[URL]"),
        ("https://a.com/?token=abc|SECRET1 ok", "[URL] ok"),
        ("facebook.com/profile.php?v=a,b&id=1000123", "[URL]"),
        ("twitter.com/ann/lists/a~b?token=SECRET, ok", "[URL], ok"),
        ("(t.me/ann?start=a:SECRET1) ok", "([URL]) ok"),
    ],
)
def test_neither_a_secret_nor_half_a_name_is_left_behind_chinese_words(text: str, left: str) -> None:
    assert redact_text(text).text == left


@pytest.mark.parametrize(
    "mark", ["😀great", "…amazing work", "—y", "|y", "😭😭太难过了", "——太难过了", ",很好", "~~很好"]
)
def test_what_stands_behind_the_address_of_a_site_stays(mark: str) -> None:
    assert redact_text(f"主页weibo.com/ann{mark}").text == f"主页[URL]{mark}"


@pytest.mark.parametrize(
    "unit",
    [
        "a好",
        "好",
        "😀a",
        "a|",
        "/u/1好",
        "，好",
        "&name=",
        "https://a/u/1好",
        "weibo.com/ann😀",
        "，—",
        "call 1999 12 12 ",
    ],
)
def test_long_runs_of_pieces_of_addresses_and_dates_come_to_an_end(unit: str) -> None:
    text = "https://a.b/" + unit * (30_000 // len(unit))
    once = redact_text(text).text
    assert redact_text(once).text == once


@pytest.mark.parametrize(
    "text",
    [
        "Please contact us before 2024-03-15.",
        "Call 2024.03.15",
        "电话会议 2024-03-15 14:00",
        "Contact: 2024-03-15 10:30",
        "Contact: 2024/03/05 - 2024/03/20",
        "Call 2024-03-15 14",
        "Call 2024/3/5-2024/3/20",
        "Call 12 10 2024",
        "On 05/06/2024 250 people came.",
        "Delivered 03/04/2024 2500 parcels, returned 01.02.2024 300.",
        "am 05.06.2024 10.30 Uhr",
        "03/04/2024 1500 hours",
        "05 06 2024 250 people, 05.06.24-07.06.24",
    ],
)
def test_a_date_is_no_telephone_number(text: str) -> None:
    assert redact_text(text).text == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Call me: 2024-555-1234, tel 2024 1555", "Call me: [PHONE], tel [PHONE]"),
        ("tel 2010-10-10-2233", "tel [PHONE]"),
        ("phone: 2012-12-12 345", "phone: [PHONE]"),
        ("my number is 2010 10 10 22", "my number is [PHONE]"),
        ("call 1999 12 12 12", "call [PHONE]"),
        ("电话2021.10.10.55", "电话[PHONE]"),
        ("tel 12 34 56 78 90, or 01 12 19 45 67", "tel [PHONE], or [PHONE]"),
        ("06.12.19.45.67 or 06/12/19/45/67 or 06 12 34 5678", "[PHONE] or [PHONE] or [PHONE]"),
    ],
)
def test_a_number_that_begins_like_a_date_is_one(text: str, left: str) -> None:
    assert redact_text(text).text == left


def test_one_value_has_one_mark_whatever_its_width_and_accents() -> None:
    text = "电话13800138000，又是１３８００１３８０００"
    assert redact_text(text, pseudonyms=Pseudonyms()).text == "电话[PHONE 1]，又是[PHONE 1]"
    marks = Pseudonyms(b"k")
    assert marks.of("NAME", "Jiří") == marks.of("NAME", "Jir\u030ci\u0301")


@pytest.mark.parametrize("looped", ["1" * 30, "1" * 171, "11-" * 60 + "1", "1 " * 60 + "1", "1" * 20_000])
def test_a_number_that_a_recogniser_loops_over_is_taken_whole(looped: str) -> None:
    for told in ("The card number is ", "卡号是", "my account: ", "订单号:"):
        assert redact_text(f"{told}411-{looped}, ok").text == f"{told}[ACCOUNT], ok"
        assert redact_text(f"{told}4111-{looped}abc").text == f"{told}[ACCOUNT]abc"
    assert redact_text(f"my passport number is 411-{looped}").text == "my passport number is [ID]"
    assert redact_text("卡号是四" + "一" * 60).text == "卡号是[CARD]"


def test_digits_that_nothing_tells_stay_however_many() -> None:
    for text in ("pi is 3.1415926535" + "8979" * 40, "account 1234 5th floor", "圆周率三点" + "一四一五九二六" * 9):
        assert redact_text(text).text == text.replace("1234", "[ACCOUNT]")
