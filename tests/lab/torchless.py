"""A process in which torch cannot be imported reads samples with bundles: the reader's own environment, in effect."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_PROGRAM = """
import json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers", "onnx"):
            raise ImportError(f"{name} must not be imported here")

sys.meta_path.insert(0, Refuse())
import demeanor

work = json.load(sys.stdin)
out = {}
for bundle in work["bundles"]:
    reader = demeanor.load(bundle, threads=1)
    out[bundle] = [reader.analyze(**sample).to_dict() for sample in work["samples"]]
assert "torch" not in sys.modules
json.dump(out, sys.stdout)
"""


def analyses(bundles: Sequence[Path], samples: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Per bundle an analysis of every sample (arguments of `Reader.analyze`)."""
    work = {"bundles": [str(b) for b in bundles], "samples": list(samples)}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps(work),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found
