"""The index's features are extraction's: bit for bit those of lossless pictures, nearly those of
JPEGs, and bit for bit the same whatever stands beside them in a batch."""

import numpy as np
import pytest
from PIL import Image

from catalogue.encoding import Encoding
from checkpointing.run import load_trained_model
from command_line.errors import InputError
from datasets.images import load, read_picture
from evaluation.encoder import Encoder
from index_catalogue import main
from tests.support.small_catalogue import vectors, write_picture
from tests.support.small_run import CAPTIONS, write_run


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    sizes = [(60 + seed, 90 - seed) for seed in range(40)]
    names = [f"{n}.{'jpg' if n % 2 else 'png'}" for n in range(40)]
    return [write_picture(folder / name, n, sizes[n]) for n, name in enumerate(names)]


def test_indexed_features_are_those_of_extraction(tmp_path, run, pictures, capsys):
    folder = pictures[0].parent
    (folder / "5 broken.jpg").write_bytes(pictures[5].read_bytes()[:700])
    Image.new("L", (1001, 1000)).save(folder / "large.png")
    flags = [f"--checkpoint_dir={run}", f"--image_dir={folder}", f"--index_dir={tmp_path}"]
    main([*flags, "--most_megapixels=1"])
    out = capsys.readouterr().out
    assert "broken: 5 broken.jpg: truncated or corrupt" in out and "40 images" in out
    assert "broken: large.png: over 1 megapixels" in out
    model, config, _, _ = load_trained_model(run)
    order = np.random.default_rng(0).permutation(40)
    encoder, paths = Encoder(model, config, 32, progress=False), [pictures[n] for n in order]
    extracted, found = encoder.features([], [], paths)[1], vectors(tmp_path)
    shuffled = np.concatenate([rows for _, rows in encoder.gallery_batches(paths, read_picture)])
    for path, row, same in zip(paths, extracted, shuffled, strict=True):
        assert np.array_equal(found[path.name], same)
        assert np.linalg.norm(same - row) <= (path.suffix == ".jpg") * 0.05 * np.linalg.norm(row)
    main(flags)  # what another limit lets in is tried again, what is broken is not
    assert "1 files looked into, 1 encoded" in capsys.readouterr().out
    main(flags)
    assert "0 files looked into" in capsys.readouterr().out


def test_rotated_photographs_are_encoded_as_they_are_seen(tmp_path, encoding, pictures):
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(pictures[3]) as image:
        image.save(tmp_path / "seen.png")
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    seen, turned = (tmp_path / "seen.png").read_bytes(), (tmp_path / "turned.png").read_bytes()
    assert np.array_equal(encoding.query(seen), encoding.query(turned))


def test_one_query_is_the_models(run, encoding, pictures):
    model, config, vocabulary, _ = load_trained_model(run)
    image = load(str(pictures[0]), 64, False)[None]
    words = np.array([vocabulary.encode(CAPTIONS[0], 64)], np.int32)
    composed = model.query_features(image, words, np.array([words.size], np.int32))[0]
    content = pictures[0].read_bytes()
    np.testing.assert_allclose(encoding.query(content, CAPTIONS[0]), composed, atol=1e-6)
    single = model.gallery_features(image)[0]
    np.testing.assert_allclose(encoding.query(content), single, atol=1e-6)
    assert not np.allclose(single, composed, atol=1e-3)


@pytest.mark.parametrize("composition", ["artemis", "image_only", "text_only"])
def test_a_model_without_a_query_vector_is_refused(tmp_path, composition):
    write_run(tmp_path, composition=composition)
    with pytest.raises(InputError, match="--checkpoint_dir: this composition"):
        Encoding(str(tmp_path), "model.ckpt-7")
