"""Limits that a process puts on itself before it decodes what strangers send."""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO

_FILES = 256
_NO_NEW_PRIVILEGES = 38
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def confine(memory: int, largest: int) -> None:
    """Limits that a damaged or hostile file cannot get around.

    Args:
        memory: bytes of address space.
        largest: bytes of a file that may be written.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_NO_NEW_PRIVILEGES, 1)
    os.umask(0o077)
    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, largest),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (bound, bound))


def die_with(parent: int) -> None:
    """End when the thread that started this process ends, which belongs to the process of this id."""
    _prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if sys.platform == "linux" and os.getppid() != parent:  # it died before it could be said
        os._exit(1)


def limit_processor_time(seconds: float) -> None:
    """So much for what comes next, on all cores together; the wall clock is watched from outside."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cores = os.cpu_count() or 1
    bound = int(used.ru_utime + used.ru_stime + seconds * cores) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (bound, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def own_output() -> BinaryIO:
    """What was stdout; libraries that print are printing into nothing from now on."""
    out = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    return out


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
