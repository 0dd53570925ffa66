"""Pictures as upright RGB arrays in bounded memory: any depth, colour model, turn, animation, damage."""

from __future__ import annotations

import math
import threading
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import DecodeError, InputError, LimitError
from demeanor.media.finite import check_finite
from demeanor.media.source import name_of, open_source

if TYPE_CHECKING:
    from PIL import Image

    from demeanor.types import Source

MAX_PIXELS = 300_000_000
"""Largest picture decoded, in pixels; a JPEG may be larger, for it is scaled down while it is decoded."""

_MAX_BYTES = 1_300_000_000  # of decoded pixels held at once
_MAX_FRAMES = 64  # of an animation looked at for one that is not empty
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")  # unlike the pages of a TIFF or the second picture in a telephone's JPEG
_FILMS = ("GIF", "PNG")  # that FFmpeg reads as films
_OVERSHOOT = 0.25  # share of the range of floats by which resizing (bicubic, Lanczos) may go beyond either end
_STEP = "decode the picture"
_OPENING = threading.Lock()
_ORIENTATION = 0x0112  # the EXIF tag
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # its values to `PIL.Image.Transpose`


def decode_image(source: Source | Image.Image, *, longest: int = 1024) -> NDArray[np.uint8]:
    """A picture as RGB uint8 (height, width, 3), upright, transparent parts white.

    Args:
        source: path, bytes, open binary file, `PIL.Image`, or array (h, w), (h, w, 1), (h, w, 3) or (h, w,
            4), uint8, uint16 or float in [0, 1].
        longest: the longer side is scaled down to this; never up.

    Raises:
        InputError: there is no such file, or the array is no picture.
        DecodeError: it is empty, damaged beyond reading, or in an unknown format.
        LimitError: it has more than `MAX_PIXELS`.
    """
    return decode_image_with_warnings(source, longest)[0]


def decode_image_with_warnings(
    source: Source | Image.Image, longest: int = 1024
) -> tuple[NDArray[np.uint8], list[str]]:
    """As `decode_image`, with what was damaged, in words naming the file and the step."""
    from PIL import Image

    if longest < 1:
        raise InputError(f"cannot {_STEP}: expected longest >= 1, got {longest}")
    if isinstance(source, np.ndarray):
        picture = _from_array(source)
        return _finished(picture, longest), check_finite(source, _STEP)
    if isinstance(source, Image.Image):
        try:
            return _finished(_decoded(source.copy(), "<image>", longest, []), longest), []
        except _FAULTS as error:
            raise DecodeError(f"<image>: cannot {_STEP}: it is damaged ({error}); check the file") from error
    notes: list[str] = []
    name = name_of(source)
    with open_source(source, _STEP) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata that changes nothing here
        picture = _opened(file, name)
        return _finished(_decoded(picture, name, longest, notes), longest), notes


def kept_image(source: Any) -> Any:
    """The source as it is now, whatever its owner does with it afterwards.

    Arrays, buffers and PIL images are copied, and one that was only opened is loaded; what else there is does not
    change. What cannot be copied is given back as it is: decoding it tells why.
    """
    from PIL import Image

    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if isinstance(source, Image.Image):
        try:
            return source if _too_large(source) else source.copy()
        except _FAULTS:
            return source
    return source.copy() if isinstance(source, np.ndarray) else source


def is_still(source: Source | Image.Image) -> bool:
    """Whether a picture is none that could be read as a film: no animation of a kind that FFmpeg plays.

    Raises:
        InputError: there is no such file, or it cannot be opened as a picture.
    """
    if isinstance(source, np.ndarray) or hasattr(source, "getextrema"):
        return True
    with open_source(source, _STEP) as file:
        picture = _opened(file, name_of(source))
        return not (_is_animated(picture) and picture.format in _FILMS)


def _opened(file: BinaryIO, name: str) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    with _OPENING:
        # Pillow's own limit is global and far below a 100-megapixel photograph; ours is applied right after.
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file)
        except UnidentifiedImageError as error:
            raise DecodeError(
                f"{name}: cannot {_STEP}: expected JPEG, PNG, GIF, WebP, AVIF, TIFF, BMP or the like, got "
                "something else or a damaged header; convert it to PNG or JPEG (as HEIC must be)"
            ) from error
        except _FAULTS as error:
            raise DecodeError(f"{name}: cannot {_STEP}: its header is damaged ({error}); check the file") from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


# What Pillow's format readers raise on damaged files, by way of struct, zlib, indexing and arithmetic.
_FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    MemoryError,
)


def _decoded(picture: Image.Image, name: str, longest: int, notes: list[str]) -> Image.Image:
    """RGB, upright; the first frame that is not empty."""
    if picture.format in ("JPEG", "MPO"):
        scale = min(1.0, longest / max(picture.size))
        wanted = (math.ceil(picture.width * scale), math.ceil(picture.height * scale))
        picture.draft(None, wanted)  # decodes at 1/2, 1/4 or 1/8 where that suffices
    if _too_large(picture):
        raise LimitError(
            f"{name}: cannot {_STEP}: expected at most {MAX_PIXELS // 1_000_000} megapixels, got {picture.width} × "
            f"{picture.height}; scale it down first"
        )
    first: Image.Image | None = None
    animated = _is_animated(picture)
    if animated and picture.format in _ANIMATIONS:
        how = "give it as a film (--video, video=…)" if picture.format in _FILMS else "convert it to a film"
        notes.append(
            f"{name}: {_STEP}: it is an animation, of which one picture was read; {how} to have all of it read"
        )
    for index in range(_MAX_FRAMES if animated else 1):
        try:
            if index:
                picture.seek(index)
            frame = _upright(_loaded(picture, name, notes), longest)
        except (*_FAULTS, DecodeError) as error:
            if first is not None:  # the rest of the animation ends or is damaged
                break
            if isinstance(error, DecodeError):
                raise
            raise DecodeError(f"{name}: cannot {_STEP}: it is damaged ({error}); check the file") from error
        if any(low != high for low, high in _extrema(frame)):
            return frame
        first = first or frame
    assert first is not None
    return first


def _too_large(picture: Image.Image) -> bool:
    pixels = picture.width * picture.height
    return pixels > MAX_PIXELS or pixels * _bytes_per_pixel(picture.mode) > _MAX_BYTES


def _is_animated(picture: Image.Image) -> bool:
    try:
        return bool(getattr(picture, "is_animated", False))
    except _FAULTS:
        return False


def _loaded(picture: Image.Image, name: str, notes: list[str]) -> Image.Image:
    """Decode all that can be read of a picture.

    Raises:
        DecodeError: not a single row could be read.
    """
    try:
        picture.load()
    except _FAULTS as error:
        # Pillow keeps the rows read so far; without tiles left it takes the picture for complete.
        if not isinstance(error, OSError | ValueError | SyntaxError) or not hasattr(picture, "tile"):
            raise
        picture.tile = []
        try:
            picture.load()
            nothing = all(high == 0 for _, high in _extrema(picture))
        except _FAULTS:
            nothing = True
        if nothing:
            raise DecodeError(
                f"{name}: cannot {_STEP}: expected pixels, none could be read ({error}); the file is damaged"
            ) from error
        notes.append(f"{name}: {_STEP}: damaged ({error}); what could be read of it is used")
    return picture


def _extrema(picture: Image.Image) -> list[tuple[float, float]]:
    found: Any = picture.getextrema()
    return list(found) if isinstance(found[0], tuple) else [found]


def _bytes_per_pixel(mode: str) -> int:
    return {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "LA": 4, "PA": 4}.get(mode, 4)


def _upright(picture: Image.Image, longest: int) -> Image.Image:
    """RGB of a decoded picture, turned as EXIF says; reduced first, so that conversions stay small."""
    from PIL import Image

    factor = max(picture.size) // (2 * longest)
    transparency = picture.info.get("transparency")
    original = picture
    if picture.mode == "P" or (picture.mode in ("1", "L", "RGB") and transparency is not None):
        picture = picture.convert("RGBA" if transparency is not None else "RGB")
    if picture.mode in ("I", "F") and factor > 1:
        picture, factor = picture.reduce(factor), 1
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture = Image.fromarray(_eight_bit(np.asarray(picture)))
    if factor > 1:
        picture = picture.convert("L").reduce(factor) if picture.mode == "1" else picture.reduce(factor)
    if picture.mode in ("LA", "PA", "La", "RGBa", "RGBA"):
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    try:
        orientation = original.getexif().get(_ORIENTATION, 1)
    except _FAULTS:
        orientation = 1  # damaged metadata turns nothing
    picture = picture.convert("RGB")
    return picture.transpose(Image.Transpose(_TURNS[orientation])) if orientation in _TURNS else picture


def _eight_bit(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of any range as uint8: 16 bit by its high byte, others by the range they use.

    Floats go up to 1, 255 or 65535, and by resizing a little beyond either end, where they are cut.
    """
    if array.dtype == np.uint16:
        high_byte: NDArray[np.uint8] = (array >> 8).astype(np.uint8)
        return high_byte
    values = np.nan_to_num(array.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    tops, over = ((1.0, 255.0, 65535.0), _OVERSHOOT) if array.dtype.kind == "f" else ((255.0, 65535.0), 0.0)
    top = next((top for top in tops if high <= top * (1 + over)), None)
    if top is None or low < -over * top:
        values, top = values - low, (high - low) or 255.0
    out: NDArray[np.uint8] = np.clip(values * (255.0 / top) + 0.5, 0, 255).astype(np.uint8)
    return out


def _from_array(array: NDArray[Any]) -> Image.Image:
    from PIL import Image

    shape = array.shape
    if array.ndim == 3 and shape[2] == 1:
        array = array[:, :, 0]
    if not array.size or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise InputError(f"cannot {_STEP}: expected an array (h, w), (h, w, 3) or (h, w, 4), got {shape}")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    if array.dtype.kind not in "uf" or array.dtype.itemsize > 8:
        raise InputError(f"cannot {_STEP}: expected uint8, uint16 or floats in [0, 1], got {array.dtype}")
    pixels = array if array.dtype == np.uint8 else _eight_bit(array)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def _finished(picture: Image.Image, longest: int) -> NDArray[np.uint8]:
    if max(picture.size) > longest:
        from PIL import Image

        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.array(picture, dtype=np.uint8)
