"""Slips of the fingers: what training adds to some texts, and what `benchmarks/robustness.py` measures the cost of."""

from __future__ import annotations

import random

KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""Rows of the keyboard; a letter's neighbours are beside it."""


def mistyped(text: str, share: float, rng: random.Random) -> str:
    """`text` with that share of its Latin letters swapped with the next, left out, doubled, or struck beside."""
    out = list(text)
    for i, c in enumerate(text):
        row = next((r for r in KEYS if c.lower() in r), "")
        if not row or rng.random() >= share:
            continue
        kind = rng.randrange(4)
        if kind == 0 and i + 1 < len(out):
            out[i], out[i + 1] = out[i + 1], out[i]
        elif kind == 1:
            out[i] = ""
        elif kind == 2:
            out[i] = c * 2
        else:
            out[i] = row[max(0, min(len(row) - 1, row.index(c.lower()) + rng.choice((-1, 1))))]
    return "".join(out)
