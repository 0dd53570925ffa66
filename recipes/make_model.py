"""Make the shipped bundle from its run files: train what is not trained yet, calibrate, export, seal.

    python recipes/make_model.py --data DIR [--only words,face,voice,posts]

Needs, beside the data sets that recipes/tables names (see docs/model-card.md for whom to ask):
`runs/e5` from recipes/multilingual_e5.py, the packaged Whisper base, and the packaged EfficientNet-Lite0 weights.
Finished runs in runs/ are taken as they are; delete one to train it anew.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from demeanor.calibration.pool import PoolRule
from demeanor.encoders.text_tokens import TextTokens
from demeanor.training import assemble, face, run, words

RECIPES = Path(__file__).parent
RULE = PoolRule(base={"words": 1.0, "voice": 0.8, "face": 0.7, "scene": 0.3}, floor=0.05, kappa=1.0)


def finished(name: str, data: Path) -> Path:
    """The run folder of recipes/NAME.toml, trained if it is not yet."""
    folder = Path("runs") / name.replace("_", "-")
    if not (folder / "history.json").exists():
        run.train(RECIPES / f"{name}.toml", out=folder, data=data)
    return folder


def words_cue(folder: Path, data: Path) -> dict:
    """words.onnx, calibrated on the validation parts of its corpora."""
    spec = run.read_run_file(RECIPES / "words.toml")
    encoder = TextTokens(Path(spec["run"]["start"]) / "tokenizer.json", spec["run"]["max_tokens"])
    corpora = words.read_corpora(spec["data"], RECIPES / "tables", data)
    chosen = [(d, [s for s in samples if s.split == "valid"]) for d, samples in corpora]
    valid = [(d, words.encode(samples, encoder, d)) for d, samples in chosen if samples]
    return assemble.words_cue(finished("words", data), folder, valid)


def face_cue(folder: Path, data: Path) -> dict:
    """face.onnx, calibrated on the validation part."""
    spec = run.read_run_file(RECIPES / "face.toml")
    valid = face.read_parts(spec, RECIPES / "tables", data, Path("runs/face"))["valid"]
    return assemble.face_cue(finished("face", data), folder, valid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("src/demeanor/assets/base"))
    parser.add_argument("--only", default="words,face,voice,posts")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    old = args.out / "bundle.json"
    spec = json.loads(old.read_text()) if old.exists() else {}
    cues, post = dict(spec.get("cues", {})), spec.get("fusion", {}).get("post")
    only = args.only.split(",")
    if "words" in only:
        cues["words"] = words_cue(args.out, args.data)
    if "face" in only:
        cues["face"] = face_cue(args.out, args.data)
    if "voice" in only:
        cues["voice"] = {
            "whisper-base": assemble.voice_cue(finished("voice", args.data), args.out, "voice.onnx"),
            "logmel": assemble.voice_cue(finished("voice_logmel", args.data), args.out, "voice-logmel.onnx"),
        }
    if "posts" in only:
        assemble.assemble(args.out, "base", cues, None, RULE)  # the posts' heads read words through the bundle
        cues["scene"], post = assemble.post_heads(finished("posts", args.data), args.out)
    assemble.assemble(args.out, "base", cues, post, RULE)


if __name__ == "__main__":
    main()
