"""A batch on a Ray cluster of two machines, which are two sets of processes here."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

import demeanor
from demeanor.bundle import shipped
from demeanor.errors import ConfigError
from demeanor.reader.batch import run
from demeanor.reader.cluster import Cluster, _Crew
from demeanor.reader.manifest import Item
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


def read_alike(manifest: Path, machines: Any, at: int, then: Callable[[], None]) -> Path:
    """A batch there says what one here says, though something happens once `at` samples are written."""
    reader, here, there = demeanor.load(), manifest.with_name("here.jsonl"), manifest.with_name("there.jsonl")
    run(manifest, here, reader=reader)
    happened: list[int] = []

    def step(done: int, total: int) -> None:
        if done == at:
            happened.append(done)
            then()

    run(manifest, there, reader=reader, executor=Cluster(machines.address), progress=step)
    assert happened == [at]
    assert lines(there) == lines(here)
    return there


def test_a_reader_that_is_killed_costs_nothing(machines: Any, manifest: Path) -> None:
    read_alike(manifest, machines, 3, lambda: os.kill(readers()[0], signal.SIGKILL))


def test_a_machine_that_is_lost_costs_nothing(machines: Any, manifest: Path) -> None:
    extra = machines.add_node(num_cpus=1)
    read_alike(manifest, machines, 3, lambda: machines.remove_node(extra, allow_graceful=False))


def test_what_does_not_fit_is_refused_before_anything_is_read(machines: Any, manifest: Path, tmp_path: Path) -> None:
    out = manifest.with_name("out.jsonl")
    shutil.copytree(shipped()["open"], tmp_path / "mine")
    mine = demeanor.load(tmp_path / "mine")
    (tmp_path / "mine/bundle.json").write_text("of no use to who opens it now", encoding="utf-8")
    for reader, executor, why in [
        (
            mine,
            Cluster(machines.address),
            rf"expected demeanor {demeanor.__version__} with open-.* on each machine, got .*BundleError",
        ),
        (
            demeanor.load(),
            Cluster(machines.address, threads=2),
            "expected a machine with 2 processors for a reader, got none",
        ),
        (demeanor.load(), Cluster("127.0.0.1:1"), "expected a Ray cluster to answer there"),
    ]:
        with pytest.raises(ConfigError, match=why):
            run(manifest, out, reader=reader, executor=executor)
        assert lines(out) == []


class Stub:
    """Ray whose readers answer at once what `answer` says: a value, or an error that is raised when it is fetched."""

    class Error(Exception):
        """As RayError: whatever of Ray's went wrong."""

    class TaskError(Error):
        """As RayTaskError: the reader lives."""

    def __init__(
        self, answer: Callable[[int, list[str]], Any], what: Callable[[int], Any] = lambda number: "this"
    ) -> None:
        self.exceptions = SimpleNamespace(RayError=self.Error, RayTaskError=self.TaskError)
        self._answer, self._what = answer, what
        self.hired = 0

    def hire(self) -> Any:
        self.hired += 1
        number = self.hired

        return SimpleNamespace(
            what=SimpleNamespace(remote=lambda: Ref(self._what(number))),
            read=SimpleNamespace(remote=lambda group, cues: Ref(self._answer(number, [item.id for item in group]))),
        )

    def wait(self, refs: list[Any], num_returns: int, fetch_local: bool) -> tuple[list[Any], list[Any]]:
        return refs[:1], refs[1:]

    def get(self, ref: Any) -> Any:
        if isinstance(ref.value, Exception):
            raise ref.value
        return ref.value

    def lines(self, groups: list[str], workers: int = 2) -> list[Any]:
        crew = _Crew(self, "here", self.hire, "this")
        items = [[Item(name, {"text": name}) for name in group] for group in groups]
        return [line for part in crew.lines(items, frozenset(), workers) for line in part]


class Ref:
    def __init__(self, value: Any) -> None:
        self.value = value


def test_a_reader_lost_for_memory_is_replaced_and_costs_the_sample_that_took_it() -> None:
    """Ray tells of that by an error of its own, not by that of a reader's death."""
    dead: set[int] = set()

    def answer(number: int, names: list[str]) -> Any:
        if number in dead or "x" in names:
            dead.add(number)
            return Stub.Error("OutOfMemory")
        return names

    ray = Stub(answer)
    found = ray.lines(["a", "bxc", "d", "e", "f", "g", "h"])
    assert [line if isinstance(line, str) else line["id"] for line in found] == list("abxcdefgh")
    (lost,) = [line for line in found if not isinstance(line, str)]
    assert "2 readers were lost over it" in lost["error"]["message"]
    assert ray.hired > 2


def test_what_a_reader_says_of_itself_costs_its_group_only() -> None:
    ray = Stub(lambda number, names: Stub.TaskError("a fault") if "x" in names else names)
    found = ray.lines(["a", "x", "b"])
    assert [line if isinstance(line, str) else line["error"]["type"] for line in found] == ["a", "TaskError", "b"]
    assert ray.hired == 2


def test_another_bundle_is_refused() -> None:
    ray = Stub(lambda number, names: names, lambda number: "that")
    with pytest.raises(ConfigError, match="cluster here: expected this on each machine, got that; install the same"):
        ray.lines(["a"])


def test_readers_that_never_start_end_the_batch() -> None:
    ray = Stub(lambda number, names: names, lambda number: Stub.Error("The process died: SIGILL"))
    with pytest.raises(ConfigError, match="expected this on each machine, got The process died: SIGILL"):
        ray.lines(["a"])
    assert ray.hired < 12
    late = Stub(lambda number, names: names, lambda number: "this" if number > 3 else Stub.Error("gone"))
    assert late.lines(["a", "b"]) == ["a", "b"]


def test_more_than_fits_into_an_answer_is_read_again_where_its_machine_is_lost(machines: Any, tmp_path: Path) -> None:
    """Long lines stay on the machine that read them until they are asked for."""
    text = "I like it. " * 150
    rows = [f"t{i},{text}," if i % 2 else f"p{i},,face.png" for i in range(8)]
    Image.fromarray(picture([(20, 20, 60, "bright")])).save(tmp_path / "face.png")
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["id,text,image", *rows]) + "\n", encoding="utf-8")
    extra = machines.add_node(num_cpus=1)
    there = read_alike(path, machines, 4, lambda: machines.remove_node(extra, allow_graceful=False))
    assert max(map(len, there.read_bytes().split(b"\n"))) > 100_000


def test_a_batch_that_is_done_needs_no_cluster(manifest: Path) -> None:
    out = manifest.with_name("out.jsonl")
    (manifest.parent / "one.csv").write_text("id,text\na,I love it.\n", encoding="utf-8")
    run(manifest.parent / "one.csv", out, reader=demeanor.load())
    again = run(manifest.parent / "one.csv", out, reader=demeanor.load(), executor=Cluster("127.0.0.1:1"))
    assert again.skipped == 1
