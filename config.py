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
from command_line.flags import Flags, boolean
from nets.compositions import COMPOSITIONS

DATASETS = ("fashion_iq", "shoes", "fashion200k", "products")  # each a module in datasets/
CONFIG_FILE = "config.json"


def setting(default, help, choices=None, least=None, share=False):
    """A field of Config: its default, what it is with its unit, and the values it may take: one of
    `choices`, at least `least`, or a share in [0, 1)."""
    metadata = dict(help=help, choices=choices, least=least, share=share)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """One run; make_config makes it. Names follow the published flags where the thing is the
    same."""

    # what and where
    dataset: str = setting("fashion_iq", "data set", DATASETS)
    data_path: str = setting("", "root of one data set; empty: data/<dataset>")
    checkpoint_dir: str = setting("", "where the run is kept; empty: save_model/<dataset>")
    # image encoder
    image_model: str = setting(
        "resnet_v2_50",
        "image encoder; 050 and 025: a half and a quarter of the channels",
        ("resnet_v2_50", "mobilenet_v1", "mobilenet_v1_050", "mobilenet_v1_025"),
    )
    pretrain_checkpoint_dir: str = setting(
        "", "slim ImageNet checkpoint, file or folder; empty: none"
    )
    checkpoint_dir_stage1: str = setting(
        "",
        "L_vs: start from this visual-semantic run, trained if need be, for as many updates; "
        "without a slash: within checkpoint_dir",
    )
    image_size: int = setting(256, "pixels, height and width", least=32)
    batch_norm_decay: float = setting(0.997, "of the moving mean and variance", share=True)
    # text encoder
    text_model: str = setting("lstm", "recurrent net", ("lstm", "bi_lstm", "gru", "bi_gru"))
    word_embedding_dir: str = setting("", "GloVe file or folder; empty: random embeddings")
    word_embedding_size: int = setting(300, "dimensions of a word", least=1)
    text_embedding_size: int = setting(1024, "units of the recurrent net", least=1)
    joint_embedding_size: int = setting(
        512, "dimensions of the text feature that meets the image", least=1
    )
    max_caption_words: int = setting(64, "words; longer captions are cut", least=1)
    dropout: float = setting(0.1, "share, of the text feature and the self-attention", share=True)
    # composition and loss
    composition: str = setting("val", "what makes the query", tuple(COMPOSITIONS))
    levels: str = setting(
        "low,mid,high",
        "of query, gallery and loss; high alone is how the other papers compose",
        ("low,mid,high", "low,mid", "low,high", "mid,high", "low", "mid", "high"),
    )
    without: str = setting(
        "",
        "the part of VAL left out; without joint_attention the image map is kept as it is",
        ("", "joint_attention", "self_attention", "spatial_gate", "channel_gate"),
    )
    gate_activation: bool = setting(
        True, "of VAL: activation before the gates, which so are at least 0.5; as published"
    )
    self_attention_start: float = setting(
        0.0, "of VAL: weight of the self-attention before training"
    )
    stage: str = setting(
        "compose",
        "visual_semantic: images with their side texts, composition text_only",
        ("compose", "visual_semantic"),
    )
    loss: str = setting("triplet", "of each level", ("triplet", "softmax"))
    negatives: str = setting("semi_hard", "of the triplet loss", ("semi_hard", "hardest"))
    reference_negatives: bool = setting(
        False, "the batch's reference images are further negatives of each query"
    )
    margin: float = setting(0.2, "of the triplet loss, squared L2", least=0)
    weight_decay: float = setting(4e-5, "times sum(w^2) / 2 over convolution kernels", least=0)
    # training
    batch_size: int = setting(32, "pairs; the losses need a negative", least=2)
    train_length: int = setting(50_000, "optimizer updates", least=1)
    init_learning_rate: float = setting(
        0.0, "of Adam; 0: 6.3e-5, which the published 2e-4 acts as", least=0
    )
    decay_at: int = setting(0, "update after which the rate is x0.1; 0: constant", least=0)
    average_decay: float = setting(0.9999, "of the averaged weights, per update", share=True)
    augmentation: bool = setting(True, "random horizontal flip, each image on its own")
    crop_from: int = setting(
        0, "pixels; resize to a square drawn from [image_size, crop_from); 0: off"
    )
    image_cache: str = setting(
        "", "folder for training images resized once, as uint8; empty: no cache"
    )
    save_length: int = setting(1000, "updates between checkpoints", least=1)
    print_span: int = setting(20, "updates between lines of train_log.csv", least=1)
    eval_length: int = setting(
        0, "updates between Recall@K on the validation queries; 0: never", least=0
    )
    keep_checkpoints: int = setting(3, "newest checkpoints kept", least=1)
    tensorboard: bool = setting(False, "also write TensorBoard summaries")
    precision: str = setting(
        "float32", "of the layers", ("float32", "mixed_bfloat16", "mixed_float16")
    )
    xla: bool = setting(False, "compile the update; slower on CPU")
    allow_missing: bool = setting(False, "train and evaluate although images are missing")
    as_published: bool = setting(False, "the published quirks; see README, Differences")
    seed: int = setting(0, "of weights, order, augmentation and dropout", least=0)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, allowed = getattr(self, field.name), field.metadata
            wrong = None
            if allowed["choices"] and value not in allowed["choices"]:
                wrong = f"choose {' | '.join(allowed['choices'])}"
            elif allowed["least"] is not None and not value >= allowed["least"]:  # nan too
                wrong = f"must be at least {allowed['least']}"
            elif allowed["share"] and not 0 <= value < 1:
                wrong = "must be in [0, 1)"
            if wrong:
                raise InputError(f"--{field.name}={value}: {wrong}", 2)
        if self.seed >= 2**32:
            raise InputError(f"--seed={self.seed}: must be below 2^32", 2)
        if self.as_published and self.reference_negatives:
            raise InputError("--reference_negatives=True: not with --as_published=True", 2)
        if 0 < self.crop_from <= self.image_size:
            raise InputError(f"--crop_from={self.crop_from}: 0, or above image_size", 2)

    @property
    def stage1_folder(self):
        """Of the visual-semantic run that this one starts from; empty: none."""
        stage1 = self.checkpoint_dir_stage1
        return stage1 if "/" in stage1 or not stage1 else f"{self.checkpoint_dir}/{stage1}"


GROUPS = {  # of --help: the first setting of each
    "dataset": "what and where",
    "image_model": "image encoder",
    "text_model": "text encoder",
    "composition": "composition and loss",
    "batch_size": "training",
}
WHAT_AND_WHERE = (
    "dataset", "data_path", "checkpoint_dir", "checkpoint_dir_stage1", "composition", "stage",
    "seed",
)  # fmt: skip
MODEL_SETTINGS = (
    "image_model", "image_size", "batch_norm_decay", "text_model", "word_embedding_size",
    "text_embedding_size", "joint_embedding_size", "dropout", "composition", "without",
    "gate_activation", "self_attention_start", "weight_decay",
)  # fmt: skip
PRESETS = {
    "fashion_iq": dict(
        dataset="fashion_iq", pretrain_checkpoint_dir="pretrain_model/resnet_v2_50", crop_from=280
    ),
    "shoes": dict(
        dataset="shoes", pretrain_checkpoint_dir="pretrain_model/resnet_v2_50", train_length=30_000
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
    # What follows its sentences best on photographs of all that was tried (comparison/README.md),
    # with the demo's short memories.
    "products": dict(
        dataset="products",
        image_model="mobilenet_v1",
        pretrain_checkpoint_dir="pretrain_model/mobilenet_v1_1.0_224",
        image_size=96,
        batch_norm_decay=0.97,
        self_attention_start=1.0,
        loss="softmax",
        reference_negatives=True,
        checkpoint_dir_stage1="stage1",
        word_embedding_size=512,
        train_length=800,
        init_learning_rate=1e-3,
        average_decay=0.99,
        save_length=100,
        eval_length=300,
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


def make_config(**settings):
    """Config with what is left empty filled in. Raises InputError (exit code 2) for a bad value."""
    settings = {**{f.name: f.default for f in dataclasses.fields(Config)}, **settings}
    dataset = settings["dataset"]
    settings["data_path"] = settings["data_path"] or f"data/{dataset}"
    settings["checkpoint_dir"] = settings["checkpoint_dir"] or f"save_model/{dataset}"
    rate = 2e-4 if settings["as_published"] else 6.3e-5
    settings["init_learning_rate"] = settings["init_learning_rate"] or rate
    if settings["stage"] == "visual_semantic":  # the first; only the text makes the query
        settings.update(composition="text_only", checkpoint_dir_stage1="")
    return Config(**settings)


class _Preset(argparse.Action):
    def __call__(self, parser, namespace, name, option_string=None):
        defaults = {f.name: f.default for f in dataclasses.fields(Config)}
        keep = {f: getattr(namespace, f) for f in WHAT_AND_WHERE}
        for field, value in {**defaults, **keep, **PRESETS[name]}.items():
            setattr(namespace, field, value)


def parse_config(argv, description):
    """Command line -> Config. Flags are read in order: a preset resets what stands before it."""
    parser = Flags(description)
    parser.add_argument("--preset", action=_Preset, choices=PRESETS, default=argparse.SUPPRESS)
    for field in dataclasses.fields(Config):
        if field.name in GROUPS:
            group = parser.add_argument_group(GROUPS[field.name])
        choices = field.metadata["choices"]
        text = f"{field.metadata['help']}{': ' + ' | '.join(choices) if choices else ''}"
        group.add_argument(
            f"--{field.name}",
            type=boolean if isinstance(field.default, bool) else type(field.default),
            default=field.default,
            metavar=type(field.default).__name__.upper(),
            help=f"{text} (default {field.default!r})",
        )
    settings = vars(parser.parse_args(argv))
    settings.pop("preset", None)
    return make_config(**settings)


def model_settings(config):
    """What model.VAL takes beside the size of the vocabulary."""
    return dict(
        {name: getattr(config, name) for name in MODEL_SETTINGS},
        levels=config.levels.split(","),
        padding_in_training=config.as_published,
    )


def save_config(config):
    """Writes <checkpoint_dir>/config.json."""
    write_json(Path(config.checkpoint_dir, CONFIG_FILE), dataclasses.asdict(config))


def load_config(checkpoint_dir):
    """Config of the run in checkpoint_dir. Raises InputError naming the file and the settings."""
    path = Path(checkpoint_dir) / CONFIG_FILE
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: not found; is {checkpoint_dir} a trained run?") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(settings, dict):
        raise InputError(f"{path}: holds a {type(settings).__name__}, not settings")
    known = {field.name: type(field.default) for field in dataclasses.fields(Config)}
    if set(settings) - set(known):
        raise InputError(f"{path}: unknown settings {sorted(set(settings) - set(known))}")
    for name, value in settings.items():
        if type(value) not in {float: (float, int)}.get(known[name], (known[name],)):
            raise InputError(f"{path}: {name}: {value!r} is no {known[name].__name__}")
    # Moved or copied runs stay usable: where a run lies is where it was found.
    return make_config(**{**settings, "checkpoint_dir": str(checkpoint_dir)})
