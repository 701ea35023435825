"""A trained model as SavedModel and ONNX, with what its use elsewhere needs: see export/README.md.

  .venv/bin/python export_model.py --checkpoint_dir=save_model/fashion_iq \\
      --export_dir=exports/fashion_iq

ONNX needs: bash scripts/setup.sh --onnx. Its scores are taken from <results_dir>/results.jsonl, so
run extract_features_val.py and test_val.py before. Nothing is uploaded.
"""

import shutil
from pathlib import Path

from catalogue.examples import example_sentences
from catalogue.identity import fingerprint
from checkpointing.run_folder import VOCABULARY_FILE
from command_line.errors import InputError, run_main
from command_line.files import whole_folder, writing
from command_line.flags import Flags

KINDS = {"saved_model": ["saved_model"], "onnx": ["onnx"], "both": ["saved_model", "onnx"]}
COPIED = ("export/example.py", "datasets/pictures.py")


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--checkpoint_dir", required=True, help="a trained run")
    parser.add_argument("--exact_model_checkpoint", default="", help="default: the newest")
    parser.add_argument("--export_dir", required=True, help="new folder")
    parser.add_argument("--format", default="both", choices=KINDS)
    parser.add_argument("--results_dir", default="results", help="where test_val.py wrote scores")
    flags = parser.parse_args(argv)
    target = Path(flags.export_dir)
    if target.exists():
        raise InputError(f"--export_dir={target}: there already; give another")

    # TensorFlow, after the flags were read
    from checkpointing.run import load_trained_model
    from export.description import read_scores
    from export.encoders import require_query_vector
    from export.model_files import require_onnx_packages

    kinds = KINDS[flags.format]
    if "onnx" in kinds:
        require_onnx_packages()
    trained = load_trained_model(flags.checkpoint_dir, flags.exact_model_checkpoint)
    model, *_, path = trained
    require_query_vector(model)
    scores, older = read_scores(flags.results_dir, path)
    with writing(target), whole_folder(target) as folder:
        differences = fill(folder, flags.checkpoint_dir, kinds, *trained, scores)
    for name, difference in differences.items():
        print(f"{name}: largest relative difference from the model {difference:.1e}")
    left_out = f"; {older} older than the checkpoint left out" if older else ""
    print(f"{path}: exported to {target} with {len(scores)} scores{left_out}")


def fill(folder, checkpoint_dir, kinds, model, config, vocabulary, path, scores):
    """Writes all of an export -> {model file: its largest relative difference from the model}."""
    from export.card import write_card
    from export.description import describe
    from export.encoders import Encoders
    from export.folder import CARD, VOCABULARY, write_metadata
    from export.model_files import write_models

    encoders = Encoders(model, config.image_size)
    differences = write_models(encoders, config.image_size, len(vocabulary), kinds, folder)
    shutil.copyfile(Path(checkpoint_dir, VOCABULARY_FILE), folder / VOCABULARY)
    for name in COPIED:
        shutil.copyfile(Path(__file__).parent / name, folder / Path(name).name)
    about = {
        **describe(model, config, len(vocabulary), path, scores),
        "fingerprint": fingerprint(checkpoint_dir, path),
        "examples": example_sentences(checkpoint_dir),
        "differences": differences,
    }
    write_card(folder, CARD, about, kinds)
    write_metadata(folder, about)
    return differences


if __name__ == "__main__":
    run_main(main)
