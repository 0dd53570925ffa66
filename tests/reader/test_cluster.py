"""A batch on a Ray cluster of two machines, which are two sets of processes here."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import demeanor
from demeanor.errors import ConfigError
from demeanor.reader.batch import run
from demeanor.reader.cluster import Cluster
from reader_fakes import picture
from serve_calls import with_bundle

ray = pytest.importorskip("ray", reason="Ray is not installed here (extra ray)")

pytestmark = with_bundle


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    """Two machines with a processor each."""
    from ray.cluster_utils import Cluster as Machines

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    found = Machines(initialize_head=True, head_node_args={"num_cpus": 1})
    found.add_node(num_cpus=1)
    yield found
    found.shutdown()


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    Image.fromarray(picture([(20, 20, 60, "bright")])).save(tmp_path / "face.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(30))
    rows = ["id,text,image"]
    for i in range(12):
        rows += [f"t{i},I like number {i} a lot.,", f"p{i},,{'face' if i != 5 else 'broken'}.png"]
    path = tmp_path / "m.csv"
    path.write_text("\n".join([*rows, "none,,gone.png"]) + "\n", encoding="utf-8")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a batch, without how long they took, on how many processors."""
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    for line in found:
        for what in ("seconds", "threads"):
            line.get("provenance", {}).pop(what, None)
    return found


def readers() -> list[int]:
    """Processes that read for a cluster here."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "ray::RemoteReader" in line]


def test_a_cluster_says_what_one_process_says(machines: Any, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, here, there = demeanor.load(), manifest.with_name("here.jsonl"), manifest.with_name("there.jsonl")
    local = run(manifest, here, reader=reader)
    monkeypatch.chdir(manifest.parent)
    told: list[int] = []
    result = run(
        Path(manifest.name),  # as a user writes it; the readers stand elsewhere
        there,
        reader=reader,
        executor=Cluster(machines.address),
        progress=lambda done, total: told.append(done),
    )
    assert result == local
    assert (result.done, result.failed) == (23, 2)
    assert lines(there) == lines(here)
    assert told == list(range(26))
    assert not readers()


def test_a_reader_that_is_killed_costs_nothing(machines: Any, manifest: Path) -> None:
    reader, here, there = demeanor.load(), manifest.with_name("here.jsonl"), manifest.with_name("there.jsonl")
    run(manifest, here, reader=reader)

    def kill(done: int, total: int) -> None:
        if done == 3:
            os.kill(readers()[0], signal.SIGKILL)

    run(manifest, there, reader=reader, executor=Cluster(machines.address), progress=kill)
    assert lines(there) == lines(here)


def test_a_machine_that_is_lost_costs_nothing(machines: Any, manifest: Path) -> None:
    reader, here, there = demeanor.load(), manifest.with_name("here.jsonl"), manifest.with_name("there.jsonl")
    run(manifest, here, reader=reader)
    extra = machines.add_node(num_cpus=1)

    def lose(done: int, total: int) -> None:
        if done == 3:
            machines.remove_node(extra, allow_graceful=False)

    run(manifest, there, reader=reader, executor=Cluster(machines.address), progress=lose)
    assert lines(there) == lines(here)


def test_what_does_not_fit_is_refused_before_anything_is_read(machines: Any, manifest: Path) -> None:
    reader, out = demeanor.load(), manifest.with_name("out.jsonl")
    for executor, why in [
        (
            Cluster(machines.address, model="open"),
            rf"expected demeanor {demeanor.__version__} with base-.*got .*with open-",
        ),
        (Cluster(machines.address, model="/no/such/bundle"), r"on each machine, got .*/no/such/bundle"),
        (Cluster(machines.address, threads=2), "expected a machine with 2 processors for a reader, got none"),
        (Cluster("127.0.0.1:1"), "expected a Ray cluster to answer there"),
    ]:
        with pytest.raises(ConfigError, match=why):
            run(manifest, out, reader=reader, executor=executor)
        assert lines(out) == []
