"""What users corrected in analyses, as labelled samples in a run's own labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError
from demeanor.features.meaning import reads_of, sums
from demeanor.label.agree import settled
from demeanor.label.analyses import Correction, corrected_labels, corrected_own, left_as_read, read_analyses
from demeanor.label.items import find_items
from demeanor.label.store import Mark, checked
from demeanor.training.prepare import CLASSES
from demeanor.training.runfile import Task
from demeanor.types import EMOTIONS, POLARITIES, Sample


@dataclass
class Corrected:
    """Samples with labels, and how many corrected items were left out, by why."""

    samples: list[Sample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def corrected(
    sources: Sequence[Path], tasks: Mapping[str, Task], media: Path | None = None, reviewed: bool = False
) -> Corrected:
    """The corrected items of analyses, labelled for the tasks of a run.

    Args:
        sources: files of analyses (.json, .jsonl), or folders of them.
        tasks: of the run.
        media: the folder or manifest that the analyses were made from; None: the folder they lie in.
        reviewed: somebody looked at all of them, so that what was not corrected is right.

    Raises:
        ConfigError: no analyses there.
    """
    found = Corrected()
    files = [f for source in sources for f in analysis_files(source)]
    for file in files:
        analyses = read_analyses(file)
        if analyses is None:
            continue
        said = [_said(analysis, reviewed) for analysis in analyses.items]
        if not any(said):
            continue
        items = {s.id: s for whole in (True, False) for s in find_items(file, media=media, whole=whole).items}
        by_item: dict[str, list[Correction]] = {}
        for correction in (c for one in said for c in one):
            by_item.setdefault(correction.item, []).append(correction)
        for name, given in by_item.items():
            labels = labels_of(given, tasks)
            if name not in items:
                found.left_out["whose recording was not found"] += 1
            elif not labels:
                found.left_out["whose corrections are no label of this run, or disagree"] += 1
            else:
                sample = items[name]
                found.samples.append(replace(sample, labels=labels, group=sample.group or str(name).split("#")[0]))
    if not files:
        raise ConfigError(
            f"{', '.join(map(str, sources))}: expected analyses as `demeanor analyze --json` or `batch` write them, "
            "found no .json or .jsonl; name their folder"
        )
    latest = {s.id: s for s in found.samples}
    found.samples = list(latest.values())
    return found


def labels_of(given: Iterable[Correction], tasks: Mapping[str, Task]) -> dict[str, float | str]:
    """The label columns of a run that several users' corrections of one item agree on; a run's own labels go first."""
    given = list(given)
    general = settled([*_marks(given)], None)
    out: dict[str, float | str] = {}
    for name, task in tasks.items():
        classes, column = task.classes or CLASSES.get(name), task.label or name
        own = [c.value for c in given if c.name == name and _fits(c.value, classes)]
        value = _majority(own) if own else _meant(general, name, column, classes)
        if value is not None:
            out[column] = value
    return out


def analysis_files(source: Path) -> list[Path]:
    """The files of a folder that may hold analyses, or the file itself."""
    if source.is_dir():
        return sorted(p for p in source.rglob("*") if p.suffix.lower() in (".json", ".jsonl", ".ndjson"))
    return [source] if source.is_file() else []


def _said(analysis: Mapping[str, Any], reviewed: bool) -> list[Correction]:
    """Each user's last word on each label; of a reviewed analysis also what they left as it was."""
    found = [*_last(corrected_labels(analysis)), *_last(corrected_own(analysis))]
    if not reviewed:
        return found
    touched = {(c.item, c.name) for c in found} | {(c.item, "polarity") for c in found if c.name == "score"}
    whole = {name for item, name in touched if item == str(analysis["id"])}
    # Who corrects the whole has said nothing of its single segments.
    return found + [c for c in left_as_read(analysis) if (c.item, c.name) not in touched and c.name not in whole]


def _last(corrections: Iterable[Correction]) -> Iterable[Correction]:
    """Each user's last word on each label: the last in the list, as in the report."""
    return {(c.by, c.item, c.name): c for c in corrections}.values()


def _marks(given: Sequence[Correction]) -> Iterable[Mark]:
    """What each user says in the general labels; what is none of them is left out."""
    values: dict[str, dict[str, Any]] = {}
    for c in given:
        try:
            values.setdefault(c.by, {}).update(checked({c.name: c.value}))
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


def _meant(general: Mapping[str, Any], name: str, column: str, classes: Sequence[str] | None) -> float | str | None:
    """A polarity, emotions or a score in the run's own classes; None where they do not say which one."""
    reads = reads_of(name, column, classes)
    if reads == "score":
        return general.get("score")
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
