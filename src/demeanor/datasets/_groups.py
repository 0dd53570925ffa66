"""What must not be divided between parts: duplicates found and named, parts drawn by hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

from demeanor.types import Sample

PARTS = ("train", "valid", "test")
"""In the order of how much a part is worth: of twins in two parts, the later part keeps its own."""

_LINK = re.compile(r"(?:https?://|www\.)\S+")
_RETWEET = re.compile(r"^(?:rt\s+@\w+:?\s*)+", re.IGNORECASE)


def hashed_split(group: str, shares: Mapping[str, float]) -> str:
    """A part of the data by the group's hash: the same on every machine, groups never divided."""
    point = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    reached = 0.0
    for name, share in shares.items():
        reached += share
        if point < reached:
            return name
    return next(reversed(list(shares)))


def digest(data: bytes | str) -> str:
    """A short name for some content: equal contents, equal names."""
    return hashlib.sha256(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data).hexdigest()[:16]


def text_key(text: str) -> str:
    """A text without what differs between copies of a post: case, spacing, links, the mark of a repost."""
    return " ".join(_LINK.sub(" ", _RETWEET.sub("", text.strip())).casefold().split())


def joined(keys: Sequence[Iterable[str]]) -> list[str]:
    """One group name per sample: samples that share any key, directly or through others, share a group.

    Args:
        keys: per sample what identifies its contents (hash of the picture, of the text); at least one each.
    """
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = key = parent[parent[key]]
        return key

    lists = [list(k) for k in keys]
    for names in lists:
        for other in names[1:]:
            one, two = sorted((root(names[0]), root(other)))
            parent[two] = one
    return [root(names[0]) for names in lists]


def without_overlap(samples: Sequence[Sample]) -> list[Sample]:
    """Leave out of each part what has a twin (same group) in a later one: the test part stays whole."""
    rank = {part: place for place, part in enumerate(PARTS)}
    last: dict[str, int] = {}
    for s in samples:
        if s.split in rank and s.group:
            last[s.group] = max(last.get(s.group, 0), rank[s.split])
    return [s for s in samples if s.split not in rank or not s.group or rank[s.split] == last[s.group]]
