"""Settings of a training run: declared once here, written to config.json, read by later stages.

A preset sets every setting it does not leave to the user (WHAT_AND_WHERE); flags after it override.
Sources: the paper's section 4 and the published run scripts and train_val.py.
"""

import argparse
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from command_line.errors import InputError
from command_line.files import write_json
from command_line.flags import boolean, check_flag_form

DATASETS = ("fashion_iq", "shoes", "fashion200k")
IMAGE_MODELS = ("resnet_v2_50", "mobilenet_v1", "mobilenet_v1_050", "mobilenet_v1_025")
CONFIG_FILE = "config.json"


@dataclass(frozen=True)
class Config:
    """One run. Names follow the published flags where the thing is the same."""

    # what and where
    dataset: str = "fashion_iq"  # fashion_iq | shoes | fashion200k
    data_path: str = ""  # root of one data set; empty: data/<dataset>
    checkpoint_dir: str = ""  # where the run is kept; empty: save_model/<dataset>
    # image encoder
    image_model: str = "resnet_v2_50"
    pretrain_checkpoint_dir: str = ""  # slim ImageNet checkpoint, file or folder; empty: none
    checkpoint_dir_stage1: str = ""  # L_vs: start from this visual-semantic run, trained if need be
    image_size: int = 256  # pixels, height and width
    batch_norm_decay: float = 0.997  # of the moving mean and variance
    # text encoder
    text_model: str = "lstm"  # lstm | bi_lstm | gru | bi_gru
    word_embedding_dir: str = ""  # GloVe file or folder; empty: random embeddings
    word_embedding_size: int = 300
    text_embedding_size: int = 1024  # LSTM units
    joint_embedding_size: int = 512  # text feature that meets the image
    max_caption_words: int = 64  # longer captions are cut, and counted
    dropout: float = 0.1  # of the text feature and of the self-attention
    # composition and loss
    composition: str = "val"  # val | image_only | text_only
    stage: str = "compose"  # compose | visual_semantic: images with their side texts
    loss: str = "triplet"  # triplet | softmax
    negatives: str = "semi_hard"  # of the triplet loss: semi_hard | hardest
    margin: float = 0.2  # of the triplet loss, squared L2
    weight_decay: float = 4e-5  # times sum(w^2) / 2 over convolution kernels
    # training
    batch_size: int = 32  # pairs
    train_length: int = 50_000  # optimizer updates
    init_learning_rate: float = 0.0  # of Adam; 0: 6.3e-5, which the published 2e-4 acts as
    decay_at: int = 0  # update after which the rate is x0.1; 0: constant
    average_decay: float = 0.9999  # of the averaged weights, per update
    augmentation: bool = True  # random horizontal flip, each image on its own
    crop_from: int = 0  # pixels; resize to a square drawn from [image_size, crop_from); 0: off
    image_cache: str = ""  # folder for training images resized once, as uint8; empty: no cache
    save_length: int = 1000  # updates between checkpoints
    print_span: int = 20  # updates between lines of train_log.csv
    eval_length: int = 0  # updates between Recall@K on the validation queries; 0: never
    keep_checkpoints: int = 3
    tensorboard: bool = False  # also write TensorBoard summaries
    precision: str = "float32"  # float32 | mixed_bfloat16 | mixed_float16
    xla: bool = False  # compile the update; slower on CPU
    allow_missing: bool = False  # train and evaluate although images are missing
    as_published: bool = False  # the published quirks; see README, Differences
    seed: int = 0

    def __post_init__(self):
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"--{name}={getattr(self, name)}: choose {' | '.join(allowed)}", 2)
        for name, lowest in LOWEST.items():
            if not getattr(self, name) >= lowest:  # also refuses nan
                raise InputError(f"--{name}={getattr(self, name)}: must be at least {lowest}", 2)
        for name in ("batch_norm_decay", "average_decay", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"--{name}={getattr(self, name)}: must be in [0, 1)", 2)
        if 0 < self.crop_from <= self.image_size:
            raise InputError(f"--crop_from={self.crop_from}: 0, or above image_size", 2)
        if self.stage == "visual_semantic":  # only the text makes the query
            object.__setattr__(self, "composition", "text_only")
        for name, value in (
            ("data_path", f"data/{self.dataset}"),
            ("checkpoint_dir", f"save_model/{self.dataset}"),
            ("init_learning_rate", 2e-4 if self.as_published else 6.3e-5),
        ):
            if not getattr(self, name):
                object.__setattr__(self, name, value)


WHAT_AND_WHERE = (
    "dataset", "data_path", "checkpoint_dir", "checkpoint_dir_stage1", "composition", "stage",
    "seed",
)  # fmt: skip
CHOICES = {
    "dataset": DATASETS,
    "image_model": IMAGE_MODELS,
    "composition": ("val", "image_only", "text_only"),
    "text_model": ("lstm", "bi_lstm", "gru", "bi_gru"),
    "stage": ("compose", "visual_semantic"),
    "loss": ("triplet", "softmax"),
    "negatives": ("semi_hard", "hardest"),
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
}
LOWEST = {
    "image_size": 32,
    "word_embedding_size": 1,
    "text_embedding_size": 1,
    "joint_embedding_size": 1,
    "max_caption_words": 1,
    "margin": 0,
    "weight_decay": 0,
    "batch_size": 2,  # the losses need a negative
    "train_length": 1,
    "init_learning_rate": 0,
    "decay_at": 0,
    "save_length": 1,
    "print_span": 1,
    "eval_length": 0,
    "keep_checkpoints": 1,
    "seed": 0,
}
PRESETS = {
    "fashion_iq": dict(
        dataset="fashion_iq", pretrain_checkpoint_dir="pretrain_model/resnet_v2_50", crop_from=280
    ),
    "shoes": dict(
        dataset="shoes",
        pretrain_checkpoint_dir="pretrain_model/resnet_v2_50",
        train_length=30_000,
    ),
    "fashion200k": dict(
        dataset="fashion200k",
        image_model="mobilenet_v1",
        pretrain_checkpoint_dir="pretrain_model/mobilenet_v1_1.0_224",
        image_size=224,
        batch_norm_decay=0.9997,
        train_length=160_000,
        decay_at=80_000,
        save_length=4000,
    ),
    # Minutes on two cores: short runs need short memories (batch norm, averages) and high rates.
    "demo": dict(
        image_model="mobilenet_v1_025",
        pretrain_checkpoint_dir="pretrain_model/demo_mobilenet_v1_025",
        image_size=96,
        batch_norm_decay=0.9,
        word_embedding_size=64,
        text_embedding_size=128,
        joint_embedding_size=128,
        train_length=500,
        init_learning_rate=1e-3,
        average_decay=0.98,
        save_length=250,
        print_span=10,
        eval_length=125,
    ),
}


class _Preset(argparse.Action):
    def __call__(self, parser, namespace, name, option_string=None):
        defaults = {f.name: f.default for f in dataclasses.fields(Config)}
        keep = {f: getattr(namespace, f) for f in WHAT_AND_WHERE}
        for field, value in {**defaults, **keep, **PRESETS[name]}.items():
            setattr(namespace, field, value)


def parse_config(argv, description):
    """Command line -> Config. Flags are read in order: a preset resets what stands before it."""
    check_flag_form(argv)
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--preset", action=_Preset, choices=PRESETS, default=argparse.SUPPRESS)
    for field in dataclasses.fields(Config):
        kind = boolean if field.type in (bool, "bool") else type(field.default)
        parser.add_argument(
            f"--{field.name}", type=kind, default=field.default, help=f"default {field.default!r}"
        )
    settings = vars(parser.parse_args(argv))
    settings.pop("preset", None)
    return Config(**settings)


def save_config(config):
    """Writes <checkpoint_dir>/config.json."""
    write_json(Path(config.checkpoint_dir, CONFIG_FILE), dataclasses.asdict(config))


def load_config(checkpoint_dir):
    """Config of the run in checkpoint_dir. Raises InputError naming the file and the settings."""
    path = Path(checkpoint_dir) / CONFIG_FILE
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: not found; is --checkpoint_dir a trained run?") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None
    known = {field.name for field in dataclasses.fields(Config)}
    if not isinstance(settings, dict) or set(settings) - known:
        raise InputError(f"{path}: unknown settings {sorted(set(settings) - known)}")
    # Moved or copied runs stay usable: where a run lies is where it was found.
    return Config(**{**settings, "checkpoint_dir": str(checkpoint_dir)})
