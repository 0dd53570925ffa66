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
MEASURED = """
import json, os, resource
import torch
from demeanor.training import heap

def faults(count=20, numbers=9 << 20):
    "Pages the kernel had to bring while a large tensor is made and let go, again and again."
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        torch.zeros(numbers)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    "MB of this process that are in memory."
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

seen = {"usual": faults(), "before": held()}
try:
    with heap.kept():
        faults()  # some steps pass before a gap is found that holds the next one
        seen["kept"] = faults()
        many = [torch.ones(9 << 20) for _ in range(10)]
        del many
        seen["inside"] = held()
        raise ValueError
except ValueError:
    seen["afterwards"] = held()
print(json.dumps(seen))
"""


def test_pages_are_brought_once_and_all_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True, timeout=300)
    seen = json.loads(done.stdout)
    assert seen["inside"] > seen["before"] + 300, "ten tensors of 36 MB, let go"
    assert seen["afterwards"] < seen["before"] + 60
    if not seen["usual"]:
        pytest.skip("this kernel counts no faults of pages")
    assert seen["kept"] < seen["usual"] / 20, "36 MB are 9 216 pages, unless the kernel gives larger ones"


def test_an_error_passes_through() -> None:
    with pytest.raises(ValueError, match="here"), heap.kept():
        raise ValueError("here")


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_glibc", lambda: None)
    monkeypatch.setattr(heap, "_KEEP", None)  # reading it would fail
    with heap.kept():
        torch.zeros(8)
