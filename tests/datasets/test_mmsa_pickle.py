import os
import pickle
import pickletools
import struct
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from dataset_trees import build, mmsa_parts, write
from demeanor.datasets import mmsa_pickle
from demeanor.datasets._plain_pickle import read_plain
from demeanor.errors import DataError


def test_padding_is_cut_off_and_odd_numbers_become_zero(tmp_path: Path) -> None:
    samples = mmsa_pickle.read(build("mmsa_pickle", tmp_path))
    raw = mmsa_parts()["train"]
    first, second, third = samples[:3]
    assert [x.series["audio"].shape for x in (first, second, third)] == [(2, 2), (6, 2), (6, 2)], "9 of 6 steps is 6"
    assert [x.series["visual"].shape for x in (first, second, third)] == [(1, 3), (5, 3), (1, 3)], "0 steps are 1"
    assert all(x.series["text"].shape == (3, 5) for x in samples), "the attention mask counts three"
    assert first.series["audio"][0, 0] == first.series["audio"][1, 1] == 0, "-inf and NaN"
    assert first.series["audio"][0, 1] == np.float32(raw["audio"][0, 0, 1])  # type: ignore[index]
    np.testing.assert_array_equal(second.series["visual"], raw["vision"][1])  # type: ignore[index]


def test_labels_words_and_groups(tmp_path: Path) -> None:
    samples = mmsa_pickle.read(build("mmsa_pickle", tmp_path))
    assert [s.split for s in samples] == ["train"] * 3 + ["valid"] + ["test"] * 2
    assert samples[0].labels == {"score": pytest.approx(0.8), "polarity": "positive"}
    assert samples[2].labels == {"score": -1.0, "polarity": "negative"}
    assert (samples[0].id, samples[0].group, samples[0].text) == ("trainvid0$_$0", "mmsa:trainvid0", "words train 0")
    assert samples[0].group == samples[1].group != samples[2].group


def test_sims_has_a_score_per_modality(tmp_path: Path) -> None:
    path = write(tmp_path / "unaligned_39.pkl", pickle.dumps(mmsa_parts(sims=True)))
    sample = mmsa_pickle.read(path)[0]
    assert sample.language == "zh"
    assert sample.labels == {
        "score": pytest.approx(0.8), "score_text": pytest.approx(0.2), "score_audio": pytest.approx(0.2),
        "score_visual": pytest.approx(0.2), "polarity": "positive",
    }  # fmt: skip


def test_aligned_files_take_the_length_of_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "aligned_50.pkl", pickle.dumps(mmsa_parts(aligned=True)))
    assert {x.shape[0] for s in mmsa_pickle.read(path) for x in s.series.values()} == {3}


def test_without_any_lengths_trailing_zeros_are_padding(tmp_path: Path) -> None:
    parts = mmsa_parts()
    for part in parts.values():
        for key in ("audio_lengths", "vision_lengths", "text_bert"):
            del part[key]
        part["vision"][:, 2:] = 0  # type: ignore[index]
        part["vision"][0] = 0  # type: ignore[index]
    samples = mmsa_pickle.read(write(tmp_path / "x.pkl", pickle.dumps(parts)))
    assert [len(s.series["visual"]) for s in samples[:3]] == [1, 2, 2]
    assert {len(s.series["text"]) for s in samples} == {4}


def test_it_is_converted_once_and_again_when_the_pickle_changes(tmp_path: Path) -> None:
    root = build("mmsa_pickle", tmp_path / "data")
    stored = mmsa_pickle.converted(root)
    assert stored == root / "unaligned_50.npz"
    written = stored.stat().st_mtime_ns
    assert mmsa_pickle.converted(root).stat().st_mtime_ns == written
    write(root / "unaligned_50.pkl", pickle.dumps(mmsa_parts(sims=True)))
    assert "score_audio" in mmsa_pickle.read(root)[0].labels
    (root / "unaligned_50.pkl").unlink()
    assert len(mmsa_pickle.read(root)) == 6, "the converted file is enough"
    assert sorted(p.name for p in root.iterdir()) == ["unaligned_50.npz"]


def test_it_may_be_converted_into_another_folder(tmp_path: Path) -> None:
    root = build("mmsa_pickle", tmp_path / "data")
    mmsa_pickle.read(root, into=str(tmp_path / "cache"))
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["unaligned_50.npz"]
    assert [p.name for p in root.iterdir()] == ["unaligned_50.pkl"]
    with pytest.raises(DataError, match="name another folder with the option into"):
        mmsa_pickle.read(root, into=str(root / "unaligned_50.pkl" / "below"))


def test_a_half_written_file_is_made_again(tmp_path: Path) -> None:
    root = build("mmsa_pickle", tmp_path)
    write(root / "unaligned_50.npz", b"PK\x03\x04 cut short")
    assert len(mmsa_pickle.read(root / "unaligned_50.pkl")) == 6


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    parts = mmsa_parts()
    with pytest.raises(DataError, match=r"score in \[-1, 1\] after scaling, found 2.4; see the option family"):
        mmsa_pickle.read(write(tmp_path / "a.pkl", pickle.dumps(parts)), family="sims")
    del parts["train"]["regression_labels"]
    with pytest.raises(DataError, match=r"b\.pkl, train: expected a key regression_labels, found raw_text"):
        mmsa_pickle.read(write(tmp_path / "b.pkl", pickle.dumps(parts)))
    parts = mmsa_parts()
    parts["valid"]["audio"] = parts["train"]["audio"]
    with pytest.raises(DataError, match="expected 1 of audio, found 3"):
        mmsa_pickle.read(write(tmp_path / "c.pkl", pickle.dumps(parts)))
    with pytest.raises(DataError, match=r"expected one \*\.pkl in .*found a\.pkl, b\.pkl, c\.pkl"):
        mmsa_pickle.read(tmp_path)
    with pytest.raises(DataError, match="expected a dict of train, valid, test, found a list"):
        mmsa_pickle.read(write(tmp_path / "d.pkl", pickle.dumps([1])))


PLAIN = {
    "floats": np.arange(6, dtype=">f4").reshape(2, 3), "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strings": np.array(["héé", "b"]), "objects": np.array(["x", None], dtype=object), "empty": np.zeros((0, 3)),
    "flags": np.array([True, False]), "raw": np.array([b"ab", b"c"]), "scalar": np.float32(1.5), "count": np.int64(7),
    "tuple": (1, 2, (3,)), "bytes": b"\x00\xff", "none": None, "bools": [True, False], "large": 2**80, "negative": -5,
    "float": 1e300, "sign": "😀", "long": "x" * 300, "one": (1,), "nothing": [(), {}, []],
}  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    shared = [1, 2]
    data = {**PLAIN, "twice": [shared, shared]}
    found = read_plain(write(tmp_path / "x.pkl", pickle.dumps(data, protocol=protocol)))
    assert list(found) == list(data)
    for key, value in data.items():
        if isinstance(value, np.ndarray) and value.dtype != object:
            np.testing.assert_array_equal(found[key], value)
            assert found[key].dtype == value.dtype
        else:
            assert found[key] == (value.tolist() if isinstance(value, np.ndarray) else value)
    assert found["twice"][0] is found["twice"][1]


class Evil:
    """What it reduces to is called by whoever unpickles it."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


def calls(marker: Path) -> dict[str, object]:
    command = f"touch {marker}"
    return {
        "system": Evil(os.system, (command,)), "eval": Evil(eval, (f"open({str(marker)!r}, 'w')",)),
        "getattr": Evil(getattr, (os, "getcwd")), "state": Evil(Evil, (), {"a": 1}),
        "load": Evil(np.load, (str(marker),)), "import": Evil(__import__, ("os",)),
    }  # fmt: skip


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("kind", ["system", "eval", "getattr", "state", "load", "import"])
def test_nothing_in_a_pickle_is_run(tmp_path: Path, kind: str, protocol: int) -> None:
    marker = tmp_path / "run"
    if kind == "getattr":
        payload: object = Evil(getattr, ("text", "upper"))
    else:
        payload = calls(marker)[kind]
    data = {**mmsa_parts(), "extra": [payload]}
    path = write(tmp_path / "evil.pkl", pickle.dumps(data, protocol=protocol))
    with pytest.raises(DataError, match=r"evil\.pkl: expected plain data .*found a wish for \S+.*was not read"):
        mmsa_pickle.read(path)
    assert not marker.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["evil.pkl"]


def test_the_same_pickle_would_have_run_elsewhere(tmp_path: Path) -> None:
    """The payload is a real one: Python's own machine runs it."""
    marker = tmp_path / "run"
    pickle.loads(pickle.dumps(calls(marker)["system"]))
    assert marker.exists()


def instructions(*lines: bytes) -> bytes:
    return b"".join(lines) + b"."


@pytest.mark.parametrize(
    "content",
    [
        b"", b"not a pickle at all", pickle.dumps({"a": 1})[:-1], pickle.dumps([1] * 50)[:20],
        instructions(b"K\x01", b"R"),  # a call with nothing to call
        instructions(b"(K\x01K\x02"),  # items that nothing takes
        instructions(b"]K\x01s"),  # an item set in a list
        instructions(b"h\x07"),  # a memo that was never filled
        instructions(b"cnumpy\nndarray\n"),  # a name in place of data
        instructions(b"\x8e", struct.pack("<Q", 1 << 62), b"x"),  # bytes without end
        # an array without contents
        instructions(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"),
        instructions(b"P7\n"),  # an object kept elsewhere
        instructions(b"\x82\x01"),  # an extension
        instructions(b"(iposix\nsystem\n"),  # an instance of a class
    ],
)  # fmt: skip
def test_damaged_and_odd_files_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"x\.pkl: expected .*found"):
        read_plain(write(tmp_path / "x.pkl", content))


def test_an_array_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    whole = pickle.dumps(np.zeros(4, np.float32), protocol=2)
    assert any(op.name == "BININT1" and arg == 4 for op, arg, _ in pickletools.genops(whole))
    with pytest.raises(DataError, match="bytes for an array"):
        read_plain(write(tmp_path / "x.pkl", whole.replace(b"K\x04\x85", b"K\x7f\x85")))


def test_records_and_dates_are_refused(tmp_path: Path) -> None:
    records = np.zeros(2, [("a", np.int32), ("b", np.float64)])
    for value in (records, np.array(["2020-01-01"], "M8[D]")):
        with pytest.raises(DataError, match="expected"):
            read_plain(write(tmp_path / "x.pkl", pickle.dumps(value)))


def test_nested_without_end(tmp_path: Path) -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    steps = instructions(b"]" * 5000, b"a" * 4999)
    with pytest.raises(DataError, match="damaged file"):
        read_plain(write(tmp_path / "x.pkl", steps))
    doubled = instructions(b")", *(b"\x94h" + bytes([n]) + b"\x86" for n in range(100)))
    found = read_plain(write(tmp_path / "y.pkl", doubled))
    assert len(found) == 2, "a hundred doublings are a hundred steps, not 2^100"


def test_arrays_of_another_stay_and_nothing_half_written_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build("mmsa_pickle", tmp_path)
    np.savez(root / "unaligned_50.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="found another's arrays there; name another folder"):
        mmsa_pickle.read(root / "unaligned_50.pkl")
    assert list(np.load(root / "unaligned_50.npz")) == ["a"]

    def full(file: IO[bytes], **_: object) -> None:
        file.write(b"PK")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(DataError, match="no space left"):
        mmsa_pickle.read(root / "unaligned_50.pkl", into=str(root / "cache"))
    assert not list((root / "cache").iterdir())


def test_another_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="expected a file converted from a pickle, found another"):
        mmsa_pickle.read(tmp_path / "x.npz")
