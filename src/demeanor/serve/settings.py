"""What a service is told when it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from demeanor.errors import ConfigError

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set; the defaults are for one person on their own machine.

    Attributes:
        host: address to listen on; another than this machine's own needs `keys`.
        port: 0 takes any that is free.
        model: name of a bundle, or its folder.
        threads: processor threads of each process; 0 takes all.
        workers: processes that read media for jobs; one more reads what `POST /v1/analyze` brings.
        folder: where uploads and results lie while they are needed; None takes a temporary folder, and jobs
            do not outlive the service then.
        database: `postgresql://…` where several machines share the jobs; None keeps them in SQLite in `folder`.
        keys: file of hashed keys; None asks for no key, which is for this machine alone.
        names: host names by which the service may be called, beside its address (a reverse proxy's).
        origins: pages of other origins that may call it, such as `https://example.org`.
        rate: requests a minute and key, where the key's line names no other; None: any number.
        keep: seconds that a finished job, and its result if nobody fetches it, are kept.
        keep_fetched: seconds that a result is kept after it was first fetched.
        largest: bytes of one request.
        longest: characters of one text.
        seconds: that a job may take.
        now_seconds: that a sample sent to `POST /v1/analyze` may take.
        media_seconds: length of sound and film that is read.
        memory: bytes of address space of a process that reads media.
        queued: jobs that one key may have waiting or running.
        label: address of a page to label on, on this machine; the service's page leads there.
        warm: load the models at the start, not at the first request.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    model: str = "base"
    threads: int = 0
    workers: int = 1
    folder: Path | None = None
    database: str | None = field(default=None, repr=False)
    keys: Path | None = None
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    rate: int | None = 600
    keep: float = 3600.0
    keep_fetched: float = 60.0
    largest: int = 200 * MB
    longest: int = 100_000
    seconds: float = 3600.0
    now_seconds: float = 120.0
    media_seconds: float = 4 * 3600.0
    memory: int = 6 << 30
    queued: int = 100
    label: str | None = field(default=None, repr=False)
    warm: bool = True

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def own(self) -> bool:
        """Whether who uses the service sits at the machine that reads, as far as it can know.

        A reverse proxy, known by the name or origin that was allowed for it, brings others to an address that only
        this machine can reach; with a shared database another machine may be the one that reads.
        """
        return self.local and not self.names and not self.origins and self.database is None

    def check(self) -> None:
        """Refuse what would be unsafe or cannot work.

        Raises:
            ConfigError: another address than this machine's own without keys or with a task to label, or a number
                out of range.
        """
        if not self.local and self.keys is None:
            raise ConfigError(
                f"--host {self.host} can be reached from other machines, so a key is needed, and none was given; make "
                "one with `demeanor serve --new-key NAME --keys FILE`, then start with --keys FILE"
            )
        if not self.local and self.label is not None:
            raise ConfigError(
                f"--label: its page answers this machine alone, and --host {self.host} serves others too; give raters "
                "elsewhere a copy of the task (docs/label.md)"
            )
        if self.workers < 1 or self.keep < 1 or self.keep_fetched < 0:
            raise ConfigError("expected at least one worker, a --keep of a second or more and no negative times")
