"""How often a key may ask: a bucket that fills evenly and is emptied by requests."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from demeanor.serve.problem import Problem

_MOST = 10_000  # buckets remembered
_AT_ONCE = 6  # a full bucket holds a sixth of a minute,
_FEW = 10  # or this many requests if that is more, but no more than a minute's


class Rates:
    """A bucket per owner; one that was full anyway may be forgotten."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, owner: str, rate: int | None, cost: float = 1.0) -> None:
        """Count one request.

        Args:
            owner: who asks.
            rate: requests a minute; None or 0 for any number.
            cost: how many requests it counts as.

        Raises:
            Problem: 429, with the seconds to wait in Retry-After.
        """
        if not rate:
            return
        now, most = time.monotonic(), max(1.0, min(_FEW, rate), rate / _AT_ONCE)
        left, since = self._buckets.pop(owner, (most, now))
        left = min(most, left + (now - since) * rate / 60)
        allowed = left >= cost
        self._buckets[owner] = (left - cost if allowed else left, now)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = math.ceil((cost - left) * 60 / rate) if rate else 3600
            raise Problem(
                429, "too-many", f"expected at most {rate} requests a minute, got more; wait {wait} s",
                {"Retry-After": str(wait)},
            )  # fmt: skip
