"""`demeanor datasets`: which corpora and formats can be read; `datasets check`: whether one on disk is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def datasets(
    action: Annotated[
        str | None, typer.Argument(metavar="[check]", help="`check`: look through a data set on disk.")
    ] = None,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="What to check: a folder or a table.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Which data set it is; guessed if not given.")] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="A TOML manifest that describes tables in DIR.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="An option of --name; may be given several times."),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Decode 200 items of each medium, not all.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the data-set readers, or check a data set on disk."""
    from demeanor.errors import ConfigError

    if action is None:
        _list(as_json)
        return
    if action != "check" or folder is None:
        raise ConfigError(
            f"expected `datasets` or `datasets check DIR`, got `datasets {action}{f' {folder}' if folder else ''}`"
        )
    if not folder.exists():
        raise ConfigError(f"{folder}: expected a folder or a table, found nothing there; check the path")
    if manifest is not None and not manifest.is_file():
        raise ConfigError(f"{manifest}: expected a TOML manifest, found nothing there; check the path")
    report = _checked(folder, name, manifest, _options(options or []), fast)
    if as_json:
        from demeanor.cli._terminal import print_json

        print_json(report)
    else:
        _print(report)
    if report["problems"]:
        from demeanor.cli._terminal import EXIT_SOME

        raise typer.Exit(EXIT_SOME)


def _list(as_json: bool) -> None:
    found = [_entry(name) for name in _names()]
    if as_json:
        from demeanor.cli._terminal import print_json

        print_json(found)
        return
    table = _table("name", "what it is", "labels", "licence", whole=("name",))
    for entry in found:
        table.add_row(entry["name"], entry["summary"], ", ".join(entry["labels"]), entry["licence"])
    _show(table)


def _names() -> list[str]:
    from demeanor.plugins import names

    return names("datasets")


def _entry(name: str) -> dict[str, Any]:
    """What a reader says of itself; its module is imported (readers need no heavy library)."""
    from demeanor.plugins import load

    module = load("datasets", name)
    card, lines = module.CARD, (module.__doc__ or "").splitlines()
    return {
        "name": name, "summary": lines[0] if lines else card.title, "title": card.title, "licence": card.licence,
        "labels": dict(card.labels), "splits": dict(card.splits), "groups": card.groups, "counts": dict(card.counts),
        "source": card.source,
    }  # fmt: skip


def _options(given: list[str]) -> dict[str, Any]:
    """Options by name; values are TOML or plain strings, as in `--set` of a run file."""
    import tomllib

    from demeanor.errors import ConfigError

    options: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise ConfigError(f"--set expects OPTION=VALUE, such as version=multiple, got '{one}'")
        try:
            options[name] = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            options[name] = value
    return options


def _checked(
    folder: Path, name: str | None, manifest: Path | None, options: dict[str, Any], fast: bool
) -> dict[str, Any]:
    """The report, with a progress bar on a terminal."""
    import sys

    from demeanor.cli._terminal import stderr_console, working
    from demeanor.datasets._check import check
    from demeanor.datasets._recognise import read_any

    with working(f"reading {folder}"):
        found = read_any(folder, name, manifest, options)
    if not sys.stderr.isatty():
        return check(found, fast)
    from rich.progress import Progress

    with Progress(console=stderr_console(), transient=True) as bar:
        task = bar.add_task("decoding", total=None)
        return check(found, fast, lambda done, total: bar.update(task, completed=done, total=total))


def _print(report: dict[str, Any]) -> None:
    from demeanor.cli._terminal import stdout_console

    console = stdout_console()
    console.print(f"{report['name']}: {report['title']} · {report['licence']}")
    has = ", ".join(f"{name} {count}" for name, count in report["modalities"].items())
    console.print(f"{report['samples']} samples ({has}), {report['groups']['count']} groups\n")
    parts = _table("part", "found", "expected")
    for part, n in report["parts"].items():
        parts.add_row(part, str(n["found"]), "" if n["expected"] is None else str(n["expected"]))
    _show(parts)
    labels = _table("label", "part", "labelled", "balance", whole=("label", "part"))
    for label, by_part in report["labels"].items():
        for part, balance in by_part.items():
            labels.add_row(label, part, str(balance["count"]), _balance(balance))
    _show(labels)
    for line in report["notes"]:
        console.print(f"note: {line}")
    for line in report["problems"]:
        console.print(f"wrong: {line}")
    count = len(report["problems"])
    well = "nothing wrong beside the notes" if report["notes"] else "nothing wrong"
    console.print(f"\n{count} {'thing' if count == 1 else 'things'} wrong" if count else f"\n{well}")


def _balance(balance: dict[str, Any]) -> str:
    if "classes" in balance:
        total = sum(balance["classes"].values())
        return ", ".join(f"{name} {count} ({count / total:.0%})" for name, count in balance["classes"].items())
    if "distinct" in balance:
        return f"{balance['distinct']} different"
    return (
        f"{balance['least']:.2f} … {balance['greatest']:.2f}, mean {balance['mean']:.2f} ± {balance['deviation']:.2f}"
    )


def _table(*columns: str, whole: tuple[str, ...] = ()) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in whole)
    return table


def _show(table: Any) -> None:
    from demeanor.cli._terminal import stdout_console

    console = stdout_console()
    console.print(table)
    console.print()
