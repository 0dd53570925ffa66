"""Paths that may not be looked at: `Path.is_dir` and its like raise where a folder on the way is closed."""

from pathlib import Path

import pytest

from closed_folders import close
from demeanor.errors import InputError
from demeanor.media.kind import kind_of
from demeanor.media.source import is_folder, is_regular, resolved


def test_what_may_not_be_looked_at_is_neither_a_folder_nor_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("I love it")
    assert (is_folder(tmp_path), is_regular(tmp_path / "a.txt")) == (True, True)
    close(monkeypatch, tmp_path)
    for path in (tmp_path / "a.txt", tmp_path / "nowhere"):
        assert (is_folder(path), is_regular(path)) == (False, False)
    with pytest.raises(InputError, match="Permission denied; check the path and permissions"):
        kind_of(tmp_path / "a.txt")


def test_a_link_that_leads_to_itself_stays_as_it_is(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert resolved(loop) == loop
    assert resolved(tmp_path / "sub" / ".." / "a") == tmp_path.resolve() / "a"
