"""Stored features: the same thing is computed once, another thing never taken for it; killed, damaged and shared."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from demeanor.encoders import audio_mfcc, series, text_bag, text_tfidf, text_vectors, visual_hog
from demeanor.encoders._encoder import Encoder, EncoderConfig
from demeanor.errors import ConfigError, DataError, WeightsError
from demeanor.features import encode as encoding
from demeanor.features.encode import EncodeWarning
from demeanor.features.store import Store, encode_all, fitted, refuse_leak
from demeanor.types import Sample
from encoder_samples import TEXTS, picture, samples, vowel


class Config(EncoderConfig):
    factor: float = 1.0


class Length(Encoder):
    """Counts how often it is asked."""

    config: Config
    modality = "text"
    asked: ClassVar[list[str]] = []

    def encode(self, sample: Sample) -> Any:
        if sample.text is None:
            return None
        Length.asked.append(sample.id)
        if sample.text == "bad":
            raise DataError("expected good text, got bad")
        return None if sample.text == "void" else np.full((1, 2), len(sample.text) * self.config.factor, np.float32)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    Length.asked.clear()
    return Store(tmp_path / "store")


def texts(*given: str | None) -> list[Sample]:
    return [Sample(f"s{i}", text=t) for i, t in enumerate(given)]


def test_computed_once_and_none_remembered_too(store: Store) -> None:
    given = texts("one", "three", "void", None)
    first = encode_all(given, Length(), store)
    assert [None if v is None else v[0, 0] for v in first] == [3, 5, None, None]
    assert Length.asked == ["s0", "s1", "s2"]
    again = encode_all(given, Length(), Store(store.root))
    assert Length.asked == ["s0", "s1", "s2"]
    assert first.warnings == again.warnings == []
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_settings_version_and_content_tell_values_apart(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample("1", text="one")
    keys = {store.key(Length(), sample), store.key(Length(Config(factor=2.0)), sample)}
    keys.add(store.key(Length(), replace(sample, text="two")))
    keys.add(store.key(Length(), sample, fitted_ids=["a"]))
    keys.add(store.key(Length(), sample, fitted_ids=["a", "b"]))
    monkeypatch.setattr(Length, "version", 2)
    keys.add(store.key(Length(), sample))
    assert len(keys) == 6
    monkeypatch.undo()
    same = replace(sample, id="other", split="test", labels={"score": 1.0})
    assert store.key(Length(), same) == store.key(Length(), sample)
    assert store.key(Length(), sample, ["b", "a"]) == store.key(Length(), sample, ["a", "b"])
    assert store.key(Length(), Sample("1")) is None


def test_editions_of_weights_tell_values_apart_and_absent_ones_leave_them_readable(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_this_machine(edition: str | None) -> None:
        def needs(self: Encoder) -> dict[str, str]:
            if edition is None:
                raise WeightsError("expected weights, found none")
            return {"w": edition}

        monkeypatch.setattr(Length, "needs", needs)

    given = texts("one")
    for edition, asked in (("a" * 64, 1), ("a" * 64, 1), ("b" * 64, 2), (None, 2), ("a" * 64, 2), ("c" * 64, 3)):
        on_this_machine(edition)
        assert encode_all(given, Length(), Store(store.root))[0] is not None
        assert len(Length.asked) == asked, edition
    (status,) = store.status()
    assert status.entries == 3


def test_values_of_before_are_found_where_their_weights_are_absent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode_all(texts("one"), Length(), store)  # without weights, as keys were made before

    def absent(self: Encoder) -> dict[str, str]:
        raise WeightsError("expected weights, found none")

    monkeypatch.setattr(Length, "needs", absent)
    encode_all(texts("one"), Length(), store)
    assert Length.asked == ["s0"]


def test_a_files_content_counts_not_its_name(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"one")
    (tmp_path / "b.bin").write_bytes(b"one")
    encoder = audio_mfcc.ENCODER()

    def key(name: str, **changes: Any) -> str | None:
        return store.key(encoder, Sample("x", audio=tmp_path / name, **changes))

    assert key("a.bin") == key("b.bin") == store.key(encoder, Sample("x", audio=str(tmp_path / "a.bin")))
    assert store.key(encoder, Sample("x", audio=b"one")) == key("a.bin")
    assert len({key("a.bin"), key("a.bin", start=1.0), key("a.bin", end=1.0), key("a.bin", start=1.0, end=2.0)}) == 4
    old = time.time() - 100
    os.utime(tmp_path / "a.bin", (old, old))
    before = key("a.bin")
    assert "a.bin" in (store.root / "files.tsv").read_text()
    assert Store(store.root).key(encoder, Sample("x", audio=tmp_path / "a.bin")) == before
    (tmp_path / "a.bin").write_bytes(b"two")  # other content, size and time
    assert key("a.bin") != before
    shown = Sample("x", image=picture(0))
    assert store.key(visual_hog.ENCODER(), shown) != store.key(visual_hog.ENCODER(), Sample("x", image=picture(1)))
    one, two = (Sample("x", series={"audio": np.full((2, 2), v, np.float32)}) for v in (0, 1))
    assert store.key(series.ENCODER(), one) != store.key(series.ENCODER(), two)


def test_a_torn_table_of_digests_is_passed_over(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"one")
    os.utime(file, (1e9, 1e9))
    encoder = audio_mfcc.ENCODER()
    before = store.key(encoder, Sample("x", audio=file))
    table = store.root / "files.tsv"
    line = table.read_bytes().strip()
    table.write_bytes(line[:30])  # killed in the middle of a line
    assert Store(store.root).key(encoder, Sample("x", audio=file)) == before
    assert line in table.read_bytes()


def test_a_file_that_settings_name_counts_by_content(store: Store, tmp_path: Path) -> None:
    sample, keys = Sample("1", text="good"), []
    for name, text in (("a.txt", "good 1 2"), ("b.txt", "good 1 2"), ("c.txt", "good 3 4")):
        (tmp_path / name).write_text(text)
        keys.append(store.key(text_vectors.ENCODER(text_vectors.Config(path=tmp_path / name)), sample))
    assert keys[0] == keys[1] != keys[2]


def test_a_bad_file_costs_only_itself(store: Store, tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(bytes(range(256)) * 40)
    given = [
        Sample("good", audio=vowel(0.3)),
        Sample("gone", audio=tmp_path / "none.wav"),
        Sample("noise", audio=tmp_path / "noise.wav"),
        Sample("none"),
    ]
    with pytest.warns(EncodeWarning, match="2 of 4 samples could not be encoded.*'gone'.*'noise'"):
        found = encode_all(given, audio_mfcc.ENCODER(), store)
    assert [v is not None for v in found] == [True, False, False, False]
    assert len(found.warnings) == 2
    assert "none.wav" in found.warnings[0]
    assert "noise.wav" in found.warnings[1]
    with pytest.warns(EncodeWarning, match="1 of 2"):
        encode_all(texts("bad", "good"), Length(), store)
    Length.asked.clear()
    with pytest.warns(EncodeWarning, match="'s0': expected good text"):
        encode_all(texts("bad", "good"), Length(), store)
    assert Length.asked == ["s0"]  # what failed is tried again


def test_damaged_entries_are_computed_again(store: Store) -> None:
    encode_all(texts("one", "three"), Length(), store)
    for path, damage in zip(sorted(store.root.rglob("*.npy")), (b"", b"\x93NUMPY\x01\x00v\x00{'descr'"), strict=True):
        path.write_bytes(damage)
    Length.asked.clear()
    assert [v[0, 0] for v in encode_all(texts("one", "three"), Length(), store)] == [3, 5]
    assert sorted(Length.asked) == ["s0", "s1"]


def test_processes_give_what_one_process_gives(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "noise.wav").write_bytes(bytes(range(256)) * 40)
    given = [Sample(f"v{i}", audio=vowel(0.2, 90 + 5 * i)) for i in range(17)]
    given += [Sample("bad", audio=tmp_path / "noise.wav"), Sample("open", audio=open_wave(tmp_path))]
    encoder = audio_mfcc.ENCODER(audio_mfcc.Config(deltas=0))
    with pytest.warns(EncodeWarning, match="1 of 19.*'bad'"):
        many = encode_all(given, encoder, store, workers=2)
    monkeypatch.setattr(encoding, "_pooled", None)
    with pytest.warns(EncodeWarning, match="1 of 19.*'bad'"):
        one = encode_all(given, encoder, Store(tmp_path / "other"), workers=1)
    for a, b in zip(many, one, strict=True):
        np.testing.assert_array_equal(a, b)
    assert sum(v is not None for v in many) == 18


def open_wave(folder: Path) -> Any:
    import wave

    with wave.open(str(folder / "a.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((vowel(0.2) * 32767).astype("<i2").tobytes())
    import io

    return io.BytesIO((folder / "a.wav").read_bytes())


def test_workers_that_die_leave_the_work_to_this_process(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures.process import BrokenProcessPool

    def dies(jobs: Any, *_: Any) -> Any:
        store.write("audio_mfcc", jobs[0][2], np.ones((1, 1), np.float32))
        yield jobs[0][0], None, None, None
        raise BrokenProcessPool

    monkeypatch.setattr(encoding, "_pooled", dies)
    given = [Sample(f"v{i}", audio=vowel(0.2, 90 + 5 * i)) for i in range(17)]
    with pytest.warns(EncodeWarning, match="ended early"):
        found = encode_all(given, audio_mfcc.ENCODER(), store, workers=2)
    assert found[0].shape == (1, 1)
    assert all(v.shape[1] == 60 for v in found[1:])


PROGRAM = """
import sys
from pathlib import Path
from demeanor.encoders import audio_mfcc
from demeanor.features.store import Store, encode_all
from demeanor.types import Sample
files = sorted(Path(sys.argv[1]).glob("*.wav"))
print("begun", flush=True)
encode_all([Sample(f.stem, audio=f) for f in files], audio_mfcc.ENCODER(), Store(sys.argv[2]), workers=1)
print("done", flush=True)
"""


def test_killed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    import wave

    for n in range(40):
        with wave.open(str(sounds / f"{n:02d}.wav"), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(16_000)
            out.writeframes((vowel(3.0, 90 + n) * 32767).astype("<i2").tobytes())
    store = Store(tmp_path / "store")
    kills = 0
    for stored in (3, 9, 15):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(sounds), str(store.root)], stdout=subprocess.PIPE
        ) as running:
            until = time.time() + 120
            while running.poll() is None and time.time() < until:
                if len(list(store.root.rglob("*.npy"))) >= stored:
                    running.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.002)
            kills += running.wait() == -signal.SIGKILL
    assert kills >= 1
    there = list(store.root.rglob("*.npy"))
    assert len(there) < 40
    for path in there:
        assert np.isfinite(np.load(path, allow_pickle=False)).all()  # none is half written
    marks = {p: p.stat().st_mtime_ns for p in there}
    given = [Sample(f.stem, audio=f) for f in sorted(sounds.glob("*.wav"))]
    found = encode_all(given, audio_mfcc.ENCODER(), store, workers=1)
    fresh = encode_all(given, audio_mfcc.ENCODER(), Store(tmp_path / "fresh"), workers=1)
    for a, b in zip(found, fresh, strict=True):
        np.testing.assert_array_equal(a, b)
    assert {p: p.stat().st_mtime_ns for p in there} == marks  # what was there is not computed again


def test_part_files_of_the_killed_are_swept(store: Store) -> None:
    encode_all(texts("one"), Length(), store)
    folder = next(store.root.rglob("*.npy")).parent
    (folder / ".part-old").write_bytes(b"x")
    (folder / ".part-new").write_bytes(b"x")
    os.utime(folder / ".part-old", (1e9, 1e9))
    key = next(folder.glob("*.npy")).stem
    store.write("test_store", key, np.ones(1))
    assert sorted(p.name for p in folder.glob(".part-*")) == [".part-new"]


def test_several_processes_fill_one_store(tmp_path: Path) -> None:
    program = """
import sys
from demeanor.encoders import text_tokens
from demeanor.features.store import Store, encode_all
from demeanor.types import Sample
samples = [Sample(str(i), text=f"text number {i}") for i in range(200)]
found = encode_all(samples, text_tokens.ENCODER(), Store(sys.argv[1]))
print(sum(int(v.sum()) for v in found))
"""
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "store")], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [p.communicate()[0].strip() for p in running]
    assert [p.returncode for p in running] == [0, 0, 0]
    assert len(set(said)) == 1
    (status,) = Store(tmp_path / "store").status()
    assert status.entries == 200


def test_a_fitted_encoder_is_stored_with_its_ids(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    given = samples()
    first, ids = fitted(text_tfidf.ENCODER(text_tfidf.Config(min_count=1)), given[:4], store)
    assert ids == ("s0", "s1", "s2", "s3")
    values = encode_all(given, first, store, fitted_ids=ids)

    def refuse(*_: Any) -> None:
        raise AssertionError("it is fitted again")

    monkeypatch.setattr(text_tfidf.TfIdf, "fit", refuse)
    again, same = fitted(text_tfidf.ENCODER(text_tfidf.Config(min_count=1)), given[3::-1], store)
    assert same == ids
    monkeypatch.setattr(text_tfidf.TfIdf, "encode", refuse)
    for a, b in zip(values, encode_all(given, again, store, fitted_ids=same), strict=True):
        np.testing.assert_array_equal(a, b)
    monkeypatch.undo()
    other, other_ids = fitted(text_tfidf.ENCODER(text_tfidf.Config(min_count=1)), given[:3], store)
    assert store.key(other, given[5], other_ids) != store.key(first, given[5], ids)
    status = {s.encoder: s for s in store.status()}["text_tfidf"]
    assert (status.entries, status.fitted) == (8, 2)
    assert status.bytes == sum(p.stat().st_size for p in (store.root / "text_tfidf").rglob("*.np[yz]"))


def test_two_data_sets_that_share_their_ids_share_nothing_else(store: Store) -> None:
    one = [Sample(str(i), text=t) for i, t in enumerate(TEXTS)]
    two = [Sample(str(i), text=t[::-1]) for i, t in enumerate(TEXTS)]
    a, ids_a = fitted(text_bag.ENCODER(text_bag.Config(min_count=1)), one, store)
    b, ids_b = fitted(text_bag.ENCODER(text_bag.Config(min_count=1)), two, store)
    assert ids_a == ids_b
    assert list(a.state()["terms"]) != list(b.state()["terms"])
    assert store.key(a, one[0], ids_a) != store.key(b, one[0], ids_b)


def test_nothing_to_learn_from_and_nothing_to_learn(store: Store) -> None:
    with pytest.raises(ConfigError, match="text_bag: expected training samples with text, got 2 without"):
        fitted(text_bag.ENCODER(), [Sample("a"), Sample("b")], store)
    encoder = Length()
    assert fitted(encoder, texts("one"), store) == (encoder, ())


def test_a_leak_is_refused() -> None:
    refuse_leak(["a", "b"], {"c", "d"})
    with pytest.raises(ConfigError, match=r"2 of the validation or test samples \(b, c\)"):
        refuse_leak(["a", "b", "c"], {"c", "b"})
    with pytest.raises(ConfigError, match=r"i0, i1, i10, i11, i12 …\)"):
        refuse_leak([f"i{n}" for n in range(20)], {f"i{n}" for n in range(20)})


def test_the_root_is_the_environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEMEANOR_FEATURES", str(tmp_path / "here"))
    assert Store().root == tmp_path / "here"
    monkeypatch.delenv("DEMEANOR_FEATURES")
    monkeypatch.setenv("DEMEANOR_CACHE", str(tmp_path / "cache"))
    assert Store().root == tmp_path / "cache" / "features"
    assert Store().status() == []


def test_progress_is_shown_where_it_is_asked_for(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    encode_all(texts("one"), Length(), store, progress=True)
    assert "test_store" in capsys.readouterr().err
    encode_all(texts("two"), Length(), store, progress=False)
    assert capsys.readouterr().err == ""
