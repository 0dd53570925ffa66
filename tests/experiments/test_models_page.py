"""docs/models.md: what the files say, all of it, and no older than they are."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from demeanor import plugins
from demeanor.experiments.models_page import FAMILIES, Entry, entries, entry, main, page, with_reached
from demeanor.fusion._docstring import labelled

COMMITTED = Path(__file__).parents[2] / "docs" / "models.md"
FOLDER = Path(__file__).parents[2] / "src" / "demeanor" / "fusion"

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
        "docs/models.md is older than a docstring or results/: python -m demeanor.experiments.models_page"
    )


def test_every_model_is_on_the_page_once_and_every_family_has_a_guide() -> None:
    found = page(entries())
    assert [e.name for e in entries()] == plugins.names("fusion")
    assert {e.family for e in entries()} <= set(FAMILIES), "a new family: say in FAMILIES when to take it, and draw it"
    for name in plugins.names("fusion"):
        assert found.count(f"### `{name}`") == 1


def test_every_model_names_its_paper_its_idea_what_it_needs_and_how_it_differs() -> None:
    wanted = {"Paper", "Idea", "Needs", "Differs"}
    assert {e.name: missing for e in entries() if (missing := wanted - e.parts.keys())} == {}
    assert not [e.name for e in entries() if not e.summary]


def test_every_idea_is_told_in_three_lines() -> None:
    lines = {}
    for name in plugins.names("fusion"):
        docstring = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))) or ""
        found = re.search(r"^Idea: .*(\n    .*)*", docstring, re.MULTILINE)
        lines[name] = len(found[0].splitlines()) if found else 0
    assert {name: n for name, n in lines.items() if not 1 <= n <= 3} == {}


def test_a_reconstruction_quotes_no_scores() -> None:
    """Nor has it a number near MAE, Acc or Corr anywhere else in its docstring: there is nothing to compare it with."""
    quoting = [e.name for e in entries() if e.reconstruction and {"Reported", "Reproduced"} & e.parts.keys()]
    assert sum(e.reconstruction for e in entries()) >= 11
    assert not quoting
    scores = re.compile(r"\b(MAE|Acc-?\d?|F1|Corr\w*|accuracy)\b\D{0,12}\d")
    text = {e.name: " ".join(e.parts.values()) for e in entries() if e.reconstruction}
    assert not [name for name, said in text.items() if scores.search(said)]


def test_scores_of_others_stand_beside_what_was_reached_here() -> None:
    """Wherever a file has reported scores, and out of the records, not out of the file."""
    assert [e.name for e in entries() if ("Reported" in e.parts) != ("Reproduced" in e.parts)] == []
    one = entry("mine", '"""Mine.\n\nReproduced: see there.\n"""')
    assert with_reached(one, []).parts["Reproduced"] == "not on the paper's own features; here not measured yet."
    record = {"dataset": "mosi", "protocol": "p", "split": "test", "model": "mine", "seed": 0}
    records = [record | {"seed": n, "metrics": {"mae": {"value": v}}} for n, v in ((0, 9.0), (0, 0.9), (1, 1.1))]
    records += [records[0] | {"dataset": "synthetic"}, records[0] | {"entry": "mine (text)"}]
    said = with_reached(one, records).parts["Reproduced"]
    assert said == "not on the paper's own features; here mosi (p) mae 1.000 ± 0.141."


def test_runs_of_other_settings_and_other_benches_are_not_averaged() -> None:
    def rows(bench: str, settings: str, *values: float | None) -> list[dict]:
        one = {"dataset": "mosi", "protocol": "p", "split": "test", "model": "mine", "entry": "mine", "bench": bench}
        told = [{"seed": n, "metrics": {"mae": {"value": v}}} for n, v in enumerate(values)]
        return [{**one, **t, "settings_sha256": settings} for t in told]

    one = entry("mine", '"""Mine.\n\nReproduced: see there.\n"""')
    records = [*rows("a", "old", 9.0, 9.0, 9.0), *rows("a", "new", 0.9, 1.1), *rows("b", "other", 0.5, None, 0.7)]
    said = with_reached(one, records).parts["Reproduced"]
    assert said.endswith("here mosi (p; a) mae 1.000 ± 0.141; mosi (p; b) mae 0.600 (2 of 3).")
    assert "not measured yet" in with_reached(one, rows("a", "new", None, None)).parts["Reproduced"]


def test_single_folds_and_rows_of_which_a_seed_diverged_are_nothing_reached() -> None:
    one, whole = entry("mine", '"""Mine.\n\nReproduced: see there.\n"""'), {"entry": "mine", "bench": "b"}
    record = {"dataset": "mosi", "split": "test", "model": "mine"}
    seeds = [record | whole | {"protocol": "p", "seed": n, "metrics": {"mae": {"value": 1.0 + n}}} for n in range(2)]
    fold = {"fold_of": "mine", "bench": "b", "metrics": seeds[0]["metrics"]}
    folds = [record | fold | {"protocol": f"p, fold {f} of 2", "seed": n} for f in range(2) for n in range(2)]
    alone = [r | {"fold_of": "mine (text)"} for r in folds]
    said = with_reached(one, [*folds, *alone, *seeds]).parts["Reproduced"]
    assert said.endswith("here mosi (p) mae 1.500 ± 0.707.")
    lost = seeds[0] | {"seed": 2, "metrics": {}, "diverged": True}
    for records in ([*seeds, lost], [lost, *seeds]):
        assert "not measured yet" in with_reached(one, records).parts["Reproduced"]
    assert with_reached(one, [lost, *seeds, seeds[0] | {"seed": 2}]).parts["Reproduced"].count("mae") == 1


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
