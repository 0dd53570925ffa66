"""Plain sentences of many languages: read, and on the right side. None of them was learned."""

import csv
import unicodedata
from pathlib import Path

import pytest

from demeanor.bundle import load, shipped
from demeanor.reader.cues.words import Words
from demeanor.types import POLARITIES

SAID = {
    "en": ("I love my new job", "I hate this traffic", "I live on the second floor"),
    "zh": ("我特别喜欢这座城市的秋天", "我讨厌排这么长的队", "我住在二楼靠楼梯那间"),
    "de": ("Ich liebe meinen Garten", "Ich hasse Staus", "Ich wohne im zweiten Stock"),
    "fr": ("J'adore mon nouveau travail", "Je déteste les embouteillages", "J'habite au deuxième étage"),
    "es": ("Me encanta mi nuevo trabajo", "Odio los atascos", "Vivo en el tercer piso de un edificio viejo"),
    "it": ("Adoro il mio nuovo lavoro", "Odio il traffico del lunedì", "Abito al secondo piano"),
    "pt": ("Adoro o meu novo emprego", "Odeio o trânsito da manhã", "Moro no segundo andar"),
    "nl": ("Ik hou van mijn nieuwe baan", "Ik haat files", "Ik woon op de tweede verdieping"),
    "sv": ("Jag älskar mitt nya jobb", "Jag hatar måndagar", "Jag bor på andra våningen"),
    "da": ("Jeg elsker mit nye job", "Jeg hader mandage", "Jeg bor på anden sal"),
    "no": ("Jeg elsker den nye jobben min", "Jeg hater mandager", "Jeg bor i andre etasje"),
    "fi": ("Rakastan uutta työtäni", "Vihaan tätä sadetta", "Asun toisessa kerroksessa"),
    "pl": ("Kocham moją nową pracę", "Nienawidzę poniedziałkowych poranków", "Mieszkam na drugim piętrze"),
    "cs": ("Miluju svou novou práci", "Nenávidím zácpy", "Bydlím ve druhém patře"),
    "uk": ("Я обожнюю свою нову роботу", "Ненавиджу затори", "Я живу на другому поверсі"),
    "ru": ("Я обожаю свою новую работу", "Ненавижу пробки", "Я живу на втором этаже"),
    "tr": ("Yeni işimi çok seviyorum", "Trafikten nefret ediyorum", "İkinci katta oturuyorum"),
    "hu": ("Imádom az új munkámat", "Utálom a hétfőket", "A második emeleten lakom"),
    "ro": ("Îmi place la nebunie noul meu loc de muncă", "Urăsc ambuteiajele", "Locuiesc la etajul doi"),
    "el": ("Λατρεύω τη νέα μου δουλειά", "Μισώ την κίνηση στους δρόμους", "Μένω στον δεύτερο όροφο"),
    "ja": ("新しい仕事が大好きです", "渋滞が大嫌いだ", "二階に住んでいます"),
    "ko": ("새 직장이 정말 좋아요", "출근길 정체가 너무 싫어요", "저는 이층에 살아요"),
    "vi": ("Tôi rất thích công việc mới", "Tôi ghét kẹt xe", "Tôi ở tầng hai"),
    "id": ("Aku suka banget kerjaan baruku", "Aku benci macet", "Saya tinggal di lantai dua"),
    "hi": ("मुझे अपनी नई नौकरी बहुत पसंद है", "मुझे ट्रैफ़िक से नफ़रत है", "मैं दूसरी मंज़िल पर रहता हूँ"),
    "ar": ("أحب عملي الجديد كثيرا", "أكره الزحام", "أسكن في الطابق الثاني"),
    "th": ("ฉันชอบงานใหม่มาก", "ฉันเกลียดรถติด", "ฉันอยู่ชั้นสอง"),
    "fa": ("عاشق کار جدیدم هستم", "از ترافیک متنفرم", "طبقه دوم زندگی می‌کنم"),
}


@pytest.fixture(scope="module")
def words() -> Words:
    if "base" not in shipped():
        pytest.fail("the shipped bundle is missing from the package")
    return Words(load("base", threads=1))


def key(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def test_none_of_them_was_learned() -> None:
    learned = set()
    for name in ("everyday.csv", "further.csv"):
        with (Path(__file__).parents[2] / "recipes/tables" / name).open(encoding="utf-8", newline="") as file:
            learned |= {key(row["text"]) for row in csv.DictReader(file)}
    assert [s for said in SAID.values() for s in said if key(s) in learned] == []


def sides(words: Words, which: int) -> dict[str, str]:
    found = words.read([said[which] for said in SAID.values()])
    return {language: POLARITIES[int(e.polarity.argmax())] for language, e in zip(SAID, found, strict=True)}


def test_what_is_loved(words: Words) -> None:
    assert set(sides(words, 0).values()) == {"positive"}


def test_what_is_hated_and_where_somebody_lives(words: Words) -> None:
    """All but one or two, which docs/roadmap.md tells of."""
    for which, meant in ((1, "negative"), (2, "neutral")):
        told = sides(words, which)
        assert len({language for language in told if told[language] != meant}) <= 2, told


@pytest.mark.parametrize("language", SAID)
def test_no_language_is_taken_for_keys_struck_at_random(words: Words, language: str) -> None:
    doubts = [words.doubt(said) for said in SAID[language]]
    assert not any(doubt is not None and doubt.abstain for doubt in doubts)
