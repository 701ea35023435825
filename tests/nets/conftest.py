import pytest

from tests.support.shallow import make_shallow


@pytest.fixture(autouse=True)
def shallow(monkeypatch):
    make_shallow(monkeypatch)
