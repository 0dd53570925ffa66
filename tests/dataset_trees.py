"""Tiny corpora in the exact layout of the originals, one builder per data set: `build(name, folder)` → what to read."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Builder = Callable[[Path], Path]


def build(name: str, folder: Path) -> Path:
    """Build the tiny tree of a data set; returns the root to read."""
    folder.mkdir(parents=True, exist_ok=True)
    builder: Builder = globals()[f"make_{name}"]
    return builder(folder)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_picture(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((48, 48), shade, np.uint8)).save(path)
    return path


MSA = ("video_id", "clip_id", "text", "label", "label_T", "label_A", "label_V", "annotation", "mode")


def _clips(root: Path, rows: Sequence[Sequence[object]]) -> Path:
    write_csv(root / "label.csv", MSA, rows)
    for video, clip, *_ in rows:
        write(root / "Raw" / str(video) / f"{clip}.mp4", f"{video} {clip}")
    return root


def make_mosi(root: Path) -> Path:
    return _clips(
        root,
        [
            ("03bSnISJMiM", 1, "anyhow it was really good", 2.4, "", "", "", "Positive", "train"),
            ("03bSnISJMiM", 11, "they didnt really do much, background info", -0.8, "", "", "", "Negative", "train"),
            ("-s9qJ7ATP7w", 2, "so, it was “fine”", 0, "", "", "", "Neutral", "valid"),
            ("zhpQhgha_KU", 3, "i would not see it again", -3.0, "", "", "", "Negative", "test"),
        ],
    )


make_mosei = make_mosi


def make_sims(root: Path) -> Path:
    _clips(
        root,
        [
            ("video_0001", "0001", "我不想嫁给李茶", -0.6, -0.6, -0.2, -0.8, "Negative", "train"),
            ("video_0001", "0012", "今天真好", 0.8, 1, 0.4, 0.6, "Positive", "train"),
            ("video_0002", "0003", "好的", 0, 0, 0, 0.2, "Neutral", "valid"),
            ("video_0003", "0007", "谢谢", 0.2, 0.4, 0, 0, "Positive", "test"),
        ],
    )
    table = root / "label.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("video_0001,0012", "video_0001,12"), encoding="utf-8")
    return root


def make_simsv2(root: Path) -> Path:
    make_sims(root)
    (root / "label.csv").rename(root / "meta.csv")
    return root


MELD = (
    "Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "Season", "Episode",
    "StartTime", "EndTime",
)  # fmt: skip


def make_meld(root: Path) -> Path:
    when = (8, 21, "00:16:16,059", "00:16:21,731")
    lines = {
        "train": [
            (1, "also I was the point person on my companyâ€™s move", "Chandler", "neutral", "neutral", 0, 0, *when),
            (2, "You must\x92ve had your hands full.", "The Interviewer", "surprise", "positive", 0, 1, *when),
            (3, "No!", "Chandler", "anger", "negative", 1, 0, *when),
        ],
        "dev": [(1, "Oh my God, he’s lost it.", "Phoebe", "sadness", "negative", 0, 0, *when)],
        "test": [(1, "Why do all you’re coffee mugs have numbers?", "Mark", "surprise", "positive", 0, 0, *when)],
    }
    folders = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    for part, rows in lines.items():
        write_csv(root / f"{part}_sent_emo.csv", MELD, rows)
        for row in rows:
            write(root / folders[part] / f"dia{row[5]}_utt{row[6]}.mp4", f"{part} {row[1]}")
    return root


def make_iemocap(root: Path) -> Path:
    for session in range(1, 6):
        for scenario, turns in {
            "impro01": (("F000", "neu", 6.29), ("M000", "fru", 8.5), ("F001", "exc", 12.0), ("M001", "xxx", 15.0)),
            "script01_1b": (("F000", "ang", 1.0), ("M000", "sad", 3.25), ("M001", "sur", 5.0)),
        }.items():
            name = f"Ses0{session}F_{scenario}"
            dialog = root / f"Session{session}" / "dialog"
            labels, words = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
            for turn, emotion, start in sorted(turns):
                labels += [
                    f"[{start:.4f} - {start + 1.5:.4f}]\t{name}_{turn}\t{emotion}\t[2.5000, 4.0000, 1.0000]",
                    "C-E2:\tNeutral;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", "",
                ]  # fmt: skip
                words.append(f"{name}_{turn} [{start:08.4f}-{start + 1.5:08.4f}]: Words of {turn}.")
                wav = root / f"Session{session}" / "sentences" / "wav" / name / f"{name}_{turn}.wav"
                write(wav, f"{name} {turn}")
            write(dialog / "EmoEvaluation" / f"{name}.txt", "\n".join(labels))
            write(dialog / "EmoEvaluation" / f"._{name}.txt", b"\x00\x05\x16\x07")
            write(dialog / "transcriptions" / f"{name}.txt", "\n".join(words))
            write(dialog / "avi" / "DivX" / f"{name}.avi", f"film {name}")
            write(dialog / "wav" / f"{name}.wav", f"sound {name}")
    return root


def make_ravdess(root: Path) -> Path:
    for actor in (1, 2, 5, 24):
        for codes in ("01-01-01-01-01", "01-02-01-02-01", "01-03-02-01-02", "01-08-01-01-01", "02-04-01-01-01"):
            for modality, ending in (("01", "mp4"), ("02", "mp4"), ("03", "wav")):
                name = f"{modality}-{codes}-{actor:02d}.{ending}"
                write(root / f"Actor_{actor:02d}" / name, name)
    return root


def make_cremad(root: Path) -> Path:
    rows: list[tuple[object, ...]] = []
    actors = []
    for place, actor in enumerate((1001, 1002, 1003, 1004, 1091)):
        actors.append((actor, 30 + place, ("Male", "Female")[place % 2], "Caucasian", "Not Hispanic"))
        for name in (f"{actor}_DFA_ANG_XX", f"{actor}_IEO_HAP_LO", f"{actor}_ITH_SAD_X", f"{actor}_TSI_NEU_XX"):
            write(root / "AudioWAV" / f"{name}.wav", f"sound {name}")
            write(root / "VideoFlash" / f"{name}.flv", f"film {name}")
            rows.append((len(rows) + 1, name, "N", 50, "A:D", 60, "H:N", 70))
    header = ("", "FileName", "VoiceVote", "VoiceLevel", "FaceVote", "FaceLevel", "MultiModalVote", "MultiModalLevel")
    write_csv(root / "processedResults" / "summaryTable.csv", header, rows)
    write_csv(root / "VideoDemographics.csv", ("ActorID", "Age", "Sex", "Race", "Ethnicity"), actors)
    return root


def make_mvsa(root: Path) -> Path:
    posts: dict[str, tuple[str | bytes, int, str]] = {
        "1": ("RT @a: So happy today http://t.co/abc", 10, "positive,positive"),
        "2": ("so happy TODAY http://t.co/xyz", 20, "neutral,positive"),
        "3": ("caf\xe9 closed \x93again\x94".encode("latin-1"), 30, "negative,neutral"),
        "4": ("good or bad?", 40, "positive,negative"),
        "5": ("another look at it", 30, "neutral,neutral"),
    }
    for name, (text, shade, _) in posts.items():
        write(root / "data" / f"{name}.txt", text)
        write_picture(root / "data" / f"{name}.jpg", shade)
    lines = [f"{name}\t{votes}" for name, (_, _, votes) in posts.items()]
    write(root / "labelResultAll.txt", "\n".join(["ID\ttext,image", *lines, ""]))
    return root


def make_twitter1517(root: Path) -> Path:
    header = "index\t#1 Label\t#2 ImageID\t#3 String\t#3 String\n"
    rows = {
        "train": [
            '1\t2\t17_06_1.jpg\t$T$ says "hi to all fans\tJustin',
            "2\t0\t17_06_1.jpg\tJustin says hi to $T$\tfans",
        ],
        "dev": ["1\t1\t17_06_2.jpg\tRT @x : $T$ at noon\tParis"],
        "test": ["1\t0\t17_06_3.jpg\tno more $T$\train"],
    }
    for year in (2015, 2017):
        for part, lines in rows.items():
            write(root / f"twitter{year}" / f"{part}.tsv", header + "\n".join(lines) + "\n")
        for number in (1, 2):
            write_picture(root / f"twitter{year}_images" / f"17_06_{number}.jpg", 40 * number)
    return root


def make_fer2013(root: Path) -> Path:
    rows = [
        (0, 10, "Training"), (3, 20, "Training"), (6, 30, "Training"), (3, 20, "PublicTest"), (4, 50, "PublicTest"),
        (5, 60, "PrivateTest"), (6, 30, "PrivateTest"),
    ]  # fmt: skip
    pixels = [(emotion, " ".join([str(shade)] * 48 * 48), usage) for emotion, shade, usage in rows]
    write_csv(root / "fer2013.csv", ("emotion", "pixels", "Usage"), pixels)
    return root


def make_goemotions(root: Path) -> Path:
    write(root / "train.tsv", 'My favourite food\t27\teebbqej\nI "love it\t0,18\ted00q6i\nThank you!\t15\tetwin01\n')
    write(root / "dev.tsv", "Is this in New Orleans??\t7\tedgurhb\nI am scared and sad\t14,25\tee84bjg\n")
    write(root / "test.tsv", "thank you!\t15\tetwin02\nWow, disgusting\t11,26\teecwqtt\n")
    return root


def make_semeval(root: Path) -> Path:
    for part, texts, labels in (
        ("train", ["@user so good\u2028really", "bad day http://x.y/1", "Monday at nine"], "201"),
        ("val", ["BAD day http://x.y/2"], "0"),
        ("test", ["it is what it is", "great"], "12"),
    ):
        write(root / f"{part}_text.txt", "\n".join(texts) + "\n")
        write(root / f"{part}_labels.txt", "\n".join(labels) + "\n")
    write(root / "mapping.txt", "0\tnegative\n1\tneutral\n2\tpositive\n")
    return root


def make_zh_reviews(root: Path) -> Path:
    write_csv(
        root / "online_shopping_10_cats.csv",
        ("cat", "label", "review"),
        [("书籍", 1, "\ufeff很好的书，值得看"), ("酒店", 0, "房间太小"), ("酒店", 1, "服务不错"), ("水果", 0, "")],
    )
    write_csv(root / "waimai_10k.csv", ("label", "review"), [(1, "很快，好吃"), (0, "送来都凉了"), (1, "服务不错")])
    return root


def make_weibo(root: Path) -> Path:
    for topic in ("usual", "virus"):
        for part, posts in {
            "train": [("今天真开心[心]", "happy"), (f"{topic} 气死我了", "angry"), ("又来了", "sad")],
            "eval_labeled": [(f"{topic} 吓一跳", "surprise")],
            "test_labeled": [(f"{topic} 害怕", "fear"), ("又来了", "neutral")],
        }.items():
            found = [{"id": n, "content": text, "label": label} for n, (text, label) in enumerate(posts, 1)]
            write(root / f"{topic}_{part}.txt", json.dumps(found, ensure_ascii=False))
    return root


def mmsa_parts(sims: bool = False, aligned: bool = False) -> dict[str, dict[str, object]]:
    """The dict of an MMSA file: -inf and NaN in the sound, a length of 0 and one too long, padding that is not zero."""
    rng = np.random.default_rng(0)
    out: dict[str, dict[str, object]] = {}
    for part, count in (("train", 3), ("valid", 1), ("test", 2)):
        masks = np.zeros((count, 3, 4), np.float32)
        masks[:, 0] = [101, 2000, 102, 0]
        masks[:, 1, :3] = 1
        audio = rng.standard_normal((count, 4 if aligned else 6, 2))
        audio[0, 0, 0], audio[0, 1, 1] = -np.inf, np.nan
        vision = rng.standard_normal((count, 4 if aligned else 5, 3)).astype(np.float32)
        found: dict[str, object] = {
            "raw_text": np.array([f"words {part} {i}" for i in range(count)]),
            "id": [f"{part}vid{i // 2}$_${i}" for i in range(count)],
            "text": rng.standard_normal((count, 4, 5)).astype(np.float32), "text_bert": masks, "audio": audio,
            "vision": vision, "annotations": np.array(["Positive", "Neutral", "Negative"][:count]),
            "classification_labels": np.array([2, 1, 0][:count], np.float32),
            "regression_labels": np.array([0.8, 0.0, -1.0] if sims else [2.4, 0.0, -3.0], np.float32)[:count],
        }  # fmt: skip
        if not aligned:
            found |= {"audio_lengths": [2, 6, 9][:count], "vision_lengths": np.array([0, 5, 1][:count])}
        if sims:
            found |= {f"regression_labels_{m}": np.array([0.2, 0.4, -0.6][:count]) for m in "TAV"}
        out[part] = found
    return out


def make_mmsa_pickle(root: Path) -> Path:
    return write(root / "unaligned_50.pkl", pickle.dumps(mmsa_parts(), protocol=4)).parent


def make_folder(root: Path) -> Path:
    write(root / "train" / "joy" / "a.txt", "I am so glad")
    write_picture(root / "train" / "joy" / "a.png", 10)
    write_picture(root / "train" / "anger" / "b.jpg", 20)
    write(root / "val" / "anger" / "c.wav", b"RIFF")
    write(root / "test" / "joy" / "d.mp4", b"film")
    write(root / "test" / "joy" / "notes.md", "not for reading")
    return root


def make_table(root: Path) -> Path:
    header = ("id", "text", "audio", "start", "end", "speaker", "label_score", "label_polarity", "label_own", "split")
    rows = [
        ("1", "I loved it, all of it", "clips/1.wav", "0.5", "2", "ann", "0.8", "positive", "fan", "train"),
        ("2", "so so", "nowhere.wav", "", "", "bob", "", "neutral", "3", "dev"),
        ("3", "", "clips/3.wav", "", "", "cyd", "-1", "negative", "", "test"),
    ]
    return write_csv(root / "mine.csv", header, rows)


def make_synthetic(root: Path) -> Path:
    return root
