"""`demeanor models`: the bundles that can read, and the models that the lab can train."""

from __future__ import annotations

import ast
from typing import Annotated, Any

import typer

_MODALITIES = {"words": "text", "voice": "audio", "face": "visual", "scene": "visual"}
_BY_PREFIX = {"text": "text", "audio": "audio", "image": "visual", "visual": "visual"}
_ALL = ["text", "audio", "visual"]


def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the bundles that read, and the models that can be trained."""
    found = [*_bundles(), *_lab()]
    if as_json:
        from demeanor.cli._terminal import print_json

        print_json(found)
        return
    from rich.table import Table

    from demeanor.cli._terminal import stdout_console

    table = Table(box=None, pad_edge=False)
    for name in ("name", "family", "modalities", "what it is"):
        table.add_column(name, no_wrap=name in ("name", "family"))
    for entry in found:
        table.add_row(entry["name"], entry["family"], ", ".join(entry["modalities"]), entry["summary"])
    stdout_console().print(table)


def _bundles() -> list[dict[str, Any]]:
    from demeanor.bundle import Bundle, shipped

    out = []
    for name, folder in shipped().items():
        bundle = Bundle(folder)
        cues = list(bundle.cues)
        out.append(
            {
                "name": name,
                "family": "bundle",
                "modalities": list(dict.fromkeys(_MODALITIES.get(cue, cue) for cue in cues)),
                "paper": None,
                "reconstruction": False,
                "summary": f"{bundle.name}: reads {', '.join(cues)}",
                "cues": cues,
                "folder": str(folder),
            }
        )
    return out


def _lab() -> list[dict[str, Any]]:
    from demeanor.cli._plugins import constant, line_of, listed, summary

    out = []
    for name, source in listed("fusion").items():
        modalities = list(constant(source.body, "MODALITIES") or _modalities(name, source))
        family = constant(source.body, "FAMILY") or ("unimodal" if len(modalities) == 1 else "fusion")
        out.append(
            {
                "name": name,
                "family": family,
                "modalities": modalities,
                "paper": line_of(source, "Paper"),
                "reconstruction": bool(constant(source.body, "RECONSTRUCTION")),
                "summary": summary(source),
            }
        )
    return out


def _modalities(name: str, source: ast.Module) -> list[str]:
    """The one that the model's `Config` names, or its file; else any."""
    from demeanor.cli._plugins import constant

    configs = [s for s in source.body if isinstance(s, ast.ClassDef) and s.name == "Config"]
    one = next((constant(c.body, "modality") for c in configs), None) or _BY_PREFIX.get(name.partition("_")[0])
    return [one] if one else list(_ALL)
