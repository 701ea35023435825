"""A tiny trained run, and a folder of pictures."""

import pytest

from tests.support.small_catalogue import write_picture
from tests.support.small_run import write_run


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    write_run(folder)
    return folder


@pytest.fixture
def photos(tmp_path):
    """Eleven pictures of every kind in folders, and a text."""
    folder = tmp_path / "photos"
    for seed, suffix in enumerate(("jpg", "png", "webp", "gif", "bmp", "jpeg", "JPG")):
        write_picture(folder / f"{suffix}.{suffix}", seed)
    for seed in range(4):
        write_picture(folder / "dresses" / "long" / f"{seed}.png", 10 + seed)
    (folder / "notes.txt").write_text("no picture")
    return folder
