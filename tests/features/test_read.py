"""What a run file names is found, and what it misspells is named with what is near."""

from pathlib import Path

import numpy as np
import pytest

from demeanor.encoders import text_tfidf, text_vectors
from demeanor.errors import ConfigError, UnknownNameError
from demeanor.features.read import encoders_of, samples_of
from demeanor.types import Sample


def test_encoders_with_settings_by_modality() -> None:
    found = encoders_of(
        {
            "text": {"name": "text_tfidf", "n_grams": [1, 3]},
            "voice": {"name": "series"},
            "au": {"name": "series", "key": "x"},
        }
    )
    assert isinstance(found["text"].config, text_tfidf.Config)
    assert found["text"].config.n_grams == (1, 3)
    sample = Sample("1", series={"voice": np.ones((2, 3), np.float32), "x": np.zeros(4, np.float32)})
    assert found["voice"].encode(sample).shape == (2, 3)
    assert found["au"].encode(sample).shape == (1, 4)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"text": {}}, "expected a key name"),
        ({"text": {"name": "text_tfidf", "ngrams": [1, 2]}}, "unknown setting 'ngrams'; did you mean n_grams"),
        ({"text": {"name": "text_tfidf", "min_count": 0}}, "encoders.text: min_count: .*got 0"),
        ({"text": {"name": "text_hf"}}, "encoders.text: model: Field required"),
        ({"face": {"name": "visual_hog", "size": 8, "cell": 8}}, "encoders.face"),
    ],
)
def test_wrong_encoders(spec: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        encoders_of(spec)


def test_an_unknown_encoder_lists_the_near() -> None:
    with pytest.raises(UnknownNameError, match="text_tfidf"):
        encoders_of({"text": {"name": "tfidf"}})


def test_files_are_looked_for_below_the_data(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("")  # a folder's name that is a setting's value stays a value
    (tmp_path / "v.txt").write_text("good 1 2\n")
    found = encoders_of({"text": {"name": "text_vectors", "path": "v.txt", "stop_words": "none"}}, tmp_path)["text"]
    assert isinstance(found.config, text_vectors.Config)
    assert found.config.path == tmp_path / "v.txt"
    assert found.config.stop_words == "none"


def test_samples_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text,label_score\na,good,1\nb,bad,-1\n")
    found = samples_of({"dataset": "table", "root": "t.csv", "valid": 0.2, "protocol": "own"}, tmp_path)
    assert [s.id for s in found] == ["a", "b"]
    with pytest.raises(ConfigError, match="no option 'manifst'; did you mean manifest"):
        samples_of({"dataset": "table", "root": "t.csv", "manifst": "x"}, tmp_path)
    with pytest.raises(ConfigError, match="expected a key dataset"):
        samples_of({}, tmp_path)
    with pytest.raises(UnknownNameError, match="table"):
        samples_of({"dataset": "tabel"}, tmp_path)
