"""What a model's file says of itself in its docstring: labelled paragraphs, the same in every file."""

from __future__ import annotations

import re

LABELS = ("Paper", "Idea", "Needs", "Differs", "Reported", "Reproduced")


def labelled(docstring: str) -> dict[str, str]:
    """`Label: …` paragraphs, their indented further lines joined; a note behind the label, `Label (note):`, stays."""
    out: dict[str, str] = {}
    label = ""
    for line in docstring.splitlines()[1:]:
        start = re.match(rf"({'|'.join(LABELS)})( \(.*?\))?: (.*)", line)
        if start:
            label = start[1]
            out[label] = f"{start[2].strip()} {start[3]}" if start[2] else start[3]
        elif label and line.startswith("    "):
            out[label] += " " + line.strip()
        else:
            label = ""
    return out
