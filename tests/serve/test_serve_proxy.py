"""The reverse proxy of docs/serve.md: its lines in a real nginx, with TLS, in front of a service."""

import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

import demeanor
from demeanor.serve.keys import new_key
from demeanor.serve.wire import HEADER, PROTOCOL
from serve_calls import PATIENCE, ROOT, Served, served, until, with_bundle

NAME = "demeanor.example.org"
pytestmark = [
    with_bundle,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed here"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed here"),
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def certificate(folder: Path) -> Path:
    """Of the name, signed by itself, with its key beside it."""
    made = folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", folder / "key.pem", "-out", made],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return made


@contextlib.contextmanager
def proxied(folder: Path, service: Served) -> Iterator[int]:
    """The port of an nginx that has the lines of the docs, but for ports and the files every nginx needs of its own."""
    text = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```nginx\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    port = free_port()
    for old, new in (("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"), ("http://127.0.0.1:8765", service.url)):
        assert old in block
        block = block.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}ssl_certificate {folder}/cert.pem;\n"
        f"ssl_certificate_key {folder}/key.pem;\n{block}}}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        until(lambda: process.poll() is not None or listens(port), "nginx to listen")
        assert process.poll() is None, (folder / "error.log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(60)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


def test_everything_goes_through_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: look_up("127.0.0.1" if host == NAME else host, *a, **k)
    )
    key = new_key(tmp_path / "keys", "alice")
    with (
        served(tmp_path / "s", "--keys", str(tmp_path / "keys"), "--name", NAME, "--largest", "8") as service,
        proxied(tmp_path, service) as port,
    ):
        url = f"https://{NAME}:{port}"
        client = demeanor.Client(url, key=key)
        with pytest.raises(demeanor.ServiceError, match="a valid key") as refused:
            demeanor.Client(url).models()
        assert refused.value.status == 401
        assert client.analyze("I love it").overall.sentiment.label == "positive"
        with pytest.raises(demeanor.InputError, match="no known format"):  # nginx by itself takes a megabyte at most
            client.analyze(file=bytes(3 << 20))
        with pytest.raises(demeanor.LimitError, match="at most 8388608 bytes"):
            client.analyze(file=bytes(9 << 20))

        id = client.submit(video=ROOT / "demo" / "clip.mp4")
        next(client.events(id))  # were events held back, it would come with the last one
        assert client.job(id)["state"] in ("queued", "running")
        assert client.wait(id).kind == "video"

        with connect(
            f"wss://{NAME}:{port}/v1/stream", ssl=ssl.create_default_context(cafile=trusted),
            subprotocols=["demeanor", f"demeanor.key.{key}"], open_timeout=PATIENCE, max_size=None,  # type: ignore[list-item]
        ) as line:  # fmt: skip
            line.send(json.dumps({"type": "hello", "protocol": PROTOCOL, "cues": "words"}))
            line.send(HEADER.pack(3, 0, 0, 1, 0.0) + b"What a joy this lesson is!")
            line.send('{"type": "end"}')
            told = [json.loads(message) for message in line]
        assert told[-1]["type"] == "final"
        assert told[-1]["analysis"]["overall"]["sentiment"]["label"] == "positive"
