import codecs
import io
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanor.errors import DecodeError, InputError, LimitError
from demeanor.media import text as module
from demeanor.media.text import decode_text, detect_language, normalise, split_sentences

MESSY = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("aAbIi .!?…,;&#@:/\"'\n\t0123w")),
        st.sampled_from(list("今天很好。！？；我é\u0301\u200d\u200b\ufe0f😂❤哈\x00\u00a0İßｗ")),
        st.characters(),
    ),
    max_size=80,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "&amp;",
            "&lt;3",
            "http://t.co/a",
            "www.x.com.",
            "@bob",
            "#Tag",
            "SOOOO",
            "HAPPY ",
            "I",
            "....",
            "!!!!",
            " ",
            "\n",
            "今天",
            "哈哈哈",
            "。",
            "”",
            "Dr.",
            "e.g.",
            "U.S.",
            "😂😂😂",
            "&am",
            "p;",
            "\x00",
            "@",
            "http",
            "WE ",
            "i.",
            "...",
            "\ufeff",
        ]
    ),
    max_size=14,
).map("".join)


@pytest.mark.parametrize(
    ("said", "encoding"),
    [
        ("今天的天气真好", "utf-8"),
        ("今天的天气真好", "utf-8-sig"),
        ("今天的天气真好", "gb18030"),
        ("我很开心", "gb18030"),
        ("赞", "gb18030"),
        ("不好吃。。。菜太少了。。。。", "gb18030"),
        ("I love it 很好", "gb18030"),
        ("今天天氣真好,我們去公園", "big5"),
        ("差評！", "big5"),
        ("今日はとても楽しいです", "shift_jis"),
        ("最高の映画でした", "euc_jp"),
        ("이 영화 정말 좋아요", "euc_kr"),
        ("髙橋さんはとても親切でした。", "cp932"),
        ("똠방각하 정말 좋아요. 그런데 너무 비싸요.", "cp949"),
        ("價錢是€50，太貴了，我不喜歡。", "cp950"),
        ("Я очень рад видеть тебя сегодня, это прекрасный день", "cp1251"),
        ("I'm “really” happy — café", "cp1252"),
        ("Café", "latin-1"),
        ("J'ai adoré ce film, très émouvant", "latin-1"),
        ("price £5", "cp1252"),
        ("hello wörld", "utf-16-le"),
        ("hello wörld", "utf-16-be"),
        ("你好，世界 😂", "utf-16"),
        ("你好，世界 😂", "utf-32"),
        ("你好，世界 😂", "utf-32-le"),
        ("hello wörld", "utf-32-be"),
    ],
)
def test_encodings_of_short_texts(tmp_path: Path, said: str, encoding: str) -> None:
    file = tmp_path / "帖子.txt"
    file.write_bytes(said.encode(encoding))
    assert decode_text(file) == said
    assert decode_text(str(file)) == said
    assert decode_text(said.encode(encoding)) == said
    with file.open("rb") as opened:
        assert decode_text(opened) == said
        assert opened.tell() == 0


@pytest.mark.parametrize("plain", [5_700, 80_000])
@pytest.mark.parametrize(
    ("said", "encoding"), [("it’s a café", "cp1252"), ("今天的天气真好", "gb18030"), ("很好，我很喜欢", "utf-8")]
)
def test_the_first_sign_that_is_not_ascii_may_come_late(said: str, encoding: str, plain: int) -> None:
    text = "1,a plain line\n" * (plain // 15) + said
    assert decode_text(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("plain", "late", "encoding"),
    [
        ("今日はとても楽しいです。", "髙橋さん①", "cp932"),
        ("이 영화 정말 좋아요. ", "똠방각하", "cp949"),
        ("今天天氣真好，我們去公園。", "€50", "cp950"),
    ],
)
def test_characters_that_only_windows_has_may_come_late(plain: str, late: str, encoding: str) -> None:
    text = plain * 400 + late
    assert decode_text(text.encode(encoding)) == text


def test_a_broken_byte_in_utf8_after_much_plain_text() -> None:
    data = b"a plain line\n" * 6_000 + "我很开心，今天天气真好".encode() + b"\xff "
    assert decode_text(data).endswith("我很开心，今天天气真好\ufffd ")


WESTERN = {
    "fr": ("Très déçu", "Fête, crêpe!", "J'ai été très déçue par le dîner. L'hôtel était sale, où êtes-vous?"),
    "de": ("Größe", "Schöne Grüße", "Das Essen war schön heiß. Über die Bedienung ärgere ich mich überhaupt nicht."),
    "es": ("España", "El nuevo disco está cañón", "¿Cómo está la señora? El niño pequeño comió aquí. 1ª clase, nº 5."),
    "pt": ("São João", "Passei na prova de direção hoje cedo", "A atualização não é boa. Não gosto, você também não."),
    "it": ("Perché no?", "La città è bella", "Il caffè era freddo, però il servizio è stato più gentile di così."),
    "nl": ("coöperatie", "Op zondag eten we om één uur.", "Hij is naïef en geïnteresseerd. De reünie was één feest."),
    "sv": ("Blåbär", "Resan var spännande", "Maten var kall och ägaren såg sur ut. Vi går aldrig dit igen, så är det."),
    "da": (
        "To øl.",
        "Tusind tak for hjælpen!",
        "Maden var kold. Nævnte lærer, før frokost, på sær vis nedbrændte æblerne.",
    ),
    "no": (
        "Smørbrød",
        "Jeg så mørket på fjellet",
        "Frøken Bjørnsøn er så sær. Været på øya er ikke så bra, sier læreren.",
    ),
    "fi": ("Päässä", "Jännittää kauheasti huominen ajokoe.", "En pidä tästä. Hän ei ymmärrä meitä, mutta hyvä näin."),
    "is": ("Það er gott", "Þetta var mjög gott", "Maturinn var mjög góður en þjónustan var slæm. Ég kem ekki aftur."),
    "en": ("naïve café, £3", "200 m³ of water, it’s £5", "A²+B² = C², ½ a cup – “wow”, said Zoë at the café for 3°."),
}
CENTRAL = {
    "pl": (
        "Miła obsługa",
        "Była bardzo miła, nie było źle.",
        "Gdzieś kupiłem to. Pyszne jedzenie, ale drożej niż myślałem.",
    ),
    "cs": (
        "Žluťoučký kůň úpěl ďábelské ódy",
        "Bojím se, že to nestihneme",
        "Jídlo bylo studené a obsluha nepříjemná. Už tam nikdy nepůjdeme.",
    ),
    "sk": (
        "Ďakujem, ľutujem že sme nešli skôr",
        "Jedlo bolo studené a obsluha veľmi milá",
        "Nešli sme tam. Bolo to veľmi zlé, ťažko povedať.",
    ),
    "sl": (
        "Soba ni bila zelo čista",
        "Hrana je bila odlična in zelo dobra",
        "Postrežba ni bila všeč nikomur. Nočem več sem.",
    ),
    "hr": (
        "Nije bilo loše, ali više nisam gladan",
        "Osoblje je bilo ljubazno, još ću doći",
        "Nisam više bio, jer je bilo preskupo. Još ćemo vidjeti.",
    ),
    "hu": (
        "Nagyon jó és gyönyörű",
        "Nem tetszett, túl hosszú volt a műsor",
        "Jó volt az idő, de a szoba hűvös. Többé nem jövök.",
    ),
    "ro": (
        "Nu mi-a plăcut, şi gata",
        "Şi mâncarea a fost rece",
        "Mi-a plăcut foarte mult. Dar camera a fost murdară şi rece.",
    ),
}
TURKISH = (
    "Teşekkürler",
    "Yemekler soğuktu, bir daha gelmem.",
    "Çok güzel bir yer, çalışanlar çok ilgili. Fiyatı biraz pahalı ama değdi. Işıklar hoş.",
)


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("cp1252", said) for said in WESTERN.values()]
    + [("cp1250", said) for said in CENTRAL.values()]
    + [("cp1254", TURKISH)],
)
def test_latin_letters_of_each_part_of_europe(encoding: str, said: tuple[str, ...]) -> None:
    assert [decode_text(text.encode(encoding)) for text in said] == list(said)
    subtitles = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{text}\n\n" for n, text in enumerate(said, 1))
    notes: list[str] = []
    assert decode_text((subtitles * 100).encode(encoding), notes) == subtitles * 100
    assert f"read as {encoding}" in notes[0]


def test_legacy_sentences_of_each_part_of_europe() -> None:
    """Of sentences of a few words: in western Europe's encoding next to none is taken for another."""
    import csv

    encodings = dict.fromkeys(("de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi"), "cp1252")
    encodings |= {"pl": "cp1250", "cs": "cp1250", "hu": "cp1250", "tr": "cp1254"}
    right: dict[str, list[bool]] = {}
    for name in ("everyday.csv", "further.csv"):
        with (Path(__file__).parents[2] / "recipes/tables" / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                encoding = encodings.get(row["language"])
                if encoding and not row["text"].isascii():
                    data = row["text"].encode(encoding, "replace")
                    right.setdefault(encoding, []).append(decode_text(data) == data.decode(encoding))
    shares = {encoding: sum(found) / len(found) for encoding, found in right.items()}
    assert shares["cp1252"] > 0.995
    assert min(shares["cp1250"], shares["cp1254"]) > 0.88


def test_real_reviews_survive_legacy_encodings(shared: Path) -> None:
    lines = (shared / "data/zh_reviews/meals.csv").read_text("utf-8-sig").splitlines()[1:1500:3]
    said = [line[2:] for line in lines if not line[2:].isascii()]
    right = sum(decode_text(s.encode("gb18030")) == s for s in said)
    assert right / len(said) > 0.99


def test_utf8_cut_within_a_character_and_with_broken_bytes() -> None:
    data = "我很开心，今天天气真好".encode()
    assert decode_text(data[:-1]) == "我很开心，今天天气真"
    broken = ("我很开心，今天天气真好" * 5).encode() + b"\xff" + "好".encode()
    assert decode_text(broken).startswith("我很开心")
    assert "\ufffd" in decode_text(broken)


def test_text_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert decode_text("I love it") == "I love it"
    assert decode_text("x" * 100_000) == "x" * 100_000  # too long for a path
    assert decode_text("") == decode_text(b"") == ""
    (tmp_path / "empty.txt").touch()
    assert decode_text(tmp_path / "empty.txt") == ""
    assert decode_text(b"a\r\nb\rc") == "a\nb\nc"
    with pytest.raises(InputError, match="no such file"):
        decode_text(tmp_path / "none.txt")
    opened = io.StringIO("I love it")
    opened.read(2)
    assert [decode_text(opened), decode_text(opened)] == ["I love it"] * 2  # type: ignore[arg-type]
    assert opened.read() == "love it", "the caller's own place does not move"
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    with pytest.raises(LimitError, match="split the file"):
        decode_text(b"a" * 1001)


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=300)
def test_any_bytes_give_some_text_or_are_none(data: bytes) -> None:
    refused = data.strip().lower().startswith((b"%pdf-", b"{\\rtf", b"[script info]"))
    if refused or any(c < 32 or c == 127 for c in data):
        with suppress(DecodeError):
            assert isinstance(decode_text(data), str)
    else:
        assert isinstance(decode_text(data), str)


def test_of_a_text_file_whose_lines_are_gone_through_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first\nsecond\nthird\n")
    with (tmp_path / "a.txt").open(encoding="utf-8") as opened:
        next(opened)
        assert decode_text(opened) == "second\nthird\n"


def test_a_film_named_as_text_is_no_text() -> None:
    film = (Path(__file__).parents[2] / "demo" / "clip.mp4").read_bytes()
    with pytest.raises(DecodeError, match="data of another kind"):
        decode_text(film)
    assert decode_text(b"One stray \x07 mark in an old file is no fault, nor is its last one.\x1a")


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("SO HAPPY TODAY!!! I CAN'T WAIT https://t.co/x @bob", "So happy today!!! I can't wait http @user"),
        ("soooo goooood 哈哈哈哈 1000 www.foo.com", "soo good 哈哈 1000 http"),
        ("&amp;lt;3 love\u200b it\x00", "<3 love it"),
        ("看http://t.cn/Rx很好 @小明 谢谢", "看http很好 @user 谢谢"),
        ("https://de.wikipedia.org/wiki/Größe_und_Länge, http://a.cn/wiki/张三，好", "http http张三，好"),
        ("https://www.example.com/真的很难用", "http真的很难用"),
        ("我喜欢 NBA CBA", "我喜欢 NBA CBA"),
        ("WW2 NBA", "WW2 NBA"),
        ("I ❤️❤️ it 👨‍👩‍👧 #LoveIt", "I ❤️❤️ it 👨‍👩‍👧 #LoveIt"),
        ("now\n\nhm.....!!!!!!", "now hm...!!!"),
        ("Cafe\u0301 \ud83d", "Café"),
        ("", ""),
        (" \n\t ", ""),
    ],
)
def test_normal_form(raw: str, normal: str) -> None:
    assert normalise(raw) == normal


@given(st.one_of(MESSY, PIECES))
@settings(deadline=None, max_examples=400)
def test_normalising_twice_changes_nothing(raw: str) -> None:
    once = normalise(raw)
    assert normalise(once) == once
    once.encode()  # no broken surrogate is left


@pytest.mark.parametrize(
    ("said", "sentences"),
    [
        ("I love it. It is great! Isn't it? Yes.", ["I love it.", "It is great!", "Isn't it?", "Yes."]),
        (
            'Dr. Smith went to Washington D.C. on Jan. 5th. He said "Hello there." Then he left.',
            ["Dr. Smith went to Washington D.C. on Jan. 5th.", 'He said "Hello there."', "Then he left."],
        ),
        (
            "It costs $3.14 at www.example.com. Visit https://t.co/abc.def?x=1! OK",
            ["It costs $3.14 at www.example.com.", "Visit https://t.co/abc.def?x=1!", "OK"],
        ),
        ("wow! i love it. really", ["wow!", "i love it.", "really"]),
        ('"Really?" she asked. Yes', ['"Really?" she asked.', "Yes"]),
        ("今天的天气真好。我很开心！你呢？", ["今天的天气真好。", "我很开心！", "你呢？"]),
        ("他说：“今天真好。”我也觉得！！", ["他说：“今天真好。”", "我也觉得！！"]),
        ("菜太少了……服务也很差；再也不来了", ["菜太少了……服务也很差；", "再也不来了"]),
        ("太好看了!强烈推荐大家去看.下次还来", ["太好看了!", "强烈推荐大家去看.", "下次还来"]),
        ("great.I love it. Node.js is ok", ["great.", "I love it.", "Node.js is ok"]),
        (
            "J. R. R. Tolkien wrote it. In the U.S. They stay.",
            ["J. R. R. Tolkien wrote it.", "In the U.S.", "They stay."],
        ),
        ("So happy!!! 😂😂 He said no. Bye ❤️", ["So happy!!! 😂😂", "He said no.", "Bye ❤️"]),
        (
            "One line\nAnother line is\nwrapped here\n\nnew part",
            ["One line", "Another line is\nwrapped here", "new part"],
        ),
        ("No. 5 is alive. I said no. We left.", ["No. 5 is alive.", "I said no.", "We left."]),
        ("I thought... you know. Wait... What?", ["I thought... you know.", "Wait...", "What?"]),
        ("今日は楽しい。また行きたい！", ["今日は楽しい。", "また行きたい！"]),
        ("मैं खुश हूँ। तुम कहाँ हो", ["मैं खुश हूँ।", "तुम कहाँ हो"]),
        ("😂😂", ["😂😂"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(said: str, sentences: list[str]) -> None:
    assert [said[a:b] for a, b in split_sentences(said)] == sentences


@given(st.one_of(MESSY, PIECES, st.text(alphabet="ab ,。好", min_size=300, max_size=1500)))
@settings(deadline=None, max_examples=200)
def test_spans_cover_the_original_in_order(said: str) -> None:
    spans = split_sentences(said)
    covered = 0
    for low, high in spans:
        assert covered <= low < high <= low + module_longest()
        assert not said[covered:low].strip()
        assert said[low:high] == said[low:high].strip()
        covered = high
    assert not said[covered:].strip()


def module_longest() -> int:
    from demeanor.media.sentences import LONGEST

    return LONGEST


def test_long_sentences_are_cut_at_clauses() -> None:
    said = "我觉得这部电影非常好看，" * 60 + "推荐"
    pieces = [said[a:b] for a, b in split_sentences(said)]
    assert len(pieces) == 7
    assert all(p.endswith("，") for p in pieces[:-1])
    assert all(len(p.encode()) <= module_longest() for p in pieces)
    said = "word " * 300
    assert all(not said[a:b].startswith("ord") for a, b in split_sentences(said))


def test_long_text_is_split_in_linear_time() -> None:
    said = "I love it. 我很开心！ " * 40_000
    assert len(split_sentences(said)) == 80_000


@pytest.mark.parametrize("unit", ["a", "我", " ", "\t", "a-", "a.", "@a", "0", "x@", "http://", '"', "😂"])
def test_a_long_run_without_an_end_costs_no_square(unit: str) -> None:
    """What cost the square of its length would take minutes here."""
    said = unit * (200_000 // len(unit)) + "x"
    spans = split_sentences(said)
    assert spans[-1][1] == len(said)


def test_addresses_hold_no_ends() -> None:
    for said in ("写信到a.b@example.com好吗", "看example.com.cn/a.b?c=1.2吧", "ask me@x-y.org now", "www.a.b.c.d"):
        assert split_sentences(said) == [(0, len(said))]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "I love it"),
        ("en", "This movie is terrible"),
        ("en", "I hate this movie"),
        ("zh", "我很开心"),
        ("zh", "我喜歡你"),
        ("zh", "今天的天气真好"),
        ("zh", "我喜欢 iPhone 和 Apple Watch"),
        ("zh", "の优质商品"),
        ("zh", "#武汉加油#"),
        ("ja", "今日は楽しい"),
        ("ja", "ありがとう"),
        ("ko", "사랑해요"),
        ("ru", "Я тебя люблю"),
        ("ar", "أنا سعيد جدا"),
        ("th", "ฉันรักคุณ"),
        ("hi", "मैं खुश हूँ"),
        ("el", "Σε αγαπώ"),
        ("he", "אני אוהב אותך"),
        ("es", "Me encanta esta película"),
        ("fr", "J'adore ce film"),
        ("de", "Ich liebe diesen Film"),
        ("it", "È una bella giornata"),
        ("pt", "Não gosto disso"),
        ("nl", "Ik hou van deze film"),
        ("tr", "Bu filmi çok seviyorum"),
        ("pl", "Kocham ten film"),
        ("id", "Saya suka film ini"),
        ("und", ""),
        ("und", "123 😂"),
        ("und", "W mom"),  # one letter is no Polish word yet
        ("und", "http://t.co/the-is-are"),
        ("uk", "Ґрунт і повітря"),
        ("uk", "Як справи, що нового?"),
        ("und", "Я люблю ўсіх"),  # Belarusian
        ("fa", "من این فیلم را دوست دارم، چقدر خوب"),
        ("und", "یہ فلم بہت اچھی ہے"),  # Urdu
        ("sv", "Jag är väldigt glad i dag"),
        ("da", "Jeg er meget ked af det"),
        ("no", "Jeg gleder meg veldig til helgen"),
        ("fi", "Minä rakastan sinua"),
        ("fi", "Olen todella iloinen tänään"),
        ("cs", "Bojím se, že to nestihneme"),
        ("ro", "Mi-a plăcut foarte mult filmul"),
        ("hu", "Nagyon szeretem ezt a filmet"),
        ("vi", "Tôi rất thích bộ phim này"),
        ("und", "joao.silva@empresa.com.br"),
        ("zh", "谢谢@anna"),
        ("zh", "http://t.cn/R123真的很难吃很失望"),
        ("zh", "https://www.example.com/真的很难用"),
        ("en", "ok https://de.wikipedia.org/wiki/Größe_und_Länge"),
        ("en", "good https://ru.wikipedia.org/wiki/Москва"),
        ("en", "good https://hi.wikipedia.org/wiki/हिन्दी_भाषा"),
        ("und", "Jen."),  # one small word, and nothing else says Czech
        ("und", "Nice melt bra"),
        ("und", "Maten var kall"),  # "var" is Turkish too
        ("sv", "Filmen var tråkig"),
        ("sv", "Boken var spännande"),
        ("und", "Resan var fantastisk"),
        ("und", "Hotellet var smukt"),
        ("tr", "Bir sorun var"),
        ("tr", "Evde su yok, elektrik var"),
        ("ro", "Şi mâncarea a fost rece, nu mi-a plăcut"),  # with cedillas
        ("und", "Hindi ko gusto ang pagkain at mahal pa"),  # Tagalog
        ("und", "Hindi maganda ang serbisyo at matagal ang pagkain, sayang ang pera"),
        ("und", "இந்த படம் மிகவும் நன்றாக இருந்தது, the best"),  # Tamil
        ("und", "এই সিনেমাটা খুব ভালো ছিল, the best"),  # Bengali
        ("und", "Hotel je bil umazan, osebje pa zelo neprijazno do gostov"),  # Slovene
        ("und", "Toit on väga hea, aga teenindus on aeglane ja hind kõrge"),  # Estonian
        ("und", "Maturinn var mjög góður en þjónustan var slæm"),  # Icelandic
        ("en", "The Beyoncé concert in São Paulo was amazing, said Dvořák"),
        ("en", "Oakland Raiders coach fired, via the Chicago Tribune"),
    ],
)
def test_language(language: str, said: str) -> None:
    assert detect_language(said) == language
    assert detect_language(unicodedata.normalize("NFD", said)) == language


def test_language_of_real_posts(shared: Path) -> None:
    import csv

    for name, column, language, least in (
        ("tweets/tweets.csv", "text", "en", 0.9),
        ("zh_weibo/weibo.csv", "text", "zh", 0.97),
    ):
        with (shared / "data" / name).open(encoding="utf-8", newline="") as file:
            said = [row[column] for row in csv.DictReader(file)][::20]
        assert sum(detect_language(s) == language for s in said) / len(said) > least


def test_byte_order_marks_are_not_text() -> None:
    assert decode_text(codecs.BOM_UTF8 + b"hi") == "hi"


@pytest.mark.parametrize(
    "seen", ["👩\u200d👩\u200d👧", "👍🏽", "❤\ufe0f", "e\u0301\u0323", "🇩🇪", "1\ufe0f\u20e3", "कि"]
)
def test_a_long_run_is_cut_between_what_is_seen_as_one_character(seen: str) -> None:
    for before in range(12):
        said = "x" * before + seen * 150
        pieces = [said[a:b] for a, b in split_sentences(said)]
        assert "".join(pieces) == said
        assert len(pieces) > 1
        assert all(not piece.lstrip("x").replace(seen, "") for piece in pieces)
    marks = "e" + "\u0301" * 600
    assert "".join(marks[a:b] for a, b in split_sentences(marks)) == marks
