"""Training images resized once."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line.errors import InputError
from config import make_config
from datasets.image_cache import read_cached
from datasets.images import resize
from training.batches import Example, input_pipeline


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png", pixels


@pytest.fixture
def read(tmp_path):
    """read_cached with a folder of this test."""
    return lambda path, size=16, decoder="tensorflow": read_cached(
        tmp_path / "cache", size, False, decoder, path
    )


def cached_files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def test_first_and_later_reads_agree_with_the_image(tmp_path, picture, read):
    path, pixels = picture
    first = read(os.fsencode(path))
    (file,) = cached_files(tmp_path / "cache")
    later = read(os.fsencode(path))
    exact = resize(pixels, (16, 16), False).numpy()
    assert first.dtype == later.dtype == np.uint8
    np.testing.assert_array_equal(first, later)
    np.testing.assert_allclose(first / 127.5 - 1, exact, atol=0.5 / 127.5 + 1e-6)
    np.save(file, 255 - first)  # that later reads come from the file
    np.testing.assert_array_equal(read(path), 255 - first)


def test_a_changed_image_or_size_is_read_anew(picture, read):
    path, pixels = picture
    first = read(path)
    assert read(path, size=20).shape == (20, 20, 3)
    Image.fromarray(255 - pixels).save(path)
    os.utime(path, (1, 1))
    assert np.abs(read(path) - (255.0 - first)).max() <= 1


def test_another_decoder_has_files_of_its_own(tmp_path, read):
    path, cut_out = tmp_path / "a.png", Image.new("RGBA", (9, 9), (0, 0, 0, 0))
    cut_out.save(path)
    for decoder, value in (("tensorflow", 0), ("pillow", 255), ("tensorflow", 0)):
        assert np.all(read(path, decoder=decoder) == value)
    assert len(cached_files(tmp_path / "cache")) == 2


def test_a_cut_off_file_is_made_anew(tmp_path, picture, read):
    first = read(picture[0])
    (file,) = cached_files(tmp_path / "cache")
    for kept in (b"", file.read_bytes()[:-7]):
        file.write_bytes(kept)
        np.testing.assert_array_equal(read(picture[0]), first)
    assert cached_files(tmp_path / "cache") == [file]


def test_errors_name_the_image_or_the_cache(tmp_path, picture, read):
    with pytest.raises(InputError, match="gone.jpg"):
        read(tmp_path / "gone.jpg")
    (tmp_path / "cache").write_text("")
    with pytest.raises(InputError, match=f"{tmp_path}/cache.*image_cache"):
        read(picture[0])


def test_training_batches_come_from_the_cache(tmp_path, picture, capsys):
    """With it: the same batches but for rounding, the second time out of the cache's files."""
    path, _ = picture
    examples = [Example(str(path), str(path), [2])] * 2
    settings = {"dataset": "shoes", "image_size": 32, "batch_size": 2, "crop_from": 0}

    def references(**more):
        config = make_config(**settings, **more)
        dataset = input_pipeline(config, lambda epoch: examples, 0, 0, [slice(0, 2)])
        return next(iter(dataset))["references"].numpy()

    exact = references()
    assert capsys.readouterr().out == ""
    cache = tmp_path / "cache"
    for _ in range(2):
        rounded = references(image_cache=str(cache))
        np.testing.assert_allclose(rounded, exact, atol=0.5 / 127.5 + 1e-6)
        assert "32 x 32 px, rounded to uint8" in capsys.readouterr().out
    (file,) = cached_files(cache)
    np.save(file, np.zeros((32, 32, 3), np.uint8))
    assert np.all(references(image_cache=str(cache)) == -1)
