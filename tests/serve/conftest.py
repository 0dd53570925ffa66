"""One app for all tests of a module that do not need settings of their own."""

from collections.abc import Iterator

import pytest

from serve_calls import TestClient, app_client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with app_client(tmp_path_factory.mktemp("serve") / "state") as found:
        yield found
