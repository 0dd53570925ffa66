"""Every error the package raises on purpose.

::

    DemeanorError
    ├── InputError          this input cannot be read (costs that input only)
    │   ├── DecodeError     the bytes are not what they claim to be, or are damaged
    │   └── LimitError      the input is larger than a stated limit
    ├── WeightsError        a weight file is missing, or is not the file that was named
    ├── BundleError         a bundle does not fit this program
    ├── ConfigError         a run file or an option is wrong
    │   └── DivergedError   a run left no weights: its numbers grew beyond all bounds
    ├── DataError           a data set is not what its reader expects
    │   └── LayoutError     a folder is not laid out as that data set
    ├── MissingExtraError   an optional library is not installed
    └── UnknownNameError    no plug-in, cue or preset of that name

Each message says what was expected, what came, and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DemeanorError(Exception):
    """Base of every error raised on purpose."""


class InputError(DemeanorError):
    """An input cannot be read; other inputs of the same call are unaffected."""


class DecodeError(InputError):
    """The bytes are damaged, empty, or not of a known format."""


class LimitError(InputError):
    """The input is larger than a stated limit."""


class WeightsError(DemeanorError):
    """A weight file is missing or has another sha256 than the one named."""


class BundleError(DemeanorError):
    """A bundle is damaged, or made for another version."""


class ConfigError(DemeanorError):
    """A run file or option is wrong."""


class DivergedError(ConfigError):
    """A model's numbers were nan or infinite before there were weights to keep: its settings do not fit."""


class DataError(DemeanorError):
    """A data set on disk is not what its reader expects."""


class LayoutError(DataError):
    """A folder is not laid out as the data set: it may well be another one."""


class MissingExtraError(DemeanorError):
    """An optional library is not installed; None is the extra of one that no extra brings."""

    def __init__(self, library: str, extra: str | None, purpose: str) -> None:
        package = library if extra is None else f"'demeanor[{extra}]'"
        super().__init__(
            f"{purpose} needs the library '{library}', which is not installed; install it with: pip install {package}"
        )


class UnknownNameError(DemeanorError):
    """No thing of that kind has that name; lists the near ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
        super().__init__(f"unknown {kind} '{name}'; {hint}")

    @classmethod
    def told(cls, message: str) -> UnknownNameError:
        """One that a service has told, in its words."""
        return cls.__new__(cls, message)
