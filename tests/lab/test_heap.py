"""Memory kept while training: faults of fresh pages vanish, and all goes back afterwards."""

import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from demeanor.training import heap  # noqa: E402

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(sys.platform != "linux" or heap._glibc() is None, reason="no glibc here: nothing to keep"),
]

# A process of its own: in one that has run for long, a gap in the heap may hold the tensor, and no page is brought.
COUNTED = """
import json, resource, sys
import torch
from demeanor.training import heap

def faults(count=20, numbers=9 << 20):
    "Pages the kernel had to bring while a large tensor is made and let go, again and again."
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        torch.zeros(numbers)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

seen = {"usual": faults()}
with heap.kept():
    faults(2)
    seen["kept"] = faults()
seen["afterwards"] = faults()
try:
    with heap.kept():
        raise ValueError("here")
except ValueError:
    seen["after an error"] = faults()
print(json.dumps(seen))
"""


def test_pages_are_brought_once_and_all_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True, timeout=300)
    seen = json.loads(done.stdout)
    if not seen["usual"]:
        pytest.skip("this kernel counts no faults of pages")
    few = seen["usual"] / 20  # 36 MB are 9 216 pages, unless the kernel gives larger ones
    assert seen["kept"] < few
    assert seen["afterwards"] > few and seen["after an error"] > few


def test_an_error_passes_through() -> None:
    with pytest.raises(ValueError, match="here"), heap.kept():
        raise ValueError("here")


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_glibc", lambda: None)
    monkeypatch.setattr(heap, "_KEEP", None)  # reading it would fail
    with heap.kept():
        torch.zeros(8)
