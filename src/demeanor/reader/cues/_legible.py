"""Whether a text is anything the words expert can read: words of a script it knows, and not mere keys.

How much a text looks like words is told by the tokenizer itself. Its pieces carry log-probabilities (SentencePiece
unigram), so the cost of a text in nats is that of a small language model. Written words cost less than half of what
their letters cost one by one, keys struck at random nearly as much, in English as in Greek. What costs more than
`START + SPELT · its letters one by one` is taken for no words: how often that is wrong is in `docs/calibration.md`.
In scripts without letters – Chinese, Japanese, Korean and more – a word is one or two characters and the cost says
nothing; there only the share of characters that the tokenizer does not know counts.

The same cost tells that a sentence in Latin script is in none of the languages whose small words are known: Finnish,
Welsh or Zulu cost 3 to 5 nats a letter and have no small word of English. Names, titles and short texts are left alone.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from demeanor.media.addresses import URL
from demeanor.media.language import small_words
from demeanor.media.language_codes import language_names
from demeanor.media.normalise import normalise

if TYPE_CHECKING:
    from tokenizers import Tokenizer

START, SPELT = 6.0, 0.62
"""Nats that a text may cost before its first letter, and share of the cost of its letters one by one: see above."""

FOREIGN, SMALL = 3.0, 0.2
"""Nats a letter above which, and share of small words of a language with labels below which, a sentence in Latin script
whose language could not be told is taken for one in a language without labels."""

TELLING, PLAIN = 3, 0.6
"""Words in small letters, and their share of all words, from which on that is asked: names and titles cost much too."""

UNKNOWN = 0.3
"""Share of the letters in characters the tokenizer does not know, from which on a text is not read."""

_UNKNOWN_COST = 14.0  # nats of a character that the tokenizer does not know
_RARER = 1.2  # a text in another language, by its name or letters, costs more: the tokenizer has seen less of it
_READ = 4000  # characters looked at
_HELD = 50  # of one letter alone: more than anybody's scream or kisses
_TRUSTED = 0.25  # what is left of a reading of what looks like no words: slang may, and some of it is strongly felt
_ALPHABETS = re.compile(r"[a-zà-ɏḀ-ỿ\u0370-\u03ff\u0400-\u04ff]+")
_SHORTENED = re.compile(r"['’](?:m|s|re|ve|ll|d|t)\b")
_MODEL = re.compile(r"\b(?=(?:[a-z]?[A-Z]){2})[A-Za-z]{2,5}(?![a-z])")  # GTX, HDMI, NVMe
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NO_SENTENCE = re.compile(URL + r"|[@#]\w+|&\w+;")
_MASKED = re.compile(r"[A-Za-z0-9._%+-]{0,64}@user\b|\bhttp\b|&\w+;")
# Emoji, and what is drawn of signs: :-) <3 ^_^ (╯°□°)╯ – and the numbers that Chinese chats laugh, praise and cry with.
_DRAWN = re.compile(
    r"[\U0001f000-\U0001faff\u2300-\u23ff\u2600-\u27bf\u2b50\u2b55\u203c\u2049]|\([^\w\s]*[°▽□ω´`•‿◕ಠツ][^\n]*?\)"
    r"|(?<!\w)(?:[:;=8xX][-'^o]?[()\[\]{}|/\\DdPpOo3*]+|[()\[\]]-?[:;=]|</?3|\^[_.]*\^|>[._]?<|[-=][._]+[-=]"
    r"|[TtQq;][._][TtQq;]|2333*|666+|555+|520|1314)(?!\w)"
)
# What looks like no word and is one: interjections, and what people write in chats.
_CHAT = frozenset(
    "ah aah aww eh ew eww gah grr grrr ha hah hm hmm hmph huh mm mmm mhm mwah nah oh ohh ooh ow oww pff pfft phew "  # noqa: SIM905
    "psst shh tsk ugh uh um umm whoa wow yay yikes yup zzz lol lmao lmfao rofl rotfl omg omfg wtf wth ffs fml smh "
    "tfw mfw tbh imo imho idk idc idgaf ikr iirc afaik fyi btw brb ttyl gtg nvm np pls plz thx thnx ty tysm yw "
    "ily ilysm jk irl dm ftw ftfy gg ggwp wp kthx kthxbye bff bffs gf bf hbd xoxo yolo asap aka rip tgif tldr ngl "
    "fr frfr istg gtfo stfu stfd kys pos sob ok okay yyds awsl xswl xdm nb zqsg yysy dddd srds kkk haha hahaha "
    "hehe jaja wkwk tf".split()
)
_REPEATED = re.compile(r"(.)\1+")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a text should not be read, or be read with care.

    Attributes:
        reason: in words, for a warning.
        trust: in [0, 1], what is left of the reading.
        abstain: whether it is none at all.
    """

    reason: str
    trust: float
    abstain: bool


class Legible:
    """Judges texts by the tokenizer of a words expert.

    Args:
        tokenizer: that of the expert.
        file: its `tokenizer.json`, where the log-probabilities are.
        languages: codes that the expert has labels in.
        others: trust in its reading of any other.
    """

    def __init__(self, tokenizer: Tokenizer, file: Path, languages: Sequence[str], others: float) -> None:
        self._tokenizer, self._path = tokenizer, file
        self._unknown = tokenizer.token_to_id("<unk>")
        self._languages, self._others = tuple(languages), others

    def doubt(self, text: str, language: str | None) -> Doubt | None:
        """What speaks against reading a text; None if nothing does.

        Args:
            text: as it came.
            language: its code, "und" or None if it could not be told.
        """
        said = _MASKED.sub(" ", normalise(text[:_READ]))
        letters = [c for c in _DRAWN.sub(" ", said) if c.isalpha()]
        drawn = _DRAWN.search(said) is not None
        if not letters:
            nothing = Doubt("there are no words or emoji in it, only digits, signs or addresses", 0.0, True)
            return None if drawn else nothing
        if self._share_unknown(said) > UNKNOWN:
            return Doubt(f"it is in a script that the words expert does not know ({_script(letters)})", 0.0, True)
        other = language not in (None, "und", *self._languages) or not said.isascii()
        rarer = _RARER if other else 1.0
        if not drawn and (_held(text) or self._is_noise(said, len(letters), rarer)):
            return Doubt("it does not look like words of any language that the words expert knows", _TRUSTED, True)
        return self._foreign(text[:_READ], letters, language)

    def _share_unknown(self, text: str) -> float:
        """Share of the letters that the tokenizer has no piece for."""
        unknown = letters = 0
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        for piece, (start, end) in zip(encoded.ids, encoded.offsets, strict=True):
            count = sum(c.isalpha() for c in text[start:end])
            letters += count
            unknown += count * (piece == self._unknown)
        return unknown / letters if letters else 0.0

    def _is_noise(self, text: str, letters: int, rarer: float) -> bool:
        found = _ALPHABETS.findall(_SHORTENED.sub(" ", text.lower()))
        if sum(map(len, found)) < 0.8 * letters:
            return False  # another kind of script
        words = _distinct(found)
        names = {name.lower() for name in _MODEL.findall(text)}
        words = [w for w in words if w not in names] or words  # nothing but capitals is judged as it is
        spelt = sum(self._letter(letter) for word in words for letter in word)
        return spelt > 0 and self._cost(" ".join(words)) > rarer * (START + SPELT * spelt)

    def _cost(self, text: str) -> float:
        """Nats of a text under the unigram model of the tokenizer."""
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return sum(_UNKNOWN_COST if i == self._unknown else -self._scores[i] for i in ids)

    def _letter(self, letter: str) -> float:
        """Nats of one letter by itself."""
        piece = self._tokenizer.token_to_id(letter)
        return _UNKNOWN_COST if piece is None else -self._scores[piece]

    @cached_property
    def _scores(self) -> list[float]:
        """Log-probabilities by id."""
        return [score for _, score in json.loads(self._path.read_bytes())["model"]["vocab"]]

    def _is_unknown(self, text: str) -> bool:
        """Whether a text in Latin script, as it came, is a sentence that is like none of the languages with labels."""
        said = _SHORTENED.sub(" ", _NO_SENTENCE.sub(" ", text))
        every = {word for word in _WORD.findall(said) if len(word) > 1}
        words = _distinct([word for word in _WORD.findall(said) if word.islower()])
        if len(words) < max(TELLING, PLAIN * len(every)):
            return False
        if max(small_words(said, code) for code in self._languages) >= SMALL:
            return False
        return self._cost(" ".join(words)) > FOREIGN * sum(map(len, words))

    def _foreign(self, text: str, letters: Sequence[str], language: str | None) -> Doubt | None:
        name = _script(letters)
        if language in self._languages and name in ("Latin", "Han"):
            return None
        if language in (None, "und", *self._languages):
            if name == "Han" or (name == "Latin" and not self._is_unknown(text)):
                return None  # too short to tell, as much of everyday English is
            name = "a language that could not be told" if name == "Latin" else name
        else:
            name = language_names().get(str(language), str(language))
        known = ", ".join(language_names()[code] for code in self._languages)
        return Doubt(f"it is in {name}, and the words expert has labels in {known} only", self._others, False)


def _held(text: str) -> bool:
    """Whether it is one letter, again and again."""
    key = "".join(text[:_READ].lower().split())
    return len(key) > _HELD and key.isalpha() and len(set(key)) == 1


def _distinct(found: Sequence[str]) -> list[str]:
    """Each word of more than a letter once, but for those of chats, however long they are drawn ("ooohhh")."""
    return [w for w in dict.fromkeys(found) if len(w) > 1 and not {w, _REPEATED.sub(r"\1", w)} & _CHAT]


def _script(letters: Sequence[str]) -> str:
    """The script of most letters, by the first word of their Unicode names."""
    plain = unicodedata.normalize("NFKC", "".join(letters))  # also what is written in mathematical or wide letters
    names = Counter(unicodedata.name(c, "unnamed").split()[0] for c in plain)
    name = names.most_common(1)[0][0]
    return "Han" if name == "CJK" else name.capitalize()
