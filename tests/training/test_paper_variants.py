"""What the paper has beside the published default: L_vs, GloVe, other text encoders."""

import dataclasses

import numpy as np
import pytest

from checkpointing.published_names import named_variables
from checkpointing.run import load_trained_model
from checkpointing.run_folder import is_trained
from command_line.errors import InputError
from config import load_config, make_config, parse_config
from datasets.shoes import read_side_texts
from datasets.vocabulary import Vocabulary, tokenize
from demo.generate_demo_data import generate
from tests.support.small_training import start_training
from tests.test_model import build
from train_val import main
from training import stages

TINY = ["--preset=demo", "--dataset=shoes", "--pretrain_checkpoint_dir=", "--image_size=32",
        "--batch_size=8", "--word_embedding_size=6", "--text_embedding_size=16",
        "--train_length=2", "--eval_length=0", "--save_length=2"]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    generate(str(folder), "shoes", triplets=20)
    return f"--data_path={folder / 'shoes'}"


@pytest.mark.usefixtures("shallow")
def test_both_stages_of_the_visual_semantic_loss(data, tmp_path, capsys):
    stage1, stage2 = tmp_path / "run/stage1", tmp_path / "run"
    flags = [*TINY, data, f"--checkpoint_dir={stage2}", "--checkpoint_dir_stage1=stage1"]
    assert not is_trained(stage1)
    main(flags)
    assert is_trained(stage1) and is_trained(stage2)
    assert load_config(stage1).stage == "visual_semantic"
    assert load_config(stage1).composition == "text_only"
    assert load_config(stage2).composition == "val"

    first, _, words, _ = load_trained_model(stage1)
    texts = read_side_texts(data.removeprefix("--data_path="))
    assert {word for text in texts for word in tokenize(text.caption)} <= set(words.words)
    training = start_training(parse_config(flags, ""), words)
    assert int(training.step) == 0  # stage 1's counter stays behind
    ours, theirs = training.variables, named_variables(first)
    shared = [name for name in ours if name in theirs]
    assert any(name.startswith("RNN/") for name in shared)
    assert any(name.startswith("MobilenetV1/") for name in shared)
    for name in shared:
        np.testing.assert_array_equal(ours[name].numpy(), theirs[name].numpy(), err_msg=name)
    assert {name.split("/")[0] for name in set(theirs) - set(ours)} == {
        "text_only0", "text_only1", "text_only2"
    }  # fmt: skip

    stamps = {path: path.stat().st_mtime_ns for path in stage1.iterdir()}
    capsys.readouterr()
    main(flags)  # stage 1 is taken as it is
    assert {path: path.stat().st_mtime_ns for path in stage1.iterdir()} == stamps
    with pytest.raises(InputError, match="another vocabulary"):
        start_training(parse_config(flags, ""), Vocabulary.build(["other words"]))
    for path in stage2.glob("model.ckpt-*"):  # begun anew, with other settings than its stage 1
        path.unlink()
    with pytest.raises(InputError, match=f"{stage1}: .*margin 0.2, now 0.3"):
        main([*flags, "--margin=0.3"])


def test_stage_1_is_left_out_where_no_picture_has_a_text(tmp_path, monkeypatch, capsys):
    """As in products of given triplets alone."""
    trained = []
    monkeypatch.setattr(stages, "train", lambda config, *_: trained.append(config))
    monkeypatch.setattr("datasets.shoes.read_side_texts", lambda path: [])
    settings = dict(dataset="shoes", checkpoint_dir=str(tmp_path), checkpoint_dir_stage1="stage1")
    stages.run_training(make_config(**settings), Vocabulary.build(["red"]), None)
    assert [config.stage1_folder for config in trained] == [""]
    assert "stage 1 (L_vs): left out" in capsys.readouterr().out


@pytest.mark.usefixtures("shallow")
def test_glove_vectors_start_the_embedding(data, tmp_path, capsys):
    vectors = {"red": np.arange(6) / 10, "heels": np.ones(6) / 4}
    glove = tmp_path / "glove.6d.txt"
    glove.write_text("".join(f"{w} {' '.join(map(str, v))}\n" for w, v in vectors.items()))
    config = parse_config([*TINY, data, f"--word_embedding_dir={glove}"], "")
    vocabulary = Vocabulary.build(["red unknownword"])
    table = start_training(config, vocabulary).variables["RNN/token_embedding_weights"].numpy()
    assert "GloVe: 1 of 2 words have a vector" in capsys.readouterr().out
    np.testing.assert_allclose(table[vocabulary.words.index("red")], vectors["red"], rtol=1e-6)
    assert not np.any(table[0]) and np.any(table[vocabulary.words.index("unknownword")])
    missing = dataclasses.replace(config, word_embedding_dir=str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="nothing"):
        start_training(missing, vocabulary)


@pytest.mark.parametrize("text_model", ["lstm", "bi_lstm", "gru", "bi_gru"])
def test_text_encoders_see_their_own_words_only(text_model):
    model = build(text_model=text_model)
    tokens = np.array([[5, 9, 7, 0, 0], [7, 9, 5, 4, 3]], np.int32)
    lengths = np.array([3, 5], np.int32)
    together = np.asarray(model.text_encoder([tokens, lengths]))
    assert together.shape == (2, 32 if text_model.startswith("bi_") else 16)
    alone = np.asarray(model.text_encoder([tokens[:1, :3], lengths[:1]]))
    np.testing.assert_allclose(together[0], alone[0], atol=1e-6)
    turned = np.asarray(model.text_encoder([tokens[:1, 2::-1], lengths[:1]]))
    assert not np.allclose(turned, alone, atol=1e-4)  # word order matters


@pytest.mark.usefixtures("shallow")
def test_a_bidirectional_gru_trains_and_extracts(data, tmp_path):
    import extract_features_val

    run = tmp_path / "run"
    variant = ["--text_model=bi_gru", "--loss=softmax", "--levels=high"]
    main([*TINY, data, f"--checkpoint_dir={run}", *variant])
    extract_features_val.main([f"--checkpoint_dir={run}"])
    features = np.load(run / "features" / "query_images.npy")
    assert features.shape[1] == 256 and np.all(np.isfinite(features))
