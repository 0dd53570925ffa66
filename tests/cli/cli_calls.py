"""What a command line comes to."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Ran:
    code: int
    out: str
    err: str


Demeanor = Callable[..., Ran]
