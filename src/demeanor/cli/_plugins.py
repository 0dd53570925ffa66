"""What a plug-in says of itself, read from its source: importing it would often bring torch."""

from __future__ import annotations

import ast
import importlib.util
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from demeanor.plugins import names


def listed(kind: str) -> dict[str, ast.Module]:
    """Every plug-in of a kind with its source, by name; an empty one where the source is not at hand."""
    outside = {e.name: e.module for e in entry_points(group=f"demeanor.{kind}")}
    return {name: _source(outside.get(name, f"demeanor.{kind}.{name}")) for name in names(kind)}


def _source(module: str) -> ast.Module:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return ast.Module([], [])
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def summary(source: ast.Module) -> str:
    """The first line of the docstring."""
    return (ast.get_docstring(source) or "").partition("\n")[0]


def line_of(source: ast.Module, label: str) -> str | None:
    """What stands after `Label:` at the start of a docstring's line."""
    for line in (ast.get_docstring(source) or "").splitlines():
        if line.startswith(f"{label}:"):
            return line.removeprefix(f"{label}:").strip()
    return None


def constant(body: list[ast.stmt], name: str) -> Any:
    """The literal that a module or class gives a name; None if there is none."""
    for statement in body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            try:
                return ast.literal_eval(value)
            except ValueError:
                return None
    return None


def print_summaries(kind: str, as_json: bool) -> None:
    """Name and summary of every plug-in of a kind."""
    found = [{"name": name, "summary": summary(source)} for name, source in listed(kind).items()]
    if as_json:
        from demeanor.cli._terminal import print_json

        print_json(found)
        return
    from rich.table import Table

    from demeanor.cli._terminal import stdout_console

    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is")
    for entry in found:
        table.add_row(entry["name"], entry["summary"])
    stdout_console().print(table)
