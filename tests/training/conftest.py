import pytest


@pytest.fixture
def shallow(monkeypatch):
    """MobileNet with 5 blocks in place of 13, the same kinds of layer and the same maps: for tests
    of training that trace it several times."""
    blocks = [(64, 2), (128, 2), (512, 2), (512, 1), (1024, 2)]
    monkeypatch.setattr("nets.mobilenet_v1.BLOCKS", blocks)
    monkeypatch.setattr("nets.mobilenet_v1.LEVELS", (3, 4, 5))
