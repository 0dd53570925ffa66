"""Memory kept while training: faults of fresh pages vanish, and all goes back afterwards."""

import resource
import sys

import pytest

torch = pytest.importorskip("torch")

from demeanor.training import heap  # noqa: E402

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(sys.platform != "linux" or heap._glibc() is None, reason="no glibc here: nothing to keep"),
]


def faults_of_steps(count: int = 20, numbers: int = 9 << 20) -> int:
    """Pages the kernel had to bring while a large tensor is made and let go, again and again."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        torch.zeros(numbers)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_pages_are_brought_once() -> None:
    usual = faults_of_steps()
    with heap.kept():
        faults_of_steps(2)
        kept = faults_of_steps()
    assert usual > 20 * kept, "36 MB are 9 216 pages, unless the kernel gives larger ones"
    assert faults_of_steps() > 20 * kept, "as before"


def test_it_ends_with_an_error_too() -> None:
    with pytest.raises(ValueError, match="here"), heap.kept():
        raise ValueError("here")
    assert faults_of_steps() > 100


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_glibc", lambda: None)
    with heap.kept():
        assert faults_of_steps() > 100
