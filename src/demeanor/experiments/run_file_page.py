"""docs/run-files.md out of the fields of `training/runfile.py` and `settings.py`, and what stands below each in quotes.

Made by `python -m demeanor.experiments.run_file_page`. It needs no torch.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from demeanor.training.runfile import SECTIONS

PAGE = Path("docs/run-files.md")

HEAD = """# The keys of a run file

Made by `python -m demeanor.experiments.run_file_page` from `src/demeanor/training/`; not edited by hand. What a run
file looks like: [the lab](lab.md). Needed are `name` and `model` of `[run]`, `dataset` of `[data]`, an encoder, a task.
"""

TITLES = {"tasks": "[tasks.NAME]", "search": '[search] "SECTION.KEY" = { … }'}
"""Of sections whose keys do not stand right below their name."""

TAIL = """## `[encoders.MODALITY]` and `[model]`

`name`, one of `demeanor encoders`, or `preset`, and the encoder's own settings ([encoders](encoders.md)). `[model]`
takes the settings of the model that `[run]` names, the fields of its `Config` ([models](models.md)), and `preset`.
Those with `expert` in `[run]` are those of the shipped bundles, in `recipes/`; they have keys of their own.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(name, kind) for name, kind in SECTIONS.items()), TAIL])


def said(kind: type[BaseModel]) -> dict[str, str]:
    """Field → the string that stands below it, in one line."""
    (section,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(section, ast.ClassDef)
    found = {}
    for field, below in pairwise(section.body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            found[ast.unparse(field.target)] = " ".join(ast.literal_eval(below.value).split())
    return found


def _section(name: str, kind: type[BaseModel]) -> str:
    told = said(kind)
    lines = [f"## `{TITLES.get(name, f'[{name}]')}`", "", _sentence(kind), "", "| key | default | meaning |"]
    lines.append("| --- | --- | --- |")
    for key, field in kind.model_fields.items():
        lines.append(f"| `{key}` | {_default(field)} | {_choices(field.annotation)}{told[key]} |")
    return "\n".join([*lines, ""])


def _sentence(kind: type[BaseModel]) -> str:
    """What its docstring says behind the section's name."""
    text = (inspect.getdoc(kind) or "").partition(": ")[2]
    return text[:1].upper() + text[1:]


def _default(field: FieldInfo) -> str:
    """As TOML writes it; nothing where a key has none, or is left out for it."""
    value: Any = field.default
    return "" if field.is_required() or value is None else f"`{json.dumps(value)}`"


def _choices(annotation: Any) -> str:
    """The words that a key takes, where it takes nothing else."""
    if get_origin(annotation) is Literal:
        return f"{', '.join(f'`{word}`' for word in get_args(annotation))}. "
    return "".join(_choices(inner) for inner in get_args(annotation))


def main(arguments: list[str]) -> int:
    """Write the page to the path given, or to docs/run-files.md of the working folder."""
    (Path(arguments[0]) if arguments else PAGE).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
