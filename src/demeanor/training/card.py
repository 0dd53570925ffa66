"""The card of an exported bundle, from what the run and its evaluations recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_USE = """**Must not be used** to infer the emotions of employees or pupils (EU law forbids it), to decide about people
(hiring, credit, insurance, policing, asylum), to diagnose, or to watch people who did not agree. A reading says how
clips like these would be labelled by the people who labelled the training data; it does not say what anybody feels."""

_LIMITS = """* It knows what it was trained on: other speakers, languages, rooms, cameras and ways to express
  a feeling are not in its scores.
* Its confidence was calibrated on the validation part, which also picked the epoch; on other data it is not known.
* A recording far longer than its training samples is read segment by segment, and the whole is their mean."""


def write_card(spec: Mapping[str, Any], path: Path) -> None:
    """Write card.md.

    Args:
        spec: what bundle.json will hold.
        path: the file.
    """
    path.write_text("\n".join(_lines(spec)) + "\n", encoding="utf-8")


def _lines(spec: Mapping[str, Any]) -> Iterator[str]:
    told = spec["provenance"]
    yield f"# Model card: `{spec['name']}` {spec['version']}\n"
    read = ", ".join(_modality(m, p) for m, p in spec["modalities"].items())
    yield f"The model `{told['model']}` over {read}, exported from the run `{told['run']}`."
    yield from _origin(told)
    yield f"\n**Licence of these weights: {spec['licence']}.** The code that runs them is Apache-2.0.\n"
    yield f"{_USE}\n"
    yield from _predicts(spec)
    yield from _data(spec)
    yield from _scores(spec)
    yield from _subsets(spec)
    yield from _variant(spec)
    yield "## Limits\n"
    yield _LIMITS
    for name, task in spec["tasks"].items():
        if task["reads"] is None:
            yield f"* `{name}` is neither a polarity nor one of the seven emotions: it stands under `own` only."
    unread = [m for m, p in spec["modalities"].items() if p["encoder"]["name"] == "series"]
    if unread:
        yield f"* {', '.join(unread)}: ready-made features; media have none of it, so it is missing unless it is given."


def _origin(told: Mapping[str, Any]) -> Iterator[str]:
    if told["paper"]:
        yield f"\nPaper: {told['paper']}"
    if told["reconstruction"]:
        yield (
            "\n**A reconstruction**: equations, or even the model's identity, are not published or were not at hand. "
            "This is the project's reading of it, so its scores say nothing about the authors' system."
        )


def _modality(name: str, part: Mapping[str, Any]) -> str:
    encoder = part["encoder"]["made_from"] or part["encoder"]["name"]
    return f"{part['cue']} (`{name}`: `{encoder}`)"


def _predicts(spec: Mapping[str, Any]) -> Iterator[str]:
    yield "## What it predicts\n"
    for name, task in spec["tasks"].items():
        if task["classes"]:
            yield f"* `{name}`: one of {', '.join(task['classes'])}"
        else:
            yield f"* `{name}`: a number; labels from {task['low']:g} to {task['high']:g}"
    yield ""


def _data(spec: Mapping[str, Any]) -> Iterator[str]:
    told = spec["provenance"]
    parts = ", ".join(
        f"{told['parts'][p]} of {told['groups'][p]} groups in {p}"
        for p in ("train", "valid", "test")
        if told["parts"][p]
    )
    config = told["config"]["data"]
    yield "## Data\n"
    yield f"{told['data']['title']}; licence: {told['data']['licence']}."
    yield f"Split: {config.get('protocol', 'as given')}; samples: {parts}."
    yield "A group (speaker, video, duplicates) is never divided.\n"


def _scores(spec: Mapping[str, Any]) -> Iterator[str]:
    yield "## Scores\n"
    if not spec["records"]:
        yield "Not evaluated: `demeanor evaluate` writes scores with intervals, and the next export takes them over.\n"
        return
    yield "95 % intervals, bootstrapped over groups; the floor is what a constant reaches.\n"
    yield "| part | n | metric | value [95 %] | floor |"
    yield "| --- | --- | --- | --- | --- |"
    for split, record in spec["records"].items():
        for metric, found in record["metrics"].items():
            low, high = found.get("low"), found.get("high")  # `bench` measures its runs without intervals
            value = _number(found["value"]) + (f" [{_number(low)}, {_number(high)}]" if "low" in found else "")
            yield f"| {split} | {record['n']} | {metric} | {value} | {_number(record['floor'].get(metric))} |"
    if "test" not in spec["records"]:
        yield "\nThe test part was not read for this run; the validation part picked its epoch, so its scores flatter."
    yield ""


def _subsets(spec: Mapping[str, Any]) -> Iterator[str]:
    found = spec["validation"]["subsets"]
    metric = next(iter(spec["validation"]["metrics"]))
    yield "## Missing cues\n"
    yield f"`{metric}` on the validation part with only some modalities, and how many labelled rows stand behind it:\n"
    yield "| modalities | rows | value | |"
    yield "| --- | --- | --- | --- |"
    for key, scores in found.items():
        rows = min(t["rows"].get(key, 0) for t in spec["tasks"].values())
        yield f"| {key} | {rows} | {_number(scores[metric])} | {'' if rows >= 30 else 'too few: not verified'} |"
    for name, error in spec["validation"]["calibration_error"].items():
        if error is not None:
            yield f"\nCalibration error of `{name}` after scaling, on the rows it was fitted on: {error:.3f}."
    for name, task in spec["tasks"].items():
        if limit := task["sets"].get("+".join(spec["modalities"])):
            yield f"\nPrediction sets of `{name}` hold the label in {limit['coverage']:.0%} of samples like those of"
            yield f"the validation part, whose {limit['samples']} labelled rows they were fitted on."
    yield ""


def _variant(spec: Mapping[str, Any]) -> Iterator[str]:
    told = spec["validation"]
    yield "## Numbers\n"
    yield (
        f"The graph gives the lab's validation predictions within {told['largest_difference_to_the_lab']:.0e}. Weights "
        f"are stored as {spec['variant']} and compute in float32, on every processor alike."
    )
    if spec["variant"] != "float32":
        yield f"\n| metric on validation | float32 | {spec['variant']} | loss |"
        yield "| --- | --- | --- | --- |"
        for metric, loss in told["loss"].items():
            cells = (_number(told["float32"][metric]), _number(told["metrics"][metric]), _signed(loss))
            yield f"| {metric} | {' | '.join(cells)} |"
    yield ""


def _number(value: Any) -> str:
    return "–" if value is None or value != value else f"{float(value):.3f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4f}"
