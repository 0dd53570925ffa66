"""The rows of a benchmark: which models over which modalities, and the run file of each of their runs."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanor.batch import CONTEXT
from demeanor.errors import ConfigError
from demeanor.fusion._model import by_modality
from demeanor.plugins import load as plugin
from demeanor.training.runfile import RunFile

Spec = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One row of the comparison: a model over some of the modalities."""

    model: str
    modalities: tuple[str, ...]
    whole: bool

    @property
    def name(self) -> str:
        """`mult`, or `concat (text)` where only some modalities are used."""
        return self.model if self.whole else f"{self.model} ({'+'.join(self.modalities)})"


def entries(run: RunFile, models: Sequence[str]) -> list[Entry]:
    """The models over all modalities, then the baselines alone: text-only is never left out.

    The first baseline is trained on each modality by itself, further ones on text, if there is text.
    """
    every = tuple(run.encoders)
    named = {"modalities": [n for names in run.bench.modalities.values() for n in names], "single": run.bench.single}
    for key, names in named.items():
        if unknown := sorted(set(names or ()) - set(every)):
            raise ConfigError(f"bench.{key}: unknown modality '{unknown[0]}'; encoders are {', '.join(every)}")
    reads = {m: run.bench.modalities.get(m, every) for m in models}
    out = [Entry(m, names, set(names) == set(every)) for m, names in reads.items()]
    if len(every) > 1 and run.bench.text_only:
        single = run.bench.single or every
        for number, alone in enumerate(run.bench.baselines):
            out += [Entry(alone, (m,), False) for m in single if not number or m == "text" or "text" not in single]
    return out


def rivals(rows: Sequence[Entry], baselines: Sequence[str]) -> list[str]:
    """The rows that every other one is compared with: the baselines on text alone (without text: on each modality
    alone), and the plainest baseline over everything.
    """
    single = [e for e in rows if not e.whole]
    text = [e for e in single if e.modalities == ("text",)]
    return [e.name for e in text or single] + [e.name for e in rows if e.whole and e.model in baselines[:1]]


def spec_for(base: Spec, entry: Entry, seed: int, fold: int) -> Spec:
    """The run file of one run: the shared one with the model's own settings, its modalities, seed and fold."""
    spec = copy.deepcopy(base)
    bench = spec.pop("bench", {})
    spec.pop("search", None)
    for section, settings in bench.get("settings", {}).get(entry.model, {}).items():
        before = spec.setdefault(section, {})
        if section == "tasks":  # a task keeps what the row says nothing of
            settings = {n: {**before.get(n, {}), **s} if isinstance(s, Mapping) else s for n, s in settings.items()}
        before.update(settings)
    spec["run"] |= {"model": entry.model, "name": f"{base['run']['name']}/{entry.name}"}
    spec["encoders"] = {m: spec["encoders"][m] for m in entry.modalities}
    features = spec.get("features", {})
    for key in ("longest", "mean", "moments", "per_speaker", "context", "before"):
        kept = features.get(key)
        if isinstance(kept, dict):
            features[key] = {m: v for m, v in kept.items() if m in entry.modalities}
        elif isinstance(kept, list):
            features[key] = [m for m in kept if m in entry.modalities]
    spec.setdefault("training", {})["seed"] = seed
    left_out = set(base["encoders"]) - set(entry.modalities)  # what the run file never had stays, and is refused
    left_out |= {m + CONTEXT for m in left_out}
    model = spec.get("model", {})
    for key in by_modality(plugin("fusion", entry.model).Config):
        if isinstance(kept := model.get(key), dict):
            model[key] = {m: v for m, v in kept.items() if m not in left_out}
        elif isinstance(kept, list):
            model[key] = [m for m in kept if m not in left_out]
    if len(entry.modalities) < 2:  # nothing to leave out, so nothing to distil
        spec["training"].pop("self_distillation", None)
    if spec["data"].get("folds"):
        spec["data"]["fold"] = fold
    return spec


def place_of(folder: Path, entry: Entry, seed: int, fold: int) -> Path:
    """The run folder of one run."""
    return folder / entry.name.replace(" ", "") / f"seed-{seed}-fold-{fold}"


def pooled_at(place: Path) -> Path:
    """What is pooled over the folds of the seed of that run folder."""
    return place.with_name(f"{place.name.partition('-fold-')[0]}.json")
