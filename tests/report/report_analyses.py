"""Realistic analyses, built by rule, and the pictures that go with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from demeanor.report.html import ReportMedia
from demeanor.types import EMOTIONS, KeyFrame

Json = dict[str, Any]

# Where each emotion lies (valence, arousal, dominance): Russell and Mehrabian 1977, rounded.
_VAD = {
    "anger": (-0.51, 0.59, 0.25), "disgust": (-0.60, 0.35, 0.11), "fear": (-0.64, 0.60, -0.43),
    "joy": (0.76, 0.48, 0.35), "sadness": (-0.63, -0.27, -0.33), "surprise": (0.40, 0.67, -0.13),
    "neutral": (0.0, 0.0, 0.0),
}  # fmt: skip


def reading(score: float, emotion: str = "neutral", peak: float = 0.62, **more: Any) -> Json:
    """A whole reading whose numbers agree with one another."""
    neutral = max(0.05, 0.75 - 0.9 * abs(score))
    positive = (1 - neutral) / (1 + math.exp(-6 * score))
    probabilities = {"negative": 1 - neutral - positive, "neutral": neutral, "positive": positive}
    rest = (1 - peak) / (len(EMOTIONS) - 1)
    emotions = {e: peak if e == emotion else rest for e in EMOTIONS}
    vad = [sum(emotions[e] * _VAD[e][i] for e in EMOTIONS) for i in range(3)]
    label = max(probabilities, key=lambda k: probabilities[k])
    return {
        "sentiment": {"score": score, "label": label, "probabilities": probabilities},
        "emotions": emotions,
        "dimensions": {"valence": vad[0], "arousal": vad[1], "dominance": vad[2], "derived": True},
        "confidence": probabilities[label],
        "calibration": "pooled",
        "abstain": False,
        **more,
    }


def nothing(**more: Any) -> Json:
    """A reading that predicts nothing."""
    return {
        "sentiment": None, "emotions": None, "dimensions": None, "confidence": None,
        "calibration": "pooled", "abstain": True, **more,
    }  # fmt: skip


def analysis(**more: Any) -> Json:
    base: Json = {
        "schema": "demeanor.analysis/1", "id": "item-1", "source": None, "kind": "text", "duration": None,
        "language": "en", "overall": reading(0.1), "cues": {}, "segments": [], "people": [],
        "missing": [], "warnings": [],
        "provenance": {
            "version": "0.1.0", "bundle": "base 1 (sha256 3f9a…c2)", "speech": None, "threads": 2,
            "seconds": 1.9,
        },
    }  # fmt: skip
    return {**base, **more}


def segment(text: str | None, fused: Json, cues: Json, **more: Any) -> Json:
    base: Json = {
        "start": None, "end": None, "chars": None, "text": text, "words": [], "speaker": None, "faces": [],
        "reading": fused, "cues": cues,
    }  # fmt: skip
    return {**base, **more}


def words_of(text: str, start: float, end: float) -> list[Json]:
    parts = text.split() if " " in text else list(text)
    step = (end - start) / max(1, len(parts))
    return [
        {
            "text": p,
            "start": start + i * step,
            "end": start + (i + 1) * step,
            "probability": 0.97 - 0.6 * (i % 7 == 5),
        }
        for i, p in enumerate(parts)
    ]


_TALK = [
    (0.0, 3.4, "S1", "Thanks for coming back. How was the new place?", 0.35, "joy"),
    (3.9, 8.2, "S2", "Honestly? I loved it. The view from the kitchen is unbelievable.", 0.82, "joy"),
    (8.4, 10.1, "S1", "I told you so!", 0.55, "joy"),
    (11.0, 15.6, "S2", "Then the heating broke on the second night, in mid-winter.", -0.38, "sadness"),
    (16.0, 18.3, "S1", "Oh no. In January?", -0.30, "surprise"),
    (18.5, 24.0, "S2", "We called three times and nobody picked up. I was furious.", -0.78, "anger"),
    (24.6, 28.8, "S2", "They said, quote, 'that is not our problem'. Can you believe that?", -0.85, "anger"),
    (29.5, 31.0, "S1", "That is awful.", -0.62, "disgust"),
    (32.0, 36.7, "S2", "Anyway, the landlord came on Thursday with a form to sign.", 0.02, "neutral"),
    (37.1, 41.5, "S2", "And the neighbours brought us soup and blankets, total strangers.", 0.58, "surprise"),
    (42.0, 44.9, "S1", "See, there are good people everywhere.", 0.66, "joy"),
    (45.2, 49.5, "S2", "Yes. I would still recommend it, heating and all.", 0.61, "joy"),
]  # fmt: skip


def video() -> Json:
    """Twelve utterances, two speakers, two faces, no face in one of them."""
    segments = []
    for i, (start, end, speaker, text, score, emotion) in enumerate(_TALK):
        voice = max(-1.0, min(1.0, score * 0.8 - (0.1 if emotion == "anger" else -0.05)))
        cues = {"words": reading(score, emotion, 0.7), "voice": reading(voice, emotion, 0.55)}
        faces = []
        if i != 4:
            cues["face"] = reading(score * 0.6, emotion if i % 3 else "neutral", 0.5)
            mine = (0.16, 0.2, 0.2, 0.4) if speaker == "S1" else (0.62, 0.24, 0.19, 0.38)
            faces.append({"id": "F1" if speaker == "S1" else "F2", "box": list(mine), "reading": cues["face"]})
            if i in (1, 6, 9):
                faces.append({"id": "F1", "box": [0.17, 0.21, 0.2, 0.4], "reading": reading(0.05)})
        segments.append(
            segment(
                text, reading(score * 0.95, emotion, 0.64), cues, start=start, end=end, speaker=speaker,
                faces=faces,
                words=words_of(text, start, end),
            )
        )  # fmt: skip
    overall = reading(0.18, "joy", 0.36)
    overall["emotions"].update(anger=0.21, neutral=0.13)
    overall["emotions"].update(disgust=0.08, fear=0.04, sadness=0.1, surprise=0.08)
    return analysis(
        id="visit", source="visit-to-the-new-place.mp4", kind="video", duration=50.2, overall=overall,
        cues={
            "words": reading(0.24, "joy", 0.41, weight=0.55, share=0.17),
            "voice": reading(-0.12, "anger", 0.38, weight=0.28, share=-0.05),
            "face": reading(0.11, "neutral", 0.5, weight=0.17, share=0.04),
        },
        segments=segments,
        people=[
            {"id": "P1", "faces": ["F1"], "speaker": "S1", "seconds": 27.6, "reading": reading(0.12, "joy")},
            {"id": "P2", "faces": ["F2"], "speaker": "S2", "seconds": 34.3, "reading": reading(-0.08, "anger")},
        ],
        missing=["scene"], warnings=["no face found in 1 of 12 segments"],
        provenance={
            "version": "0.1.0", "bundle": "base 1 (sha256 3f9a…c2)", "speech": "whisper-base", "threads": 2,
            "seconds": 9.4,
        },
    )  # fmt: skip


def chinese_audio() -> Json:
    """A call in Chinese, one channel each."""
    talk = [
        (0.4, 3.1, "S1", "您好,请问有什么可以帮您?", 0.2, "neutral"),
        (3.6, 8.9, "S2", "我上周买的耳机才用了三天,左边就完全没有声音了。", -0.55, "sadness"),
        (9.2, 12.0, "S2", "这已经是第二次了,真的太让人生气了!", -0.83, "anger"),
        (12.6, 17.8, "S1", "非常抱歉给您带来麻烦,我们今天就给您换一副新的。", 0.1, "sadness"),
        (18.3, 20.2, "S2", "真的吗?今天就能换?", 0.35, "surprise"),
        (20.6, 24.4, "S1", "对,下午三点前寄出,明天上午您就能收到。", 0.3, "neutral"),
        (25.0, 28.7, "S2", "那太好了,谢谢你,我很开心。", 0.86, "joy"),
    ]
    segments = [
        segment(
            text, reading(score, emotion, 0.6),
            {"words": reading(score, emotion, 0.66), "voice": reading(score * 0.7, emotion, 0.5)},
            start=start, end=end, speaker=speaker, words=words_of(text, start, end),
        )
        for start, end, speaker, text, score, emotion in talk
    ]  # fmt: skip
    return analysis(
        id="来电/0317.wav", source="客服来电-0317.wav", kind="audio", duration=29.3, language="zh",
        overall=reading(0.06, "sadness", 0.3, calibration="verified"),
        cues={
            "words": reading(0.12, "joy", 0.33, weight=0.62, share=0.09),
            "voice": reading(-0.05, "sadness", 0.36, weight=0.38, share=-0.02),
        },
        segments=segments, missing=["face", "scene"],
    )  # fmt: skip


def long_film(count: int = 3000) -> Json:
    """Two hours, a segment every 2.4 s; the mood follows slow waves."""
    random = np.random.default_rng(7)
    segments = []
    for i in range(count):
        start = i * 2.4
        wave = 0.55 * math.sin(i / 160) + 0.25 * math.sin(i / 37) + 0.2 * float(random.normal())
        score = round(max(-0.97, min(0.97, wave)), 3)
        emotion = "joy" if score > 0.35 else ["anger", "sadness", "fear"][i // 300 % 3] if score < -0.3 else "neutral"
        cues = {
            "words": reading(score, emotion),
            "voice": reading(round(score * 0.7, 3), emotion),
            "scene": reading(round(0.3 * math.sin(i / 160), 3)),
        }
        if i % 5:
            cues["face"] = reading(round(score * 0.5, 3), emotion)
        text = f"Line {i + 1}: what they said next changed everything, or so it seemed at the time."
        segments.append(
            segment(
                text if i % 11 else None, reading(score, emotion), cues, start=start, end=start + 2.2,
                speaker=f"S{1 + i // 7 % 4}", words=words_of(text, start, start + 2.2),
            )
        )  # fmt: skip
    cues = {c: reading(0.1, "neutral", 0.3, weight=0.25, share=0.02) for c in ("words", "voice", "face", "scene")}
    return analysis(
        id="film", source="the-long-film.mkv", kind="video", duration=2.4 * count, overall=reading(0.12),
        cues=cues, segments=segments,
    )  # fmt: skip


def post() -> Json:
    """The weather post: words positive, picture about neutral, together positive."""
    return analysis(
        id="post-8", source="post-8", kind="mixed", language="zh",
        overall=reading(0.64, "joy", 0.66, calibration="verified"),
        cues={
            "words": reading(0.78, "joy", 0.72, weight=0.7, share=0.51),
            "scene": reading(0.08, "neutral", 0.55, weight=0.3, share=0.06),
        },
        segments=[
            segment("今天的天气真好!", reading(0.7, "joy"), {"words": reading(0.78, "joy")}, chars=[0, 8]),
            segment("一起去爬山吧。", reading(0.4, "joy"), {"words": reading(0.41, "joy")}, chars=[8, 15]),
        ],
        missing=["voice", "face"],
    )  # fmt: skip


def pure_text() -> Json:
    sentences = [
        ("The trailer promised a comedy.", 0.15, "neutral"),
        (" For an hour I got one.", 0.33, "joy"),
        (" Then the script falls apart, and I hate how it treats its own heroine.", -0.8, "anger"),
        (" The last scene is so lazy it hurts.", -0.72, "disgust"),
        (" The music, though, is lovely.", 0.7, "joy"),
    ]
    segments, at = [], 0
    for text, score, emotion in sentences:
        made = reading(score, emotion)
        segments.append(segment(text, made, {"words": made}, chars=[at, at + len(text)]))
        at += len(text)
    return analysis(
        id="review", source=None, overall=reading(-0.31, "anger", 0.4), segments=segments,
        cues={"words": reading(-0.31, "anger", 0.4, weight=1.0, share=-0.33)},
        missing=["voice", "face", "scene"],
    )  # fmt: skip


def image() -> Json:
    """A picture of two people."""
    faces = [
        {"id": "F1", "box": [0.16, 0.2, 0.2, 0.4], "reading": reading(0.7, "joy")},
        {"id": "F2", "box": [0.62, 0.24, 0.19, 0.38], "reading": reading(-0.2, "sadness", 0.45)},
    ]
    cues = {
        "face": reading(0.3, "joy", 0.5, weight=0.8, share=0.2),
        "scene": reading(0.12, "neutral", 0.6, weight=0.2, share=0.03),
    }
    return analysis(
        id="picture", source="zwei Leute am Tisch.jpg", kind="image", language=None,
        overall=reading(0.26, "joy", 0.5), cues=cues,
        segments=[segment(None, reading(0.26, "joy", 0.5), cues, faces=faces)],
        missing=["words", "voice"],
    )  # fmt: skip


def empty() -> Json:
    """Everything that may be null or missing is."""
    return analysis(
        id="silence", source=None, kind="video", duration=6.0, language=None, overall=nothing(),
        segments=[
            segment(None, nothing(), {}, start=0.0, end=3.0),
            segment("", nothing(), {}, start=3.0, end=6.0),
        ],
        missing=["words", "voice", "face", "scene"], warnings=["no speech and no face found"],
        provenance={"version": "0.1.0", "bundle": None, "speech": None, "threads": None, "seconds": None},
    )  # fmt: skip


def failed() -> Json:
    """A line of a batch that could not be read."""
    message = "expected a video, got 0 bytes in 'broken.mp4'; next: copy the file again"
    return {"id": "broken.mp4", "error": {"type": "DecodeError", "message": message}}


HOSTILE = '</script><img src=x onerror="alert(1)">\' "quoted" <b>& עברית مرحبا \u202e\x00'


def hostile() -> Json:
    """User text that would break out of a careless page, wherever text from outside may stand."""
    made = video()
    made["source"] = HOSTILE
    made["id"] = HOSTILE
    made["warnings"] = [HOSTILE]
    made["people"] = [{"id": HOSTILE, "faces": [HOSTILE], "speaker": HOSTILE}]
    made["provenance"] = {**made["provenance"], "bundle": HOSTILE, HOSTILE: HOSTILE}
    for part in made["segments"]:
        part["text"] = part["speaker"] = HOSTILE
        part["words"] = [{"text": HOSTILE, "start": part["start"], "end": part["end"], "probability": 0.1}]
        for face in part["faces"]:
            face["id"] = HOSTILE
    return made


ALL = (video, chinese_audio, post, pure_text, image, empty, hostile)


def picture(width: int = 480, height: int = 270, seed: int = 0, faces: bool = True) -> np.ndarray:
    """A room, or a hill under the sky, with up to two plain faces; uint8 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    if faces:
        out = np.stack([210 - 70 * y + 8 * seed, 196 - 60 * y, 178 - 40 * y - 6 * seed], axis=-1)
        out[y > 0.78] = (112, 84, 66)
        for cx, skin, shirt in (
            (0.26, (226, 184, 150), (60, 92, 140)),
            (0.715, (176, 124, 92), (150, 70, 60)),
        ):
            body = ((x - cx) / 0.17) ** 2 + ((y - 1.02) / 0.42) ** 2 < 1
            out[body] = shirt
            out[((x - cx) / 0.095) ** 2 + ((y - 0.37) / 0.2) ** 2 < 1] = (52, 38, 32)
            out[((x - cx) / 0.08) ** 2 + ((y - 0.42) / 0.19) ** 2 < 1] = skin
            for eye in (-0.03, 0.03):
                out[((x - cx - eye) / 0.009) ** 2 + ((y - 0.39) / 0.018) ** 2 < 1] = (30, 30, 40)
            smile = 0.49 + 0.9 * math.cos(seed) * (0.04**2 - (x - cx) ** 2) / 0.04
            out[(abs(y - smile) < 0.009) & (abs(x - cx) < 0.038)] = (140, 50, 50)
    else:
        out = np.stack([120 + 90 * y, 178 + 50 * y, 236 + 0 * y], axis=-1)
        out[(x - 0.78) ** 2 + ((y - 0.22) * height / width) ** 2 < 0.006] = (255, 236, 170)
        out[y > 0.72 - 0.16 * np.sin(3.2 * x + 0.4)] = (104, 158, 96)
        out[y > 0.84 - 0.08 * np.sin(5 * x + 2)] = (72, 126, 78)
    return np.clip(out, 0, 255).astype(np.uint8)


def wave(count: int = 900, seed: int = 3) -> np.ndarray:
    """Min and max of a speech-like waveform, (count, 2)."""
    random = np.random.default_rng(seed)
    loud = np.abs(np.sin(np.arange(count) / 21)) * (0.35 + 0.65 * random.random(count))
    return np.stack([-0.8 * loud, 0.85 * loud], axis=1)


def media(frames: list[KeyFrame] | None = None, **more: Any) -> ReportMedia:
    base: dict[str, Any] = {"keyframes": frames or [], "peaks": None, "picture": None, "media_file": None}
    return ReportMedia(**{**base, **more})


def video_media(made: Json | None = None, **more: Any) -> ReportMedia:
    """A key frame in the middle of every segment (of every 30th of a long film)."""
    parts = (made or video())["segments"]
    parts = parts[:: max(1, len(parts) // 100)]
    frames = [KeyFrame((s["start"] + s["end"]) / 2, picture(seed=i)) for i, s in enumerate(parts)]
    return media(frames, **{"peaks": wave(), **more})
