"""The clients of docs/live.md against a service on a real socket."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn

from demeanor.serve.app import create_app
from demeanor.serve.settings import Settings
from reader_fakes import fake_reader, silence, speech, write_wav
from serve_calls import until

DOC = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")


def block(language: str, first: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    return next(code for code in found if first in code)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    app = create_app(Settings(warm=False, threads=1, folder=tmp_path / "state"))
    app.state.service.reader = fake_reader()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, "the service to listen")
    yield f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1/stream"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "talk.wav", np.concatenate([silence(0.5), speech(3.0), silence(1.0)]))


def test_the_python_client(address: str, talk: Path) -> None:
    space: dict[str, Any] = {}
    exec(compile(block("python", "def read_live"), "docs/live.md", "exec"), space)
    analysis, segments = space["read_live"](address, str(talk))
    assert [s["text"] for s in analysis["segments"]] == ["I love it."]
    assert [s["text"] for s in segments.values()] == ["I love it."]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here")
def test_the_browser_client(address: str, talk: Path, tmp_path: Path) -> None:
    (tmp_path / "live.mjs").write_text(block("javascript", "export function live"), encoding="utf-8")
    (tmp_path / "microphone.mjs").write_text(block("javascript", "export function microphone"), encoding="utf-8")
    (tmp_path / "run.mjs").write_text(
        """
import { readFileSync } from "node:fs";
import { live } from "./live.mjs";
import "./microphone.mjs";
const sound = readFileSync(process.argv[3]).subarray(44);
const session = live(process.argv[2], { audio: { format: "pcm" } }, (event) => {
  if (event.type === "final") console.log(JSON.stringify(event.analysis));
  if (event.type === "error") { console.error(event); process.exit(1); }
});
for (let at = 0; at < sound.length; at += 3200) session.sound(sound.subarray(at, at + 3200), at / 32000);
session.text("I love it.");
session.end();
""",
        encoding="utf-8",
    )
    done = subprocess.run(
        ["node", "--experimental-websocket", "--no-warnings", tmp_path / "run.mjs", address, talk],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    analysis = json.loads(done.stdout)
    assert [s["text"] for s in analysis["segments"]] == ["I love it.", "I love it."]
