import pytest

from tests.support.shallow import make_shallow
from tests.support.small_training import draw_examples


@pytest.fixture
def shallow(monkeypatch):
    make_shallow(monkeypatch)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Two batches of four, and two."""
    return draw_examples(tmp_path_factory.mktemp("images"), 12, (24, 20))[:10]
