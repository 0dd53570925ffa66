import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demeanor.errors import DecodeError, InputError, LimitError
from demeanor.media import image as module
from demeanor.media.image import decode_image, decode_image_with_warnings, kept_image

RED, WHITE = (250, 10, 10), (255, 255, 255)


def scene(width: int = 60, height: int = 40) -> np.ndarray:
    """Blue, with its left upper quarter red."""
    pixels = np.full((height, width, 3), (10, 20, 200), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    return pixels


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
def test_formats_and_sources(tmp_path: Path, form: str) -> None:
    data = saved(Image.fromarray(scene()), form)
    file = tmp_path / f"照片 é.{form.lower()}"
    file.write_bytes(data)
    with file.open("rb") as opened:
        opened.seek(3)
        for source in (file, str(file), data, io.BytesIO(data), opened):
            image = decode_image(source)
            assert image.shape == (40, 60, 3)
            assert image.dtype == np.uint8
            assert np.abs(image.astype(int) - scene()).mean() < 8
        assert opened.tell() == 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    """Against the standard's own words: where the 0th row and the 0th column are on the upright picture."""
    upright = scene()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for form in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = saved(Image.fromarray(np.ascontiguousarray(stored)), form, exif=exif)
        image = decode_image(data)
        assert image.shape == (40, 60, 3)
        assert np.abs(image.astype(int) - upright).mean() < 8, form
        np.testing.assert_array_equal(decode_image(Image.open(io.BytesIO(data))), image)


def test_transparent_parts_are_white() -> None:
    clear = np.dstack([scene(), np.full((40, 60), 255, np.uint8)])
    clear[20:, 30:, 3] = 0
    clear[20:, :30, 3] = 128
    palette = Image.fromarray(scene()).quantize(2)
    blue = int(np.asarray(palette)[39, 59])
    grey = Image.fromarray(clear).convert("LA")
    for source in (
        saved(Image.fromarray(clear), "PNG"),
        saved(Image.fromarray(clear), "WEBP", lossless=True),
        clear,
    ):
        image = decode_image(source)
        assert tuple(image[35, 50]) == WHITE
        assert np.abs(image[0, 0].astype(int) - RED).max() <= 1
        assert abs(int(image[35, 5, 0]) - 132) <= 2
    for data in (saved(palette, "PNG", transparency=blue), saved(palette, "GIF", transparency=blue)):
        image = decode_image(data)
        assert tuple(image[35, 50]) == WHITE
        assert np.abs(image[0, 0].astype(int) - RED).max() < 4
    assert tuple(decode_image(saved(grey, "PNG"))[35, 50]) == WHITE
    opaque_red = saved(Image.fromarray(scene()), "PNG", transparency=RED)
    assert tuple(decode_image(opaque_red)[0, 0]) == WHITE


def test_depths_and_colour_models() -> None:
    ramp = np.tile(np.linspace(0, 65535, 60).astype(np.uint16), (40, 1))
    expected = (ramp >> 8).astype(int)
    for source in (saved(Image.fromarray(ramp), "PNG"), saved(Image.fromarray(ramp), "TIFF"), ramp):
        assert np.abs(decode_image(source)[:, :, 1].astype(int) - expected).max() <= 1
    for floats in (ramp / 65535.0, (ramp / 65535.0).astype(np.float32)):
        assert np.abs(decode_image(floats)[:, :, 0].astype(int) - expected).max() <= 1
    data = saved(Image.fromarray((ramp / 65535).astype(np.float32)), "TIFF")
    assert np.abs(decode_image(data)[:, :, 0].astype(int) - expected).max() <= 1
    cmyk = decode_image(saved(Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(cmyk.astype(int) - scene()).mean() < 8
    grey = decode_image(saved(Image.fromarray(scene()).convert("L"), "JPEG"))
    assert grey.shape == (40, 60, 3)
    assert (grey[:, :, 0] == grey[:, :, 2]).all()
    bits = decode_image(saved(Image.fromarray(scene()[:, :, 0] > 100), "PNG"))
    assert tuple(bits[0, 0]) == WHITE
    assert tuple(bits[39, 59]) == (0, 0, 0)
    assert decode_image(np.zeros((5, 7, 1), np.uint8)).shape == (5, 7, 3)


def test_floats_that_resizing_took_a_little_beyond_their_range() -> None:
    ramp = np.tile(np.linspace(0, 1, 60, dtype=np.float32), (40, 1))
    expected = np.rint(ramp * 255)
    for top in (1, 255, 65535):
        for low, high in ((0.0, 1.0), (0.0, 1.003), (-0.003, 1.0), (-0.1, 1.1)):
            floats = ramp * top
            floats[:, 0], floats[:, -1] = low * top, high * top
            assert np.abs(decode_image(floats)[:, :, 0].astype(int) - expected).max() <= 1, (top, low, high)
    assert tuple(decode_image(ramp * 2 - 1)[0, [0, 59], 0]) == (0, 255), "what goes as far below 0 is stretched"


def test_what_is_kept_of_a_picture_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(scene()), "PNG"))
    with Image.open(tmp_path / "a.png") as opened:
        kept = [kept_image(opened)]
    pixels, data = scene(), bytearray((tmp_path / "a.png").read_bytes())
    kept += [kept_image(pixels), kept_image(data), kept_image(memoryview(data))]
    pixels[:], data[:] = 0, bytes(len(data))
    for image in kept:
        assert (decode_image(image) == scene()).all()
    with Image.open(tmp_path / "a.png") as closed:
        pass
    with pytest.raises(DecodeError):  # what cannot be copied any more
        decode_image(kept_image(closed))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_that_is_not_empty(form: str) -> None:
    frames = [Image.new("RGB", (60, 40), c) for c in ("white", "black")] + [Image.fromarray(scene())]
    image = decode_image(saved(frames[0], form, save_all=True, append_images=frames[1:]))
    assert np.abs(image.astype(int) - scene()).mean() < 4
    blank = decode_image(saved(frames[0], form, save_all=True, append_images=frames[:1]))
    assert (blank == 255).all()


@pytest.mark.parametrize(
    ("form", "how"), [("GIF", "--video"), ("PNG", "--video"), ("WEBP", "convert it"), ("TIFF", None)]
)
def test_an_animation_says_that_one_picture_of_it_was_read(form: str, how: str | None) -> None:
    frames = [Image.fromarray(np.roll(scene(), 9 * n, axis=1)) for n in range(3)]
    notes = decode_image_with_warnings(saved(frames[0], form, save_all=True, append_images=frames[1:]))[1]
    assert decode_image_with_warnings(saved(frames[0], form))[1] == []
    assert len(notes) == (how is not None)
    assert how is None or ("an animation, of which one picture" in notes[0] and how in notes[0])


def test_scaling() -> None:
    assert decode_image(scene(600, 300), longest=100).shape == (50, 100, 3)
    assert decode_image(saved(Image.fromarray(scene(3000, 20)), "JPEG"), longest=1024).shape[1] == 1024
    assert decode_image(scene(3, 2), longest=1024).shape == (2, 3, 3)
    assert decode_image(scene(5000, 1), longest=64).shape == (1, 64, 3)
    with pytest.raises(InputError, match="longest"):
        decode_image(scene(), longest=0)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16"])
def test_reduced_pictures_look_the_same(mode: str) -> None:
    picture = Image.fromarray(scene(2400, 1600))
    picture = (
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) << 8)
        if mode == "I;16"
        else picture.convert(mode)
    )
    image = decode_image(saved(picture, "PNG"), longest=120)
    reference = np.asarray(
        Image.fromarray(scene(120, 80)).convert("L" if mode in ("L", "I;16") else "RGB").convert("RGB")
    )
    assert image.shape == (80, 120, 3)
    assert np.abs(image.astype(int) - reference).mean() < 4


def test_hundred_megapixels_in_bounded_memory(tmp_path: Path) -> None:
    """In a process of its own, so that its peak is that of this picture alone."""
    import subprocess
    import sys

    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of memory is read from /proc")
    big = Image.new("RGB", (12_000, 8_400), RED)
    big.save(tmp_path / "a.jpg", quality=60)
    big.save(tmp_path / "a.png", compress_level=1)
    del big
    code = (
        "import sys, pathlib, numpy as np\n"
        "from demeanor.media.image import decode_image\n"
        "image = decode_image(sys.argv[1])\n"
        "assert image.shape == (717, 1024, 3), image.shape\n"
        "assert np.abs(image.astype(int) - (250, 10, 10)).max() < 8\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(int(status.split('VmHWM:')[1].split()[0]) // 1024)\n"
    )
    for name, most in (("a.jpg", 200), ("a.png", 700)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert int(done.stdout) < most, name


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


def test_bombs_are_refused() -> None:
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(LimitError, match="300 megapixels, got 30000"):
        decode_image(bomb(30_000, 30_000))
    with pytest.raises((LimitError, DecodeError)):
        decode_image(bomb(2_000_000_000, 2_000_000_000))
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "BMP"])
def test_a_picture_cut_short_gives_its_upper_part_and_a_warning(tmp_path: Path, form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 300, 3), np.uint8)
    data = saved(Image.fromarray(noise), form, **({"interlace": False} if form == "GIF" else {}))
    file = tmp_path / f"断.{form.lower()}"
    file.write_bytes(data[: len(data) * 6 // 10])
    image, notes = decode_image_with_warnings(file)
    assert image.shape == (400, 300, 3)
    assert len(notes) == 1
    assert "断" in notes[0]
    assert "decode the picture" in notes[0]
    whole = decode_image(data)
    rows = slice(200, 360) if form == "BMP" else slice(0, 160)  # a bitmap is stored bottom up
    assert (image[rows] == whole[rows]).mean() > 0.99
    decode_image(file)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("this is no picture at all")
    (tmp_path / "head.png").write_bytes(saved(Image.fromarray(scene()), "PNG")[:40])
    (tmp_path / "head.jpg").write_bytes(saved(Image.fromarray(scene()), "JPEG")[:300])
    with pytest.raises(DecodeError, match=r"empty\.jpg.*empty file"):
        decode_image(tmp_path / "empty.jpg")
    for name in ("text.png", "head.png", "head.jpg"):
        with pytest.raises(DecodeError, match=f"{name}.*decode the picture"):
            decode_image(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        decode_image(tmp_path / "none.jpg")
    with pytest.raises(InputError, match="URL"):
        decode_image("https://example.com/a.jpg")
    for wrong in (
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((0, 5), np.uint8),
        np.zeros((4, 4), np.int64),
        np.zeros(5),
    ):
        with pytest.raises(InputError, match="expected"):
            decode_image(wrong)
    with pytest.raises(InputError, match="expected a path"):
        decode_image(3)  # type: ignore[arg-type]


def test_arrays_and_pictures_are_not_changed() -> None:
    pixels = scene()
    picture = Image.fromarray(pixels)
    first, second = decode_image(pixels, longest=30), decode_image(picture, longest=30)
    np.testing.assert_array_equal(first, second)
    assert picture.size == (60, 40)
    assert (pixels == scene()).all()
    decode_image(pixels)[:] = 0
    assert (pixels == scene()).all()


def test_warnings_of_pillow_stay_inside() -> None:
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x05broken"
    data = saved(Image.fromarray(scene()), "JPEG", exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode_image(data).shape == (40, 60, 3)


def test_the_limit_counts_bytes_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 1_000_000)
    with pytest.raises(LimitError, match="scale it down"):
        decode_image(saved(Image.new("L", (1001, 1000)), "PNG"))
    assert decode_image(saved(Image.new("L", (4001, 1000)), "JPEG"), longest=500).shape == (125, 500, 3)
