"""`demeanor encoders`: what turns a part of a sample into numbers."""

from __future__ import annotations

import ast
from typing import Annotated, Any

import typer


def encoders(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the encoders: from text, sound or pictures to numbers."""
    from demeanor.cli._plugins import listed, summary
    from demeanor.encoders._presets import presets_of

    found = [
        {"name": name, **_traits(source), "summary": summary(source), "presets": presets_of(name)}
        for name, source in listed("encoders").items()
    ]
    if as_json:
        from demeanor.cli._terminal import print_json

        print_json(found)
        return
    from rich.table import Table

    from demeanor.cli._terminal import stdout_console

    table = Table(box=None, pad_edge=False)
    for name in ("name", "modality", "learns", "what it is"):
        table.add_column(name, no_wrap=name != "what it is")
    for entry in found:
        table.add_row(entry["name"], entry["modality"], "yes" if entry["learns"] else "", entry["summary"])
    console = stdout_console()
    console.print(table)
    console.print("\nPresets, for [encoders.MODALITY] of a run file; the weights are their makers':")
    for entry in found:
        for preset in entry["presets"]:
            line = f'preset = "{preset["preset"]}"'
            about = f"{preset['model']} ({preset['licence']}, {preset['gigabytes']} GB)"
            console.print(f"  {line:34} {entry['name']:<10} {about}", soft_wrap=True)


def _traits(source: ast.Module) -> dict[str, Any]:
    """`modality` and `learns` of the class that the file calls `ENCODER`."""
    from demeanor.cli._plugins import constant

    named = next(
        (
            statement.value.id
            for statement in source.body
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name)
            and any(isinstance(t, ast.Name) and t.id == "ENCODER" for t in statement.targets)
        ),
        "",
    )  # fmt: skip
    body = next((s.body for s in source.body if isinstance(s, ast.ClassDef) and s.name == named), [])
    return {"modality": constant(body, "modality"), "learns": bool(constant(body, "learns"))}
