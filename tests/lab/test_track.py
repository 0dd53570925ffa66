"""Numbers reach Weights & Biases and MLflow, and a stopped run goes on as the same one; on disk, no server asked."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

# In processes of their own: one that dies is what is tested, and the services' own warnings are not.
RUN = """
import os, sys
from pathlib import Path
from demeanor.training.settings import Settings
from demeanor.training.track import Tracker

service, folder, step, end = sys.argv[1:]
tracker = Tracker((service,), Path(folder), Settings(track=(service,)).model_dump())
tracker.log(int(step), {"score": int(step) / 4, "loss": float("nan")})
os._exit(3) if end == "dies" else tracker.close()
"""

READ = """
import json, sys
import mlflow

client = mlflow.MlflowClient("sqlite:///" + sys.argv[1])
found = []
for run in client.search_runs(["0"]):
    scores = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "score")]
    found.append([run.info.run_name, run.info.status, run.data.params["epochs"], scores])
print(json.dumps(found))
"""


def python(*words: str) -> str:
    env = os.environ | {"WANDB_MODE": "offline"}
    done = subprocess.run(
        [sys.executable, "-c", *words], capture_output=True, text=True, timeout=240, check=False, env=env
    )
    assert done.returncode == (3 if words[-1] == "dies" else 0), done.stderr[-2000:]
    return done.stdout


def stopped_and_continued(service: str, folder: Path) -> None:
    if importlib.util.find_spec(service) is None:
        pytest.skip(f"{service} is not installed (pip install 'demeanor[tracking]')")
    folder.mkdir()
    python(RUN, service, str(folder), "1", "dies")
    python(RUN, service, str(folder), "2", "ends")


def test_numbers_go_to_mlflow_and_a_stopped_run_goes_on(tmp_path: Path) -> None:
    stopped_and_continued("mlflow", tmp_path / "mine")
    runs = json.loads(python(READ, str(tmp_path / "mine" / "mlflow.db")))
    assert runs == [["mine", "FINISHED", "3", [[1, 0.25], [2, 0.5]]]]


def test_numbers_go_to_wandb_and_a_stopped_run_goes_on(tmp_path: Path) -> None:
    stopped_and_continued("wandb", tmp_path / "mine")
    parts = sorted((tmp_path / "mine" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(parts) == 2  # one per process, of the same id: the service joins them
    assert parts[0].name == parts[1].name
    assert b"score" in parts[1].read_bytes()  # what a process had not yet written dies with it
