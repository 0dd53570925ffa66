"""The log of several threads and processes on one stderr: every line stays whole."""

import json
import subprocess
import sys
from pathlib import Path

WRITER = """
import threading
from demeanor.serve.log import log
def write(n):
    for _ in range(500):
        log("request", method="GET", route="/v1/jobs", status=200, key="local", thread=n)
threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_lines_stay_whole_whoever_writes_beside(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as shared:
        writers = [subprocess.Popen([sys.executable, "-c", WRITER], stderr=shared) for _ in range(2)]
        assert [writer.wait() for writer in writers] == [0, 0]
    told = (tmp_path / "log").read_text().splitlines()
    assert len(told) == 2 * 8 * 500
    assert {json.loads(line)["event"] for line in told} == {"request"}
