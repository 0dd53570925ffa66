"""`demeanor label`: labels of one's own, from the first clip to a table to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from demeanor.label.store import LabelStore
    from demeanor.label.task import Task
    from demeanor.label.work import Work

_actions = typer.Typer(rich_markup_mode=None)

_Task = Annotated[Path, typer.Argument(metavar="TASK", help="A folder made by `demeanor label new`.")]
_Out = Annotated[Path, typer.Argument(metavar="OUT.csv", help="The table to write.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Port = Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0: any that is free.")]
_Rater = Annotated[str | None, typer.Option(metavar="NAME", help="Who labels; the page asks otherwise.")]
_Open = Annotated[bool, typer.Option("--open/--no-open", help="Whether to open a browser.")]


def label() -> None:
    """Label one's own data, with agreement and adjudication.

    new → page → agreement → adjudicate → export. In between, `suggest` says what to label first, `take` brings
    in labels from elsewhere, and `pseudo` adds what the reader is sure of.
    """


@_actions.command()
def new(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A folder, a manifest, or analyses (.json, .jsonl of a batch).")
    ],
    task: Annotated[Path, typer.Argument(metavar="TASK", help="A folder to make.")],
    ask: Annotated[
        str, typer.Option(metavar="LIST", help="score (seven steps) or polarity (three classes); emotions.")
    ] = "score,emotions",
    instructions: Annotated[str, typer.Option(metavar="TEXT", help="What raters are told.")] = "",
    pair: Annotated[bool, typer.Option("--pair", help="Files of a folder with equal stems are one item.")] = False,
    sentences: Annotated[bool, typer.Option("--sentences", help="Each sentence of a text is an item.")] = False,
    media: Annotated[
        Path | None, typer.Option(metavar="FOLDER|MANIFEST", help="What analyses were made from; default: beside.")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="One item per analysis, not per segment.")] = False,
) -> None:
    """Make a task from files, a manifest, or the segments of analyses (their corrections become labels)."""
    from demeanor.cli._terminal import say
    from demeanor.label.analyses import corrected_labels, read_analyses
    from demeanor.label.items import find_items
    from demeanor.label.take import take as take_in
    from demeanor.label.task import create_task

    found = find_items(source, pair=pair, sentences=sentences, media=media, whole=whole)
    for warning in found.warnings:
        say(warning)
    for name, why in found.left_out:
        say(f"left out {name}: {why}")
    made = create_task(task, found.items, [a.strip() for a in ask.split(",")], instructions)
    say(f"{len(made.items)} items in {task}; label them with: demeanor label page {task}")
    analyses = read_analyses(source)
    if analyses is not None and any(True for a in analyses.items for _ in corrected_labels(a)):
        say(_told(take_in(made.store(), source)))


@_actions.command()
def page(task: _Task, rater: _Rater = None, port: _Port = 0, open_browser: _Open = True) -> None:
    """Open the page to label on, for this machine only; Ctrl-C ends it. Every label is saved at once."""
    from demeanor.label.work import Work

    opened, store = open_with_labels(task)
    _serve(Work(opened, store, rater), port, open_browser)


@_actions.command()
def progress(task: _Task, as_json: _Json = False) -> None:
    """How far each rater is."""
    opened, store = open_with_labels(task)
    rows: list[dict[str, Any]] = []
    for role in (False, True):
        for name in store.raters(role):
            marks = store.marks(name, role)
            rows.append(
                {
                    "rater": name, "decides": role, "items": len(opened.items),
                    "labelled": sum(store.is_complete(m) and not m.skipped for m in marks.values()),
                    "begun": sum(not store.is_complete(m) for m in marks.values()),
                    "cannot_tell": sum(m.skipped for m in marks.values()),
                }
            )  # fmt: skip
    shown = [{**r, "rater": r["rater"] + (" (decides)" if r["decides"] else "")} for r in rows]
    _show(rows, shown, ("rater", "labelled", "begun", "cannot_tell", "items"), as_json)


@_actions.command()
def agreement(
    task: _Task,
    as_json: _Json = False,
    items: Annotated[int, typer.Option(min=0, metavar="N", help="How many items in disagreement to name.")] = 10,
    resamples: Annotated[int, typer.Option(min=1, metavar="N", help="Of the bootstrap.")] = 2000,
) -> None:
    """Krippendorff's alpha of each label with its 95 % interval, and the items on which raters disagree most."""
    from demeanor.cli._terminal import print_json, say, working
    from demeanor.label.agree import agreement as agree
    from demeanor.label.agree import disputes

    opened, store = open_with_labels(task)
    rows: list[dict[str, Any]] = []
    with working("comparing the raters"):
        found = agree(opened, store, n=resamples)
    for a in found:
        numbers = {name: _number(value) for name, value in a.alpha.to_dict().items()}
        rows.append({"label": a.label, "measured": a.level, "alpha": numbers, "items": a.items, "ratings": a.ratings})
    apart = [{"item": d.item, "disagreement": round(d.disagreement, 4)} for d in disputes(opened, store)]
    if as_json:
        print_json({"alpha": rows, "disputes": apart})
        return
    if not rows:
        say(f"expected items that two raters labelled, got none from {len(store.raters())} rater(s); label some more")
        return
    shown = [{**r, "alpha": _in_words(r["alpha"]["value"]), "95 % interval": _span(r["alpha"])} for r in rows]
    _show(rows, shown, ("label", "measured", "alpha", "95 % interval", "items", "ratings"), False)
    if apart and items:
        print()
        _show(apart, apart[:items], ("item", "disagreement"), False)
    say(f"{len(apart)} items in disagreement; settle them with: demeanor label adjudicate {task}")


@_actions.command()
def adjudicate(
    task: _Task,
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the items in disagreement, and open no page.")
    ] = None,
    rater: _Rater = None,
    port: _Port = 0,
    open_browser: _Open = True,
) -> None:
    """Settle what raters disagree on: a page for who decides, or a table (`take TASK FILE --decides` reads it back)."""
    from demeanor.cli._terminal import say
    from demeanor.label.agree import disputes
    from demeanor.label.export import write_disputes
    from demeanor.label.work import Work

    opened, store = open_with_labels(task)
    found = disputes(opened, store)
    if not found:
        say("nothing to settle: no item on which two raters disagree")
    elif table is not None:
        write_disputes(opened, found, table)
        say(f"{len(found)} items in {table}; then: demeanor label take {task} {table} --decides --rater NAME")
    else:
        _serve(Work(opened, store, rater, decides=True), port, open_browser)


@_actions.command()
def export(
    task: _Task,
    out: _Out,
    min_agreement: Annotated[
        float, typer.Option(min=0, max=1, metavar="X", help="Leave out what raters agree on less, unless decided.")
    ] = 0.0,
) -> None:
    """Write the labels as a table, which the data set `table` and `demeanor batch` read."""
    from demeanor.label.export import export as write

    opened, store = open_with_labels(task)
    _tell_rows(out, write(opened, store, out, min_agreement=min_agreement))


@_actions.command()
def suggest(
    task: _Task,
    readings: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Output of a batch; default: the items are read now.")
    ] = None,
    by: Annotated[str, typer.Option(metavar="MEASURE", help="entropy (of the polarity) or confidence.")] = "entropy",
    model: Annotated[str, typer.Option(metavar="NAME|DIR", help="A bundle: see `demeanor models`.")] = "base",
    top: Annotated[int, typer.Option(min=0, metavar="N", help="How many to name.")] = 10,
) -> None:
    """Put first what the reader is least sure of, from every group in turn; the page follows that order."""
    from demeanor.cli._terminal import say
    from demeanor.errors import UnknownNameError
    from demeanor.label.readings import read_readings
    from demeanor.label.suggest import MEASURES, next_items

    if by not in MEASURES:
        raise UnknownNameError("measure of uncertainty", by, MEASURES)
    opened, store = open_with_labels(task)
    labelled = {item for marks in store.by_rater().values() for item in marks}
    warnings: list[str] = []
    known = read_readings(readings or _read(opened, model), warnings)
    order = next_items(opened.items, known, by=by, labelled=labelled)
    opened.set_order([name for name, _ in order])
    unread = sum(value is None for _, value in order)
    fresh = [{"item": n, "uncertainty": "–" if v is None else f"{v:.3f}"} for n, v in order if n not in labelled]
    _show(fresh, fresh[:top], ("item", "uncertainty"), False)
    for warning in warnings:
        say(warning)
    say(f"{len(order)} items in order{f', {unread} without a reading' if unread else ''}; the page follows it")


@_actions.command()
def pseudo(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The folder, manifest or task that was read.")],
    readings: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="What `demeanor batch` made of it.")],
    out: _Out,
    at_least: Annotated[float, typer.Option(metavar="P", help="Least confidence.")] = 0.9,
    pair: Annotated[bool, typer.Option("--pair", help="As in the batch.")] = False,
) -> None:
    """Write what the reader is sure of as labels for training, marked `label_pseudo`; none for valid and test."""
    from demeanor.cli._terminal import say
    from demeanor.label.export import pseudo as write
    from demeanor.label.items import find_items
    from demeanor.label.readings import read_readings

    items = (
        open_with_labels(source)[0].items if (source / "task.json").is_file() else find_items(source, pair=pair).items
    )
    folder = source if source.is_dir() else source.parent
    warnings: list[str] = []
    known = read_readings(readings, warnings)
    for warning in warnings:
        say(warning)
    _tell_rows(out, write(items, known, out, at_least=at_least, folder=folder))


@_actions.command()
def take(
    task: _Task,
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="labels.jsonl of a copy, analyses with corrections, or a table.")
    ],
    rater: Annotated[str | None, typer.Option(metavar="NAME", help="Whose labels a table or analyses hold.")] = None,
    decides: Annotated[bool, typer.Option("--decides", help="They settle disagreements.")] = False,
) -> None:
    """Take in labels given elsewhere: on another machine, in a spreadsheet, as corrections of analyses."""
    from demeanor.cli._terminal import say
    from demeanor.label.take import take as take_in

    say(_told(take_in(open_with_labels(task)[1], source, rater, decides=decides)))


class _Label(TyperGroup):
    """The actions of this file as one command of the program."""

    def __init__(self, **settings: Any) -> None:
        settings["commands"] = typer.main.get_group(_actions).commands
        super().__init__(**settings)


SETTINGS = {"cls": _Label, "no_args_is_help": True}


def open_with_labels(folder: Path) -> tuple[Task, LabelStore]:
    """A task and its labels; lines of them that cannot be read are told.

    Raises:
        ConfigError: there is no such task.
    """
    from demeanor.cli._terminal import say
    from demeanor.label.task import open_task

    task = open_task(folder)
    store = task.store()
    store.raters()
    if store.damaged:
        say(f"{store.path}: {store.damaged} line(s) could not be read and are left as they are; the others count")
    return task, store


def _serve(work: Work, port: int, open_browser: bool) -> None:
    import contextlib
    import threading
    import webbrowser

    from demeanor.cli._terminal import say
    from demeanor.label.page import Page

    with contextlib.suppress(KeyboardInterrupt), Page(work, port) as server:
        print(server.url, flush=True)
        say(f"{work.size} items; open the address above in a browser on this machine, Ctrl-C ends it")
        if open_browser:  # beside the server: a browser in the terminal would wait for it
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        server.serve_forever()


def _read(task: Task, model: str) -> Path:
    """The reader's view of the items, beside them; goes on where it stopped."""
    import demeanor
    from demeanor.cli._terminal import say, working
    from demeanor.reader.batch import run

    out = task.folder / "readings.jsonl"
    with working(f"reading {len(task.items)} items"):
        result = run(task.manifest, out, reader=demeanor.load(model))
    if result.failed:
        say(f"{result.failed} items could not be read; {out} says why")
    return out


def _show(rows: list[dict[str, Any]], shown: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    from rich.table import Table

    from demeanor.cli._terminal import print_json, stdout_console

    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="left" if column in columns[:2] else "right")
    for row in shown:
        table.add_row(*(str(row[column]) for column in columns))
    stdout_console().print(table)


def _tell_rows(out: Path, done: Any) -> None:
    from demeanor.cli._terminal import say

    left: Mapping[str, int] = done.left_out
    say(f"{done.rows} rows in {out}" + "".join(f"; {n} items {why} left out" for why, n in left.items()))


def _told(taken: Any) -> str:
    parts = [f"{taken.new} labels taken in"]
    parts += [f"{taken.known} had come before"] if taken.known else []
    parts += [f"{taken.damaged} line(s) could not be read"] if taken.damaged else []
    parts += [f"{taken.strange} are of no item of this task or no label that is asked for"] if taken.strange else []
    return ", ".join(parts)


def _number(value: float) -> float | None:
    return None if value != value else round(value, 4)


def _in_words(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _span(alpha: dict[str, float | None]) -> str:
    return "–" if alpha["low"] is None else f"[{alpha['low']:.3f}, {alpha['high']:.3f}]"
