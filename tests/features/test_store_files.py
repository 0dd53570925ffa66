"""Files of the store that are damaged, another user's, out of reach or in the way, and what its keys hang on."""

import errno
import os
import stat
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from demeanor.encoders import text_bag, text_tokens, visual_hog
from demeanor.encoders._encoder import Encoder, EncoderConfig
from demeanor.errors import ConfigError
from demeanor.features.encode import EncodeWarning
from demeanor.features.store import Store, encode_all, fitted
from demeanor.types import Sample
from encoder_samples import picture

TEXTS = [Sample(str(i), text=t) for i, t in enumerate(("good day", "bad day", "good film"))]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def value_file(store: Store) -> Path:
    """The file of `value`."""
    store.write("text_bag", "ab12", np.arange(4.0))
    return store.root / "text_bag/ab/ab12.npy"


@pytest.mark.parametrize(
    "header",
    [
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (4,), '''    ",  # TokenError
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }  ",
        b"\x93NUMPY\x09\x00",
        b"PK\x03\x04 no archive",
    ],
)
def test_a_damaged_value_counts_as_absent_and_goes(store: Store, header: bytes) -> None:
    path = value_file(store)
    path.write_bytes(header.ljust(80) if header.startswith(b"\x93NUMPY\x01") else header)
    with pytest.raises(KeyError, match="ab12"):
        store.read("text_bag", "ab12")
    assert not path.exists()


@pytest.mark.parametrize("damage", ["method", "empty", "cut", "nameless"])
def test_a_damaged_fit_is_fitted_again(store: Store, damage: str) -> None:
    first, ids = fitted(text_bag.ENCODER(text_bag.Config(min_count=1)), TEXTS, store)
    (path,) = store.root.rglob("*.npz")
    whole = path.read_bytes()
    at = whole.rindex(b"PK\x01\x02")  # the archive's list of members
    if damage == "nameless":
        np.savez(path, **{f"state/{name}": value for name, value in first.state().items()})
    else:
        path.write_bytes(
            {
                "method": whole[: at + 10] + b"\x63" + whole[at + 11 :],  # a compression that nobody has
                "empty": b"PK\x05\x06" + bytes(18),
                "cut": whole[: len(whole) // 2],
            }[damage]
        )
    again, same = fitted(text_bag.ENCODER(text_bag.Config(min_count=1)), TEXTS, store)
    assert same == ids
    assert list(again.state()["terms"]) == list(first.state()["terms"])
    assert len(path.read_bytes()) == len(whole)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.ESTALE, errno.EACCES])
def test_what_cannot_be_opened_now_is_absent_and_left(store: Store, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path, ids = value_file(store), ["1", "2"]
    store.write_fitted("text_bag", "ab12", {"counts": np.arange(3)}, ids)
    with monkeypatch.context() as patch:

        def fails(*_: Any, **__: Any) -> None:
            raise OSError(code, os.strerror(code))

        patch.setattr(np, "load", fails)  # while it is read, on a share
        with pytest.raises(KeyError, match="ab12"):
            store.read("text_bag", "ab12")
        with pytest.raises(KeyError):
            store.read_fitted("text_bag", "ab12")
    assert path.is_file()
    np.testing.assert_array_equal(store.read("text_bag", "ab12"), np.arange(4.0))
    assert list(store.read_fitted("text_bag", "ab12")["ids"]) == ids


def test_what_cannot_be_opened_is_computed_again_and_replaced(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = text_tokens.ENCODER()
    (first,) = encode_all(TEXTS[:1], encoder, store)
    key = store.key(encoder, TEXTS[0])
    (path,) = store.root.rglob("*.npy")
    before, opens = path.stat().st_ino, Path.open
    with monkeypatch.context() as patch:

        def locked(self: Path, *given: Any, **more: Any) -> Any:
            if self == path:
                raise PermissionError(errno.EACCES, "Permission denied")
            return opens(self, *given, **more)

        patch.setattr(Path, "open", locked)
        assert not store.has("text_tokens", str(key))
        np.testing.assert_array_equal(encode_all(TEXTS[:1], encoder, store)[0], first)
    assert path.stat().st_ino != before
    assert store.has("text_tokens", str(key))


@pytest.mark.skipif(os.name == "nt", reason="modes of files are POSIX's")
def test_what_is_stored_others_may_read_as_the_umask_allows(store: Store) -> None:
    before = os.umask(0o002)
    try:
        path = value_file(store)
        assert stat.S_IMODE(path.stat().st_mode) == 0o664
        os.umask(0o027)
        assert stat.S_IMODE(value_file(store).stat().st_mode) == 0o640
    finally:
        os.umask(before)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_stored_is_told_once_and_used(tmp_path: Path, workers: int) -> None:
    (tmp_path / "file").write_bytes(b"")
    told = r"file/store cannot be written.*Not a directory.*DEMEANOR_FEATURES.*values are used and not kept"
    samples = [Sample(str(i), image=picture(i, 32, 32)) for i in range(16)]
    encoder = visual_hog.ENCODER(visual_hog.Config(size=32))
    store = Store(tmp_path / "file/store")
    with pytest.warns(EncodeWarning, match=told) as warned:
        found = encode_all(samples, encoder, store, workers)
    learned, ids = fitted(text_bag.ENCODER(text_bag.Config(min_count=1)), TEXTS, store)
    assert len(warned) == 1  # and any other would be an error
    assert not found.warnings
    for value, expected in zip(found, encode_all(samples, encoder, Store(tmp_path / "store")), strict=True):
        np.testing.assert_array_equal(value, expected)
    assert (ids, len(learned.state()["terms"])) == (("0", "1", "2"), 4)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_must_be_stored_and_cannot_is_an_error(tmp_path: Path, workers: int) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = Store(tmp_path / "file/store", required=True)
    samples = [Sample(str(i), image=picture(i, 32, 32)) for i in range(16)]
    with pytest.raises(ConfigError, match=r"file/store cannot be written.*Not a directory.*DEMEANOR_FEATURES"):
        encode_all(samples, visual_hog.ENCODER(visual_hog.Config(size=32)), store, workers)
    with pytest.raises(ConfigError, match=r"file/store cannot be written"):
        fitted(text_bag.ENCODER(text_bag.Config(min_count=1)), TEXTS, store)


def test_a_full_disk_leaves_nothing_half_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(ConfigError, match=r"cannot be written.*No space left"):
        store.write("text_bag", "ab12", np.arange(4.0))
    assert [p for p in store.root.rglob("*") if p.is_file()] == []


class Config(EncoderConfig):
    running: ClassVar[frozenset[str]] = frozenset({"device"})
    factor: float = 1.0
    device: str = "cpu"


class Runs(Encoder):
    config: Config
    modality = "text"


def test_where_an_encoder_runs_is_no_part_of_the_key(store: Store) -> None:
    def key(**settings: Any) -> str | None:
        return store.key(Runs(Config(**settings)), Sample("1", text="one"))

    assert key() == key(device="cuda")
    assert key() != key(factor=2.0)


def test_pictures_that_differ_in_palette_transparency_or_turn_are_told_apart(store: Store) -> None:
    keys = set()
    places = np.arange(12, dtype=np.uint8).reshape(3, 4) % 2
    for palette, clear, turn in (((9, 9, 9), None, 1), ((9, 200, 9), None, 1), ((9, 9, 9), 0, 1), ((9, 9, 9), None, 6)):
        picture = Image.fromarray(places, "L").convert("P")
        picture.putdata(list(places.ravel()))
        picture.putpalette([*palette, 250, 250, 250])
        if clear is not None:
            picture.info["transparency"] = clear
        picture.getexif()[0x0112] = turn
        picture.info["exif"] = picture.getexif().tobytes()
        keys.add(store.key(visual_hog.ENCODER(), Sample("x", image=picture)))
        assert store.key(visual_hog.ENCODER(), Sample("y", image=picture.copy())) in keys
    assert len(keys) == 4
