"""docs/models.md: what the files say, all of it, and no older than they are."""

import subprocess
import sys
from pathlib import Path

from demeanor import plugins
from demeanor.experiments.models_page import FAMILIES, Entry, entries, entry, labelled, main, page

COMMITTED = Path(__file__).parents[2] / "docs" / "models.md"

SOURCE = '''"""Mean of two [vectors].

Paper: Someone 2020,
    A Title (arXiv 1).
Idea: average * them,
    then `read_it`.
Reported (table 1): MAE .7.

Nothing more.
"""
FAMILY = "operator"
MODALITIES = ["text"]
RECONSTRUCTION = True
'''


def test_the_committed_page_is_what_the_files_say() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == page(entries()), (
        "docs/models.md is older than a model's docstring: python -m demeanor.experiments.models_page"
    )


def test_every_model_is_on_the_page_once_and_every_family_has_a_guide() -> None:
    found = page(entries())
    assert [e.name for e in entries()] == plugins.names("fusion")
    assert {e.family for e in entries()} <= set(FAMILIES), "a new family: say in FAMILIES when to take it, and draw it"
    for name in plugins.names("fusion"):
        assert found.count(f"### `{name}`") == 1


def test_every_model_names_its_paper_and_its_idea() -> None:
    assert not [e.name for e in entries() if not e.summary or "Paper" not in e.parts]


def test_a_file_is_read_as_it_stands() -> None:
    found = entry("mine", SOURCE)
    assert found == Entry(
        "mine",
        "operator",
        ["text"],
        True,
        "Mean of two [vectors].",
        {
            "Paper": "Someone 2020, A Title (arXiv 1).",
            "Idea": "average * them, then `read_it`.",
            "Reported": "(table 1) MAE .7.",
        },
    )
    text = page([found])
    assert "### `mine` (reconstruction)\n\nMean of two \\[vectors\\]. Reads text." in text
    assert "- *Idea*: average \\* them, then `read_it`." in text
    assert "Nothing more" not in text


def test_a_label_ends_where_its_lines_end() -> None:
    assert labelled("One.\n\nIdea: a\n    b\nc\n    d\nNeeds: e") == {"Idea": "a b", "Needs": "e"}


def test_diagrams_fit_a_page() -> None:
    assert max(len(line) for f in FAMILIES.values() for line in f.diagram.splitlines()) <= 100


def test_the_page_is_written_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\nfrom demeanor.experiments.models_page import main; main(sys.argv[1:])"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "one.md"], check=True)
    main([str(tmp_path / "two.md")])
    assert (tmp_path / "one.md").read_text() == (tmp_path / "two.md").read_text()
