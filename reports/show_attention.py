"""What a trained model looks at: joint and self-attention over reference images, as one PNG.

  python -m reports.show_attention --checkpoint_dir=save_model/fashion_iq [--subset=dress]
      [--queries=0,5]

Per query and level (low, mid, high), over the reference image: the spatial gate of the joint
attention, and how much each position is attended to by either head of the self-attention (paper
section 3.3). Queries: the numbers given, counted from 0 in released order, protocol val; else
--count of them, evenly spaced. Writes <results_dir>/attention_<dataset>[_<subset>].png.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import keras
import matplotlib
import numpy as np
from PIL import Image

import datasets
from checkpointing.run import load_trained_model
from command_line.errors import InputError, run_main
from command_line.flags import Flags
from datasets.find_images import image_paths
from datasets.images import image_batches, iterate, pixels_of
from datasets.records import Query
from datasets.vocabulary import pad
from evaluation.encoder import encode_captions
from evaluation.extraction import wanted_subsets
from model import LEVELS
from nets.attention import HEADS
from reports.canvas import CAPTION, CELL, GAP, INK, MARGIN, MUTED, ROW, Canvas
from reports.retrieval_examples import data_title, read_image, spread

OPACITY = 0.25, 0.75  # of the colour over the grey image, where attention is least and most
PALE = 0.2  # share of white in the grey image, so that dark garments show
EVEN = 1.005  # a map whose largest value is below EVEN times its smallest shows nothing
TOP = 232  # pixels above the first row
MAPS_X = MARGIN + CELL + CAPTION + 3 * GAP  # pixels left of the maps
LEVEL_WIDTH = (1 + HEADS) * (CELL + GAP) + 2 * GAP  # pixels
BATCH = 8  # queries at a time


class Attention(NamedTuple):
    """Maps of one level."""

    joint: np.ndarray  # [B, H, W] spatial gate; times the channel gate's mean: mean over C of A
    attended: np.ndarray  # [B, heads, H, W] mean over query positions of softmax(q k^T), sum 1


class Row(NamedTuple):
    """One query of the sheet."""

    number: int  # in released order, protocol val, from 0
    query: Query
    path: Path  # of its reference image
    levels: list[Attention]  # without B


def attention_maps(model, images, tokens, lengths):
    """Maps of the composite transformers, computed in them -> one Attention a level.

    images: [B, S, S, 3] in [-1, 1], tokens: [B, T], lengths: [B]."""
    maps, text = model.encode_image(images), model.encode_text(tokens, lengths)
    levels = []
    for level, (composer, image_map) in enumerate(zip(model.composers, maps, strict=True)):
        shape = (-1, *image_map.shape[1:3])
        names = ["Conv_2.Relu", *(f"head_{head}.softmax" for head in range(HEADS))]
        ends = [composer.get_layer(f"attention{level}.{name}").output for name in names]
        inside = keras.Model(composer.inputs, ends)([image_map, text], training=False)
        spatial, *weights = map(np.asarray, inside)  # [B, H, W, 1], per head [B, HW, HW]
        attended = [each.mean(axis=1).reshape(shape) for each in weights]
        levels.append(Attention(1 / (1 + np.exp(-spatial[..., 0])), np.stack(attended, axis=1)))
    return levels


def choose(queries, paths, numbers, count):
    """Numbers of the queries to show: the given ones, or `count` evenly spaced ones."""
    for number in numbers:
        if not 0 <= number < len(queries):
            raise InputError(f"--queries={number}: queries are 0 to {len(queries) - 1}", 2)
        if queries[number].reference not in paths:
            raise InputError(f"--queries={number}: no image of {queries[number].reference}")
    if numbers:
        return list(numbers)
    there = np.array([i for i, query in enumerate(queries) if query.reference in paths])
    if not len(there):
        raise InputError("no reference image has a file")
    return spread(there, count).tolist()


def read_rows(model, config, vocabulary, subset, numbers, count):
    """-> (rows of the sheet, queries there are)."""
    dataset, data_path = config.dataset, config.data_path
    queries = datasets.read_benchmark(dataset, data_path, subset).queries
    names = sorted({query.reference for query in queries})
    paths = image_paths(dataset, data_path, names, subset)
    if len(paths) < len(names):
        print(f"{data_path}: {len(names) - len(paths)} of {len(names)} reference images missing")
    chosen = choose(queries, paths, numbers, count)
    files = [paths[queries[number].reference] for number in chosen]
    captions = encode_captions(config, vocabulary, [queries[n].caption for n in chosen])
    rows, grid = [], (config.image_size, BATCH, config.as_published)
    for images in iterate(image_batches(files, *grid, pixels_of(dataset))):
        part = slice(len(rows), len(rows) + len(images))
        levels = attention_maps(model, images, *pad(captions[part]))
        for i, (number, path) in enumerate(zip(chosen[part], files[part], strict=True)):
            own = [Attention(*(maps[i] for maps in level)) for level in levels]
            rows.append(Row(number, queries[number], path, own))
    return rows, len(queries)


def blend(grey, heat):
    """grey [h, w, 1] in [0, 255], heat [h, w] in [0, 1] -> picture."""
    least, most = OPACITY
    opacity = (least + (most - least) * heat)[..., None]
    colour = 255 * matplotlib.colormaps["inferno"](heat)[..., :3]  # [h, w, 3]
    return Image.fromarray(((1 - opacity) * grey + opacity * colour).astype(np.uint8))


def heat_map(values, picture):
    """values [H, W], stretched from their smallest to their largest, over the picture in grey.

    An even map leaves the picture without colour."""
    picture = picture.convert("L")
    grey = 255 * PALE + (1 - PALE) * np.asarray(picture, np.float32)  # [h, w]
    low, high = values.min(), values.max()
    if high < EVEN * low:
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    stretched = Image.fromarray(((values - low) / (high - low)).astype(np.float32))
    heat = np.asarray(stretched.resize(picture.size, Image.Resampling.BILINEAR))  # [h, w]
    return blend(grey[..., None], heat)


def draw_sheet(title, subtitle, rows, weights):
    """A row per query: reference image, caption, three maps a level -> Canvas.

    weights: (w1, w2) of each level's output w1 * A * v + w2 * s."""
    height = TOP + len(rows) * ROW + MARGIN
    canvas = Canvas(MAPS_X + len(LEVELS) * LEVEL_WIDTH - 3 * GAP + MARGIN, height)
    canvas.text(MARGIN, 22, title, 32)
    for line, text in enumerate(subtitle):
        canvas.text(MARGIN, 66 + 28 * line, text, 20, MUTED)
    for level, name in enumerate(LEVELS):
        draw_heading(canvas, level, name, rows[0].levels[level].joint.shape, weights[level])
    x, ramp = canvas.image.width - MARGIN - 3 * CELL, np.tile(np.linspace(0, 1, CELL), (20, 1))
    canvas.text(x, 28, "least in the map", 17, MUTED)
    canvas.image.paste(blend(np.full((20, CELL, 1), 160.0), ramp), (x + CELL, 30))
    canvas.text(x + 2 * CELL + GAP, 28, "most in the map", 17, MUTED)
    for index, row in enumerate(rows):
        draw_row(canvas, TOP + index * ROW, row)
    return canvas


def draw_heading(canvas, level, name, shape, weights):
    x = MAPS_X + level * LEVEL_WIDTH
    canvas.text(x, TOP - 66, "{}, {} x {}".format(name, *shape), 22)
    terms = "joint {:.2f}, self-attention {:+.2f}".format(*weights)
    canvas.text(x + 150, TOP - 62, f"weights: {terms}", 16, MUTED)
    labels = ["joint", *(f"self-attention {head + 1}" for head in range(HEADS))]
    for column, label in enumerate(labels):
        canvas.text(x + column * (CELL + GAP), TOP - 34, label, 19)


def draw_row(canvas, y, row):
    picture = read_image(row.path, CELL)
    if picture is None:
        raise InputError(f"{row.path}: not an image that can be shown")

    def draw(x, picture, label, colour=INK):
        canvas.image.paste(picture, (x + (CELL - picture.width) // 2, y))
        canvas.text(x, y + CELL + 5, label, 17, colour)

    draw(MARGIN, picture, f"query {row.number}", MUTED)
    canvas.caption(MARGIN + CELL + GAP, y, row.query.caption)
    for level, maps in enumerate(row.levels):
        x = MAPS_X + level * LEVEL_WIDTH
        low, high = maps.joint.min(), maps.joint.max()
        draw(x, heat_map(maps.joint, picture), f"{low:.3f} to {high:.3f}")
        for head, attended in enumerate(maps.attended, 1):
            shares = attended * attended.size
            label = f"{shares.min():.2f} to {shares.max():.2f} x"
            draw(x + head * (CELL + GAP), heat_map(attended, picture), label)


def save_attention(path, model, config, vocabulary, subset, numbers, count):
    """Draws the sheet of one subset -> numbers of its queries; the file appears whole or not."""
    rows, total = read_rows(model, config, vocabulary, subset, numbers, count)
    chosen = "chosen by number" if numbers else "evenly spaced in released order"
    title = f"{data_title(config.dataset, subset)}, attention over the reference image"
    subtitle = (
        f"{len(rows)} of {total:,} queries (protocol val), {chosen}. Joint: spatial gate, 0.5 (the "
        "activation before the sigmoid allows no less) to 1; the channel gates only scale it.",
        "Self-attention: how much a position is attended to, mean over the positions that look; "
        "1 x is an even share. Numbers: the map's range. Grey without colour: an even map.",
    )
    layers = [net.get_layer(f"attention{level}") for level, net in enumerate(model.composers)]
    weights = [(float(layer.first_weight), float(layer.second_weight)) for layer in layers]
    draw_sheet(title, subtitle, rows, weights).save(path)
    return [row.number for row in rows]


def query_numbers(text):
    """Whole numbers with commas."""
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        message = f"{text!r} is not numbers with commas, as 0,5,12"
        raise argparse.ArgumentTypeError(message) from None


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--checkpoint_dir", required=True, help="a trained run, composition val")
    parser.add_argument("--exact_model_checkpoint", default="", help="default: the newest")
    parser.add_argument("--subset", default="", help="FashionIQ category; default: all")
    parser.add_argument("--queries", type=query_numbers, default=(), help="as 0,5,12")
    parser.add_argument("--count", type=int, default=8, help="queries shown without --queries")
    parser.add_argument("--results_dir", default="results")
    flags = parser.parse_args(argv)
    if flags.count < 1:
        raise InputError(f"--count={flags.count}: must be at least 1", 2)
    run = load_trained_model(flags.checkpoint_dir, flags.exact_model_checkpoint)
    model, config, _, checkpoint = run
    if not model.composition.has_attention:
        raise InputError(f"{checkpoint}: composition {config.composition} has no attention", 2)
    if config.without or not config.gate_activation or len(model.levels) < len(LEVELS):
        raise InputError(f"{checkpoint}: shown is VAL with all its parts and levels", 2)
    subsets = wanted_subsets(flags.subset, config.dataset)
    datasets.require_data(config.dataset, config.data_path)
    for subset in subsets:
        stem = "_".join(filter(None, ("attention", config.dataset, subset)))
        path = Path(flags.results_dir, f"{stem}.png")
        numbers = save_attention(path, *run[:3], subset, flags.queries, flags.count)
        print(f"{path}: queries {', '.join(map(str, numbers))} of {checkpoint}")


if __name__ == "__main__":
    run_main(main)
