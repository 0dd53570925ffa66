from pathlib import Path

import pytest

from dataset_trees import build, write
from demeanor.datasets import twitter1517
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import ConfigError
from demeanor.types import Sample

pytestmark = pytest.mark.filterwarnings("ignore::demeanor.datasets._gaps.DataWarning")


def test_targets_are_in_place_and_tweets_stay_together(tmp_path: Path) -> None:
    samples = twitter1517.read(build("twitter1517", tmp_path))
    first, second, valid, test = samples
    assert first.text == 'Justin says "hi to all fans'
    assert first.labels == {"polarity": "positive", "target": "Justin"}
    assert second.labels == {"polarity": "negative", "target": "fans"}
    assert first.group == second.group != valid.group
    assert first.image == tmp_path / "twitter2015_images/17_06_1.jpg"
    assert (valid.split, valid.labels["polarity"], test.split) == ("valid", "neutral", "test")


def test_a_missing_picture_stays_missing(tmp_path: Path) -> None:
    root = build("twitter1517", tmp_path)
    with pytest.warns(DataWarning, match=r"1 × no picture: text alone \(2017-test-0\)"):
        samples = twitter1517.read(root, year=2017)
    assert samples[-1].image is None
    assert samples[-1].group == "twitter2017:17_06_3.jpg"


def test_the_other_form_of_the_files_reads_the_same(tmp_path: Path) -> None:
    root = build("twitter1517", tmp_path)
    from_tabs = twitter1517.read(root)
    for part in ("train", "dev", "test"):
        path = root / "twitter2015" / f"{part}.tsv"
        blocks = []
        for line in path.read_text().splitlines()[1:]:
            _, label, image, tweet, target = line.split("\t")
            blocks.append(f"{tweet}\n{target}\n{int(label) - 1}\n{image}\n")
        write(path.with_suffix(".txt"), "".join(blocks))
        path.unlink()
    assert [facts(s) for s in twitter1517.read(root)] == [facts(s) for s in from_tabs]


def facts(sample: Sample) -> tuple[object, ...]:
    return sample.id, sample.text, dict(sample.labels), sample.image


def test_there_are_two_years(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one of 2015, 2017, got '2016'"):
        twitter1517.read(tmp_path, year=2016)


def test_a_line_without_a_label_is_counted(tmp_path: Path) -> None:
    root = build("twitter1517", tmp_path)
    table = root / "twitter2015" / "dev.tsv"
    table.write_text(table.read_text() + "2\t7\t17_06_2.jpg\thm $T$\tx\n3\t1\t17_\n")
    with pytest.warns(DataWarning, match=r"line without label or tweet, skipped \(2015-dev-1, 2015-dev-2\)"):
        twitter1517.read(root)
