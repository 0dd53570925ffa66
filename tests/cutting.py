"""A proxy that cuts connections, as a lift or a tunnel does: without a word of goodbye to either side."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence


class Cutting:
    """Passes bytes on to a service, and cuts its first connections when so many bytes have come from the client.

    Attributes:
        port: at which it listens, on this machine.
        connections: how many there were.
        cut: how many of them were cut.
    """

    def __init__(self, service: tuple[str, int], after: Sequence[int]) -> None:
        self.connections = self.cut = 0
        self._service, self._after = service, after
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]

    def run(self) -> None:
        """Until `stop`."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                left = self._after[self.connections] if self.connections < len(self._after) else None
                self.connections += 1
                service = socket.create_connection(self._service)
                threading.Thread(target=self._pass, args=(client, service, left), daemon=True).start()
                threading.Thread(target=self._pass, args=(service, client, None), daemon=True).start()

    def stop(self) -> None:
        """No more connections."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _pass(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        """Pass bytes on, all or so many, then end both ways."""
        with contextlib.suppress(OSError):
            while left is None or left > 0:
                data = source.recv(4096 if left is None else min(4096, left))
                if not data:
                    break
                target.sendall(data)
                left = None if left is None else left - len(data)
        self.cut += left == 0
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the other thread
            end.close()


@contextlib.contextmanager
def cutting(service: tuple[str, int], *after: int) -> Iterator[Cutting]:
    """A proxy in front of a service (host, port)."""
    proxy = Cutting(service, after)
    thread = threading.Thread(target=proxy.run)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(30)
