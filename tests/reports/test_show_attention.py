"""The attention sheet: maps as the formulas give them, queries by rule, refusals by name."""

import numpy as np
import pytest
from PIL import Image

from checkpointing.published_names import named_variables
from command_line.errors import InputError
from config import make_config
from datasets.records import Query
from reports import show_attention
from tests.support.shallow import make_shallow
from tests.support.small_data import write
from tests.support.small_run import CAPTIONS, drawn_model, write_run


@pytest.fixture
def folder(tmp_path):
    """A Shoes data set of three queries; the third has no reference image."""
    names = [f"img_womens_boots_{i}.jpg" for i in range(4)]
    entries = [
        {"ReferenceImageName": names[i], "ImageName": names[3], "RelativeCaption": caption}
        for i, caption in enumerate(CAPTIONS[:3])
    ]
    write(tmp_path / "relative_captions_shoes.json", entries)
    write(tmp_path / "train_im_names.txt", "img_womens_boots_9.jpg\n")
    write(tmp_path / "eval_im_names.txt", "\n".join(names) + "\n")
    images = tmp_path / "attributedata" / "womens_boots" / "0"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in names[:2]:
        pixels = rng.integers(0, 200, (90, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(images / name)
    return tmp_path


def expected_maps(model, level, image_map, text, top):
    """The formulas in NumPy: u, then the spatial gate and the mean attention of each head."""
    weights = {name: np.asarray(v) for name, v in named_variables(model).items()}
    scope = f"attention{level}"

    def normalised(x, name):
        gamma, beta, mean, variance = (
            weights[f"{scope}/{name}/BatchNorm/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        epsilon = 1e-5 if top == np.inf else 1e-3
        return np.clip((x - mean) / np.sqrt(variance + epsilon) * gamma + beta, 0, top)

    height, width, channels = image_map.shape
    tiled = np.broadcast_to(text, (height, width, len(text)))
    fused = np.concatenate([image_map, tiled], axis=-1) @ weights[f"{scope}/Conv/weights"][0, 0]
    fused = normalised(fused, "Conv")  # [H, W, C]
    kernel = weights[f"{scope}/Conv_2/weights"][..., 0, 0]
    before = (height - 1) // 2, (width - 1) // 2  # of SAME padding
    padded = np.zeros((2 * height - 1, 2 * width - 1))
    padded[before[0] :, before[1] :][:height, :width] = fused.mean(axis=2)
    gate = np.array(
        [
            [(padded[y : y + height, x : x + width] * kernel).sum() for x in range(width)]
            for y in range(height)
        ]
    )
    gate = 1 / (1 + np.exp(-normalised(gate[..., None], "Conv_2")[..., 0]))
    attended = []
    for head, part in enumerate(np.split(fused.reshape(-1, channels), 2, axis=1)):
        names = [f"dense_{i}" if i else "dense" for i in (3 * head, 3 * head + 1)]
        query, key = (part @ weights[f"{scope}/{name}/kernel"] for name in names)
        scores = query @ key.T / np.sqrt(channels // 2)
        share = np.exp(scores - scores.max(axis=1, keepdims=True))
        attended.append((share / share.sum(axis=1, keepdims=True)).mean(axis=0))
    return gate, np.reshape(attended, (2, height, width))


@pytest.mark.parametrize("image_model, top", [("mobilenet_v1_025", 6), ("resnet_v2_50", np.inf)])
def test_maps_are_the_formulas(image_model, top, monkeypatch):
    make_shallow(monkeypatch)
    config = make_config(
        dataset="shoes", image_model=image_model, image_size=64, word_embedding_size=6,
        text_embedding_size=8, joint_embedding_size=8,
    )  # fmt: skip
    model = drawn_model(config, 7)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    tokens, lengths = np.array([[2, 3], [4, 0]], np.int32), np.array([2, 1], np.int32)
    levels = show_attention.attention_maps(model, images, tokens, lengths)
    maps = [np.asarray(level) for level in model.encode_image(images)]
    text = np.asarray(model.encode_text(tokens, lengths))
    for level, shown in enumerate(levels):
        assert shown.joint.shape == maps[level].shape[:3]
        np.testing.assert_allclose(shown.attended.sum(axis=(2, 3)), 1, atol=1e-5)
        assert shown.joint.min() >= 0.5
        for i in range(2):
            joint, attended = expected_maps(model, level, maps[level][i], text[i], top)
            np.testing.assert_allclose(shown.joint[i], joint, atol=1e-4)
            np.testing.assert_allclose(shown.attended[i], attended, atol=1e-4)
    assert np.ptp(levels[0].joint) > 0.01 and np.ptp(levels[0].attended[0, 0]) > 0.001


def test_heat_is_where_the_value_is():
    picture = Image.new("RGB", (80, 40), (90, 90, 90))
    values = np.full((2, 4), 0.5)
    values[1, 3] = 0.9  # bottom right
    painted = np.asarray(show_attention.heat_map(values, picture), int)
    assert painted.shape == (40, 80, 3)
    red = painted[..., 0]
    assert red[35, 75] == red.max() > red[5, 5] + 50
    even = np.asarray(show_attention.heat_map(np.full((2, 4), 0.7), picture))
    assert np.all(even == even[0, 0, 0]) and even[0, 0, 0] > 90


def test_queries_are_chosen_by_rule():
    queries = [Query(f"image{i}", "caption", ()) for i in range(10)]
    paths = {f"image{i}": None for i in range(9)}  # the last one's file is missing
    assert show_attention.choose(queries, paths, (), 3) == [0, 4, 8]
    assert show_attention.choose(queries, paths, (), 50) == list(range(9))
    assert show_attention.choose(queries, paths, (7, 2), 3) == [7, 2]
    with pytest.raises(InputError, match="--queries=10: queries are 0 to 9"):
        show_attention.choose(queries, paths, (10,), 3)
    with pytest.raises(InputError, match="--queries=9: no image of image9"):
        show_attention.choose(queries, paths, (9,), 3)


def test_main_draws_a_row_for_each_query_with_an_image(folder, capsys):
    write_run(folder / "run", data_path=str(folder))
    results = folder / "results"
    show_attention.main([f"--checkpoint_dir={folder}/run", f"--results_dir={results}"])
    said = capsys.readouterr().out
    assert "1 of 3 reference images missing" in said and "queries 0, 1 of" in said
    assert [path.name for path in results.iterdir()] == ["attention_shoes.png"]
    sheet = Image.open(results / "attention_shoes.png").convert("RGB")
    rows = 2 * show_attention.ROW
    assert sheet.height == show_attention.TOP + rows + show_attention.MARGIN
    pixels = np.asarray(sheet)[show_attention.TOP : show_attention.TOP + show_attention.CELL]
    painted = np.flatnonzero((pixels != 255).any(axis=2).all(axis=0))  # columns of images
    starts = painted[np.diff(painted, prepend=-2) > 1]
    assert len(starts) == 1 + 9 and painted.max() < sheet.width - show_attention.MARGIN


@pytest.mark.parametrize("composition", ["image_only", "text_only"])
def test_a_model_without_attention_is_refused(folder, composition):
    write_run(folder / "run", data_path=str(folder), composition=composition)
    with pytest.raises(InputError, match=f"composition {composition} has no attention"):
        show_attention.main([f"--checkpoint_dir={folder}/run"])
