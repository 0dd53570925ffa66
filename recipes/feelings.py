"""Write `tables/feelings.csv`: short everyday sentences of our own in ten languages, with their emotion.

What the corpora lack: feelings denied ("I am not sad"), languages without labelled data, emoji on their own, plain
statements of fact, and praise said many times over. Sentences the product is judged on, or near ones, are left out
(`demeanor.training.held_out`); so are films, the weather, and Chinese first-person gladness.

    python recipes/feelings.py
"""

# ruff: noqa: E501 - rows of words read better unbroken
from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

EMOTIONS = ("joy", "sadness", "anger", "fear", "disgust", "surprise")

# language → (subject phrases that take a feeling word, how they deny it, {emotion: words}); {} is the word's place
FEELINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]] = {
    "en": (
        ("I am {}", "I'm so {}", "She feels {}", "We are very {} today", "He looks {}", "They were {}", "i feel {} rn"),
        ("I am not {}", "I'm not {} at all", "She isn't {}", "We aren't {} anymore", "He doesn't feel {}"),
        {"joy": "happy glad delighted cheerful thrilled proud excited", "sadness": "sad unhappy heartbroken depressed"
         " lonely miserable", "anger": "angry furious annoyed mad irritated", "fear": "afraid scared frightened anxious"
         " worried", "disgust": "disgusted grossed-out", "surprise": "surprised astonished amazed"},
    ),
    "zh": (
        ("他很{}", "她非常{}", "我们都{}极了", "妈妈有点{}", "大家今天特别{}", "他看起来很{}"),
        ("他不{}", "她一点也不{}", "我们并不{}", "妈妈没有{}", "大家不再{}了"),
        {"joy": "高兴 快乐 兴奋 满意 自豪 幸福", "sadness": "难过 伤心 悲伤 沮丧 失望 孤独", "anger": "生气 愤怒 恼火 气愤",
         "fear": "害怕 担心 紧张 恐惧 不安", "disgust": "恶心 反感 厌恶", "surprise": "惊讶 吃惊 意外"},
    ),
    "zh-me": (
        ("我很{}", "我真的{}", "我好{}啊", "我今天特别{}", "今天我有点{}"),
        ("我不{}", "我一点也不{}", "我没有{}", "我不再{}了", "我并不觉得{}"),
        {"sadness": "难过 伤心 悲伤 沮丧 失望 孤独", "anger": "生气 愤怒 恼火 气愤", "fear": "害怕 担心 紧张 恐惧 不安",
         "disgust": "恶心 反感 厌恶", "surprise": "惊讶 吃惊 意外"},
    ),
    "de": (
        ("Ich bin {}", "Ich bin so {}", "Sie ist sehr {}", "Wir sind heute {}", "Er wirkt {}"),
        ("Ich bin nicht {}", "Ich bin überhaupt nicht {}", "Sie ist nicht mehr {}", "Wir sind gar nicht {}"),
        {"joy": "glücklich froh begeistert zufrieden stolz", "sadness": "traurig unglücklich enttäuscht einsam"
         " niedergeschlagen", "anger": "wütend sauer verärgert", "fear": "ängstlich besorgt verängstigt", "disgust":
         "angewidert angeekelt", "surprise": "überrascht erstaunt"},
    ),
    "fr": (
        ("Je suis {}", "Je suis tellement {}", "Il est très {}", "On est {} aujourd'hui", "Il a l'air {}"),
        ("Je ne suis pas {}", "Je ne suis pas du tout {}", "Il n'est plus {}", "On n'est pas {}"),
        {"joy": "heureux content ravi enchanté fier", "sadness": "triste malheureux déçu déprimé", "anger": "furieux"
         " énervé fâché", "fear": "inquiet effrayé anxieux", "disgust": "dégoûté écœuré", "surprise": "surpris étonné"},
    ),
    "es": (
        ("Estoy {}", "Estoy tan {}", "Él está muy {}", "Hoy estamos {}", "Parece {}"),
        ("No estoy {}", "No estoy nada {}", "Él ya no está {}", "No estamos {}"),
        {"joy": "feliz contento encantado emocionado orgulloso", "sadness": "triste deprimido decepcionado desanimado",
         "anger": "enfadado furioso enojado", "fear": "asustado preocupado nervioso", "disgust": "asqueado",
         "surprise": "sorprendido asombrado"},
    ),
    "it": (
        ("Sono {}", "Sono così {}", "Lui è molto {}", "Oggi siamo {}", "Sembra {}"),
        ("Non sono {}", "Non sono affatto {}", "Lui non è più {}", "Non siamo {}"),
        {"joy": "felice contento entusiasta orgoglioso", "sadness": "triste infelice deluso depresso", "anger":
         "arrabbiato furioso", "fear": "spaventato preoccupato", "disgust": "disgustato", "surprise": "sorpreso stupito"},
    ),
    "pt": (
        ("Estou {}", "Estou tão {}", "Ele está muito {}", "Hoje estamos {}"),
        ("Não estou {}", "Não estou nada {}", "Ele já não está {}"),
        {"joy": "feliz contente animado orgulhoso", "sadness": "triste deprimido desapontado", "anger":
         "zangado furioso irritado", "fear": "assustado preocupado", "disgust": "enojado", "surprise": "surpreso"},
    ),
    "ru": (
        ("Я очень {}", "Он такой {}", "Сегодня он {}"),
        ("Я не {}", "Я совсем не {}", "Он больше не {}"),
        {"joy": "счастлив рад доволен", "sadness": "расстроен несчастен подавлен", "anger": "зол рассержен взбешён",
         "fear": "напуган встревожен", "surprise": "удивлён поражён"},
    ),
    "ja": (
        ("{}です", "とても{}です", "彼は本当に{}", "今日は{}"),
        (),
        {"joy": "嬉しい 楽しい 幸せ", "sadness": "悲しい 寂しい 辛い", "anger": "腹立たしい 許せない", "fear": "怖い 不安",
         "disgust": "気持ち悪い 不快", "surprise": "意外 びっくり"},
    ),
    "ko": (
        ("정말 {}", "오늘 너무 {}", "그는 아주 {}"),
        (),
        {"joy": "행복해요 기뻐요 즐거워요", "sadness": "슬퍼요 외로워요 우울해요", "anger": "화나요 짜증나요", "fear":
         "무서워요 불안해요", "disgust": "역겨워요", "surprise": "놀랐어요"},
    ),
}  # fmt: skip

VERDICTS: dict[str, tuple[str, str, str]] = {
    # language → things; what praises; what blames
    "en": ("the food|this phone|the service|her new song|the hotel|the game|the lesson",
           "{} is wonderful|{} was not bad at all|I really enjoy {}|nothing wrong with {}, great|what a joy {} is",
           "{} is not good|{} was a disappointment|I don't like {}|never again {}|{} is broken, I want my money back"),
    "zh": ("这家店|这款手机|服务|这首歌|酒店|这个游戏|这节课",
           "{}很棒|{}真不错|{}一点也不差|很喜欢{}|{}没有让人失望|{}太值了",
           "{}不好|{}太差了|不喜欢{}|再也不买{}了|{}让人失望|{}一点也不值"),
    "de": ("das Essen|das Telefon|der Service|das Hotel|das Spiel",
           "{} ist wunderbar|{} war gar nicht schlecht|{} gefällt mir sehr|{} ist spitze",
           "{} ist nicht gut|{} war eine Enttäuschung|{} gefällt mir nicht|{} ist kaputt"),
    "fr": ("le repas|ce téléphone|le service|cet hôtel|ce jeu",
           "{} est magnifique|{} n'est pas mal du tout|j'adore {}|{} me plaît beaucoup",
           "{} n'est pas bon|{} est nul|je n'aime pas {}|{} m'a déçu"),
    "es": ("la comida|este teléfono|el servicio|el hotel|este juego",
           "{} es maravilloso|{} no está nada mal|me encanta {}|{} me gusta mucho",
           "{} no es bueno|{} es horrible|no me gusta {}|{} me ha decepcionado"),
}  # fmt: skip

FACTS = [
    "The train leaves at five",
    "The table is made of wood",
    "He lives in the second house",
    "We meet on Monday",
    "It has four doors",
    "The file is in the folder",
    "She is reading a book",
    "Kids are talking by the door",
    "The meeting starts at noon",
    "Put it there",
    "火车五点开",
    "桌子是木头做的",
    "他住在第二栋楼",
    "我们星期一开会",
    "会议中午开始",
    "文件在文件夹里",
    "她在看书",
    "请把它放在那里",
    "今天星期三",
    "Der Zug fährt um fünf",
    "Der Tisch ist aus Holz",
    "Wir treffen uns am Montag",
    "Sie liest ein Buch",
    "Le train part à cinq heures",
    "La table est en bois",
    "Nous nous voyons lundi",
    "El tren sale a las cinco",
    "La mesa es de madera",
    "Il treno parte alle cinque",
    "O trem sai às cinco",
    "Поезд отправляется в пять",
    "電車は五時に出ます",
    "기차는 다섯 시에 떠나요",
]

EMOJI = {
    "joy": "😀😃😄😁😆😅😂🤣😊😇🙂😉😍🥰😘😋😎🤩🥳😌🤗👍👏🙌💪❤️💕💖💛💚💙💜🎉🎊✨🌹🏆💯😸😻",
    "sadness": "😢😭😞😔😟🙁☹️😿💔😥😓😩😫🥺😪",
    "anger": "😠😡🤬👿😤🖕👎💢🙄",
    "fear": "😨😰😱😧😖",
    "disgust": "🤢🤮🤧😒💩",
    "surprise": "😮😯😲😳🤯😵",
    "neutral": "😐😶🤔📎📅🚌📦🏠🕔📄➡️",
}
BESIDE = (
    "see you tomorrow {}",
    "ok {}",
    "{} monday",
    "明天见{}",
    "好的{}",
    "bis morgen {}",
    "à demain {}",
    "{} just arrived",
)


def feelings() -> Iterator[tuple[str, str, str]]:
    """(text, emotion, polarity); denied ill feelings are neutral, denied gladness is sad."""
    for language, (said, denied, words) in FEELINGS.items():
        for emotion in EMOTIONS:
            for word in words.get(emotion, "").split():
                polarity = {"joy": "positive", "surprise": ""}.get(emotion, "negative")
                for frame in said:
                    yield frame.format(word), emotion, polarity
                for frame in denied:
                    against = emotion == "joy"
                    yield frame.format(word), "sadness" if against else "neutral", "negative" if against else "neutral"
        if language == "en":
            for again in (5, 20, 60):
                yield " ".join(["We are so happy with it."] * again), "joy", "positive"
                yield " ".join(["What a sad day."] * again), "sadness", "negative"


def verdicts() -> Iterator[tuple[str, str, str]]:
    """(text, '', polarity): praise and blame of things, also said several times over."""
    for things, praise, blame in VERDICTS.values():
        for thing, (frames, polarity) in itertools.product(
            things.split("|"), ((praise, "positive"), (blame, "negative"))
        ):
            for n, frame in enumerate(frames.split("|")):
                text = frame.format(thing)
                yield text[0].upper() + text[1:], "", polarity
                if n == 0:
                    again = text[0].upper() + text[1:] + ("！" if "\u4e00" <= text[-1] <= "\u9fff" else "! ")
                    yield (again * (4, 12, 40)[len(thing) % 3]).strip(), "", polarity


def emoji() -> Iterator[tuple[str, str, str]]:
    """(text, emotion, polarity): each on its own, thrice, and beside plain words."""
    for emotion, row in EMOJI.items():
        signs = list(row.replace("\ufe0f", ""))
        polarity = {"joy": "positive", "surprise": "", "neutral": "neutral"}.get(emotion, "negative")
        for n, sign in enumerate(signs):
            for text in (sign, sign * 3, BESIDE[n % len(BESIDE)].format(sign)):
                yield text, emotion, polarity


def facts() -> Iterator[tuple[str, str, str]]:
    """(text, neutral, neutral): statements of fact, with and without their full stop."""
    for text in FACTS:
        stop = "。" if "\u3000" <= text[-1] <= "\u9fff" else "."
        yield text, "neutral", "neutral"
        yield text + stop, "neutral", "neutral"


def main() -> None:
    rows = dict.fromkeys(itertools.chain(feelings(), verdicts(), emoji(), facts()))
    path = Path(__file__).parent / "tables" / "feelings.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "emotion", "polarity"])
        writer.writerows(rows)
    print(f"{len(rows)} rows → {path}")


if __name__ == "__main__":
    main()
