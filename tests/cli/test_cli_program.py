"""The program as a process of its own: encodings, signals, start-up."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from demeanor import __version__
from test_public import HEAVY

FAKE = """
import sys, demeanor
from reader_fakes import fake_reader
demeanor.load = lambda *_, **__: fake_reader()
from demeanor.cli import main
main()
"""

STOPS = """import time, types
def stop(**_):
    print("go", flush=True)
    time.sleep(60)
demeanor.load"""


def demeanor(*arguments: str, fake: bool = True, **environment: str) -> subprocess.CompletedProcess[bytes]:
    start = ["-c", FAKE] if fake else ["-m", "demeanor"]
    return subprocess.run(
        [sys.executable, *start, *arguments], capture_output=True, check=False, env=_environment(environment)
    )


def _environment(more: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LANG", "PYTHONUTF8", "FORCE_COLOR", "NO_COLOR")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[1]), **more}


def test_version() -> None:
    assert demeanor("--version", fake=False).stdout.decode().strip() == f"demeanor {__version__}"


def test_a_terminal_that_knows_ascii_only() -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    ran = demeanor("analyze", "今天的天气真好", "--json", **ascii_only)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.decode("ascii"))
    assert found["segments"][0]["text"] == "今天的天气真好"
    table = demeanor("analyze", "I love it – 好", "x", **ascii_only)
    assert table.returncode == 0, table.stderr
    assert b"positive" in table.stdout
    assert demeanor("analyze", "天气.mp4", **ascii_only).returncode == 2


def test_a_file_name_that_is_no_unicode(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    Path(os.fsdecode(name)).write_text("I love it")
    for more in ([], ["--json"], [f"--json={tmp_path / 'out'}"], [f"--report={tmp_path / 'r.html'}"]):
        ran = subprocess.run(
            [sys.executable, "-c", FAKE, "analyze", name, *more],
            capture_output=True,
            check=False,
            env=_environment({}),
        )
        assert ran.returncode == 0, ran.stderr


def test_colours_only_where_they_are_wanted() -> None:
    assert b"\x1b[" not in demeanor("analyze", "I love it").stdout
    assert b"\x1b[" in demeanor("analyze", "I love it", FORCE_COLOR="1").stdout
    assert b"\x1b[3" not in demeanor("analyze", "I love it", FORCE_COLOR="1", NO_COLOR="1").stdout


def test_ctrl_c_leaves_without_a_traceback(tmp_path: Path) -> None:
    slow = FAKE.replace("demeanor.load", STOPS).replace("fake_reader()", "types.SimpleNamespace(analyze=stop)")
    process = subprocess.Popen(
        [sys.executable, "-c", slow, "analyze", "I love it"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment({}),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"go\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in error


def test_a_closed_pipe_is_no_crash() -> None:
    command = f"{sys.executable} -c '{FAKE}' analyze 'I love it' 'I hate it' --json | head -c 5"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, check=False, env=_environment({}))
    assert b"Traceback" not in ran.stderr


def test_help_pulls_nothing_heavy() -> None:
    code = (
        "import sys, demeanor.cli\ntry: demeanor.cli.main()\n"
        f"finally: print(*[m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert "analyze" in ran.stdout
    assert ran.stderr.split() == []
