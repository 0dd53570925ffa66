"""The words expert of a bundle as start weights, to train it on: what words.onnx and tokenizer.json hold, as floats.

    python recipes/words_start.py BUNDLE OUT [--vocabulary FOLDER]

Writes OUT/tokenizer.json, OUT/words_q4.npz, OUT/encoder.safetensors (8-bit weights times their scales) and
OUT/config.json, as recipes/multilingual_e5.py does, and checks that the model made of them answers as the graph does.
With --vocabulary the pieces and their vectors are then those of FOLDER, which recipes/multilingual_e5.py wrote: vectors
are never trained, so any choice of pieces fits.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

from demeanor.bundle import Bundle
from demeanor.encoders.text_tokens import TextTokens, pad
from demeanor.training import words
from demeanor.training.export import TextGraph

PROBES = ["The train leaves at five", "What a joy this lesson is!", "这家店再也不来了", "Ich bin traurig"]


def weights(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Names of the model → float32 weights, and the packed word vectors with their scales."""
    graph = onnx.load(path).graph
    held = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for name in [n.removesuffix(".int8") for n in held if n.endswith(".int8")]:
        held[name] = held.pop(f"{name}.int8").astype(np.float32) * held.pop(f"{name}.scale")
    found = {n.removeprefix("model."): v for n, v in held.items() if n.startswith("model.") and v.dtype == np.float32}
    # The exporter turns the weight of a linear layer over and gives it a number for a name; its bias keeps its own.
    made = {node.output[0]: node for node in graph.node}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        bias = next((n for n in node.input if n.startswith("model.") and n.endswith(".bias")), None)
        product = next((made[n] for n in node.input if n in made and made[n].op_type == "MatMul"), None)
        if bias and product:
            turned = held[product.input[1]]
            found[bias.removeprefix("model.").removesuffix("bias") + "weight"] = np.ascontiguousarray(turned.T)
    return found, held["packed"], held["scales"]


def write(bundle: Bundle, out: Path) -> None:
    """The start folder, checked against the graph."""
    cue = bundle.cues["words"]
    state, packed, scales = weights(bundle.file(cue["graph"]))
    layers = 1 + max(int(n.split(".")[1]) for n in state if n.startswith("layers."))
    positions, dim = state["positions"].shape
    sizes = {"vocabulary": len(packed), "dim": dim, "heads": dim // 32, "inner": len(state["layers.0.up.bias"]),
             "layers": layers, "positions": positions}  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(bundle.file(cue["tokenizer"]), out / "tokenizer.json")
    np.savez(out / "words_q4.npz", packed=packed, scales=scales)
    save_file({n: torch.from_numpy(np.array(v)) for n, v in state.items()}, out / "encoder.safetensors")
    (out / "config.json").write_text(json.dumps(sizes, indent=1))

    model = words.build({"run": {"start": str(out)}}).eval()
    ids, valid = pad(TextTokens(out / "tokenizer.json", cue["max_tokens"]).encode(PROBES))
    with torch.no_grad():
        own = TextGraph(model, torch.tensor(packed), torch.tensor(scales))(
            torch.from_numpy(ids), torch.from_numpy(valid)
        )
    theirs = bundle.run(cue["graph"], {"ids": ids, "valid": valid})
    for task, found in zip(("polarity", "emotions", "score", "hidden"), own, strict=True):
        away = float(np.abs(found.numpy() - theirs[task]).max())
        if away > 1e-3:
            raise SystemExit(f"expected {task} as the graph gives it, got {away:.2g} beside it: {out} is of no use")
    print(f"{out}: {len(state)} tensors, {layers} layers")


def revise(out: Path, vocabulary: Path) -> None:
    """Take tokenizer and word vectors of another start folder of the same encoder."""
    for name in ("tokenizer.json", "words_q4.npz"):
        shutil.copyfile(vocabulary / name, out / name)
    sizes = json.loads((out / "config.json").read_text(encoding="utf-8"))
    pieces = json.loads((vocabulary / "config.json").read_text(encoding="utf-8"))["vocabulary"]
    (out / "config.json").write_text(json.dumps({**sizes, "vocabulary": pieces}, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--vocabulary", type=Path, help="start weights whose pieces to take")
    args = parser.parse_args()
    write(Bundle(args.bundle), args.out)
    if args.vocabulary:
        revise(args.out, args.vocabulary)
