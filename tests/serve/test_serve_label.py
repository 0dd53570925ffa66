"""A labelling task beside the service: told to who may ask, for this machine alone, gone with the service."""

import json
import urllib.request
from pathlib import Path

import pytest

from demeanor.errors import ConfigError
from demeanor.label.task import create_task
from demeanor.serve.keys import new_key
from demeanor.serve.settings import Settings
from demeanor.types import Sample
from serve_calls import TestClient, app_client, served, with_bundle

ADDRESS = "http://127.0.0.1:1/token/"


@with_bundle
def test_there_is_none_unless_asked_for(client: TestClient) -> None:
    assert client.get("/health").json()["label"] is False
    assert client.get("/v1/label").json() == {"url": None}


@with_bundle
def test_its_address_is_told_to_who_has_a_key(tmp_path: Path) -> None:
    key = {"Authorization": f"Bearer {new_key(tmp_path / 'keys', 'ann')}"}
    with app_client(tmp_path / "s", keys=tmp_path / "keys", label=ADDRESS) as client:
        told = client.get("/health")
        assert told.json()["label"] is True
        assert ADDRESS not in told.text
        assert client.get("/v1/label").status_code == 401
        assert client.get("/v1/label", headers=key).json() == {"url": ADDRESS}


def test_only_a_service_of_this_machine_leads_to_it(tmp_path: Path) -> None:
    new_key(tmp_path / "keys", "ann")
    with pytest.raises(ConfigError, match="this machine alone"):
        Settings(host="0.0.0.0", keys=tmp_path / "keys", label=ADDRESS).check()


@with_bundle
def test_the_task_is_served_and_ends_with_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = create_task(tmp_path / "soup", [Sample("a", text="The soup was cold.")], ["polarity"])
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with served(tmp_path / "s", "--label", str(task.folder)) as service:
        with urllib.request.urlopen(f"{service.url}/v1/label", timeout=60) as answer:
            url = json.load(answer)["url"]
        with urllib.request.urlopen(f"{url}api/task", timeout=60) as answer:
            assert json.load(answer)["name"] == "soup"
        assert list(tmp_path.glob("demeanor-label-*"))
    assert not list(tmp_path.glob("demeanor-label-*")), "converted media go with it"
