import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import demeanor
from demeanor.errors import DecodeError, InputError
from demeanor.reader.reader import Reader
from demeanor.types import Evidence, Reading
from reader_fakes import FakeExperts, fake_reader, picture

SKY = np.full((120, 160, 3), (90, 140, 235), np.uint8)


def test_faces_and_scene() -> None:
    a = fake_reader().analyze(picture([(20, 20, 60, "bright"), (200, 40, 80, "dark")]))
    assert (a.kind, a.duration, a.language, a.missing) == ("image", None, None, ("words", "voice"))
    (segment,) = a.segments
    assert segment.start is None
    assert segment.chars is None
    assert [f.id for f in segment.faces] == ["F1", "F2"]
    x, y, w, h = segment.faces[1].box  # the smaller one
    assert (x, y, w, h) == pytest.approx((20 / 320, 20 / 240, 60 / 320, 60 / 240), abs=0.01)
    labels = [f.reading.sentiment.label for f in segment.faces if f.reading and f.reading.sentiment]
    assert labels == ["negative", "positive"]
    assert segment.faces[0].reading is not None
    assert segment.faces[0].reading.weight is None
    assert set(a.cues) == {"face", "scene"}
    assert sum(c.weight or 0 for c in a.cues.values()) == pytest.approx(1)
    assert [p.faces for p in a.people] == [("F1",), ("F2",)]
    assert a.media is not None
    assert a.media.picture is not None


def test_a_picture_that_is_only_a_face_has_no_scene() -> None:
    a = fake_reader().analyze(picture([(2, 2, 44, "bright")], 48, 48))
    assert set(a.cues) == {"face"}
    assert a.missing == ("words", "voice", "scene")
    assert any("hardly more than a face" in w for w in a.warnings)


def test_a_post() -> None:
    a = fake_reader().analyze(text="今天的天气真好", image=SKY)
    assert (a.kind, a.id, a.language) == ("mixed", "mixed", "zh")
    assert set(a.cues) == {"words", "scene"}
    assert [s.chars for s in a.segments] == [(0, 7), None]
    assert a.overall.sentiment is not None
    assert a.overall.sentiment.label == "positive"
    shares = sum(c.share or 0 for c in a.cues.values())
    assert shares == pytest.approx(a.overall.sentiment.score, abs=1e-6)


def test_a_post_is_fused_jointly_and_its_parts_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    experts = FakeExperts()
    seen: list[tuple[set[str], bool]] = []
    plain = experts.fuse

    def fuse(evidence: Mapping[str, Evidence], *, joint: bool = False) -> tuple[Reading, dict[str, Reading]]:
        seen.append((set(evidence), joint))
        return plain(evidence)

    monkeypatch.setattr(experts, "fuse", fuse)
    Reader(experts).analyze(text="I love it", image=SKY)
    assert seen == [({"words"}, False), ({"scene"}, False), ({"words", "scene"}, True)]


def test_a_picture_with_a_text_that_says_nothing_is_read_as_the_picture() -> None:
    reader = demeanor.load("base", threads=1)
    sky = Path(__file__).parents[2] / "demo" / "sky.jpg"
    post, alone = reader.analyze(text="10/10", image=sky), reader.analyze(image=sky)
    assert post.cues["words"].abstain
    assert post.cues["words"].weight == 0.0
    assert post.cues["scene"] == replace(post.overall, weight=1.0, share=post.cues["scene"].share)
    assert post.overall == alone.overall
    assert post.cues["scene"] == alone.cues["scene"]


def test_a_damaged_picture_costs_its_own_cues_only(tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(50))
    a = fake_reader().analyze(text="I love it", image=path)
    assert set(a.cues) == {"words"}
    assert any("broken.jpg" in w for w in a.warnings)
    with pytest.raises(DecodeError, match=r"broken\.jpg"):
        fake_reader().analyze(image=path)
    with pytest.raises(InputError, match="no such file"):
        fake_reader().analyze(text="I love it", image=tmp_path / "missing.jpg")


def test_a_black_picture_still_has_a_scene() -> None:
    a = fake_reader().analyze(np.zeros((64, 96, 3), np.uint8))
    assert set(a.cues) == {"scene"}


@pytest.mark.parametrize(
    ("cues", "present"),
    [("words", {"words"}), ("face", set()), ("scene", {"scene"}), ("words,scene", {"words", "scene"})],
)
def test_only_the_cues_wanted(cues: str, present: set[str]) -> None:
    a = fake_reader().analyze(text="I love it", image=SKY, cues=cues)
    assert set(a.cues) == present
    assert set(a.missing) == {"words", "voice", "face", "scene"} - present


def test_a_real_face_of_48_pixels(shared: Path) -> None:
    from demeanor.media.faces import FaceFinder

    experts = FakeExperts()
    experts._loaded["finder"] = FaceFinder()
    with zipfile.ZipFile(shared / "data" / "fer2013_train_validation.zip") as archive:
        names = [n for n in archive.namelist() if n.endswith(".jpg")][::3000]
        faces = [Image.open(io.BytesIO(archive.read(n))).copy() for n in names]
    found = [Reader(experts).analyze(image=face) for face in faces]
    assert sum(set(a.cues) == {"face"} for a in found) >= len(found) - 1
