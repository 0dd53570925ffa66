"""For all tests of a module: an app, a PostgreSQL, and a browser that looks at the page of a service."""

import os
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsers import chromium
from serve_calls import TestClient, app_client
from serve_media import jpeg
from serve_page import CLIP, PATIENCE


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with app_client(tmp_path_factory.mktemp("serve") / "state") as found:
        yield found


def _postgres_program(name: str) -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, versions), os.environ.get("PATH", "")]))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of the test's own, on a socket in a folder."""
    pytest.importorskip("psycopg", reason="psycopg is not installed here (extra postgres)")
    if _postgres_program("initdb") is None:
        pytest.skip("PostgreSQL is not installed here: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("pg")
    as_user: list[str] = []
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        for parent in folder.parents:
            if parent.name.startswith(("pytest-", "popen-")):  # pytest's own, and those of its processes
                parent.chmod(0o755)
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(*command: str | Path) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd="/")

    data, ctl = folder / "data", str(_postgres_program("pg_ctl"))
    run(str(_postgres_program("initdb")), "-D", data, "-U", "demeanor", "--auth=trust", "-E", "UTF8", "-N")
    started = f"-k {folder} -c listen_addresses='' -c fsync=off"
    run(ctl, "-D", data, "-o", started, "-l", folder / "log", "-w", "start")
    try:
        yield f"postgresql://demeanor@/postgres?host={folder}"
    finally:
        run(ctl, "-D", data, "-m", "immediate", "stop")


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sound of the demo's clip as the microphone of a fake device, with silence after it."""
    from demeanor.media.audio import decode_audio

    sound = (decode_audio(CLIP) * 32767).astype("<i2")
    path = tmp_path_factory.mktemp("devices") / "microphone.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(sound.tobytes() + bytes(2 * 16_000 * 30))
    return path


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of the demo's clip, each twice, for the camera of a fake device, which shows 30 a second."""
    import av

    path = tmp_path_factory.mktemp("devices") / "camera.mjpeg"
    with av.open(str(CLIP)) as clip, path.open("wb") as out:
        for frame in clip.decode(video=0):
            out.write(2 * jpeg(frame.to_ndarray(format="rgb24")))
    return path


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelling task of two sentences."""
    from demeanor.label.task import create_task
    from demeanor.types import Sample

    items = [Sample("a", text="The soup was cold."), Sample("b", text="I love it.")]
    return create_task(tmp_path_factory.mktemp("label") / "soup", items, ["polarity"]).folder


@pytest.fixture(scope="module")
def address(task: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "demeanor", "serve", "--port", "0", "--label", str(task)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
        assert service.stdout is not None
        line = service.stdout.readline()
        while line and not line.startswith("http"):
            line = service.stdout.readline()
        assert line.startswith("http://127.0.0.1:")
        yield line.strip()
        service.terminate()
        service.wait(30)


@pytest.fixture(scope="module")
def browser(microphone: Path, camera: Path) -> Iterator[Any]:
    pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    arguments = [
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop", f"--use-file-for-fake-video-capture={camera}",
        "--autoplay-policy=no-user-gesture-required",
    ]  # fmt: skip
    with chromium(*arguments) as started:
        yield started


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """An open page that must not say anything on its console, nor ask anybody but the service."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    trouble: list[str] = []
    opened.on("console", lambda m: trouble.append(m.text))
    opened.on("pageerror", lambda e: trouble.append(str(e)))
    opened.on("request", lambda r: trouble.append(r.url) if not r.url.startswith((address, "blob:", "data:")) else None)
    opened.trouble = trouble
    opened.goto(address)
    opened.locator("[data-go]", has_text="Read").wait_for()
    yield opened
    context.close()
    assert trouble == []
