"""Which language a text is in: by its script, and for Latin script by a vote of small words."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cache

from demeanor.media.addresses import URL

_SCRIPTS = {
    "han": r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "kana": r"\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d",
    "ko": r"\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f",
    "ru": r"\u0400-\u04ff",
    "ar": r"\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "th": r"\u0e00-\u0e7f",
    "hi": r"\u0900-\u097f",
    "el": r"\u0370-\u03ff\u1f00-\u1fff",
    "he": r"\u0590-\u05ff",
    "latin": r"A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff",
}
# What a character says, in letters; Latin ones count for less, for they are often names in a text of another
# script.
_WEIGHT = {"han": 3.0, "kana": 2.0, "ko": 2.0, "latin": 0.5}
_NOT_RUSSIAN, _NOT_ARABIC = re.compile("[іїєґўђјљњћџқғңүұһөә]", re.I), re.compile("[پچژگکیےٹڈڑں]")
_UKRAINIAN, _PERSIAN = re.compile(
    r"[їєґі]|\b(?:що|щоб|це|чи|й|дуже|вона|вони|ви|ми|як|має|треба|зараз|або|але|був|була|було|буде|його|вже|ще|також|"
    r"яка|який|яке|які|немає|дякую|кохаю|боюся)\b",
    re.I,
), re.compile("[پچژگکی]")  # fmt: skip
_NOT_UKRAINIAN, _NOT_PERSIAN = re.compile("[ўыэёъђјљњћџқғңүұһөә]", re.I), re.compile("[ےٹڈڑںېښډړێۆڵڕ]")

_SMALL_WORDS = {
    "en": (
        "the be is are was were am i you he she it we they me him her us them my your his its our their "
        "this that these those and or but not no yes to of in on at for with from by as so if than then "
        "there here what which who how why when where do does did don't didn't can can't could will "
        "would should have has had i'm it's that's he's you're a an all just very really too about out "
        "up get got go going good bad great love loved hate happy sad thing things movie film think know "
        "like want never always nothing everything something more most much any some been being into "
        "over thank thanks please terrible awful amazing best worst hello day today feel said say one "
        "time now back well people oh okay ok yeah hey wow come right look see mean guys guy sorry god "
        "little man let gonna wanna who's what's there's he'll i'll i've i'd we're they're isn't wasn't "
        "won't doesn't haven't sure still only first new last night year"
    ),
    "es": (
        "el la los las un una de del que y a en es son está estoy estaba con por para no sí se lo le me "
        "te mi tu su nos muy más pero como cuando porque qué esto este esta eso ese todo toda todos nada "
        "algo hay ser fue era tiene tengo yo él ella ellos bien mal gracias hoy también ya sin sobre "
        "película odio quiero encanta gusta feliz triste hola"
    ),
    "fr": (
        "le la les un une des de du et à en est sont c'est j'ai je tu il elle nous vous ils elles ne pas "
        "que qui ce cette ces mon ma mes ton son sa ses pour avec dans sur par plus très mais où ou au "
        "aux être avoir fait suis était tout tous rien bien mal merci bonjour aujourd'hui aussi film "
        "aime déteste content triste l'ai n'est d'un d'une quel ça"
    ),
    "de": (
        "der die das ein eine einen dem den des und ist sind war bin ich du er sie es wir ihr nicht kein "
        "keine mit auf für von zu im am in aus bei nach über so wie was wer wo aber auch noch nur schon "
        "sehr gut schlecht mein dein sein haben hat habe wird werden kann mich dich sich uns heute danke "
        "dass wenn oder immer nie liebe hasse traurig diesen ja nein gott dank niemand alles etwas"
    ),
    "it": (
        "il lo la i gli le un una di del della dei che e è sono era ho hai ha non mi ti si ci vi con per "
        "su da in al alla più molto ma come quando perché questo questa quello tutto tutti niente bene "
        "male grazie ciao oggi anche già io tu lui lei noi loro essere fatto amo odio felice triste "
        "bello brutto film sto così cosa"
    ),
    "pt": (
        "o a os as um uma de do da dos das que e é são está estou foi era não sim com por para em no na "
        "nos nas se me te meu minha seu sua muito mais mas como quando porque isso este esta esse tudo "
        "nada bem mal obrigado obrigada hoje também já eu ele ela nós eles você ser ter tem tenho filme "
        "amo odeio adoro feliz triste olá ao pelo pela até"
    ),
    "nl": (
        "de het een en is zijn was ben ik jij je hij zij ze wij we niet geen met op voor van naar in aan "
        "uit bij over dat dit die deze wat wie waar maar ook nog al zo heel erg goed slecht mijn jouw "
        "hebben heeft heb wordt kan mij hem haar ons vandaag dank bedankt als of altijd nooit hou haat "
        "blij verdrietig mooi moet er te om niemand iemand iets zei kon wil gaat ging werd wel dus hier "
        "daar alles ja nee"
    ),
    "tr": (
        "bir ve bu şu o ben sen biz siz onlar için ile çok daha ama gibi ne kim nasıl neden değil "
        "yok mı mi mu mü da de ki her şey hiç en iyi kötü güzel bugün teşekkürler evet hayır beni seni "
        "onu bana sana olarak olan kadar sonra film seviyorum nefret mutlu üzgün oldu ediyorum benim "
        "senin şimdi"
    ),
    "pl": (
        "i w na z do nie to się jest są był była było jestem jesteś że co jak ale o po za od dla przez tak bardzo "
        "już tylko mnie mi ja ty on ona my wy oni mój moja twój ten ta te tego tym dobrze źle dziękuję dzięki "
        "dzisiaj też czy gdy kiedy wszystko nic film kocham nienawidzę szczęśliwy smutny dobry zły ma "
        "mam być"
    ),
    "id": (
        "yang dan di ini itu dengan untuk tidak saya kamu aku dia kami kita mereka adalah pada dari ke "
        "akan sudah bisa juga ada karena tapi atau seperti sangat sekali lebih hari apa siapa kenapa "
        "bagaimana baik buruk bagus terima kasih nya bukan belum lagi semua film suka benci cinta senang "
        "sedih banget gak nggak"
    ),
    "sv": (
        "ja nej och att det är jag du han hon vi ni som en ett på för med inte har hade var men så om till av "
        "från den mig dig sig min mitt mina din ditt när vad vem hur kan ska vill måste bara också mycket "
        "bra dåligt tack idag nu här där alla allt inget ingen någon något aldrig alltid varför eller "
        "efter blev blir älskar hatar glad ledsen rädd arg väldigt jätte hem år"
    ),
    "da": (
        "ja nej og at det er jeg du han hun vi som en et på for med ikke har havde var men så om til af fra den "
        "mig dig sig min mit mine din dit når hvad hvem hvor hvordan hvorfor kan skal vil må kun også "
        "meget godt dårligt tak i dag nu her der alle alt intet ingen noget nogen aldrig altid eller "
        "efter blev bliver elsker hader glad ked bange vred hjem år været"
    ),
    "no": (
        "ja nei og at det er jeg du han hun vi som en et ei på for med ikke har hadde var men så om til av fra "
        "den meg deg seg min mitt mine din ditt når hva hvem hvor hvordan hvorfor kan skal vil må bare "
        "også veldig mye bra dårlig takk i dag nå her der alle alt ingenting ingen noe noen aldri alltid "
        "eller etter ble blir elsker hater glad lei redd sint hjem år vært"
    ),
    "fi": (
        "ja joo on ei se että en oli olen olet ovat hän minä sinä me te he mutta kun niin nyt jos vain myös "
        "tai kuin mitä mikä kuka missä miksi miten tämä tuo minun sinun minua sinua minulla meidän aina "
        "koskaan hyvin hyvä huono kiitos tänään eilen huomenna täällä siellä kaikki mitään jo vielä "
        "paljon todella tosi rakastan vihaan iloinen surullinen pelkään olisi pitää mua mulla sitä"
    ),
    "cs": (
        "a je se na to že v s z do ne jsem jsi jsou byl byla bylo já ty on ona my vy oni ale jak co kdo "
        "kde kdy proč nebo už jen také taky moc velmi dobře špatně dobrý špatný díky děkuji dnes včera "
        "zítra tady tam mě mi mně tě ti můj moje tvůj svůj ten ta ty tak pro po za od při není nic "
        "všechno nikdy vždy miluju nenávidím bojím rád ráda smutný šťastný mám máš má když aby"
    ),
    "ro": (
        "și este e sunt nu că la în de cu pe o un din pentru mai ce care cine unde când cum dar sau eu "
        "tu el ea noi voi ei mă te se îmi îți mi am ai are avem au fost era foarte bine rău mulțumesc azi "
        "ieri mâine aici acolo toate tot nimic niciodată mereu numai doar și-a iubesc urăsc fericit trist "
        "frică după fără acum al ale lui să asta"
    ),
    "hu": (
        "a az és hogy nem is egy van volt vagyok vagy én te ő mi ti ők de ha meg már csak mint mit ki hol "
        "mikor miért hogyan ez ezt azt el fel be le nagyon jó rossz jól köszönöm ma tegnap holnap itt ott "
        "minden semmi soha mindig még most után nekem neked engem téged szeretem szeretlek utálom boldog "
        "szomorú félek lesz lett kell lehet ezek"
    ),
    "vi": (
        "và là của không có tôi bạn anh chị em nó mình chúng ta này kia đó được cho với trong ngoài đã "
        "đang sẽ rất quá lắm cũng nhưng mà thì khi nào gì ai sao đâu như vì nên một hai những các người "
        "nhà hôm nay ngày cảm ơn xin yêu ghét thích buồn vui sợ tốt đẹp ngon tệ hay lại ra vào đi về làm "
        "ơi nhé con mẹ bố"
    ),
}
_RARER = frozenset(("sv", "da", "no", "fi", "cs", "ro", "hu", "vi"))
"""Of these fewer texts are met: a word that one of them shares with the others counts in full for those."""
_ALIKE = frozenset(("sv", "da", "no"))
"""So much alike that the better of two is taken, however little better."""
_LETTERS = {
    "es": "ñ¿¡",
    "fr": "çœèêùûâ",
    "de": "ßäöü",
    "it": "òìù",
    "pt": "ãõ",
    "tr": "şğıİöü",
    "pl": "łąęśźżćń",
    "sv": "åäö",
    "da": "æø",
    "no": "æø",
    "fi": "äö",
    "cs": "ěřůčžš",
    "ro": "ășțşţ",
    "hu": "őűöü",
    "vi": "ơưđăạảấầẩậắằặẻẽẹếềểễệỉịọỏốồổộớờởợụủứừửữựỳỷỹ",
}
_ALPHABETS = {
    "en": "éèêçñïöü",
    "es": "áéíóúüñ",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "de": "äöüßéà",
    "it": "àèéìíîòóùú",
    "pt": "áàâãçéêíóôõúü",
    "nl": "áéèëïóöü",
    "tr": "çğıöşüâîû",
    "pl": "ąćęłńóśźż",
    "id": "é",
    "sv": "åäöéà",
    "da": "æøåé",
    "no": "æøåéòô",
    "fi": "äöåšž",
    "cs": "áčďéěíňóřšťúůýžäľĺŕô",  # and Slovak, which is taken for it
    "ro": "ăâîșțşţ",
    "hu": "áéíóöőúüű",
    "vi": "àáâãèéêìíòóôõùúýăđĩũ" + _LETTERS["vi"],
}
"""Letters beyond a to z that a language is written with; others count against it."""
_ENDINGS = {
    "en": "ing ly ness ght ck th ed tion ful",
    "es": "ción mente ando iendo dad",
    "fr": "tion ment eux aux ais ée",
    "de": "ung lich keit cht isch",
    "it": "zione mente ando issimo tà",
    "pt": "ção mente ndo inho dade",
    "nl": "lijk heid ing",
    "tr": "lar ler iyor yorum dir",
    "pl": "ść nie owy cie",
    "id": "kan nya",
    "sv": "ning heten arna",
    "da": "hed erne else",
    "no": "het ene else",
    "fi": "ssa ssä lla llä sta stä nen mme vat vät",
    "cs": "ost ání ého ový",
    "ro": "ului rea ește ții",
    "hu": "ban ben nak nek tok",
}
_LETTER = 0.4  # vote of a word of one letter: it may as well be an initial, or chat ("W mom")
_MANY = 6  # words, of which one may be another language's by chance
# Letters beyond a to z, and signs within a word, which stand for letters in a text that was read in a wrong encoding.
_MARKED = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]|[¹²³¼½¾ªº](?=[^\W\d_])")
_COMMAS = str.maketrans("şţ", "șț")
_IGNORED = re.compile(URL + r"|[A-Za-z0-9._%+-]{0,64}@\w[\w.-]*|&\w+;")
_HASHTAG = re.compile(r"#\w+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def detect_language(text: str) -> str:
    """ISO 639-1 code of a text's language, "und" where it cannot tell.

    zh, ja, ko, ru, uk, ar, fa, th, hi, el, he by script and letters; en, es, fr, de, it, pt, nl, sv, da, no, fi,
    pl, cs, ro, hu, tr, vi, id by a vote of small words, in which a word that several of them share counts for less.
    """
    text = _plain(text)
    counts = {name: len(pattern.findall(text)) for name, pattern in _script_patterns().items()}
    weights = {name: count * _WEIGHT.get(name, 1.0) for name, count in counts.items()}
    weights["han"] += weights.pop("kana")
    weights["und"] = float(len(_unlisted().findall(text)))
    script = max(weights, key=lambda name: weights[name])
    if not weights[script]:
        return "und"
    if script == "han":
        # A lone kana (the の of brand names) does not make Chinese Japanese.
        return "ja" if counts["kana"] > max(0, 0.08 * counts["han"]) and counts["kana"] >= _few(counts["han"]) else "zh"
    if script == "latin":
        return _vote(text)
    if script == "ru":
        if _UKRAINIAN.search(text) and not _NOT_UKRAINIAN.search(text):
            return "uk"
        return "und" if _NOT_RUSSIAN.search(text) else "ru"
    if script == "ar" and _NOT_ARABIC.search(text):
        return "fa" if _PERSIAN.search(text) and not _NOT_PERSIAN.search(text) else "und"
    return script


def small_words(text: str, language: str) -> float:
    """Share of a text's words that are small words of a language, in [0, 1]; 0 of one without a list."""
    words = _WORD.findall(_plain(text).lower().replace("’", "'"))
    return sum(language in _known(word) for word in words) / max(1, len(words))


def _plain(text: str) -> str:
    """A text with its marks joined to their letters, as the lists have them, without what is of no language."""
    return _IGNORED.sub(" ", unicodedata.normalize("NFC", text))


def _few(han: int) -> int:
    return 1 if han == 0 else 2


def latin_votes(text: str) -> dict[str, float]:
    """What speaks for each language of Latin script: small words, its letters, endings; foreign letters against it."""
    votes: defaultdict[str, float] = defaultdict(float)
    words = _words(text)
    for word in words:
        languages = _known(word)
        for language in languages:
            kin = _ALIKE - {language} if language in _ALIKE else frozenset()
            among = sum((language in _RARER or other not in _RARER) and other not in kin for other in languages)
            votes[language] += (_LETTER if len(word) == 1 else 1.0) / among
        for language in [] if languages or len(word) < 5 else _by_ending(word):
            votes[language] += 0.3
    marked = _MARKED.findall(" ".join(words))
    for language, alphabet in _ALPHABETS.items():
        votes[language] += 0.4 * min(3, sum(text.count(letter) for letter in _LETTERS.get(language, "")))
        votes[language] -= 0.4 * sum(letter not in alphabet for letter in marked)
    return votes


def _vote(text: str) -> str:
    words, votes = _words(text), latin_votes(text)
    best = max(votes, key=lambda language: votes[language])
    least, share = (1.3, 0.15) if best in _RARER else (0.45, 0.08)
    if votes[best] < max(least, share * len(words)) or (len(words) >= _MANY and _by_chance(text, words, best)):
        return "und"
    rivals = votes.keys() - {best} - (_ALIKE if best in _ALIKE else _RARER if best not in _RARER else set())
    return "und" if any(votes[best] < 1.1 * votes[rival] for rival in rivals) else best


def _by_chance(text: str, words: list[str], language: str) -> bool:
    """Whether all that speaks for a language is one word of two letters ("at" is Tagalog too), or one letter."""
    small = {word for word in words if language in _known(word)}
    if any(len(word) > 2 for word in small) or any(len(w) >= 5 and language in _by_ending(w) for w in words):
        return False
    return len(small) + sum(letter in text for letter in _LETTERS.get(language, "")) < 2


def _words(text: str) -> list[str]:
    return _WORD.findall(_HASHTAG.sub(" ", text).lower().replace("’", "'"))


def _known(word: str) -> tuple[str, ...]:
    """The languages of which it is a small word; Romanian is written with a cedilla for its comma too."""
    return _by_word().get(word) or _by_word().get(word.translate(_COMMAS), ())


def _by_ending(word: str) -> list[str]:
    return [language for language, endings in _ENDINGS.items() if word.endswith(tuple(endings.split()))]


@cache
def _script_patterns() -> dict[str, re.Pattern[str]]:
    return {name: re.compile(f"[{ranges}]") for name, ranges in _SCRIPTS.items()}


@cache
def _unlisted() -> re.Pattern[str]:
    """Letters of scripts that are none of those above."""
    return re.compile(rf"(?![{''.join(_SCRIPTS.values())}])[^\W\d_]")


@cache
def _by_word() -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for language, words in _SMALL_WORDS.items():
        for word in words.split():
            found.setdefault(word, set()).add(language)
    return {word: tuple(sorted(languages)) for word, languages in found.items()}
