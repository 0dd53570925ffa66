"""The log: what happened, to which route and key, how long it took. Never what was sent, nor names of files."""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def log(event: str, **told: Any) -> None:
    """One line of JSON on stderr, in one write: threads and processes share it, and each line stays whole."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps({"at": stamp, "event": event, **told}, ensure_ascii=True)
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
