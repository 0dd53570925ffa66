import subprocess
import sys

import pytest

import demeanor

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


@pytest.mark.parametrize("threads", ["a", None, 1.5, -1, []])
def test_threads_that_are_no_number(threads: object) -> None:
    for call in (lambda: demeanor.load(threads=threads), lambda: demeanor.analyze("I love it", threads=threads)):
        with pytest.raises(demeanor.ConfigError, match=r"threads: expected a whole number from 0 on, got .*; 0 takes"):
            call()


def test_a_copy_needs_a_place() -> None:
    with pytest.raises(demeanor.ConfigError, match=r"out: expected the path of the copy, got None; .*redact_text"):
        demeanor.redact("Write to a@example.com", None)
