"""Codes of languages: ISO 639-1, and the few longer ones that speech recognisers use."""

from __future__ import annotations

import difflib
from functools import cache

from demeanor.errors import ConfigError

_NAMES = """
aa Afar; ab Abkhazian; ae Avestan; af Afrikaans; ak Akan; am Amharic; an Aragonese; ar Arabic; as Assamese; av Avaric;
ay Aymara; az Azerbaijani; ba Bashkir; be Belarusian; bg Bulgarian; bh Bihari; bi Bislama; bm Bambara; bn Bengali;
bo Tibetan; br Breton; bs Bosnian; ca Catalan; ce Chechen; ch Chamorro; co Corsican; cr Cree; cs Czech;
cu Church Slavonic; cv Chuvash; cy Welsh; da Danish; de German; dv Divehi; dz Dzongkha; ee Ewe; el Greek; en English;
eo Esperanto; es Spanish; et Estonian; eu Basque; fa Persian; ff Fulah; fi Finnish; fil Filipino; fj Fijian;
fo Faroese; fr French; fy Western Frisian; ga Irish; gd Gaelic; gl Galician; gn Guarani; gu Gujarati; gv Manx;
ha Hausa; haw Hawaiian; he Hebrew; hi Hindi; ho Hiri Motu; hr Croatian; ht Haitian; hu Hungarian; hy Armenian;
hz Herero; ia Interlingua; id Indonesian; ie Interlingue; ig Igbo; ii Yi; ik Inupiaq; io Ido; is Icelandic; it Italian;
iu Inuktitut; ja Japanese; jv Javanese; jw Javanese; ka Georgian; kg Kongo; ki Kikuyu; kj Kuanyama; kk Kazakh;
kl Kalaallisut; km Khmer; kn Kannada; ko Korean; kr Kanuri; ks Kashmiri; ku Kurdish; kv Komi; kw Cornish; ky Kirghiz;
la Latin; lb Luxembourgish; lg Ganda; li Limburgan; ln Lingala; lo Lao; lt Lithuanian; lu Luba-Katanga; lv Latvian;
mg Malagasy; mh Marshallese; mi Maori; mk Macedonian; ml Malayalam; mn Mongolian; mr Marathi; ms Malay; mt Maltese;
my Burmese; na Nauru; nb Norwegian Bokmal; nd North Ndebele; ne Nepali; ng Ndonga; nl Dutch; nn Norwegian Nynorsk;
no Norwegian; nr South Ndebele; nv Navajo; ny Chichewa; oc Occitan; oj Ojibwa; om Oromo; or Oriya; os Ossetian;
pa Punjabi; pi Pali; pl Polish; ps Pashto; pt Portuguese; qu Quechua; rm Romansh; rn Rundi; ro Romanian; ru Russian;
rw Kinyarwanda; sa Sanskrit; sc Sardinian; sd Sindhi; se Northern Sami; sg Sango; sh Serbo-Croatian; si Sinhala;
sk Slovak; sl Slovenian; sm Samoan; sn Shona; so Somali; sq Albanian; sr Serbian; ss Swati; st Southern Sotho;
su Sundanese; sv Swedish; sw Swahili; ta Tamil; te Telugu; tg Tajik; th Thai; ti Tigrinya; tk Turkmen; tl Tagalog;
tn Tswana; to Tonga; tr Turkish; ts Tsonga; tt Tatar; tw Twi; ty Tahitian; ug Uighur; uk Ukrainian; ur Urdu; uz Uzbek;
ve Venda; vi Vietnamese; vo Volapuk; wa Walloon; wo Wolof; xh Xhosa; yi Yiddish; yo Yoruba; yue Cantonese; za Zhuang;
zh Chinese; zu Zulu
"""
# What people write for a language that is no code of it: its country, its own name, a code of three letters.
_ALSO = """
cn zh; chi zh; zho zh; cmn zh; mandarin zh; 中文 zh; 汉语 zh; eng en; uk-en en; gb en; us en; jp ja; jpn ja; kr ko;
kor ko; ger de; deu de; deutsch de; fra fr; fre fr; spa es; espanol es; ita it; por pt; br-pt pt; rus ru; ua uk; gr el;
dk da; se-sv sv; cz cs; vn vi; ara ar; hin hi; dut nl; nld nl; pol pl; tur tr; farsi fa; iw he; in id
"""


@cache
def language_names() -> dict[str, str]:
    """English names by code."""
    return _pairs(_NAMES)


def language_code(given: str) -> str:
    """The code in what a user wrote: `en`, `EN`, `en-GB` and `en_GB` are all `en`.

    Raises:
        ConfigError: no such language; names near ones.
    """
    names = language_names()
    code = given.strip().replace("_", "-").split("-")[0].lower()
    if code in names:
        return code
    near = _near(given.strip().lower())
    hint = f"did you mean {' or '.join(f'{c} ({names[c]})' for c in near)}?" if near else "take auto if in doubt"
    raise ConfigError(f"expected a language code such as en or zh, or auto, got '{given:.40}'; {hint}")


def told_code(told: str) -> str | None:
    """The code of what a file calls its language: `en`, `en-US`, `eng` and `English` are all `en`; None if unknown."""
    whole = told.strip().replace("_", "-").lower()
    return _by_word().get(whole) or _by_word().get(whole.split("-")[0])


@cache
def _by_word() -> dict[str, str]:
    """Codes by code, name and other names."""
    by_name = {name.lower(): code for code, name in reversed(language_names().items())}
    return by_name | {code: code for code in language_names()} | _pairs(_ALSO)


def _near(given: str) -> list[str]:
    """Codes of languages whose code, name or other names are near, best first."""
    by_word = _by_word()
    if given in by_word:
        return [by_word[given]]
    found = [by_word[word] for word in difflib.get_close_matches(given, by_word, n=6)]
    return list(dict.fromkeys(found))[:3]


def _pairs(text: str) -> dict[str, str]:
    entries = (entry.split(maxsplit=1) for entry in text.split(";"))
    return {code: rest.strip() for code, rest in entries}
