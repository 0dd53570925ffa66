"""docs/run-files.md: every key of a run file, and no older than the code."""

import subprocess
import sys
from pathlib import Path

from demeanor.experiments.run_file_page import main, page, said
from demeanor.training.runfile import SECTIONS, RunFile

COMMITTED = Path(__file__).parents[2] / "docs" / "run-files.md"


def test_the_committed_page_is_what_the_code_says() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == page(), (
        "docs/run-files.md is older than training/: python -m demeanor.experiments.run_file_page"
    )


def test_every_key_of_every_section_has_a_meaning() -> None:
    assert set(RunFile.model_fields) == {*SECTIONS, "encoders", "model"}
    for name, kind in SECTIONS.items():
        assert set(said(kind)) == set(kind.model_fields), name


def test_defaults_and_choices_stand_beside_it() -> None:
    found = page()
    assert "| `name` |  | Of the run folder, `runs/NAME`. |" in found
    assert "| `learning_rate` | `5e-05` | The highest of the run; `lr` is the same key. |" in found
    assert '| `by` | `"group"` | `group`, `speaker`. What folds and' in found
    assert "| `track` |  | `tensorboard`, `wandb`, `mlflow`. Where" in found


def test_the_page_is_written_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from demeanor.experiments.run_file_page import main; main(sys.argv[1:])"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "one.md"], check=True)
    main([str(tmp_path / "two.md")])
    assert (tmp_path / "one.md").read_text(encoding="utf-8") == (tmp_path / "two.md").read_text(encoding="utf-8")
