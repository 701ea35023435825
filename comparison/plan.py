"""What is compared: rows of a composition with settings and a loss, and the runs of each."""

from pathlib import Path
from typing import NamedTuple

from command_line.errors import InputError
from config import Config, parse_config
from nets.compositions import COMPOSITIONS

PARTS = (
    "val", "val:without=joint_attention", "val:without=self_attention", "val:without=spatial_gate",
    "val:without=channel_gate", "val:gate_activation=False", "val:self_attention_start=1",
    "val:levels=high", "tirg:levels=high", "val:negatives=hardest",
    "val:checkpoint_dir_stage1=stage1",
)  # fmt: skip
LISTS = {"field": tuple(COMPOSITIONS), "parts": PARTS}
OWNED = (  # set for each run; not to be given for all, nor by a row
    "composition", "loss", "seed", "init_learning_rate", "checkpoint_dir", "dataset", "data_path",
)  # fmt: skip
VALS_OWN = ("without", "gate_activation", "self_attention_start")  # parts that only VAL has
TRIPLETS_OWN = {"negatives", "margin"}  # of the triplet loss


class Row(NamedTuple):
    """One line of the table."""

    composition: str
    settings: tuple[tuple[str, str], ...]  # (name, value as on the command line), besides
    loss: str

    @property
    def name(self):
        return " ".join([self.composition, *(f"{name}={value}" for name, value in self.settings)])

    @property
    def folder(self):
        return "_".join([self.composition, *(f"{n}-{v}" for n, v in self.settings), self.loss])


class Run(NamedTuple):
    """One training run."""

    row: Row
    rate: str  # as on the command line
    seed: int
    argv: tuple[str, ...]  # of the training script
    config: Config

    @property
    def folder(self):
        return Path(self.config.checkpoint_dir)

    def __str__(self):
        return f"{self.row.name}, {self.row.loss}, rate {self.rate}, seed {self.seed}"


def parse_rows(text, losses):
    """A list's name, or entries as val:levels=low+high:gate_activation=False, with commas between
    -> [Row], once each, all of the first loss first.

    A row about the triplet loss has no line with softmax. Raises InputError for another form, for
    a setting that changes nothing in its row, and for such a row with softmax alone, unless it is
    of a list."""
    named, entries = text.split(","), []
    for entry in named:
        entries += LISTS.get(entry, [entry])
    rows = []
    for loss in losses:
        for entry in dict.fromkeys(entries):
            composition, *pairs = entry.split(":")
            settings = tuple(tuple(pair.split("=", 1)) for pair in pairs)
            if any(len(pair) != 2 for pair in settings):
                raise InputError(f"--compositions: {entry}: settings have the form :name=value", 2)
            refuse_owned(name for name, _ in settings)
            if "/" in dict(settings).get("checkpoint_dir_stage1", ""):
                raise InputError(
                    f"--compositions: {entry}: stage 1 lies within the run's folder", 2
                )
            for name, _ in settings:
                if name in VALS_OWN and composition != "val":
                    raise InputError(f"--compositions: {entry}: {name} is a part of VAL alone", 2)
                if name in TRIPLETS_OWN and losses == ["softmax"] and entry in named:
                    raise InputError(f"--compositions: {entry}: softmax has no {name}", 2)
            rows.append(Row(composition, settings, loss))
    return [r for r in rows if r.loss == "triplet" or TRIPLETS_OWN.isdisjoint(dict(r.settings))]


def refuse_owned(names):
    """Raises InputError for a setting that the comparison sets itself."""
    for name in names:
        if name in OWNED:
            raise InputError(f"--{name}: set by the comparison; see compare.py --help", 2)


def parse_numbers(flag, text, kind):
    """int or float numbers with commas between, each once."""
    try:
        numbers = [kind(number) for number in text.split(",")]
    except ValueError:
        raise InputError(f"--{flag}={text}: not numbers with commas between", 2) from None
    if len(set(numbers)) < len(numbers):
        raise InputError(f"--{flag}={text}: one of them twice", 2)
    return numbers


def baseline(rows, loss):
    """The row that others of this loss are compared with: VAL as it is, else the first."""
    own = [row for row in rows if row.loss == loss]
    return next((row for row in own if row.name == "val"), own[0])


def make_run(row, rate, seed, base, root, name):
    """base: the flags of all runs. root: where the runs lie. name: of the run's own folder."""
    folder = Path(root, row.folder, f"rate_{rate}", name)
    argv = [*base, f"--composition={row.composition}", f"--loss={row.loss}", f"--seed={seed}",
            f"--init_learning_rate={rate}", f"--checkpoint_dir={folder}"]  # fmt: skip
    for setting, value in row.settings:
        argv.append(f"--{setting}={value.replace('+', ',')}")
    return Run(row, rate, seed, tuple(argv), parse_config(argv, ""))
