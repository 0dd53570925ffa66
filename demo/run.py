"""Reads the samples beside this file: tables on the terminal, one page in demo/out/report.html.

Beside each table stands the command that does the same.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from rich.console import Console

import demeanor
from demeanor.report import html, table

HERE = Path(os.path.relpath(Path(__file__).parent))
OUT = HERE / "out" / "report.html"


def main() -> None:
    """Read everything, show it, write the page."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # for terminals that cannot show every character
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False, markup=False, emoji=False)
    reader = demeanor.load()
    clip, post, picture = HERE / "clip.mp4", HERE / "post.txt", HERE / "sky.jpg"
    analyses = []

    def show(command: str, analysis: demeanor.Analysis) -> None:
        console.print(f"\n$ .venv/bin/demeanor analyze {command}", style="dim", soft_wrap=True)
        table.render(analysis.to_dict(), console)
        analyses.append(analysis)

    show(str(clip), reader.analyze(clip))
    show(f"--text @{post} --image {picture}", reader.analyze(text=post, image=picture, id="post"))
    sentences = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()
    for number, sentence in enumerate(sentences, start=1):
        show(f'"{sentence}"', reader.analyze(sentence, id=f"sentence-{number}"))

    OUT.parent.mkdir(exist_ok=True)
    page = html.render([a.to_dict() for a in analyses], [a.media for a in analyses], folder=OUT.parent)
    OUT.write_text(page, encoding="utf-8")
    console.print(f"\nThe report of all {len(analyses)}, with a timeline of the clip: {OUT}")
    console.print("Open it in a browser; it asks the network for nothing.")


if __name__ == "__main__":
    main()
