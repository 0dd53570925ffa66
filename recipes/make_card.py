"""The model card of a bundle, its text out of `cards/` and its scores out of the records.

python recipes/make_card.py BUNDLE results/records.jsonl
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from demeanor.bundle import seal

SHOWN = {
    "score": ("mae", "corr", "non0_acc2", "has0_acc2", "acc7"),
    "polarity": ("accuracy", "macro_f1", "weighted_f1", "macro_recall", "ece"),
    "emotions": ("accuracy", "macro_f1", "weighted_f1", "ece"),
}


def needed(record: dict) -> tuple[str, ...]:
    """The files that a record's score hangs on: it stays true while the others change."""
    if record["dataset"] == "ravdess":
        return ("voice.onnx",) if "audio_states" in record["encoders"] else ("voice-logmel.onnx",)
    return {
        "fer2013": ("face.onnx",),
        "posts": ("picture.onnx", "post.onnx", "scene.onnx", "words.onnx", "face.onnx"),
    }.get(record["dataset"], ("words.onnx",))


def main() -> None:
    folder, records = Path(sys.argv[1]), Path(sys.argv[2])
    bundle = json.loads((folder / "bundle.json").read_text())
    files = {k: v[:12] for k, v in bundle["files"].items()}
    rows = [json.loads(line) for line in records.read_text().splitlines() if line]
    # recipes/zh_reviews_loco.py measures the encoder of `base` and names no bundle.
    own = [r for r in rows if "files" in r and r.get("bundle", "base-").rpartition("-")[0] == bundle["name"]]
    own = [r for r in own if all(files[k] == r["files"].get(k, files[k]) for k in needed(r))]
    fresh = list(
        {(r["dataset"], r["protocol"], r["task"], r.get("cv_seed"), str(r["encoders"])): r for r in own}.values()
    )
    if not fresh:
        raise SystemExit(f"expected records of this bundle in {records}, found none; run demeanor.experiments.release")
    lines = []
    for r in fresh:
        keys = [k for k in SHOWN.get(r["task"], r["metrics"]) if k in r["metrics"]] or list(r["metrics"])
        keys += [k for k in r["metrics"] if k.startswith("gap_") and k not in keys]
        for key in keys:
            m = r["metrics"][key]
            low = f" [{m['low']:.3f}, {m['high']:.3f}]" if "low" in m else ""
            floor = r["floor"].get(key)
            shown = "" if floor is None or math.isnan(floor) else f"{floor:.3f}"
            seed = f", seed {r['cv_seed']}" if "cv_seed" in r else ""
            data = f"{r['dataset']}, {'+'.join(r['encoders'])}"
            cells = (data, r["protocol"] + seed, r["task"], str(r["n"]), key, f"{m['value']:.3f}{low}", shown)
            lines.append(f"| {' | '.join(cells)} |")
    text = (Path(__file__).parent / "cards" / f"{bundle['name']}.md").read_text(encoding="utf-8")
    card = text.format(**bundle, scores="\n".join(lines) + "\n")
    (folder / "card.md").write_text(card, encoding="utf-8")
    seal(folder, {key: value for key, value in bundle.items() if key not in ("schema", "files")})
    print(f"{folder / 'card.md'}: {len(fresh)} records")


if __name__ == "__main__":
    main()
