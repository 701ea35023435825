import pytest

import compare
from demo.generate_demo_data import generate
from tests.support.fake_scripts import FakeScripts


@pytest.fixture
def scripts(monkeypatch):
    fresh = dict(calls=[], used={"keras": "3.0"}, failing=(), stop_after=0)
    for name, value in fresh.items():
        monkeypatch.setattr(FakeScripts, name, value, raising=False)
    monkeypatch.setattr(compare, "Scripts", FakeScripts)
    return FakeScripts


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name in ("fashion_iq", "fashion_iq_tuning"):
        generate(folder, name, triplets=20)
    return folder / "fashion_iq"
