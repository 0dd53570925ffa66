"""Nothing that demeanor runs reports home: no identifier and no queue of events is left where such things are put."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODES = ["import demeanor; demeanor.analyze(text='I love it')", "import demeanor, onnxruntime"]


@pytest.mark.parametrize("code", CODES)
def test_no_library_leaves_an_identifier(code: str, tmp_path: Path) -> None:
    places = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")
    # In CI, and where it is told so, ONNX Runtime is silent by itself.
    quiet = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")
    kept = {k: v for k, v in os.environ.items() if k not in quiet}
    subprocess.run([sys.executable, "-c", code], env=kept | dict.fromkeys(places, str(tmp_path)), check=True)
    left = [p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()]
    assert left == []
