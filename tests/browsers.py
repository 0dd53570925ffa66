"""The browser and the JavaScript engine that tests of pages use; where there is none, the test is skipped."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path(shutil.which("chromium") or "/usr/bin/chromium")
_QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@contextlib.contextmanager
def chromium(*arguments: str) -> Iterator[Any]:
    """A started Chromium, closed at the end.

    Args:
        arguments: of its command line, beside those that keep it quiet.
    """
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; install it with: apt-get install chromium")
    with api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=str(CHROMIUM), args=[*_QUIET, *arguments])
        yield started
        started.close()


def node() -> str:
    """The one that playwright brings; Node before 22 does not tell that it could not connect."""
    found = importlib.util.find_spec("playwright")
    brought = Path(found.origin).parent / "driver" / "node" if found and found.origin else None
    program = str(brought) if brought and brought.is_file() else shutil.which("node")
    return program or pytest.skip("neither playwright, which brings node, nor a node of one's own is here")
