import io
from pathlib import Path

import numpy as np
import pytest
from films import tone, write_film, write_sound
from PIL import Image

from demeanor.errors import DecodeError, InputError
from demeanor.media.kind import KNOWN_EXTENSIONS, kind_of
from demeanor.media.text import decode_text
from demeanor.media.transcript import read_transcript

PIXELS = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, bytes]]:
    """Name → (kind, content)."""
    folder = tmp_path_factory.mktemp("kinds")
    out: dict[str, tuple[str, bytes]] = {}
    for name, codec in (
        ("a.mp4", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.avi", "mpeg4"),
        ("a.ts", "libx264"),
        ("a.mov", "mjpeg"),
    ):
        write_film(folder / name, [i / 25 for i in range(50)], codec=codec, size=(320, 240))
        out[name] = ("video", (folder / name).read_bytes())
    for name, codec, rate in (
        ("a.wav", "pcm_s16le", 16000),
        ("a.mp3", "libmp3lame", 44100),
        ("a.flac", "flac", 16000),
        ("a.m4a", "aac", 44100),
        ("a.opus", "libopus", 48000),
        ("b.webm", "libopus", 48000),
        ("a.aac", "aac", 44100),
    ):
        write_sound(folder / name, tone(0.5, rate)[None], codec=codec, rate=rate)
        out[name] = ("audio", (folder / name).read_bytes())
    for name, codec in (("c.mp3", "libmp3lame"), ("c.flac", "flac"), ("c.m4a", "aac")):
        form = "mp4" if name.endswith("m4a") else None
        write_sound(folder / name, tone(0.5, 44100)[None], codec=codec, rate=44100, cover=True, container=form)
        out[name] = ("audio", (folder / name).read_bytes())
    for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "ICO"):
        data = io.BytesIO()
        Image.fromarray(PIXELS).save(data, form)
        out[f"a.{form.lower()}"] = ("image", data.getvalue())
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, "GIF", save_all=True, append_images=[Image.fromarray(PIXELS[::-1])])
    out["moving.gif"] = ("image", data.getvalue())
    for index, said in enumerate(
        ("I love it", "BMW is great", "P5 is a song", "P1 12 years", "RIFF on", "GIF it to me", "😂", "a\tb\r\n")
    ):
        out[f"{index}.txt"] = ("text", said.encode())
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "gb18030", "big5"):
        said = "hello there" if encoding == "utf-16-le" else "今天我很開心"
        out[f"{encoding}.txt"] = ("text", said.encode(encoding))
    out["a.srt"] = ("text", b"1\n00:00:01,000 --> 00:00:02,000\nI love it\n")
    return out


def test_by_content_whatever_the_name(samples: dict[str, tuple[str, bytes]], tmp_path: Path) -> None:
    for name, (kind, data) in samples.items():
        right, wrong, bare = tmp_path / name, tmp_path / f"{name}.jpg", tmp_path / "ohne-名"
        for file in (right, wrong, bare):
            file.write_bytes(data)
            if kind != "text" or file is not wrong:
                assert kind_of(file) == kind_of(str(file)) == kind, file.name
        assert kind_of(data) == kind_of(io.BytesIO(data)) == kind, name
        with right.open("rb") as opened:
            opened.seek(5)
            assert kind_of(opened) == kind
            assert opened.tell() == 5


def test_sentences_are_not_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for said in (
        "I love it",
        "我很开心",
        "",
        " ",
        "great",
        "look at my photo.jpg please",
        "I watched movie.mp4",
        "and/or",
        "3/4",
        "see https://t.co/abc",
        "https://t.co/abc is great",
        "note: yes",
        "a\nb.txt",
        "x" * 10_000,
        "what\0is",
        "5:1",
        "etc.",
    ):
        assert kind_of(said) == "text", said


@pytest.mark.parametrize("text", ["./nope", "../nope.unknown", "/no/such/thing", "~/nope"])
def test_what_starts_as_a_path_is_no_sentence(text: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        kind_of(text)


@pytest.mark.parametrize("text", ["...", "and/or", "5/5", "./ whatever", "~ok"])
def test_marks_alone_do_not_make_a_path(text: str) -> None:
    assert kind_of(text) == "text"


def test_missing_files_and_urls() -> None:
    for path in (
        "none.mp4",
        "clips/none.wav",
        "my clips/none file.mp4",
        "C:\\clips\\a.MOV",
        "影片.mp4",
        "post.txt",
    ):
        with pytest.raises(InputError, match="no such file"):
            kind_of(path)
    for url in (
        "http://example.com/a.mp4",
        "https://example.com",
        "rtsp://cam/1",
        "file:///etc/passwd",
        "data:image/png;base64,xx",
    ):
        with pytest.raises(InputError, match="URLs are never opened"):
            kind_of(url)
    with pytest.raises(InputError, match="no such file"):
        kind_of(Path("I love it"))


def test_arrays_and_pictures() -> None:
    assert kind_of(PIXELS) == kind_of(PIXELS[:, :, 0]) == kind_of(Image.fromarray(PIXELS)) == "image"
    assert kind_of(np.zeros(100, np.float32)) == kind_of(np.zeros((100, 2), np.int16)) == "audio"
    for wrong in (np.zeros((2, 2, 2, 2)), np.zeros((4, 4, 4)), np.array(["a"]), np.zeros(4, np.uint8)):
        with pytest.raises(InputError, match="expected an array"):
            kind_of(wrong)


def test_empty_damaged_unknown(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.jpg", "a"):
        (tmp_path / name).touch()
        with pytest.raises(DecodeError, match="empty"):
            kind_of(tmp_path / name)
    (tmp_path / "a.txt").touch()
    assert kind_of(tmp_path / "a.txt") == "text"  # a post without words
    with pytest.raises(DecodeError, match="empty"):
        kind_of(b"")
    noise = bytes(np.random.default_rng(1).integers(0, 256, 3000, np.uint8))
    (tmp_path / "noise.mp4").write_bytes(noise)
    assert kind_of(tmp_path / "noise.mp4") == "video"  # the name decides; reading it will tell what is wrong
    with pytest.raises(DecodeError, match="no known format"):
        kind_of(noise)
    with pytest.raises(InputError, match="folder"):
        kind_of(tmp_path)


def test_known_extensions() -> None:
    assert set(KNOWN_EXTENSIONS.values()) == {"text", "image", "audio", "video"}
    assert all(end == end.lower() and end.startswith(".") for end in KNOWN_EXTENSIONS)
    assert KNOWN_EXTENSIONS[".mp4"] == "video"
    assert KNOWN_EXTENSIONS[".flac"] == "audio"
    assert ".csv" not in KNOWN_EXTENSIONS


def test_real_files(shared: Path) -> None:
    assert kind_of(next((shared / "data/ravdess/audio").rglob("*.flac"))) == "audio"
    for file in (shared / "data/talking_heads").glob("*.m*p*"):
        assert kind_of(file) == "video"


def test_a_pdf_is_not_read_as_the_text_it_is_written_in() -> None:
    with pytest.raises(DecodeError, match="got a PDF; save its text"):
        kind_of(b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n")


@pytest.mark.parametrize(("name", "said"), [("dl.mp4", "a film"), ("dl.mp3", "sound"), ("dl.jpg", "a picture")])
def test_what_came_instead_of_a_medium_is_no_text(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_text("<html><body><h1>404 Not Found</h1>We are sorry!</body></html>")
    with pytest.raises(DecodeError, match=f"expected {said}, as its name says, got a page of text"):
        kind_of(tmp_path / name)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(DecodeError, match=f"expected {said}, as its name says, got text; .* name it .txt"):
        kind_of(tmp_path / name)
    (tmp_path / "dl.html").write_text("<html></html>")
    assert kind_of(tmp_path / "dl.html") == "text"


ASS = "[Script Info]\nTitle: x\n\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,I love it\n"
RTF = "{\\rtf1\\ansi\\deff0 {\\fonttbl{\\f0 Arial;}}\\f0\\fs24 I love it\\par}"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("a.rtf", RTF, "got RTF; save it as plain text"), ("a.ass", ASS, "ffmpeg -i f.ass f.srt")],
)
def test_text_within_the_marks_of_another_program_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le"):
        for file in (tmp_path / name, tmp_path / "a.txt", tmp_path / "a.srt"):
            file.write_bytes(text.encode(encoding))
            for read in (kind_of, decode_text):
                with pytest.raises(DecodeError, match=said):
                    read(file)
            with pytest.raises(DecodeError, match=said):
                read_transcript(file, duration=1.0)
    assert kind_of("[Script Info] is what it begins with") == "text"
