"""The comparison's scripts, faked: they write what the real ones would, ranks by hash."""

import json
import zlib
from pathlib import Path

import numpy as np

from command_line.errors import InputError
from comparison import runs
from config import load_config, parse_config, save_config

BEST = {"val": "1e-3", "sum": "3e-3"}  # of the learning rates, on the tuning part


def flag(argv, name, default=""):
    """The last value of a flag among arguments."""
    values = [a.split("=", 1)[1] for a in argv if a.startswith(f"--{name}=")]
    return values[-1] if values else default


class FakeScripts(runs.Scripts):
    """Writes what the scripts would: a config, and ranks that depend on flags and data alone."""

    def call(self, argv, log=None, whole_machine=False):
        script, flags = Path(argv[0]).name, argv[1:]
        self.calls.append((script, flags))
        if self.stop_after and len(self.calls) > self.stop_after:
            raise InputError("stopped by SIGTERM; the same command goes on", 143)
        if script == "train_val.py":
            if flag(flags, "composition") in self.failing:
                Path(log).write_text("error: the loss is not finite\n")
                raise runs.RunFailed("error: the loss is not finite")
            config = parse_config(flags, "")
            Path(config.checkpoint_dir).mkdir(parents=True, exist_ok=True)
            save_config(config)
            Path(config.checkpoint_dir, f"model.ckpt-{config.train_length}.index").touch()
            recalls = f"step,R@1,R@10,R@50\n250,1,{config.seed},50\n500,2,{config.seed + 9},60\n"
            Path(config.checkpoint_dir, "eval_log.csv").write_text(recalls)
        elif script == "test_val.py":
            self.write_ranks(flags)
        elif argv[1:2] == ["comparison.speed"]:
            if "speed" in self.failing:
                raise runs.RunFailed("error: out of memory")
            numbers = dict(parameters=2_000_000, composer_parameters=500_000,
                           seconds_an_update=0.1, queries_a_second=50, machine="none")  # fmt: skip
            for folder in flag(flags, "checkpoint_dirs").split(","):
                Path(folder, runs.SPEED_FILE).write_text(json.dumps(numbers))
        elif script == "extract_features_val.py":
            path = Path(flag(flags, "feature_dir"), "features.json")
            path.parent.mkdir(parents=True, exist_ok=True)
            data_path = load_config(flag(flags, "checkpoint_dir")).data_path
            about = dict(dataset="fashion_iq", subset="dress", missing_images=3, versions=self.used,
                         data_path=flag(flags, "data_path") or data_path, checkpoint="", step=1,
                         composition="", precision="float32", seed=0)  # fmt: skip
            path.write_text(json.dumps(about))

    def write_ranks(self, flags):
        features = Path(flag(flags, "feature_dir"))
        tuning = features.parent.name == "tuning"
        config = load_config(features.parents[tuning])
        good = BEST.get(config.composition) == f"{config.init_learning_rate:.0e}".replace("-0", "-")
        seed = zlib.crc32(f"{config.composition} {config.seed} {tuning}".encode())
        rng = np.random.default_rng(seed)
        for subset in ("dress", "shirt", "toptee"):
            lines = []
            for i, rank in enumerate(rng.integers(1, 15 if good else 60, 40).tolist()):
                entry = dict(reference=f"r{i // 2}", caption=f"c{i}", targets=[f"t{i // 2}"])
                lines.append(json.dumps({**entry, "rank": rank, "tied": False, "top": []}))
            path = Path(flag(flags, "save_ranks"), f"ranks_fashion_iq_{subset}_val.jsonl")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines))


def flags(drawn, tmp_path, *more):
    return [f"--data_path={drawn}", f"--compare_dir={tmp_path}/runs",
            f"--results_dir={tmp_path}/results", "--compositions=val,sum,text_only",
            "--seeds=0,1", *more]  # fmt: skip


def trained(scripts):
    return [flag(f, "checkpoint_dir") for script, f in scripts.calls if script == "train_val.py"]
