"""What `robustness.py` does to a text, a sound or a picture before it is read."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from demeanor.media.audio import decode_audio
from demeanor.training.typos import mistyped

RATE = 16_000
Damage = Callable[[Any, random.Random], Any]

CHINESE = {
    "love": "爱", "like": "喜欢", "hate": "讨厌", "good": "好", "bad": "糟糕", "great": "很棒", "happy": "开心",
    "sad": "难过", "angry": "生气", "today": "今天", "friend": "朋友", "people": "人们", "really": "真的",
    "very": "非常", "thank": "谢谢", "thanks": "谢谢", "sorry": "对不起", "time": "时间", "think": "觉得",
    "know": "知道", "this": "这个", "that": "那个", "because": "因为", "but": "但是", "and": "和", "wow": "哇",
    "beautiful": "漂亮", "funny": "好笑", "scared": "害怕", "terrible": "可怕", "amazing": "太棒了", "day": "天",
    "my": "我的", "your": "你的", "work": "工作", "home": "家", "movie": "电影", "game": "比赛", "now": "现在",
}  # fmt: skip


def mixed(text: str, rng: random.Random) -> str:
    """Common English words in Chinese."""
    return " ".join(CHINESE.get(word.strip(".,!?").lower(), word) for word in text.split())


ENGLISH = {chinese: word for word, chinese in CHINESE.items() if len(chinese) > 1} | {  # one sign may be part of a word
    "我们": "we", "他们": "they", "大家": "everybody", "自己": "myself", "没有": "no", "什么": "what", "可以": "can",
    "希望": "hope", "快乐": "happy", "加油": "come on", "一个": "one", "中国": "China", "老师": "teacher",
    "孩子": "baby", "医院": "hospital", "回家": "go home", "开学": "back to school", "视频": "video", "手机": "phone",
}  # fmt: skip
SAME_SOUND = (
    "的地得", "在再", "他她它", "那哪", "吗嘛", "做作坐", "以已", "像象", "是事", "有又", "会回", "心新", "不部",
    "家加", "只之", "里理", "过国", "到道", "生声", "时实", "人仁", "情晴", "气起", "看砍", "为未", "好号",
)  # fmt: skip


def mixed_in(text: str, rng: random.Random) -> str:
    """Common Chinese words of two signs and more in English."""
    for chinese in sorted(ENGLISH, key=len, reverse=True):
        text = text.replace(chinese, f" {ENGLISH[chinese]} ")
    return text


def misspelt(share: float, text: str, rng: random.Random) -> str:
    """That share of the Chinese signs taken for one of the same sound if `SAME_SOUND` has it, else swapped, left out,
    or doubled."""
    out = list(text)
    for i, c in enumerate(text):
        if not "\u4e00" <= c <= "\u9fff" or rng.random() >= share:
            continue
        others = next((row.replace(c, "") for row in SAME_SOUND if c in row), "")
        kind = rng.randrange(3)
        if others:
            out[i] = rng.choice(others)
        elif kind == 0 and i + 1 < len(out):
            out[i], out[i + 1] = out[i + 1], out[i]
        else:
            out[i] = c * 2 if kind == 1 else ""
    return "".join(out)


def typos(share: float, text: str, rng: random.Random) -> str:
    return mistyped(text, share, rng)


def slips(damage: Callable[[float, str, random.Random], str]) -> dict[str, Damage]:
    return {f"typos {share:.0%}".replace("%", " %"): partial(damage, share) for share in (0.02, 0.05, 0.1, 0.2)}


ALIKE: Mapping[str, Damage] = {
    "no marks": lambda t, _: "".join(c for c in t.lower() if c.isalnum() or c.isspace()),
    "emoji of no feeling": lambda t, rng: f"{t} {rng.choice('📅📎🚌🏠📷🔋')}",
}
WORDS = {**slips(typos), "capitals": lambda t, _: t.upper(), **ALIKE, "common words in Chinese": mixed}
WEIBO = {**slips(misspelt), **ALIKE, "common words in English": mixed_in}


def babble(voices: Sequence[np.ndarray], decibels: float) -> Damage:
    """Six other voices at once, so many decibels below the voice."""

    def damage(sound: np.ndarray, rng: random.Random) -> np.ndarray:
        noise = sum(np.resize(np.roll(v, rng.randrange(len(v))), len(sound)) for v in rng.sample(list(voices), 6))
        level = np.sqrt(np.mean(sound**2) / max(1e-12, float(np.mean(noise**2)))) * 10 ** (-decibels / 20)
        mix = sound + level * noise
        return (mix / max(1.0, float(np.abs(mix).max()))).astype(np.float32)

    return damage


def coded(codec: str, container: str, rate: int, bits: int | None = None) -> Damage:
    """Through a codec and back."""

    def damage(sound: np.ndarray, rng: random.Random) -> np.ndarray:
        import av

        buffer = io.BytesIO()
        with av.open(buffer, "w", format=container) as out:
            stream = out.add_stream(codec, rate=rate, layout="mono")
            if bits:
                stream.bit_rate = bits
            frame = av.AudioFrame.from_ndarray(np.round(sound[None] * 32767).astype(np.int16), "s16", "mono")
            frame.sample_rate = RATE
            for piece in av.AudioResampler(stream.format, "mono", rate).resample(frame):
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
        return decode_audio(buffer.getvalue())

    return damage


def blurred(share: float) -> Damage:
    """By a Gaussian whose spread is such a share of the shorter side."""

    def damage(picture: np.ndarray, rng: random.Random) -> np.ndarray:
        import cv2

        return np.asarray(cv2.GaussianBlur(picture, (0, 0), share * min(picture.shape[:2])))

    return damage


def dark(share: float) -> Damage:
    """So much of the light left, with the noise of a sensor."""

    def damage(picture: np.ndarray, rng: random.Random) -> np.ndarray:
        noise = np.random.default_rng(rng.randrange(1 << 30)).normal(0, 3, picture.shape)
        return np.clip(picture * share + noise, 0, 255).astype(np.uint8)

    return damage


def small(side: int) -> Damage:
    def damage(picture: np.ndarray, rng: random.Random) -> np.ndarray:
        import cv2

        shape = picture.shape[1::-1]
        return np.asarray(cv2.resize(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), shape))

    return damage


def jpeg(grade: int) -> Damage:
    """Through JPEG of such a quality, of 100, and back."""

    def damage(picture: np.ndarray, rng: random.Random) -> np.ndarray:
        import cv2

        coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, grade])[1]
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])

    return damage


FACES: Mapping[str, Damage] = {
    "blur 1 px": blurred(1 / 48), "blur 2 px": blurred(2 / 48), "blur 3 px": blurred(3 / 48),
    "half the light": dark(0.5), "a fifth of it": dark(0.2), "a tenth": dark(0.1),
    "24 pixels": small(24), "16 pixels": small(16),
}  # fmt: skip
PICTURES: Mapping[str, Damage] = {
    "blur 2 %": blurred(0.02), "blur 4 %": blurred(0.04), "a fifth of the light": dark(0.2), "a tenth": dark(0.1),
    "56 pixels": small(56), "28 pixels": small(28), "JPEG 10": jpeg(10),
}  # fmt: skip
