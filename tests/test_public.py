import subprocess
import sys
from pathlib import Path

import pytest

import demeanor
from demeanor.bundle import Bundle, seal
from demeanor.reader.fuse import fuse

HEAVY = ["numpy", "cv2", "torch", "av", "PIL", "onnxruntime", "faster_whisper", "polars", "matplotlib", "pydantic"]


def test_import_is_free_and_pulls_nothing_heavy() -> None:
    code = f"import sys, demeanor; print(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_reading_needs_no_torch() -> None:
    code = (
        "import sys, pkgutil, importlib, demeanor.reader as r\n"
        "for m in pkgutil.walk_packages(r.__path__, 'demeanor.reader.'): importlib.import_module(m.name)\n"
        "print(*[m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_public_name_is_there() -> None:
    for name in demeanor.__all__:
        assert getattr(demeanor, name) is not None
    assert set(demeanor.__all__) == set(dir(demeanor))
    assert issubclass(demeanor.InputError, demeanor.DemeanorError)
    assert demeanor.analyze.__doc__
    with pytest.raises(AttributeError, match="anlyze"):
        demeanor.anlyze  # noqa: B018


def test_an_unknown_bundle_is_named() -> None:
    with pytest.raises(demeanor.UnknownNameError, match="no-such-bundle"):
        demeanor.analyze("I love it", model="no-such-bundle")
    with pytest.raises(demeanor.UnknownNameError, match="no-such-bundle"):
        demeanor.load("no-such-bundle")


def test_a_path_is_never_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for call in (lambda: demeanor.load(Path("base")), lambda: demeanor.analyze("I love it", model=Path("./base"))):
        with pytest.raises(demeanor.BundleError, match="base: expected the folder of a bundle, found none there"):
            call()
    seal(_folder(tmp_path / "base"), {"name": "mine", "version": "1", "cues": {}, "fusion": {}})
    assert demeanor.load(Path("./base")).experts.bundle.name.startswith("mine-1+")


@pytest.mark.parametrize(
    ("spec", "lacks"),
    [
        ({"name": "a", "version": "1"}, "cues"),
        ({"name": "a", "version": "1", "kind": "features"}, "modalities"),
        ({"cues": {}}, "name or version"),
    ],
)
def test_a_bundle_that_lacks_what_is_read_first(tmp_path: Path, spec: dict[str, object], lacks: str) -> None:
    seal(tmp_path, spec)
    with pytest.raises(demeanor.BundleError, match=f"bundle.json: expected name, version, .*, got no {lacks}; export"):
        demeanor.load(tmp_path)


def test_a_bundle_without_a_rule_of_pooling(tmp_path: Path) -> None:
    seal(tmp_path, {"name": "a", "version": "1", "cues": {}})
    with pytest.raises(demeanor.BundleError, match=r"expected the pooling rule under fusion\.pool, got none"):
        fuse({}, Bundle(tmp_path))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize("threads", ["a", None, 1.5, -1, []])
def test_threads_that_are_no_number(threads: object) -> None:
    for call in (lambda: demeanor.load(threads=threads), lambda: demeanor.analyze("I love it", threads=threads)):
        with pytest.raises(demeanor.ConfigError, match=r"threads: expected a whole number from 0 on, got .*; 0 takes"):
            call()


def test_a_copy_needs_a_place() -> None:
    with pytest.raises(demeanor.ConfigError, match=r"out: expected the path of the copy, got None; .*redact_text"):
        demeanor.redact("Write to a@example.com", None)
