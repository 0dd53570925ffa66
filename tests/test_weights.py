"""Weights are found in the stated order, checked, joined once, and never fetched unasked."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from closed_folders import close
from demeanor import weights
from demeanor.cli.doctor import examine
from demeanor.errors import ConfigError, MissingExtraError, UnknownNameError, WeightsError
from demeanor.features.store import Store
from demeanor.serve.spool import state_folder
from demeanor.weights import Edition, WeightFile, WeightSet, _files, find

SHIPPED = weights.WEIGHTS
MODEL_1, MODEL_2, CONFIG, OTHER = b"first half \x00" * 999, b"second half", b'{"a": 1}', b"from the hub"


def pinned(name: str, data: bytes, *parts: tuple[str, str]) -> WeightFile:
    return WeightFile(name, len(data), hashlib.sha256(data).hexdigest(), parts)


WHEELS = Edition(
    (
        pinned("model.bin", MODEL_1 + MODEL_2, ("carrier_one", "data/m.part1"), ("carrier_two", "data/m.part2")),
        pinned("config.json", CONFIG, ("carrier_two", "data/config.json")),
    )
)
HUB = Edition((pinned("model.bin", OTHER), pinned("config.json", CONFIG)), revision="f00d")


def write(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with one known model, empty caches and no network."""
    for name in ("HF_HUB_CACHE", "XDG_CACHE_HOME", "DEMEANOR_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("DEMEANOR_CACHE", str(tmp_path / "cache"))
    small = WeightSet("small", "MIT", (WHEELS, HUB), hub="maker/small", install="pip install carriers")
    monkeypatch.setattr(weights, "WEIGHTS", {"small": small})
    return tmp_path


@pytest.fixture
def wheels(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two installed packages that carry the model in pieces and must not be imported."""
    site = world / "site"
    write(site / "carrier_one" / "data", m__part1=MODEL_1)
    write(site / "carrier_two" / "data", m__part2=MODEL_2, config__json=CONFIG)
    for package in ("carrier_one", "carrier_two"):
        (site / package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(site))
    return site


def snapshot(world: Path, **files: bytes) -> Path:
    return write(world / "hf" / "hub" / "models--maker--small" / "snapshots" / "f00d", **files)


def test_packaged_pieces_are_joined_once_without_importing(wheels: Path) -> None:
    found = find("small")
    assert (found.origin, found.licence, found.sha256) == ("packaged", "MIT", WHEELS.sha256)
    assert found.files["model.bin"].read_bytes() == MODEL_1 + MODEL_2
    assert found.files["config.json"].read_bytes() == CONFIG
    made = found.files["model.bin"].stat()
    again = find("small").files["model.bin"].stat()
    assert (made.st_ino, made.st_mtime_ns) == (again.st_ino, again.st_mtime_ns)


def test_joined_copy_outlives_the_wheels(wheels: Path) -> None:
    find("small")
    (wheels / "carrier_one" / "data" / "m.part1").unlink()
    assert find("small").origin == "packaged"


def test_damaged_joined_copy_is_made_again(wheels: Path) -> None:
    model = find("small").files["model.bin"]
    model.write_bytes(b"x" * len(MODEL_1 + MODEL_2))
    assert find("small").files["model.bin"].read_bytes() == MODEL_1 + MODEL_2


def test_damaged_wheel_is_refused_and_leaves_nothing(wheels: Path, world: Path) -> None:
    (wheels / "carrier_one" / "data" / "m.part1").write_bytes(b"y" * len(MODEL_1))
    with pytest.raises(WeightsError, match=r"expected model.bin with sha256 .* got .*m\.part1.*reinstall"):
        find("small")
    assert [p.name for p in (world / "cache").rglob("*") if p.is_file()] == []


def test_order_is_path_then_hub_cache_then_packaged(wheels: Path, world: Path) -> None:
    assert find("small").origin == "packaged"
    snapshot(world, model__bin=OTHER, config__json=CONFIG)
    found = find("small")
    assert (found.origin, found.sha256) == ("hub cache", HUB.sha256)
    assert find("small", sha256=WHEELS.sha256).origin == "packaged"
    own = write(world / "own", model__bin=MODEL_1 + MODEL_2, config__json=CONFIG)
    found = find("small", path=own)
    assert (found.origin, found.folder) == ("path", own)


def test_the_preferred_edition_wherever_it_lies_else_another(wheels: Path, world: Path) -> None:
    snapshot(world, model__bin=OTHER, config__json=CONFIG)
    assert find("small", prefer=WHEELS.sha256).sha256 == WHEELS.sha256
    assert find("small", prefer=HUB.sha256).origin == "hub cache"
    assert find("small", prefer="of another time").sha256 == HUB.sha256
    (wheels / "carrier_two" / "data" / "m.part2").write_bytes(b"damaged")
    (find("small", sha256=WHEELS.sha256).files["model.bin"]).unlink()
    assert find("small", prefer=WHEELS.sha256).sha256 == HUB.sha256


def test_hub_cache_in_its_other_places(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot(world, model__bin=OTHER, config__json=CONFIG)
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("HF_HUB_CACHE", str(world / "hf" / "hub"))
    assert find("small").origin == "hub cache"
    monkeypatch.delenv("HF_HUB_CACHE")
    (world / "hf").rename(world / "huggingface")
    monkeypatch.setenv("XDG_CACHE_HOME", str(world))
    assert find("small").origin == "hub cache"


def test_wrong_file_in_hub_cache_falls_through_to_packaged(wheels: Path, world: Path) -> None:
    snapshot(world, model__bin=b"z" * len(OTHER), config__json=CONFIG)
    assert find("small").origin == "packaged"


def test_what_may_not_be_read_in_the_hub_cache_falls_through(
    wheels: Path, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = snapshot(world, model__bin=OTHER, config__json=CONFIG)
    with monkeypatch.context() as later:
        later.setattr(_files, "_blocks", closed_blocks(folder))
        assert find("small").origin == "packaged"
        with pytest.raises(WeightsError, match=r"got what cannot be read \(Permission denied\) at .*model\.bin"):
            find("small", sha256=HUB.sha256)
    for closed in (folder, folder.parents[1]):
        with monkeypatch.context() as later:
            close(later, closed)
            assert find("small").origin == "packaged"
            assert weights.status()[0].found is not None


def closed_blocks(folder: Path) -> Callable[[Path], Iterator[bytes]]:
    """As `_files._blocks`, for somebody who may not open what is in a folder."""
    blocks = _files._blocks

    def guarded(path: Path) -> Iterator[bytes]:
        if folder in path.parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return blocks(path)

    return guarded


def test_nobody_s_home_costs_no_more_than_the_cache(wheels: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(path: str) -> str:
        return path  # what os.path.expanduser does for a user that the system does not know

    monkeypatch.setattr(os.path, "expanduser", nowhere)
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("DEMEANOR_CACHE", "~/cache")
    monkeypatch.setenv("DEMEANOR_STATE", "~/state")
    (status,) = weights.status()
    assert status.found is None
    assert "expected a home folder, got none; set HOME" in str(status.problem)
    own = write(world / "own", model__bin=OTHER, config__json=CONFIG)
    assert find("small", path=own).origin == "path"
    for call, setting in (
        (lambda: find("small", path="~/own"), "for the weights 'small'"),
        (weights.cache_folder, "DEMEANOR_CACHE"),
        (lambda: state_folder(8765), "DEMEANOR_STATE, --folder"),
        (lambda: Store("~/features"), "DEMEANOR_FEATURES"),
    ):
        with pytest.raises(ConfigError, match=rf"expected a home folder.*name a folder in full \({setting}\)"):
            call()
    assert examine()["cache"].startswith("none; ~/cache: expected a home folder")
    monkeypatch.setenv("DEMEANOR_CACHE", str(world / "cache"))
    assert find("small").origin == "packaged"


def test_wrong_path_is_an_error_even_with_wheels(wheels: Path, world: Path) -> None:
    with pytest.raises(WeightsError, match=r"expected model\.bin .* got nothing at"):
        find("small", path=world / "nowhere")
    own = write(world / "own", model__bin=b"z" * len(OTHER), config__json=CONFIG)
    with pytest.raises(WeightsError, match=rf"expected model\.bin .*{HUB.sha256}, got sha256 [0-9a-f]+ at"):
        find("small", path=own)


def test_nothing_found_says_how_to_get_it() -> None:
    with pytest.raises(WeightsError, match=r"'carrier_one'.* is not installed.*pip install carriers.*maker/small"):
        find("small")
    with pytest.raises(UnknownNameError, match="did you mean small"):
        find("smal")
    with pytest.raises(WeightsError, match="expected the edition with sha256 abc, known are"):
        find("small", sha256="abc")


def test_download_only_when_asked(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def snapshot_download(repository: str, *, revision: str, allow_patterns: list[str]) -> str:
        calls.append((repository, revision, allow_patterns))
        return str(snapshot(world, model__bin=OTHER, config__json=CONFIG))

    hub = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(WeightsError):
        find("small")
    assert calls == []
    assert find("small", allow_download=True).origin == "download"
    assert calls == [("maker/small", "f00d", ["model.bin", "config.json"])]
    assert find("small", allow_download=True).origin == "hub cache"
    assert len(calls) == 1


def test_download_of_other_bytes_is_refused(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = write(world / "bad", model__bin=b"evil", config__json=CONFIG)
    hub = types.SimpleNamespace(snapshot_download=lambda *a, **k: str(bad))
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(WeightsError, match=r"expected model\.bin of 12 bytes .* got 4 bytes"):
        find("small", allow_download=True)


def test_failed_download_and_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise OSError("no route to host")

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=fail))
    with pytest.raises(WeightsError, match="got no route to host; check the connection"):
        find("small", allow_download=True)
    with pytest.raises(WeightsError, match="not on the hub"):
        find("small", sha256=WHEELS.sha256, allow_download=True)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"demeanor\[speech\]"):
        find("small", allow_download=True)


def test_stamp_saves_hashing_until_the_file_changes(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = find("small").files["model.bin"]
    read: list[Path] = []
    blocks = _files._blocks

    def noted(path: Path) -> Iterator[bytes]:
        read.append(path)
        return blocks(path)

    monkeypatch.setattr(_files, "_blocks", noted)
    find("small")
    assert read == []
    os.utime(model, ns=(1, 1))
    find("small")
    assert read == [model]


def test_unwritable_cache(wheels: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (world / "file").write_text("in the way")
    monkeypatch.setenv("DEMEANOR_CACHE", str(world / "file"))
    with pytest.raises(WeightsError, match="set DEMEANOR_CACHE to a writable folder"):
        find("small")
    own = write(world / "own", model__bin=OTHER, config__json=CONFIG)
    assert find("small", path=own).origin == "path"  # only costs hashing each time


def test_leftovers_of_killed_runs_are_swept(wheels: Path, world: Path) -> None:
    folder = world / "cache" / "weights" / f"small-{WHEELS.sha256[:12]}"
    write(folder, old=b"")
    old, new = folder / ".part-old", folder / ".part-new"
    old.write_bytes(b"half")
    new.write_bytes(b"being written by another process")
    os.utime(old, (time.time() - 7200,) * 2)
    find("small")
    assert not old.exists()
    assert new.exists()


JOIN = """
import sys, time
from pathlib import Path
from demeanor import weights
from demeanor.weights import _files, Edition, WeightFile, WeightSet
site, slow = sys.argv[1], float(sys.argv[2])
sys.path.insert(0, site)
blocks = _files._blocks
def crawl(path):
    for block in blocks(path):
        print("writing", flush=True)
        time.sleep(slow)
        yield block
_files._blocks = crawl
parts = (("carrier_one", "data/m.part1"), ("carrier_two", "data/m.part2"))
edition = Edition((WeightFile("model.bin", int(sys.argv[3]), sys.argv[4], parts),))
weights.WEIGHTS = {"small": WeightSet("small", "MIT", (edition,))}
found = weights.find("small")
print("done", found.files["model.bin"].stat().st_size, flush=True)
"""


def joiner(site: Path, slow: float) -> "subprocess.Popen[str]":
    file = WHEELS.files[0]
    command = [sys.executable, "-c", JOIN, str(site), str(slow), str(file.size), file.sha256]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_and_one_killed(wheels: Path, world: Path) -> None:
    target = world / "cache" / "weights" / f"small-{WHEELS.sha256[:12]}" / "model.bin"
    killed = joiner(wheels, 30)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "writing\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not target.exists()
    both = [joiner(wheels, 0.2), joiner(wheels, 0.2)]
    for process in both:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert out.splitlines()[-1] == f"done {len(MODEL_1 + MODEL_2)}"
    assert target.read_bytes() == MODEL_1 + MODEL_2


def test_status_never_raises(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = WeightSet("other", "MIT", (Edition((pinned("o", b"o", ("no_such_carrier", "o")),)),), install="x")
    monkeypatch.setitem(weights.WEIGHTS, "other", missing)
    small, other = weights.status()
    assert small.found is not None
    assert (small.name, small.problem) == ("small", None)
    assert other.found is None
    assert "no_such_carrier" in str(other.problem)
    assert other.how.startswith("install them with: x")


def test_shipped_table_is_whole() -> None:
    for name, known in SHIPPED.items():
        assert known.name == name
        assert known.licence
        for edition in known.editions:
            assert all(len(f.sha256) == 64 and f.size > 0 for f in edition.files)
            assert edition.revision is None or known.hub
            assert edition.revision or all(f.parts for f in edition.files)


@pytest.mark.parametrize("name", ["whisper-base", "mtcnn"])
def test_real_packaged_weights(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "WEIGHTS", SHIPPED)
    monkeypatch.delenv("DEMEANOR_CACHE")  # the joined copy may be there already: 145 MB need not be made again
    try:
        found = find(name)
    except WeightsError as error:
        if "is not installed" in str(error):
            pytest.skip(str(error))
        raise
    with monkeypatch.context() as later:
        later.setattr(_files, "_blocks", lambda _: pytest.fail("was hashed before"))
        assert find(name) == found
    for file in next(e for e in SHIPPED[name].editions if e.sha256 == found.sha256).files:
        assert hashlib.sha256(found.files[file.name].read_bytes()).hexdigest() == file.sha256
