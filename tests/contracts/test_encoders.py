"""One suite over every encoder that runs without torch; tests/lab has the others."""

from pathlib import Path

import pytest

import encoder_contract as contract
from demeanor import plugins
from encoder_samples import NEED_GRAPH, NEED_TORCH, SETTINGS

NAMES = [name for name in plugins.names("encoders") if name not in (*NEED_TORCH, *NEED_GRAPH)]


def settings(name: str) -> dict[str, object]:
    return dict(SETTINGS.get(name, {}))


@pytest.mark.parametrize("name", NAMES)
def test_same_numbers_twice(name: str) -> None:
    contract.same_numbers_twice(name, settings(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_part_is_none(name: str) -> None:
    contract.missing_part_is_none(name, settings(name))


@pytest.mark.parametrize("name", NAMES)
def test_poor_input_is_finite(name: str) -> None:
    contract.poor_input_is_finite(name, settings(name))


@pytest.mark.parametrize("name", NAMES)
def test_unknown_settings_fail(name: str) -> None:
    contract.unknown_settings_fail(name, settings(name))


@pytest.mark.parametrize("name", NAMES)
def test_what_was_learned_survives_a_file(name: str, tmp_path: Path) -> None:
    contract.learning_round_trip(name, settings(name), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_film_is_read_in_its_own_time(name: str) -> None:
    contract.film_is_read(name, settings(name))


@pytest.mark.parametrize("name", NAMES)
def test_only_what_it_reads_counts(name: str) -> None:
    contract.only_what_it_reads_counts(name, settings(name))


def test_every_encoder_is_covered() -> None:
    assert {*NAMES, *NEED_TORCH, *NEED_GRAPH} == set(plugins.names("encoders"))
    for name in NAMES:
        assert contract.build(name, settings(name)).modality in (name.partition("_")[0], "series")
