"""Bytes of unknown encoding as text: marks first, strict UTF-8, then the legacy encoding that reads best.

Statistical detectors fail on the short texts of posts, so the common legacy encodings are judged here by what
they would make of the bytes: frequent characters of the language, not merely valid ones. Others are left to
charset-normalizer.
"""

from __future__ import annotations

import codecs
import math
import re

from demeanor.media.language import detect_language, latin_votes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HALF = re.compile(r"[\ud800-\udfff]")
_LONE = r"(?<![^\x00-\x7f])(?=[^\x00-\x7f])[^\W\d_](?![^\x00-\x7f])"
_WITHIN_WORD = re.compile(rf"(?<=[a-z]){_LONE}|{_LONE}(?=[a-z])")
_SIGN = re.compile(rb"[\x80-\xff]")
_SAMPLE = 4096  # bytes judged; more changes no verdict
_HIGHEST_PLANE = 3  # of Unicode, that has characters

# The commonest characters of each language; a real text of a few words has several of them.
_FREQUENT = {
    "gb18030": (
        "的一是了我不在人有他这个们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能"
        "对小多然于心学么之都好看起发当没成只如事把还用第样道想作种开美总从无情己面最女但现前些所同日手又"
        "行意动方期它头经长儿回位分爱老因很给名法间斯知世什两次使身者被高已亲其进此话常与活正感喜欢真吗吧"
        "啊很太气快乐难过笑哭谢"
    ),
    "cp950": (
        "的一是了我不在人有他這個們來到時大地為子中你說生國年著就那和要她出也得裡後自以會家可下而過天去能"
        "對小多然於心學麼之都好看起發當沒成只如事把還用第樣道想作種開美總從無情己面最女但現前些所同日手又"
        "行意動方期它頭經長兒回位分愛老因很給名法間知世什兩次使身者被高已親其進此話常與活正感喜歡真嗎吧啊"
        "太氣快樂難過笑哭謝"
    ),
    "cp932": (
        "のにはをたがでてとしれさあるいもするかなこらっだりくまよきうそんどえ日一人大年会国本中見出今私何"
        "思好事生気ンスルトーリアイクラレッシタカマムロコドテジサニオプウ"
    ),
    "euc_jp": (
        "のにはをたがでてとしれさあるいもするかなこらっだりくまよきうそんどえ日一人大年会国本中見出今私何"
        "思好事生気ンスルトーリアイクラレッシタカマムロコドテジサニオプウ"
    ),
    "cp949": (
        "이다는을의에가하고지기도한사어나로리라대자서그인아수게은해있시들것일전부를보정적과제면만여우구주"
        "오없으너무좋와무말말안내않았었습니까요네정말"
    ),
}
# Encodings of one byte for Latin letters, by the languages written in them; the one for western Europe is met most.
_LATIN = {
    "cp1252": ("en", "es", "fr", "de", "it", "pt", "nl", "id", "sv", "da", "no", "fi"),
    "cp1250": ("pl", "cs", "hu", "ro"),  # and Slovak, Slovene and Croatian, by Czech letters and these words
    "cp1254": ("tr",),
}
_NEAR_CZECH = re.compile(
    r"\b(?:bol|bola|bolo|som|nie|sme|veľmi|však|keď|pre|aj|už|bil|bila|bilo|zelo|nisem|smo|ampak|tudi|ker|kot|"
    r"nije|nisam|bio|vrlo|ali|što|jer|više|također|još)\b",
    re.IGNORECASE,
)
_MET_MOST = 0.5  # votes that it has before the others, so that one letter does not make another of it
_CP1252_SIGNS = frozenset("“”‘’–—…€£©®°«»¿¡·•´ºª§½¼™")


def decode_bytes(data: bytes) -> str:
    """Text of bytes in UTF-8, UTF-16 or UTF-32 (marked or not), GB18030, Big5, Shift-JIS, EUC or Latin.

    Never fails: what fits nothing is read as cp1252, undefined bytes replaced by U+FFFD.
    """
    return decode_with_name(data)[0]


def decode_with_name(data: bytes) -> tuple[str, str]:
    """The same, and the encoding it was read in, as Python calls it."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    wide = _wide_without_mark(data)
    if wide:
        return data.decode(wide, "replace"), wide
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and max(data[: error.start], default=0) > 0x7F:
            return data[: error.start].decode("utf-8"), "utf-8"  # UTF-8 cut within its last character
        judged = _from_first_sign(data)
        encoding = "utf-8" if _mostly_utf8(judged) else _legacy(judged[:_SAMPLE])
        return data.decode(encoding, "replace"), encoding


def _from_first_sign(data: bytes) -> bytes:
    """The data from a little before its first byte that is not ASCII: what is plain up to there tells nothing."""
    first = _SIGN.search(data)
    return data[max(0, first.start() - _SAMPLE // 4) :] if first else data


def _wide_without_mark(data: bytes) -> str | None:
    """UTF-32 has a zero in one byte of four; Latin text in UTF-16 in every other, other scripts need the mark."""
    even, odd = data[0:400:2], data[1:400:2]
    if len(data) < 4 or len(data) % 2 or b"\0" not in data[:400]:
        return None
    if len(data) % 4 == 0:
        if not any(data[3:400:4]) and max(data[2:400:4]) <= _HIGHEST_PLANE:
            return "utf-32-le"
        if not any(data[0:400:4]) and max(data[1:400:4]) <= _HIGHEST_PLANE:
            return "utf-32-be"
    if odd.count(0) > 0.6 * len(odd) and even.count(0) < 0.1 * len(even) + 1:
        return "utf-16-le"
    if even.count(0) > 0.6 * len(even) and odd.count(0) < 0.1 * len(odd) + 1:
        return "utf-16-be"
    return None


def _mostly_utf8(data: bytes) -> bool:
    """UTF-8 with a few broken bytes: nearly all non-ASCII characters are well formed."""
    text = data[: 16 * _SAMPLE].decode("utf-8", "replace")
    broken = text.count("\ufffd")
    good = sum(1 for c in text if c > "\x7f") - broken
    return good > 8 * broken


def _legacy(sample: bytes) -> str:
    scores = {encoding: _score(sample, encoding) for encoding in (*_FREQUENT, *_LATIN)}
    best = max(scores, key=lambda e: scores[e])
    if best not in _LATIN and scores[best] >= 0.45:
        return best
    latin, language = _latin(sample)
    if scores[best] >= 0.45 or language in _LATIN[latin]:
        return latin
    from charset_normalizer import from_bytes

    match = from_bytes(sample).best()
    return match.encoding if match is not None and len(sample) >= 24 else latin


def _latin(sample: bytes) -> tuple[str, str]:
    """The encoding of Latin letters in which most speaks for a language that is written in it, and the language."""
    clear: dict[str, float] = {}
    first: dict[str, str] = {}  # encoding by text: in some of them a text has the same letters
    for encoding, languages in _LATIN.items():
        text = _strict(sample, encoding)
        if text is not None:
            votes = latin_votes(text)
            if encoding == "cp1250":
                votes["cs"] += 0.5 * len(_NEAR_CZECH.findall(text))
            name = first.setdefault(text, encoding)
            clear[name] = max(clear.get(name, -math.inf), *(votes[language] for language in languages))
    clear["cp1252"] = clear.get("cp1252", -math.inf) + _MET_MOST
    best = max(clear, key=lambda encoding: clear[encoding])
    return best, detect_language(sample.decode(best, "replace"))


def _score(sample: bytes, encoding: str) -> float:
    """How natural the non-ASCII part reads, at most 1.6; -1 where it is not valid."""
    text = _strict(sample, encoding)
    if text is None:
        return -1.0
    marked = [c for c in text if c > "\x7f"]
    if encoding in _LATIN:
        # Accented letters and signs stand alone among plain ones: two in a row are rare (Finnish doubles them), three
        # never happen.
        text = text.replace("ää", "ä").replace("öö", "ö")
        lone = re.findall(r"(?<![^\x00-\x7f])[^\x00-\x7f](?![^\x00-\x7f])", text)
        return sum(1.0 if c.isalpha() else 0.7 * (c in _CP1252_SIGNS) for c in lone) / sum(c > "\x7f" for c in text)
    # One character in the middle of a Latin word is an accented letter and the one behind it ("by³o" is no "by這").
    marked, count = [c for c in _WITHIN_WORD.sub("", text) if c > "\x7f"], len(marked)
    frequent = sum(1 for c in marked if c in _FREQUENT[encoding]) / count
    return frequent + 0.6 * sum(_plausible(c, encoding) for c in marked) / count


def _strict(sample: bytes, encoding: str) -> str | None:
    """The sample decoded without a fault but for a character cut at its end; None if impossible."""
    for cut in range(4):
        try:
            text = sample[: len(sample) - cut].decode(encoding)
        except UnicodeDecodeError as error:
            if error.end < len(sample) - cut - 1 or len(sample) < _SAMPLE:
                return None
        else:
            return text if any(c > "\x7f" for c in text) else None
    return None


def _plausible(char: str, encoding: str) -> float:
    """1 for a character that texts in this encoding are made of, 0 for a rare one, -1 for a foreign one."""
    if "\ue000" <= char <= "\uf8ff" or char == "\ufffd" or ("\uff61" <= char <= "\uff9f"):
        return -1.0
    if char in "，。！？；：、“”‘’（）《》…—·～　":
        return 1.0
    if "\u3040" <= char <= "\u30ff":
        return 1.0 if encoding in ("cp932", "euc_jp") else 0.0
    if "\uac00" <= char <= "\ud7a3":
        return 1.0 if encoding == "cp949" else 0.0
    code = char.encode(encoding, "ignore")
    lead = code[0] if len(code) == 2 else 0
    common = {
        "gb18030": (0xB0, 0xD7),
        "cp950": (0xA4, 0xC6),
        "cp932": (0x88, 0x97),
        "euc_jp": (0xB0, 0xCF),
    }
    low, high = common.get(encoding, (1, 0))
    return 1.0 if low <= lead <= high and (encoding != "gb18030" or code[1] >= 0xA1) else 0.0


def whole_characters(text: str) -> str:
    """The text with a mark for each half of a character (lone surrogates, which no UTF-8 can hold); places stay."""
    return _HALF.sub("\ufffd", text)
