"""Keys of JSON objects that hold personal data."""

import json
from pathlib import Path

from test_privacy_analysis import analysis, segment

from demeanor.privacy.analysis import redact_analysis, redact_json
from demeanor.privacy.spans import Pseudonyms
from demeanor.reader.redact import redact


def test_keys_with_mail_phones_and_known_names_are_numbered() -> None:
    data = {"a@x.org": {"Ann_Lee": 1}, "b@x.org": 2, "+1 212-555-0187": {"Ann Lee": 3}, "plain key": "a@x.org"}
    done, counts = redact_json(data, names=["Ann Lee"])
    assert done == {"[MAIL 1]": {"[NAME 1]": 1}, "[MAIL 2]": 2, "[PHONE 1]": {"[NAME 1]": 3}, "plain key": "[MAIL]"}
    assert counts == {"MAIL": 3, "NAME": 2, "PHONE": 1}


def test_no_two_keys_become_one() -> None:
    data = {"a@x.org": 1, "A@X.org": 2, "[MAIL 1]": 3, "Ann Lee": 4, "ann@x.org, Ann Lee": 5, "Ann_Lee": 6}
    for marks in (None, Pseudonyms(), Pseudonyms(key=b"k")):
        done, _ = redact_json(data, names=["Ann Lee"], pseudonyms=marks)
        assert list(done.values()) == [1, 2, 3, 4, 5, 6]
        assert done["[MAIL 1]"] == 3
        assert not any("x.org" in key.lower() or "Ann" in key for key in done)


def test_a_speaker_who_is_a_key_is_the_same_number() -> None:
    data = [{"speaker": "Bob", "text": "hi Bob"}, {"Bob": {"turns": 3}, "segments": [{"text": "x", "a@x.org": 1}]}]
    done, _ = redact_json(data)
    assert done[0] == {"speaker": "S1", "text": "hi [NAME]"}
    assert done[1] == {"S1": {"turns": 3}, "segments": [{"text": "x", "[MAIL 1]": 1}]}
    turns = {"Bob_score": 1, "score of Bob": 2, "Ann": 3}
    marks = redact_json([{"speaker": "Bob", "of": turns}], names=["Ann"])[0][0]
    assert marks == {"speaker": "S1", "of": {"S1_score": 1, "score of S1": 2, "[NAME 1]": 3}}


def test_keys_of_the_programs_own_schemas_stay() -> None:
    own = ["text", "joy", "speaker", "words", "path", "labels", "schema", "segments"]
    said = analysis([segment("I love it", 0.0, 1.0)], sample={"speaker": "joy", "labels": {"joy": 1.0, "a@x.org": 2}})
    done = redact_analysis(said, names=own).data
    assert done.keys() == said.keys()
    assert done["sample"]["labels"] == {"joy": 1.0, "[MAIL 1]": 2}
    why = {"schema": "demeanor.explanation/1", "segments": [{"text": "Joy", "joy": {"path": 1}}]}
    assert redact_json(why, names=own)[0]["segments"][0].keys() == {"text", "joy"}


def test_keys_of_json_lines(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"a@x.org": 1}\n{"b@x.org": 1}\n{"a@x.org": 2}\n', encoding="utf-8")
    redact(source, tmp_path / "b.jsonl")
    lines = (tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"[MAIL 1]": 1}, {"[MAIL 2]": 1}, {"[MAIL 1]": 2}]
