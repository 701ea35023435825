import pytest

from tests.support.shallow import make_shallow


@pytest.fixture
def shallow(monkeypatch):
    make_shallow(monkeypatch)
