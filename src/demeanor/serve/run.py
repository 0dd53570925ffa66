"""Listens until it is told to stop."""

from __future__ import annotations

import socket
from dataclasses import replace

import uvicorn

from demeanor.errors import ConfigError
from demeanor.serve.app import create_app
from demeanor.serve.settings import Settings
from demeanor.serve.spool import state_folder


def run(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM; the address is printed once it listens.

    Raises:
        ConfigError: settings that are unsafe or wrong, or a port that is taken.
    """
    settings.check()
    listening = _listening(settings)
    port = listening.getsockname()[1]
    if settings.folder is None and settings.port:
        settings = replace(settings, folder=state_folder(port))
    app = create_app(replace(settings, port=port))
    config = uvicorn.Config(
        app, access_log=False, server_header=False, date_header=False, proxy_headers=False, log_level="error",
        timeout_graceful_shutdown=10, timeout_keep_alive=30, h11_max_incomplete_event_size=64 << 10,
        ws_max_size=4 << 20, limit_concurrency=1000,
    )  # fmt: skip
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"http://{shown}:{port}/", flush=True)
    with listening:
        uvicorn.Server(config).run([listening])


def _listening(settings: Settings) -> socket.socket:
    """A socket at the address; made here so that a taken port is told before models are loaded."""
    host = settings.host.strip("[]")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError as error:
        raise ConfigError(
            f"{settings.host}, port {settings.port}: expected an address that is free, got {error.strerror}; "
            "give another --port, or 0 for any"
        ) from error
    return listening
