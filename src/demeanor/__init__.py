"""Reads sentiment and emotion from text, image, audio and video: offline, timed, calibrated.

::

    import demeanor

    analysis = demeanor.analyze("clip.mp4")
    analysis.overall.sentiment.score
    analysis.save("report.html")

    reader = demeanor.load("base")  # load once, call many times
    reader.analyze(text="今天的天气真好", image="sky.jpg")

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import os

# From its version 1.29 on ONNX Runtime reports to its maker, unless this is set before it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

TYPE_CHECKING = False  # as typing's, which takes longer to import than everything here
if TYPE_CHECKING:
    from typing import Any

    from demeanor.errors import (
        BundleError,
        ConfigError,
        DataError,
        DecodeError,
        DemeanorError,
        InputError,
        LayoutError,
        LimitError,
        MissingExtraError,
        UnknownNameError,
        WeightsError,
    )
    from demeanor.reader.analysis import Analysis
    from demeanor.reader.reader import Reader, analyze, load
    from demeanor.reader.redact import redact
    from demeanor.serve.client import Client, ServiceError

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "BundleError",
    "Client",
    "ConfigError",
    "DataError",
    "DecodeError",
    "DemeanorError",
    "InputError",
    "LayoutError",
    "LimitError",
    "MissingExtraError",
    "Reader",
    "ServiceError",
    "UnknownNameError",
    "WeightsError",
    "__version__",
    "analyze",
    "load",
    "redact",
]

_FROM = {
    "Analysis": "demeanor.reader.analysis",
    "Client": "demeanor.serve.client",
    "Reader": "demeanor.reader.reader",
    "analyze": "demeanor.reader.reader",
    "ServiceError": "demeanor.serve.client",
    "load": "demeanor.reader.reader",
    "redact": "demeanor.reader.redact",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    import importlib

    if name not in __all__:
        raise AttributeError(f"module 'demeanor' has no attribute '{name}'")
    value = getattr(importlib.import_module(_FROM.get(name, "demeanor.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
