"""Make the shipped bundle from its run files: train what is not trained yet, calibrate, export, seal.

    python recipes/make_model.py --data DIR [--bundle base|open] [--only words,face,voice,posts]

`open` holds a words expert on permissively licensed data and nothing else; `--only` is for `base`.
Needs, beside the data sets that recipes/tables names (recipes/DATA.md says from whom): `runs/e5` from
recipes/multilingual_e5.py (for `open`, `runs/e5-open`), the packaged Whisper base and EfficientNet-Lite0 weights.
Finished runs in runs/ are taken as they are; delete one to train it anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from words_average import average

from demeanor.calibration.pool import PoolRule
from demeanor.training import assemble, face, run, words

RECIPES = Path(__file__).parent
ASSETS = Path("src/demeanor/assets")
LICENCE = "research only; see card.md"
OPEN_WORDS = {"scored": False, "languages": ["en"], "other_languages": 0.6}
"""Strength was never labelled in its data, and languages other than English only by a few sentences each."""
RULE = PoolRule(base={"words": 1.0, "voice": 0.8, "face": 0.7, "scene": 0.3}, floor=0.05, kappa=1.0)


def finished(name: str, data: Path, seed: int | None = None) -> Path:
    """The run folder of recipes/NAME.toml (with that seed), trained if it is not yet."""
    folder = Path("runs") / (name.replace("_", "-") + ("" if seed is None else f"-{seed}"))
    if not (folder / "history.json").exists():
        chosen = [] if seed is None else [f"training.seed={seed}"]
        run.train(RECIPES / f"{name}.toml", chosen, out=folder, data=data)
    return folder


def averaged_words(data: Path) -> Path:
    """The mean of two runs of recipes/words.toml, made if it is not there yet."""
    folder = Path("runs/words-average")
    if not (folder / "history.json").exists():
        average(finished("words", data, 1), finished("words", data, 0), folder, data, 0.65)
    return folder


def everyday_words(data: Path) -> Path:
    """The mean of that mean and of itself trained on: with everyday sentences, then with dialogue once more."""
    folder = Path("runs/words-final")
    if not (folder / "history.json").exists():
        before = averaged_words(data)
        finished("words_everyday", data)
        average(before, finished("words_dialogue", data), folder, data, 0.65)
    return folder


def words_cue(trained: Path, folder: Path, data: Path) -> dict:
    """words.onnx of a finished run, calibrated on the validation parts of its corpora."""
    spec = json.loads((trained / "run.json").read_text())["config"]
    return assemble.words_cue(trained, folder, words.read_parts(spec, RECIPES / "tables", data)["valid"])


def face_cue(folder: Path, data: Path) -> dict:
    """face.onnx, calibrated on the validation part."""
    spec = run.read_run_file(RECIPES / "face.toml")
    valid = face.read_parts(spec, RECIPES / "tables", data, Path("runs/face"))["valid"]
    for seed in (0, 1):
        finished("face_teacher", data, seed)
    return assemble.face_cue(finished("face", data), folder, valid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", choices=("base", "open"), default="base")
    parser.add_argument("--only", default="words,face,voice,posts")
    args = parser.parse_args()
    out = ASSETS / args.bundle
    out.mkdir(parents=True, exist_ok=True)
    if args.bundle == "open":
        cue = words_cue(finished("open", args.data), out, args.data)
        assemble.assemble(out, "open", {"words": cue | OPEN_WORDS}, {}, RULE, "Apache-2.0; see card.md")
    else:
        base(out, args.only.split(","), args.data)


def base(out: Path, only: list[str], data: Path) -> None:
    """The bundle `base`: the cues named in `only` anew, the others as they are."""
    old = out / "bundle.json"
    spec = json.loads(old.read_text()) if old.exists() else {}
    cues = dict(spec.get("cues", {}))
    joint = {name: read for name, read in spec.get("fusion", {}).items() if name != "pool"}
    if "words" in only:
        cues["words"] = words_cue(everyday_words(data), out, data)
    if "face" in only:
        cues["face"] = face_cue(out, data)
    if "voice" in only:
        cues["voice"] = {
            "whisper-base": assemble.voice_cue(finished("voice", data), out, "voice.onnx"),
            "logmel": assemble.voice_cue(finished("voice_logmel", data), out, "voice-logmel.onnx"),
        }
    if "posts" in only:
        # What the posts' heads read of words and faces comes through the bundle.
        assemble.assemble(out, "base", cues, {}, RULE, LICENCE)
        if not Path("runs/post-faces.npz").exists():
            subprocess.run([sys.executable, RECIPES / "post_faces.py", data, "runs/post-faces.npz"], check=True)
        cues["scene"], joint = assemble.post_heads(finished("posts", data), out)
    assemble.assemble(out, "base", cues, joint, RULE, LICENCE)


if __name__ == "__main__":
    main()
