"""docs/add-a-model.md keeps its word: its file, in a package of its own, is a model that passes the whole contract."""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")

import test_model_contract as contract

from demeanor import plugins
from demeanor.cli._plugins import listed, summary

pytestmark = pytest.mark.lab

GUIDE = Path(__file__).parents[2] / "docs" / "add-a-model.md"
SUITE = {n: f for n, f in vars(contract).items() if n.startswith("test_") and "name" in inspect.signature(f).parameters}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The guide's file in an installed package of somebody else's."""
    code = re.search(r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert code is not None
    place = tmp_path_factory.mktemp("site")
    (place / "their_models").mkdir()
    (place / "their_models" / "__init__.py").touch()
    (place / "their_models" / "surest.py").write_text(code[1], encoding="utf-8")
    about = place / "their_models-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-models\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[demeanor.fusion]\nsurest = their_models.surest\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        yield "surest"


def test_it_is_listed_beside_the_others(package: str) -> None:
    assert package in plugins.names("fusion")
    assert summary(listed("fusion")[package]) == "Fusion by how sure each modality is of itself."


@pytest.mark.parametrize("check", SUITE.values(), ids=SUITE)
def test_it_passes_the_contract(check: Callable[..., None], package: str, tmp_path: Path) -> None:
    check(package, tmp_path) if "tmp_path" in inspect.signature(check).parameters else check(package)


def test_the_suite_is_the_whole_of_it() -> None:
    assert len(SUITE) >= 11
