"""How far a reading has come."""

from pathlib import Path

import demeanor
from demeanor.reader.progress import tell, watched
from reader_fakes import fake_reader, talking


def test_a_film_tells_how_far_its_pictures_and_its_sound_are(tmp_path: Path) -> None:
    film = talking(tmp_path / "film.mp4", [(2.0, 220.0, 0.1), (1.0, None, 0.0), (2.0, 120.0, 0.5)])
    told: list[tuple[str, float]] = []
    with watched(lambda step, part: told.append((step, part))):
        fake_reader().analyze(film)
    for step in ("pictures", "sound"):
        parts = [part for name, part in told if name == step]
        assert parts == sorted(parts)
        assert 0.5 < parts[-1] <= 1


def test_a_text_of_many_sentences_tells_how_much_is_read() -> None:
    told: list[tuple[str, float]] = []
    with watched(lambda step, part: told.append((step, part))):
        demeanor.load().analyze(text=" ".join(f"Number {i} was a good day for all of us." for i in range(120)))
    parts = [part for name, part in told if name == "words"]
    assert parts == sorted(parts)
    assert len(parts) > 2
    assert parts[-1] == 1


def test_nobody_watches_or_the_length_is_not_known() -> None:
    tell("sound", 1.0, 2.0)
    told: list[tuple[str, float]] = []
    with watched(lambda step, part: told.append((step, part))):
        tell("sound", 1.0, None)
        tell("sound", 3.0, 2.0)
    tell("sound", 1.0, 2.0)
    assert told == [("sound", 1.0)]
