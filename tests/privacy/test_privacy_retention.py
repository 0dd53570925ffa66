"""Nothing stays: looked for on the disk."""

import os
import stat
from pathlib import Path

import pytest

from demeanor.errors import ConfigError
from demeanor.privacy.retention import PREFIX, Retention, Sweeper, erase, private_folder, sweep_left_behind

SECRET = b"call 212-555-0187 " * 100


def everything(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


def test_a_private_folder_is_the_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    with private_folder(parent=tmp_path) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.name.startswith(PREFIX)
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "clip.txt").write_bytes(SECRET)
        (folder / "read-only").write_bytes(SECRET)
        (folder / "read-only").chmod(0o400)
    assert list(tmp_path.iterdir()) == []

    def fail_halfway() -> None:
        with private_folder(parent=tmp_path) as folder:
            (folder / "clip.txt").write_bytes(SECRET)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert list(tmp_path.iterdir()) == []


def test_what_is_erased_was_overwritten_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "ftruncate", lambda *_: None)  # which would hide whether the blocks were written over
    path = tmp_path / "clip.txt"
    path.write_bytes(SECRET)
    held = os.open(path, os.O_RDONLY)  # still sees the file's own blocks after its name is gone
    try:
        erase(path)
        assert not path.exists()
        left = os.pread(held, 4096, 0)
    finally:
        os.close(held)
    assert len(left) == len(SECRET)
    assert b"212-555" not in left


def test_links_are_not_followed_and_second_names_not_destroyed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(SECRET)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(outside / "a")
    (inside / "folder").symlink_to(outside)
    (inside / "second").hardlink_to(outside / "a")
    (inside / "nowhere").symlink_to(tmp_path / "not-there")
    erase(inside)
    assert not inside.exists()
    assert (outside / "a").read_bytes() == SECRET
    erase(inside)  # not there: no error


def test_the_sweeper_takes_what_is_past_its_time_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    sweeper = Sweeper(folder, Retention(minutes=10), is_busy=lambda name: name == "busy")
    for name, age in (("old", 700), ("new", 10), ("busy", 9999)):
        (folder / name).mkdir()
        (folder / name / "upload.wav").write_bytes(SECRET)
        for path in (folder / name / "upload.wav", folder / name):
            os.utime(path, (1e9 - age, 1e9 - age))
    assert sweeper.sweep(now=1e9) == ["old"]
    assert sorted(p.name for p in folder.iterdir()) == ["busy", "new"]
    assert sweeper.sweep(now=1e9 + 600) == ["new"]
    sweeper.forget("busy")
    assert list(folder.iterdir()) == []
    for wrong in ("../jobs", "a/b", "..", ""):
        with pytest.raises(ConfigError, match="without a path"):
            sweeper.forget(wrong)


def test_an_entry_that_is_still_written_to_is_young(tmp_path: Path) -> None:
    sweeper = Sweeper(tmp_path, Retention(minutes=1))
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "part").write_bytes(b"x")
    os.utime(tmp_path / "job" / "part", (1e9, 1e9))
    os.utime(tmp_path / "job", (1e9 - 3600, 1e9 - 3600))
    assert sweeper.sweep(now=1e9 + 30) == []
    assert sweeper.sweep(now=1e9 + 61) == ["job"]


def test_keeping_nothing_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    sweeper = Sweeper(tmp_path, Retention())
    (tmp_path / "upload").write_bytes(SECRET)
    assert SECRET in everything(tmp_path)
    assert sweeper.sweep() == ["upload"]
    assert everything(tmp_path) == b""
    with pytest.raises(ConfigError, match="minutes"):
        Retention(-1)


def test_what_a_killed_run_left_behind_is_found(tmp_path: Path) -> None:
    left, other = tmp_path / f"{PREFIX}abc", tmp_path / "not-ours"
    for folder in (left, other):
        folder.mkdir()
        (folder / "a").write_bytes(SECRET)
        for path in (folder / "a", folder):
            os.utime(path, (1e9, 1e9))
    assert sweep_left_behind(60, tmp_path, now=1e9 + 60) == []
    assert sweep_left_behind(60, tmp_path, now=1e9 + 3600) == [left.name]
    assert [p.name for p in tmp_path.iterdir()] == ["not-ours"]
