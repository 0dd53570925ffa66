"""The lab's tests need torch; elsewhere they are skipped with a message."""

import pytest

pytest.importorskip("torch", reason="the lab's tests run in .venv-lab (make test)")
