"""A run of any composition goes through extraction, scoring and the sheet as VAL's does."""

import json

import pytest

import extract_features_val
import generate_groundtruth
import test_val
from checkpointing.run import Saver, prepare_run
from command_line.errors import InputError
from config import make_config
from datasets.vocabulary import Vocabulary
from demo.generate_demo_data import generate
from evaluation.encoder import Encoder
from reports import show_retrieval
from tests.support.shallow import make_shallow
from training.start import initial_model
from training.update import Training


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    generate(folder, "shoes", triplets=20)
    generate_groundtruth.main(["--dataset=shoes", f"--data_path={folder}/shoes"])
    return folder / "shoes"


@pytest.mark.parametrize("composition", ["artemis", "cosmo", "tirg"])
def test_from_a_checkpoint_to_a_sheet(data, tmp_path, composition, monkeypatch):
    make_shallow(monkeypatch)
    config = make_config(
        dataset="shoes", data_path=str(data), checkpoint_dir=str(tmp_path / "run"), image_size=32,
        image_model="mobilenet_v1_025", composition=composition, word_embedding_size=6,
        text_embedding_size=8, joint_embedding_size=8,
    )  # fmt: skip
    vocabulary = Vocabulary.build(["is red with a bow"])
    prepare_run(config, vocabulary)
    training = Training(config, *initial_model(config, vocabulary))
    Saver(training.checkpoint, config.checkpoint_dir, 1).save(0)

    features = tmp_path / "run/features"
    run = f"--checkpoint_dir={config.checkpoint_dir}"
    extract_features_val.main([run])
    results = [f"--results_dir={tmp_path}", f"--save_ranks={tmp_path}/ranks"]
    test_val.main([f"--feature_dir={features}", *results])
    entry = json.loads((tmp_path / "results.jsonl").read_text())
    assert entry["composition"] == composition and entry["queries"] > 3
    ranks = (tmp_path / "ranks/ranks_shoes_val.jsonl").read_text().splitlines()
    for query in map(json.loads, ranks):
        names = [name for name, _ in query["top"]]
        distances = [distance for _, distance in query["top"]]
        assert distances == sorted(distances) and query["reference"] not in names
        if query["rank"] <= len(names):
            assert names[query["rank"] - 1] in query["targets"]
    with pytest.raises(InputError, match="best: not <name>-<step>"):
        extract_features_val.main([run, "--exact_model_checkpoint=best"])
    (tmp_path / "file").touch()
    monkeypatch.setattr(Encoder, "features", None)  # refused before it is asked
    with pytest.raises(FileExistsError, match="file"):
        extract_features_val.main([run, f"--feature_dir={tmp_path}/file"])
    show_retrieval.main([f"--feature_dir={features}", f"--results_dir={tmp_path}"])
    assert (tmp_path / "retrieval_shoes_val.png").stat().st_size > 10_000
