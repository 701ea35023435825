"""Kills run_products.sh at random moments, lets it finish, compares it with an uninterrupted one:

    python tests/test_run_products.py --table=shop.csv --image_dir=PHOTOS --attributes=...
        [--kills=5] [--seed=0] [--updates=40]

Every variable of the last checkpoint and both logs must be equal, bit for bit.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # as a script

from tests.support.small_products import ATTRIBUTES, small_shop, write_table  # noqa: E402
from tests.survival import digest, end_once  # noqa: E402
from tests.test_run_scripts import call, clone, copy, succeed  # noqa: E402, F401

TINY = ["--image_model=mobilenet_v1_025", "--image_size=32", "--batch_size=8",
        "--text_embedding_size=16", "--word_embedding_size=16", "--joint_embedding_size=16",
        "--levels=low", "--composition=sum", "--save_length=1", "--eval_length=2", "--print_span=1",
        "--pretrain_checkpoint_dir="]  # fmt: skip


def run(root, data, *flags):
    return ["bash", str(root / "scripts/run_products.sh"), f"--data_path={data}", *flags]


def trained(root, data):
    """The one run of the data of that name."""
    (folder,) = (root / "save_model").glob(f"{data}-*")
    return folder


def survive(root, flags, updates, kills, seed):
    """What the script, killed that often, says when it ends; AssertionError where its run is not
    that of training undisturbed."""
    flags = [*flags, f"--train_length={updates}"]
    preparing, training = flags[:3], ["--preset=products", "--data_path=data/calm", *flags[3:]]
    calm = [sys.executable, "-m", "datasets.prepare_products", "--data_path=data/calm", *preparing]
    succeed(root, *calm)
    calm = root / "save_model/calm"
    succeed(root, sys.executable, "train_val.py", *training, f"--checkpoint_dir={calm}")
    draw = random.Random(seed)
    for number, update in enumerate(sorted(draw.sample(range(updates), kills))):
        delay = draw.uniform(0, 0.2 if update else 10)
        said = end_once(run(root, "data/killed", *flags), root, delay, update=update)
        print(f"kill {number + 1}:", (said.splitlines() or ["-"])[-1], flush=True)
    said = succeed(root, *run(root, "data/killed", *flags))
    assert digest(calm, updates) == digest(trained(root, "killed"), updates)
    return said


def test_from_a_table_to_an_index_whatever_kills_it(copy, tmp_path):  # noqa: F811
    rows = small_shop(tmp_path)
    table = write_table(tmp_path / "shop.csv", rows)
    where = [f"--table={table}", f"--image_dir={tmp_path}/photos", f"--attributes={ATTRIBUTES}"]
    without = call(copy, *run(copy, "data/calm", *where))
    assert without.returncode == 2 and "scripts/prepare_data.sh pretrained" in without.stderr
    assert "--pretrain_checkpoint_dir=FILE_OR_FOLDER" in without.stderr

    said = survive(copy, [*where, *TINY], updates=3, kills=2, seed=1)
    old = trained(copy, "killed")
    assert "image retrieval: recall: R@1" in said and said.count("the pictures nearest to") == 3
    (index,) = (copy / "index").glob(f"{old.name}-*")
    assert f"current: save_model/{old.name} and index/{index.name}\n" in said
    assert (copy / "results/retrieval_products_val.png").exists()

    write_table(table, rows[2:])  # other data: no run goes on with them
    flags = [*where, *TINY, "--train_length=4"]
    done = call(copy, *run(copy, "data/killed", *flags, f"--checkpoint_dir=save_model/{old.name}"))
    assert done.returncode == 2 and "the data: prepared anew since it began" in done.stderr
    assert "rows added 0, gone 2, changed 0" in done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("kills", 5), ("seed", 0), ("updates", 40)):
        parser.add_argument(f"--{name}", type=int, default=value)
    for name in ("table", "image_dir", "attributes"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    where = [f"--{name}={getattr(given, name)}" for name in ("table", "image_dir", "attributes")]
    with tempfile.TemporaryDirectory() as folder:
        flags = [*where, *TINY, "--eval_length=20"]
        survive(clone(Path(folder, "val")), flags, given.updates, given.kills, given.seed)
    print("equal")


if __name__ == "__main__":
    main()
