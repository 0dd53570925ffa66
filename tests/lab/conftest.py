"""The lab's tests need torch; elsewhere they are skipped with a message."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the lab's tests run in .venv-lab (make test)")

from export_runs import media_of

from demeanor.features.store import Store


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    """A folder with clips.csv, and its rows."""
    folder = tmp_path_factory.mktemp("made")
    return folder, media_of(folder)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("features"))
