"""The face in a few numbers: where its landmarks lie and how it looks about eyes and mouth; or a table of action units.

Without a table, from the five landmarks of the face finder, in the frame of the eyes (their middle the origin, their
distance the unit, the line through them level), and from the aligned crop. With one, the columns of a CSV that a
program such as OpenFace wrote, a row per picture or per clip.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, frames
from demeanor.encoders._faces import Seen, faces_of, finder_weights
from demeanor.encoders._media import PictureConfig
from demeanor.errors import ConfigError
from demeanor.types import Sample

_SIZE = 64  # px: side of the crop
_REGIONS = {  # of the aligned crop, as shares: rows from, to, columns from, to
    "brows": (0.16, 0.32, 0.15, 0.85), "left_eye": (0.30, 0.46, 0.18, 0.46), "right_eye": (0.30, 0.46, 0.54, 0.82),
    "nose": (0.42, 0.66, 0.36, 0.64), "left_cheek": (0.50, 0.78, 0.10, 0.34), "right_cheek": (0.50, 0.78, 0.66, 0.90),
    "mouth": (0.68, 0.92, 0.28, 0.72), "chin": (0.88, 1.00, 0.30, 0.70),
}  # fmt: skip
_SHAPE = (
    "nose_x", "nose_y", "mouth_left_x", "mouth_left_y", "mouth_right_x", "mouth_right_y", "mouth_width",
    "mouth_slant", "mouth_below_nose", "turn", "roll", "size", "x", "y",
)  # fmt: skip
_LOOKS = ("light", "contrast", "level_edges", "upright_edges")
NAMES = (*_SHAPE, *(f"{region}_{look}" for region in _REGIONS for look in _LOOKS), "asymmetry")
"""Of the columns, where there is no table."""


class Config(PictureConfig):
    """`table`: a CSV; `columns` of it (default: all that begin with AU); `id`: the column of the samples' ids."""

    table: Path | None = None
    columns: tuple[str, ...] = ()
    id: str = Field(default="id", min_length=1)


class Geometry(Encoder):
    """(pictures with the face, 47), or (rows of the table, columns)."""

    config: Config
    modality = "visual"
    version = 2
    cue = "face"
    parallel = True

    def reads(self, sample: Sample) -> tuple[Any, ...] | None:
        """The table and the sample's place in it, else the picture or film."""
        return super().reads(sample) if self.config.table is None else (self.config.table, "row", sample.id)

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, dim) float32; None where no face is found, or the table has no row.

        Raises:
            ConfigError: the table or a column of it is not there.
            DataError: the picture or film cannot be read.
            WeightsError: the face finder's weights are not on this machine.
        """
        if self.config.table is not None:
            stat = self.config.table.stat() if self.config.table.is_file() else None
            changed = stat.st_mtime_ns if stat else 0
            return _table(self.config.table, self.config.columns, self.config.id, changed).get(sample.id)
        found = faces_of(sample, self.config)
        return frames([measures(seen) for seen in found]) if found else None

    def needs(self) -> Mapping[str, str]:
        """The face finder's weights, where there is no table."""
        return finder_weights() if self.config.table is None else {}


def measures(seen: Seen) -> list[float]:
    """The columns `NAMES` of one face."""
    from demeanor.media.faces import align

    height, width = seen.image.shape[:2]
    left, right, *others = seen.face.landmarks.astype(np.float64)
    eyes = right - left
    unit = max(float(np.hypot(*eyes)), 1e-6)
    across = eyes / unit
    axes = np.stack([across, [-across[1], across[0]]])
    nose, one, other = ((axes @ (point - (left + right) / 2)) / unit for point in others)
    box = seen.face.box
    shape = [
        *nose, *one, *other, other[0] - one[0], other[1] - one[1], (one[1] + other[1]) / 2 - nose[1],
        nose[0] - (one[0] + other[0]) / 2, float(np.arctan2(across[1], across[0])),
        float(np.sqrt(box[2] * box[3] / (width * height))),
        (box[0] + box[2] / 2) / width - 0.5, (box[1] + box[3] / 2) / height - 0.5,
    ]  # fmt: skip
    return [*shape, *_looks(align(seen.image, seen.face, _SIZE))]


def _looks(crop: NDArray[np.uint8]) -> list[float]:
    """Light, contrast and edges of each region of the crop, and how unlike its halves are; lighting is taken out."""
    x = crop.astype(np.float64)
    x = (x - x.mean()) / max(float(x.std()), 4.0)
    down, across = np.gradient(x)
    out = []
    for top, bottom, left, right in _REGIONS.values():
        place = np.s_[round(top * _SIZE) : round(bottom * _SIZE), round(left * _SIZE) : round(right * _SIZE)]
        out += [x[place].mean(), x[place].std(), np.abs(down[place]).mean(), np.abs(across[place]).mean()]
    return [float(v) for v in (*out, np.abs(x - x[:, ::-1]).mean())]


@lru_cache(maxsize=4)
def _table(path: Path, columns: tuple[str, ...], name: str, changed: int) -> dict[str, NDArray[np.float32]]:
    """Rows (time, columns) by id, in the table's order; cells that are no numbers are NaN."""
    from demeanor.media.encoding import decode_bytes

    if not path.is_file():
        raise ConfigError(f"table: expected a CSV of action units at {path}, found nothing there")
    text = io.StringIO(decode_bytes(path.read_bytes()).removeprefix("\ufeff"), newline="")
    reader = csv.DictReader(text, skipinitialspace=True)
    header = [c.strip() for c in reader.fieldnames or ()]
    reader.fieldnames = header
    wanted = columns or tuple(c for c in header if c.startswith("AU"))
    if missing := [c for c in (name, *wanted) if c not in header]:
        raise ConfigError(f"{path.name}: expected columns {', '.join(missing)}; found {', '.join(header)}")
    if not wanted:
        raise ConfigError(f"{path.name}: found no columns that begin with AU; name some in columns")
    rows: dict[str, list[list[float]]] = {}
    for row in reader:
        rows.setdefault((row[name] or "").strip(), []).append([_number(row[c]) for c in wanted])
    return {key: np.array(values, np.float32) for key, values in rows.items()}


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return float("nan")


ENCODER = Geometry
