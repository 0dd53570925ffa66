"""What can be labelled: the files of a folder, the rows of a manifest, the segments of analyses."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError, DemeanorError, InputError
from demeanor.label.analyses import Analyses, has_segments, read_analyses, whole_text
from demeanor.media.kind import is_subtitles, kind_of
from demeanor.media.sentences import split_sentences
from demeanor.media.text import decode_text
from demeanor.privacy.speakers import is_number
from demeanor.reader.inputs import words_of_subtitles
from demeanor.reader.manifest import Item, read_items
from demeanor.types import Sample

_NO_FILE = Path(os.devnull)  # what a folder's search leaves out
_MEDIA = ("image", "audio", "video")
_ALIKE = (
    "expected one file of each name, got analyses of several that are called so; read them with `demeanor batch`, "
    "which tells them apart by their folders"
)


@dataclass
class Found:
    """Items; what was left out: the id and why; and what had to be guessed of their file, in words."""

    items: list[Sample] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def find_items(
    source: Path, *, pair: bool = False, sentences: bool = False, media: Path | None = None, whole: bool = False
) -> Found:
    """What there is to label in a folder, a manifest, or analyses.

    Args:
        source: a folder or manifest as `demeanor batch` reads them, or analyses (.json, or .jsonl of a batch).
        pair: join files of a folder that differ in their extension only.
        sentences: of texts, each sentence is an item.
        media: for analyses: the folder or manifest that they were made from; None: the folder they lie in.
        whole: for analyses: one item each, not one per segment.

    Raises:
        ConfigError: there is no such source, or it is none of these.
    """
    analyses = read_analyses(source)
    if analyses is None:
        warnings: list[str] = []
        found = _checked(read_items(source, _NO_FILE, pair, warnings))
        found.warnings = warnings
    else:
        found = _from_analyses(analyses, media or source.parent, whole)
        found.warnings = analyses.warnings
    if sentences:
        found.items = [part for item in found.items for part in _sentences(item)]
    return found


def sample_of(item: Item) -> Sample:
    """An item of a batch as a sample, each part known for what it is; labels are not taken over.

    Raises:
        InputError: a file is missing, or of no known kind; its line in the manifest cannot be read; its start and end
            are no stretch of time.
    """
    item.check()
    parts = dict(item.given)
    if (source := parts.pop("source", None)) is not None:
        parts[kind_of(source)] = source
    if isinstance(text := parts.get("text"), Path):
        parts["text"] = words_of_subtitles(text) if is_subtitles(text) else decode_text(text)
    for part in _MEDIA:
        path = parts.get(part)
        if path is not None and not Path(path).is_file():
            raise InputError(f"expected a file at {path}, found nothing there; check the path")
    start, end = item.seconds
    if not 0 <= (start or 0) < (math.inf if end is None else end):
        said = f"{start or 0:g} to {'the end' if end is None else f'{end:g}'}"
        raise InputError(f"expected seconds from start to a later end, got {said}; mend the manifest")
    language = None if item.language == "auto" else item.language
    return Sample(item.id, **parts, start=start, end=end, language=language, **_passed(item.sample))


def _passed(said: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a manifest says beside the media; not its labels, which raters must not be led by."""
    return {name: (said or {}).get(name) for name in ("speaker", "group", "time", "author", "split")}


def _checked(items: Sequence[Item]) -> Found:
    found = Found()
    for item in items:
        try:
            sample = sample_of(item)
        except DemeanorError as error:
            found.left_out.append((item.id, str(error)))
            continue
        if (sample.text or "").strip() or any(getattr(sample, part) for part in _MEDIA):
            found.items.append(sample)
        else:
            found.left_out.append((item.id, "expected a text or a medium, got an empty text"))
    return found


def _sentences(item: Sample) -> Iterator[Sample]:
    """The sentences of a mere text, which stay one group; anything else as it is."""
    spans = split_sentences(item.text or "")
    if any(getattr(item, part) for part in _MEDIA) or len(spans) < 2:
        yield item
        return
    for number, (low, high) in enumerate(spans):
        text = (item.text or "")[low:high]
        yield replace(item, id=f"{item.id}#{number}", text=text, group=item.group or item.id)


def _from_analyses(analyses: Analyses, media: Path, whole: bool) -> Found:
    found = Found(left_out=list(analyses.failed))
    where = _Recordings(media)
    for analysis in analyses.items:
        name = str(analysis["id"])
        if name in analyses.alike:
            found.left_out.append((name, _ALIKE))
            continue
        try:
            base = where.sample(analysis)
        except DemeanorError as error:
            found.left_out.append((name, str(error)))
            continue
        found.items += [base] if whole or not has_segments(analysis) else _segments(analysis, base)
    return found


class _Recordings:
    """The files that analyses were made from, which name them by id or file name only."""

    def __init__(self, media: Path) -> None:
        self._folder = media if media.is_dir() else media.parent
        try:
            self._known = {} if media.is_dir() else {i.id: i for i in read_items(media, _NO_FILE)}
        except ConfigError as error:
            raise ConfigError(f"--media {error}") from error

    def sample(self, analysis: dict[str, Any]) -> Sample:
        """The sample that was read.

        Raises:
            InputError: its file is not where it was looked for.
        """
        name, source = str(analysis["id"]), analysis.get("source")
        if name in self._known:
            return sample_of(self._known[name])
        base = Sample(name, language=analysis.get("language"), **_passed(analysis.get("sample")))
        if analysis["kind"] == "text":
            return replace(base, text=whole_text(analysis))
        said = analysis.get("sample") or {}
        for place in dict.fromkeys((name, source)):
            if place and (self._folder / place).is_file():
                path = self._folder / place
                part: dict[str, Any] = {kind_of(path): path}
                return replace(base, text=_post_text(analysis), start=said.get("start"), end=said.get("end"), **part)
        raise InputError(
            f"expected its recording {source or name} in {self._folder}, found none; "
            "name the folder or manifest it was read from by --media"
        )


def _post_text(analysis: dict[str, Any]) -> str | None:
    """The text of a post; that of a recording is in its segments."""
    return whole_text(analysis) if analysis["kind"] == "mixed" and analysis.get("duration") is None else None


def _segments(analysis: dict[str, Any], base: Sample) -> Iterator[Sample]:
    """One item per segment; times are on the clock of the file, of which a manifest may have named a stretch."""
    group = base.group or str(analysis["id"])
    for number, segment in enumerate(analysis["segments"]):
        start, end, offset = segment.get("start"), segment.get("end"), base.start or 0.0
        yield replace(
            base,
            id=f"{base.id}#{number}",
            text=segment.get("text"),
            start=None if start is None else round(start + offset, 3),
            end=None if end is None else round(end + offset, 3),
            speaker=_speaker(segment.get("speaker"), group) or base.speaker,
            group=group,
        )


def _speaker(called: str | None, group: str) -> str | None:
    """A name as it is; a mere number is one of this group's: `S1` of another recording is somebody else."""
    return f"{group}:{called}" if called and is_number(called) else called
