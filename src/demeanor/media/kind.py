"""What a source is – text, image, audio or video – by its content; by its name only if in doubt."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from demeanor.errors import DecodeError, InputError
from demeanor.media.source import existing_file, is_regular, is_url, name_of, open_source, suffix_of
from demeanor.media.waveform import Waveform

if TYPE_CHECKING:
    from demeanor.types import Kind, Source

_BY_KIND: dict[Kind, str] = {
    "text": (".txt .text"),
    "image": (
        ".jpg .jpeg .jpe .jfif .png .apng .gif .webp .bmp .dib .tif .tiff .avif .ppm .pgm .pbm .pnm .tga "
        ".ico .jp2 .heic .heif"
    ),
    "audio": (
        ".wav .mp3 .flac .ogg .oga .opus .m4a .m4b .aac .ac3 .wma .aiff .aif .aifc .au .amr .caf .mka "
        ".mp2 .wv .ape .w64 .weba .spx .tta .dts .voc"
    ),
    "video": (
        ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .mpe .m2v .vob .ts .mts .m2ts .flv .f4v .wmv .asf "
        ".3gp .3g2 .ogv .mxf .dv .y4m .rm .rmvb .divx"
    ),
}
KNOWN_EXTENSIONS: dict[str, Kind] = {end: kind for kind, ends in _BY_KIND.items() for end in ends.split()}
"""Extension (lower case, with its dot) to the kind its name promises: what a folder is searched for."""

SUBTITLES = (".srt", ".vtt")
"""Extensions of texts that stand between times."""

_HEAD = 65536  # bytes looked at
_PICTURE = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP"
    rb"|BM....\0\0\0\0....[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"
    rb"|II[*+]\0|MM\0[*+]|\0\0\0.ftyp(?:avi[fs]|hei[cxms]|hev[cx]|mif1|msf1)|\0\0\0\x0cjP  "
    rb"\r\n|\xff\x4f\xff\x51"
    rb"|\0\0\x01\0[\x01-\x20]\0|8BPS\0\x01|P[1-7](?:\s+(?:#[^\n]*\n\s*)*\d+){2}\s|qoif",
    re.DOTALL,
)
_NAMES = {"image": "a picture", "audio": "sound", "video": "a film"}
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|head|body)\b", re.IGNORECASE)
_MARKUP = {
    b"%pdf-": "a PDF; save its text as a file of its own",
    b"{\\rtf": "RTF; save it as plain text (.txt)",
    b"[script info]": "subtitles in ASS or SSA; convert them to .srt (ffmpeg -i f.ass f.srt)",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def kind_of(source: Source | Waveform) -> Kind:
    """Tell text, image, audio and video apart; the source is not consumed.

    A file with a real video stream is video (cover art is not one), with only sound it is audio; a file of
    the picture formats, animated or not, is an image. A string that names no file is a sentence, unless it is
    a URL or looks like the path of a media file.

    Raises:
        InputError: there is no such file, it is a URL or a folder, or an array is neither picture nor sound.
        DecodeError: the file is empty or nothing known, text that is named as a medium, or text within the marks of
            another program (`refuse_markup`).
    """
    if isinstance(source, np.ndarray):
        return _kind_of_array(source)
    if isinstance(source, Waveform):
        return "audio"
    if isinstance(source, io.StringIO):
        return "text"
    if hasattr(source, "getextrema") and hasattr(source, "size"):  # a PIL image
        return "image"
    if isinstance(source, str) and not existing_file(source):
        _refuse_missing(source)
        return "text"
    promised = KNOWN_EXTENSIONS.get(suffix_of(source))
    if promised == "text" and _is_empty(source):
        return "text"  # a post without words
    with open_source(source, "tell what it is") as file:
        head = file.read(_HEAD)
    if _PICTURE.match(head):
        return "image"
    refuse_markup(head, name_of(source))
    if looks_like_text(head):
        if promised not in (None, "text"):
            got, name = ("a page of text", ".html") if _PAGE.match(head) else ("text", ".txt")
            raise DecodeError(
                f"{name_of(source)}: expected {_NAMES[promised]}, as its name says, got {got}; the "
                f"download may have failed: get the file anew, or name it {name} if it is to be read"
            )
        return "text"
    found = _kind_of_container(source) or promised
    if found is None:
        raise DecodeError(
            f"{name_of(source)}: expected text, an image, sound or video, got bytes of no known format; "
            "check the file, or convert it with another program"
        )
    return found


def refuse_markup(head: bytes, name: str) -> None:
    """Raise a `DecodeError` for files whose words stand between marks that would be read as words: PDF, RTF, ASS, SSA.

    Args:
        head: the first bytes, 64 or more where there are as many.
        name: of the file, for the message.
    """
    start = head[:64].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()  # UTF-16 or UTF-8, marked
    for mark, what in _MARKUP.items():
        if start.startswith(mark):
            raise DecodeError(f"{name}: expected text, an image, sound or video, got {what}")


def is_subtitles(source: object) -> bool:
    """Whether a source is named as subtitles."""
    return suffix_of(source) in SUBTITLES


def looks_like_text(head: bytes) -> bool:
    """Whether the first bytes of a file read as text: no control characters, or UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            start = head[: len(head) // 2 * 2].decode("utf-16", "ignore")
        except UnicodeDecodeError:
            return False
        return not any(ord(c) < 9 or 13 < ord(c) < 27 for c in start)
    if not _CONTROL.search(head):
        return True
    even, odd = head[0:200:2], head[1:200:2]  # Latin text in UTF-16 without a mark: every other byte is zero
    for zeros, letters in ((even, odd), (odd, even)):
        if len(head) >= 4 and zeros.count(0) > 0.9 * len(zeros) and not _CONTROL.search(letters):
            return True
    return False


def _kind_of_array(array: np.ndarray[Any, Any]) -> Kind:
    if array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))):
        return "image"
    if array.ndim in (1, 2) and (array.dtype.kind == "f" or array.dtype in (np.int16, np.int32)):
        return "audio"
    raise InputError(
        "expected an array of a picture, (h, w) or (h, w, 3|4) uint8, or of sound, (time,) or (time, "
        f"channels) float or int16; got {array.shape} {array.dtype}; convert it"
    )


def _refuse_missing(text: str) -> None:
    """Raise for a string that was meant as a file or URL; a sentence passes."""
    text = text.strip()
    if is_url(text):
        raise InputError(
            f"{text[:200]!r}: expected a file or a sentence, got a URL; URLs are never opened: download it"
        )
    one_name = not re.search(r"\s", text) or (re.search(r"[/\\]", text) and "\n" not in text)
    path_like = not re.search(r"\s", text) and re.match(r"(\.{1,2}|~)?/\w", text)
    if one_name and len(text) < 4096 and (path_like or Path(text).suffix.lower() in (*KNOWN_EXTENSIONS, *SUBTITLES)):
        raise InputError(f"{text!r}: no such file; check the path (a sentence neither begins nor ends like one)")


def _is_empty(source: Any) -> bool:
    return isinstance(source, str | Path) and is_regular(source) and Path(source).stat().st_size == 0


def _kind_of_container(source: Source) -> Kind | None:
    from demeanor.media.container import open_container
    from demeanor.media.streams import picture_stream, sound_stream

    try:
        with open_container(source, "tell what it is") as container:
            if picture_stream(container) is not None:
                return "video"
            return "audio" if sound_stream(container) is not None else None
    except DecodeError:
        return None
