"""A folder that may not be looked into, also for a superuser, whom permissions do not bind."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest


def close(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Whatever lies in the folder can be neither asked about nor opened; the folder itself can be listed."""
    inside = f"{folder}{os.sep}"

    def guarded(what: Any) -> Any:
        def call(path: Any, *rest: Any, **options: Any) -> Any:
            if not isinstance(path, int) and os.fsdecode(path).startswith(inside):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(path))
            return what(path, *rest, **options)

        return call

    for name in ("stat", "lstat", "open"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))
