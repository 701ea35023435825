import pytest

import compare
from demo.generate_demo_data import generate
from tests.support.fake_scripts import FakeScripts


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.setattr(FakeScripts, "calls", [], raising=False)
    monkeypatch.setattr(FakeScripts, "used", {"keras": "3.0"}, raising=False)
    monkeypatch.setattr(FakeScripts, "failing", (), raising=False)
    monkeypatch.setattr(FakeScripts, "stop_after", 0, raising=False)
    monkeypatch.setattr(compare, "Scripts", FakeScripts)
    return FakeScripts


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name in ("fashion_iq", "fashion_iq_tuning"):
        generate(folder, name, triplets=20)
    return folder / "fashion_iq"
