"""Damaged files give data or an InputError: never another exception, a crash, or a wait without end."""

import io
import time
from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
from films import tone, write_film, write_sound
from PIL import Image

from demeanor.errors import InputError
from demeanor.media.audio import decode_audio, has_audio
from demeanor.media.image import decode_image_with_warnings
from demeanor.media.kind import kind_of
from demeanor.media.text import decode_text, normalise, split_sentences
from demeanor.media.video import open_video

TIMES = [i / 25 for i in range(30)]


def film(container: str, codec: str, sound_codec: str) -> bytes:
    out = io.BytesIO()
    write_film(out, TIMES, container=container, codec=codec, sound=1.2, sound_codec=sound_codec, options={"g": "10"})
    return out.getvalue()


def sound(container: str, codec: str, rate: int) -> bytes:
    out = io.BytesIO()
    write_sound(out, tone(1.2, rate)[None], container=container, codec=codec, rate=rate)
    return out.getvalue()


def picture(form: str, **options: object) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(5).integers(0, 255, (48, 64, 3), np.uint8)
    extra = {"save_all": True, "append_images": [Image.fromarray(pixels[::-1])]} if form == "GIF" else {}
    Image.fromarray(pixels).save(out, form, **extra, **options)
    return out.getvalue()


MAKERS: dict[str, Callable[[], bytes]] = {
    "a.mp4": lambda: film("mp4", "libx264", "aac"),
    "a.mkv": lambda: film("matroska", "libx264", "flac"),
    "a.webm": lambda: film("webm", "libvpx-vp9", "libopus"),
    "a.wav": lambda: sound("wav", "pcm_s16le", 16000),
    "a.mp3": lambda: sound("mp3", "libmp3lame", 44100),
    "a.flac": lambda: sound("flac", "flac", 16000),
    "a.png": lambda: picture("PNG"),
    "a.jpg": lambda: picture("JPEG"),
    "a.gif": lambda: picture("GIF"),
    "a.webp": lambda: picture("WEBP"),
    "a.tiff": lambda: picture("TIFF", compression="tiff_lzw"),
}


def damaged(data: bytes, seed: int) -> bytes:
    """Cut short, bits flipped (in the header, or anywhere), or a stretch overwritten, by turns."""
    random = np.random.default_rng(seed)
    out = np.frombuffer(data, np.uint8).copy()
    way = seed % 4
    if way == 0:
        return data[: int(random.integers(1, len(data)))]
    if way == 3:
        at = int(random.integers(0, len(out)))
        out[at : at + len(out) // 10] = random.integers(0, 256, len(out[at : at + len(out) // 10]), np.uint8)
    else:
        reach = min(len(out), 400) if way == 1 else len(out)
        for at in random.integers(0, reach, 3 if way == 1 else 40):
            out[at] ^= np.uint8(1 << int(random.integers(0, 8)))
    return out.tobytes()


def read_everything(data: bytes) -> list[str]:
    """What of a damaged file could be read; everything else must say so with an InputError."""
    done = []

    def attempt(name: str, read: Callable[[], object]) -> None:
        try:
            read()
        except InputError:
            return
        done.append(name)

    def pictures() -> None:
        reader = open_video(data)
        for frame in islice(reader.frames(fps=4, longest=64), 500):
            assert frame.image.ndim == 3
            assert frame.image.shape[2] == 3
            assert 0 <= frame.time < 1e5
        assert reader.frame_at(0.5).image.size

    def samples() -> None:
        heard = decode_audio(data)
        assert heard.ndim == 1
        assert np.isfinite(heard).all()
        assert (np.abs(heard) <= 1).all()

    def image() -> None:
        pixels, notes = decode_image_with_warnings(data, 64)
        assert pixels.ndim == 3
        assert max(pixels.shape[:2]) <= 64
        assert all(notes)

    def words() -> None:
        said = normalise(decode_text(data))
        assert all(low < high for low, high in split_sentences(said))

    attempt("kind", lambda: kind_of(data))
    attempt("sound?", lambda: has_audio(data))
    for name, read in (("pictures", pictures), ("sound", samples), ("image", image), ("words", words)):
        attempt(name, read)
    return done


@pytest.mark.parametrize("name", MAKERS)
def test_damaged_files(name: str) -> None:
    data = MAKERS[name]()
    wanted = {
        "a.mp4": "pictures",
        "a.mkv": "pictures",
        "a.webm": "pictures",
        "a.wav": "sound",
        "a.mp3": "sound",
        "a.flac": "sound",
    }
    survived = 0
    assert wanted.get(name, "image") in read_everything(data)
    for seed in range(6):
        start = time.monotonic()
        survived += wanted.get(name, "image") in read_everything(damaged(data, seed))
        assert time.monotonic() - start < 20, (name, seed)
    assert survived >= 1  # damage costs its part, not all


def test_noise_and_fragments_of_headers() -> None:
    random = np.random.default_rng(11)
    for size in (1, 2, 3, 4, 8, 12, 50, 3000):
        read_everything(bytes(random.integers(0, 256, size, np.uint8)))
    for head in (
        b"RIFF",
        b"\x1a\x45\xdf\xa3",
        b"OggS",
        b"fLaC",
        b"ID3",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"\0\0\0\x18ftypmp42",
    ):
        read_everything(head)
        read_everything(head + bytes(random.integers(0, 256, 200, np.uint8)))
