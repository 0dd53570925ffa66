"""docs/models.md out of the docstrings of the models, and of the records: `python -m demeanor.experiments.models_page`.

The sources are read, not imported, so it needs no torch. What a family is for, and its diagram, stand here; all else
is what each file says of itself, but for what models reached here: that is out of `results/`.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demeanor.experiments.records import has_diverged, latest, read, spread
from demeanor.fusion._docstring import LABELS, labelled

PAGE = Path("docs/models.md")
_RESULTS = Path(__file__).parents[3] / "results"
RECORDS = (_RESULTS / "records.jsonl", _RESULTS / "zoo" / "records.jsonl")
SHOWN = ("mae", "accuracy")
"""Metrics taken of a record that does not say which of its own is shown."""

HEAD = """# Models

Made by `python -m demeanor.experiments.models_page` from the files in `src/demeanor/fusion/`; not edited by hand.

Start with `concat` and a text-only row, and take something else only where it beats both on your validation part.
*Reconstruction* means that equations, or even the model's identity, are not published or were not at hand: this is the
project's reading of it, and it quotes no scores. In the diagrams `t`, `a`, `v` are text, audio and visual; most models
take any number of modalities of any names (`dims`), and a missing one is masked, never zeros.

*Reported* scores are the papers' and the reference framework's, on features and encoders that could not be had here,
so none is reproduced: *Reproduced* says what the model reached here instead, on real corpora under protocols of our
own, mean ± standard deviation over seeds, out of `results/`. Those numbers are not comparable with the reported ones;
they stand beside concatenation in [the zoo compared](zoo.md).
"""


@dataclass(frozen=True)
class Family:
    """What a family of models is for.

    Attributes:
        title: of its section.
        when: which question leads to it.
        diagram: plain lines, at most 100 characters wide.
    """

    title: str
    when: str
    diagram: str


FAMILIES = {
    "unimodal": Family(
        "One modality",
        "One modality is all you have, or you want the row that fusion must beat.",
        """
steps or picture ──> encoder ──> mean, attention or summary token ──> heads
""",
    ),
    "operator": Family(
        "Operators on vectors",
        "Little data, a first fused result, or encoders so good that only their vectors matter.",
        """
t ──> vector ─┐
a ──> vector ─┼──> concat | sum | mean | max | product | weights | gates ──> heads
v ──> vector ─┘
""",
    ),
    "late": Family(
        "Late fusion of decisions",
        "Experts trained apart, each on data of its own; a missing one is left out.",
        """
t ──> its own model ──> decision ─┐
a ──> its own model ──> decision ─┼──> mean | product | vote | stacking ──> decision
v ──> its own model ──> decision ─┘
""",
    ),
    "classic": Family(
        "Classic networks",
        "The field's recipes before attention: what a newer model has to be compared with.",
        """
t ─┐                                                             ┌──> heads
a ─┼──> side by side, step by step or vector by vector ──> network
v ─┘    (recurrent, convolutional, or an autoencoder)            └──> (autoencoder) back to t, a, v
""",
    ),
    "recurrent": Family(
        "Recurrent, with a memory across modalities",
        "Aligned steps, and what matters is which modalities change together.",
        """
t ──> LSTM ─┐ at each step
a ──> LSTM ─┼──> attention over all cells ──> memory ──> last states and memory ──> heads
v ──> LSTM ─┘
""",
    ),
    "tensor": Family(
        "Products of all modalities",
        "Vectors whose meaning changes with one another, and data enough for every product of their features.",
        """
t ──> [1; t] ─┐
a ──> [1; a] ─┼──> outer product of all, or a low-rank share of it ──> heads
v ──> [1; v] ─┘
""",
    ),
    "published": Family(
        "Other published systems",
        "A published mechanism is to be compared, or built on.",
        """
t ─┐
a ─┼──> encoders ──> the paper's mechanism (see each) ──> heads
v ─┘
""",
    ),
    "transformer": Family(
        "Transformers over steps",
        "Unaligned sequences of some length, where it matters which steps meet.",
        """
t ──> steps ─┐                            each pair by itself (keys of one, queries of another)
a ──> steps ─┼──> layers of attention ──> or all in one sequence ──> last or summary step ──> heads
v ──> steps ─┘
""",
    ),
    "cross-attention": Family(
        "Cross-attention of pairs",
        "Two sides that speak of the same thing, such as a post's words and its picture.",
        """
t ──> steps ──> asks v ──> what t found in v ──> pooled ─┐
                  ⇅                                      ├──> heads
v ──> steps ──> asks t ──> what v found in t ──> pooled ─┘
""",
    ),
    "gated": Family(
        "Gates",
        "Some modalities are often noise: a gate decides, step by step, how much of them comes in.",
        """
t ──> steps ───────────────┬──> gate ──> what of t is kept ──────────────┐
                           │                                             ├──> heads
m ──> steps ──> asks t ────┴──> gate ──> what of m, and of t in m, is kept ─┘
""",
    ),
    "shared and private": Family(
        "What is shared and what is private",
        "Modalities that partly repeat each other: agreement and difference are to be kept apart.",
        """
m ──> vector ─┬──> shared encoder  ──> alike for all modalities (a loss sees to it) ─┐
              └──> private encoder ──> what m alone says (a head or a loss of its own) ──> heads
""",
    ),
    "multi-task": Family(
        "Several tasks or several labels at once",
        "Intensity and emotions together, or labels for each modality, from one model.",
        """
t ─┐                              ┌──> fusion of task 1 ──> head 1
a ─┼──> trunk, shared by all ─────┤        ⇅ gated exchange
v ─┘                              └──> fusion of task 2 ──> head 2
""",
    ),
    "information": Family(
        "Information kept through fusion",
        "Fusion seems to lose what single modalities knew, and batches are large enough to contrast samples.",
        """
a, t, v ──> vectors ──> fused ──> heads
   bound on I(t; a), I(t; v)   ┘ └─ contrast of fused with each vector
""",
    ),
    "self-supervised": Family(
        "Labels of their own for each modality",
        "Cues often disagree and only one common label exists.",
        """
a, t, v ──> vectors ──> fused ──> heads ── common label
               └──> a head each ── labels generated from where the vectors lie
""",
    ),
    "missing modalities": Family(
        "Missing modalities",
        "Modalities fail while the model is in use, now this one, now that one.",
        """
                ┌──> pattern 1 (t . v) ──> network ──> features, outputs ──> heads
a sample ───────┤                            ║ same        ⇅ each teaches the other
                └──> pattern 2 (. a .) ──> network ──> features, outputs ──> heads
""",
    ),
}


@dataclass(frozen=True)
class Entry:
    """What a model's file says of itself.

    Attributes:
        name: public name.
        family: its `FAMILY`.
        modalities: its `MODALITIES`.
        reconstruction: its `RECONSTRUCTION`.
        summary: first line of the docstring.
        parts: label → text of the docstring's labelled paragraphs.
    """

    name: str
    family: str
    modalities: list[str]
    reconstruction: bool
    summary: str
    parts: dict[str, str] = field(default_factory=dict)


def entries() -> list[Entry]:
    """Every model of the folder, by name."""
    package = importlib.util.find_spec("demeanor.fusion")
    assert package is not None
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0])
    found = [entry(p.stem, p.read_text(encoding="utf-8")) for p in sorted(folder.glob("[a-z]*.py"))]
    records = [record for path in RECORDS for record in read(path)]
    return [with_reached(one, records) for one in found]


def with_reached(one: Entry, records: Sequence[Mapping[str, Any]]) -> Entry:
    """The entry, its `Reproduced` being what records of test parts say of the model; unchanged where it has none.

    Planted data are left out, and so are rows of a bench with fewer modalities, single folds (their rows are pooled in
    a record of all), and benches of which a seed diverged. Every bench counts by itself, with the newest record of each
    seed under its newest settings; it is named where two are of one protocol.
    """
    if "Reproduced" not in one.parts:
        return one
    tables: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        entry = record.get("entry", record["model"])
        if "fold_of" in record:
            continue
        if entry == one.name and record["dataset"] != "synthetic" and record["split"] == "test":
            place = (record["dataset"], record["protocol"], record.get("bench", ""))
            tables[place].append({**record, "entry": entry})
    benches = Counter((dataset, protocol) for dataset, protocol, _ in tables)
    said = []
    for (dataset, protocol, bench), rows in sorted(tables.items()):
        found, metrics = latest(rows)[one.name], rows[-1]["metrics"]
        if any(has_diverged(r) for r in found):
            continue
        metric = rows[-1].get("shown") or next((m for m in SHOWN if m in metrics), None)
        values = [r["metrics"].get(metric, {}).get("value") for r in found]
        if len(values) > 1 and any(v is not None for v in values):
            named = f"{protocol}; {bench}" if benches[dataset, protocol] > 1 and bench else protocol
            said.append(f"{dataset} ({named}) {metric} {spread(values)}")
    reached = "not on the paper's own features; here " + ("; ".join(said) if said else "not measured yet") + "."
    return replace(one, parts={**one.parts, "Reproduced": reached})


def entry(name: str, source: str) -> Entry:
    """What one file's text says."""
    tree = ast.parse(source)
    said = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            said[statement.targets[0].id] = statement.value
    prefix = {"text": "text", "audio": "audio", "image": "visual"}.get(name.partition("_")[0])
    modalities = _literal(said, "MODALITIES") or ([prefix] if prefix else ["text", "audio", "visual"])
    family = _literal(said, "FAMILY") or ("unimodal" if len(modalities) == 1 else "operator")
    docstring = ast.get_docstring(tree) or ""
    reconstruction = bool(_literal(said, "RECONSTRUCTION"))
    return Entry(name, family, modalities, reconstruction, docstring.partition("\n")[0], labelled(docstring))


def _literal(said: dict[str, ast.expr], name: str) -> Any:
    return ast.literal_eval(said[name]) if name in said else None


def page(models: list[Entry]) -> str:
    """The whole page."""
    by_family: dict[str, list[Entry]] = defaultdict(list)
    for one in models:
        by_family[one.family].append(one)
    known = [f for f in FAMILIES if f in by_family]
    order = known + sorted(set(by_family) - set(known))
    pieces = [HEAD, "## Which to take\n", _choice(order, by_family)]
    for name in order:
        pieces.append(_section(name, by_family[name]))
    return "\n".join(pieces)


def _choice(order: list[str], by_family: dict[str, list[Entry]]) -> str:
    rows = ["| When | Models |", "| --- | --- |"]
    for name in order:
        when = FAMILIES[name].when if name in FAMILIES else name.capitalize() + "."
        rows.append(f"| {when} | {', '.join(f'`{e.name}`' for e in by_family[name])} |")
    return "\n".join(rows) + "\n"


def _section(name: str, models: list[Entry]) -> str:
    family = FAMILIES.get(name)
    lines = [f"## {family.title if family else name.capitalize()}\n"]
    if family:
        lines += [family.when + "\n", f"```\n{family.diagram.strip(chr(10))}\n```\n"]
    return "\n".join([*lines, *(_model(one) for one in models)])


def _model(one: Entry) -> str:
    mark = " (reconstruction)" if one.reconstruction else ""
    lines = [f"### `{one.name}`{mark}\n", f"{_escaped(one.summary)} Reads {', '.join(one.modalities)}.\n"]
    lines += [f"- *{label}*: {_escaped(one.parts[label])}" for label in LABELS if label in one.parts]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Formulas and names stay as they are written: what Markdown would take for marks outside of `code` is escaped."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([*_\[\]|<])", r"\\\1", p) for p in parts)


def main(arguments: list[str]) -> int:
    """Write the page to the path given, or to docs/models.md of the working folder."""
    path = Path(arguments[0]) if arguments else PAGE
    path.write_text(page(entries()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
