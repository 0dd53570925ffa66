"""What users corrected in analyses, as labelled samples in a run's own labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demeanor.datasets._groups import text_key
from demeanor.errors import ConfigError
from demeanor.features.meaning import reads_of, sums
from demeanor.label.agree import settled
from demeanor.label.analyses import (
    Analyses,
    Correction,
    corrected_labels,
    corrected_own,
    has_segments,
    left_as_read,
    read_analyses,
)
from demeanor.label.items import find_items
from demeanor.label.store import Mark, checked, joined
from demeanor.training.prepare import CLASSES
from demeanor.training.runfile import Task
from demeanor.types import EMOTIONS, POLARITIES, Sample

Ranges = Mapping[str, tuple[float, float]]
"""By task what −1 and 1 of a reading's score are in the unit of its labels."""


@dataclass
class Corrected:
    """Samples with labels; how many corrected items were left out, by why; items that nobody said anything of.

    `foreign` are files of a folder that hold something else.
    """

    samples: list[Sample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    untouched: list[Sample] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)


def corrected(
    sources: Sequence[Path],
    tasks: Mapping[str, Task],
    media: Path | None = None,
    reviewed: bool = False,
    ranges: Ranges | None = None,
) -> Corrected:
    """The corrected items of analyses, labelled for the tasks of a run.

    Of analyses of one sample the last counts; other samples of the same id, from other folders, get ids of their own.

    Args:
        sources: files of analyses (.json, .jsonl), or folders of them.
        tasks: of the run.
        media: the folder or manifest that the analyses were made from; None: the folder they lie in.
        reviewed: somebody looked at all of them, so that what was not corrected is right.
        ranges: of tasks whose labels are scores on another scale than −1 to 1.

    Raises:
        ConfigError: no analyses there; a file that was named is none.
    """
    found = Corrected()
    files = list(dict.fromkeys(file for source in sources for file in analysis_files(source)))
    latest: dict[str, Sample] = {}
    names: defaultdict[str, list[Any]] = defaultdict(list)
    touched: set[str] = set()
    for file in files:
        analyses = read_analyses(file, named=file in sources)
        if analyses is None:
            found.foreign += [file] if file.suffix.lower() == ".json" else []
            continue
        by_item: dict[str, list[Correction]] = {}
        for correction in (c for analysis in analyses.items for c in _said(analysis, reviewed, tasks)):
            by_item.setdefault(correction.item, []).append(correction)
        items, alone = _items(file, analyses, media, names)
        found.untouched += alone
        for name, given in by_item.items():
            sample, labels = items.get(name), labels_of(given, tasks, ranges)
            if sample is None:
                part = name.rpartition("#")[0] in items
                found.left_out["of parts that have no words" if part else "whose recording was not found"] += 1
                continue
            touched.add(sample.id)
            if labels:
                latest[sample.id] = replace(sample, labels=labels)
            else:
                found.left_out["whose corrections are no label of this run, or disagree"] += 1
    if not files:
        raise ConfigError(
            f"{', '.join(map(str, sources))}: expected analyses as `demeanor analyze --json` or `batch` write them, "
            "found no .json or .jsonl; name their folder"
        )
    found.samples = list(latest.values())
    # Who corrects the whole has said nothing of its single segments.
    found.untouched = [s for s in found.untouched if not {s.id, s.id.rpartition("#")[0]} & touched]
    return found


def _items(
    file: Path, analyses: Analyses, media: Path | None, names: defaultdict[str, list[Any]]
) -> tuple[dict[str, Sample], list[Sample]]:
    """What the analyses of a file are of: all that can be corrected, by the id in that file; and its items alone.

    Args:
        file: of the analyses.
        analyses: what it holds.
        media: see `corrected`.
        names: by id the contents of the samples of all files that are called so; new ones are added.
    """
    whole = {s.id: s for s in find_items(file, media=media, whole=True).items}
    items = {s.id: s for s in find_items(file, media=media).items}
    out = {}
    for sample in (*whole.values(), *_sentences_of_posts(analyses, whole), *items.values()):
        root = sample.id if sample.id in whole else sample.id.rpartition("#")[0]
        base = whole[root]
        contents, known = (
            (text_key(base.text or ""), base.image, base.audio, base.video, base.start, base.end),
            names[root],
        )
        if contents not in known:
            known.append(contents)
        before = known.index(contents)
        name = f"{root}~{before + 1}" if before else root
        out[sample.id] = replace(sample, id=name + sample.id.removeprefix(root), group=base.group or name)
    return out, [out[name] for name in items]


def _sentences_of_posts(analyses: Analyses, whole: Mapping[str, Sample]) -> Iterable[Sample]:
    """The sentences of posts, which are no items of their own, as mere texts."""
    for analysis in analyses.items:
        name = str(analysis["id"])
        if name not in whole or has_segments(analysis):
            continue
        for number, segment in enumerate(analysis["segments"]):
            if segment.get("text"):
                mere = {"text": segment["text"], "image": None, "audio": None, "video": None}
                yield replace(whole[name], id=f"{name}#{number}", **mere)


def labels_of(
    given: Iterable[Correction], tasks: Mapping[str, Task], ranges: Ranges | None = None
) -> dict[str, float | str]:
    """The label columns of a run that several users' corrections of one item agree on; a run's own labels go first."""
    given = list(given)
    general = settled([*_marks(given)], None)
    out: dict[str, float | str] = {}
    for name, task in tasks.items():
        column, classes = _column(name, task)
        own = [c.value for c in given if c.own and c.name == name and _fits(c.value, classes)]
        value = _majority(own) if own else _meant(general, name, column, classes, (ranges or {}).get(name, (-1.0, 1.0)))
        if value is not None:
            out[column] = value
    return out


def analysis_files(source: Path) -> list[Path]:
    """The files of a folder that may hold analyses, or the file itself."""
    if source.is_dir():
        return sorted(p for p in source.rglob("*") if p.suffix.lower() in (".json", ".jsonl", ".ndjson"))
    return [source] if source.is_file() else []


def _said(analysis: Mapping[str, Any], reviewed: bool, tasks: Mapping[str, Task]) -> list[Correction]:
    """Each user's last word on each label; of a reviewed analysis also what they left as it was."""
    found = [*_last(corrected_labels(analysis)), *_last(corrected_own(analysis))]
    if not reviewed:
        return found
    touched = {(c.item, name) for c in found for name in _about(c, tasks)}
    # Who corrects the whole has said nothing of its single segments.
    whole = {name for item, name in touched if item == str(analysis["id"])}
    left = ((c, _about(c, tasks)) for c in left_as_read(analysis))
    return found + [c for c, names in left if not names & whole and not {(c.item, n) for n in names} & touched]


def _about(c: Correction, tasks: Mapping[str, Task]) -> set[str]:
    """The label that is spoken of, and what else says the same: of a run's own task the label of a reading it fills."""
    names, task = {c.name}, tasks.get(c.name)
    if c.own and task is not None:
        names.add(reads_of(c.name, *_column(c.name, task)) or c.name)
    return names | ({"polarity"} if "score" in names else set())


def _column(name: str, task: Task) -> tuple[str, Sequence[str] | None]:
    """The column that a task's labels stand in, and its classes."""
    return task.label or name, task.classes or CLASSES.get(name)


def _last(corrections: Iterable[Correction]) -> Iterable[Correction]:
    """Each user's last word on each label, the last in the list, as in the report; in the order they were said."""
    found: dict[Any, Correction] = {}
    for c in corrections:
        key = c.by, c.item, c.name, c.own
        found.pop(key, None)
        found[key] = c
    return found.values()


def _marks(given: Sequence[Correction]) -> Iterable[Mark]:
    """What each user says in the general labels; what is none of them is left out."""
    values: dict[str, dict[str, Any]] = {}
    for c in given:
        try:
            values[c.by] = joined(values.get(c.by, {}), checked({c.name: c.value}))
        except ConfigError:
            continue
    return [Mark(v) for v in values.values() if v]


def _fits(value: Any, classes: Sequence[str] | None) -> bool:
    if classes is not None:
        return value in classes
    return isinstance(value, int | float) and not isinstance(value, bool)


def _majority(values: Sequence[Any]) -> Any:
    """What more than half say; of numbers the mean."""
    if not isinstance(values[0], str):
        return sum(values) / len(values)
    top, times = Counter(values).most_common(1)[0]
    return top if 2 * times > len(values) else None


def _meant(
    general: Mapping[str, Any], name: str, column: str, classes: Sequence[str] | None, limits: tuple[float, float]
) -> float | str | None:
    """A polarity, emotions or a score in the run's own classes or unit; None where they do not say which one."""
    reads = reads_of(name, column, classes)
    if reads == "score" and "score" in general:
        low, high = limits
        return float(low + (general["score"] + 1) / 2 * (high - low))
    if reads == "polarity" and classes is not None:
        word = general.get("polarity")
        return _class_of(word, classes, "polarity") if word else None
    if reads == "emotions" and classes is not None:
        found = [_class_of(word, classes, "emotions") for word in general.get("emotions", ())]
        return ",".join(c for c in found if c) or None
    return None


def _class_of(word: str, classes: Sequence[str], kind: Any) -> str | None:
    """The one class that stands for a polarity or an emotion; None where none does, or several do."""
    columns = sums(classes, kind)
    names = POLARITIES if kind == "polarity" else EMOTIONS
    rows = [] if columns is None else [c for c, row in zip(classes, columns, strict=True) if row[names.index(word)]]
    return rows[0] if len(rows) == 1 else None
