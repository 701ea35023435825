"""A shop of drawn products: a table and its pictures."""

import csv
import itertools
from pathlib import Path

from PIL import Image

from datasets import prepare_products

COLOURS = {"red": (200, 0, 0), "Navy  Blue": (0, 0, 90), "green": (0, 160, 0), "NA": (9, 9, 9)}
KINDS = ("shirt", "dress", "skirt")
GENDERS = ("Men", "Women")
HEADER = ("image", "gender", "kind", "colour", "style")
ATTRIBUTES = "gender,kind,colour"
PHOTOGRAPHS = Path(__file__).parents[3] / "shared" / "photographs"


def small_shop(root, each=5):
    """`each` products of every set of values, pictures in root/photos -> rows of the table."""
    photos = root / "photos"
    photos.mkdir(parents=True)
    rows = []
    kinds = itertools.product(GENDERS, KINDS, COLOURS, range(each))
    for number, (gender, kind, colour, _) in enumerate(kinds):
        image = Image.new("RGB", (12, 12), COLOURS[colour])
        image.putpixel((number % 12, number // 12), (255, 255, 255))
        image.save(photos / f"{number}.png")
        rows.append([f"{number}.png", gender, kind, colour, f"s{number // 2}"])
    return rows


def write_table(path, rows, header=HEADER):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def prepare(root, table, *flags, attributes=ATTRIBUTES):
    """Prepares root/data of the table and root/photos; a flag given again replaces the first."""
    attributes = [f"--attributes={attributes}"] if attributes else []
    prepare_products.main([
        f"--table={table}", f"--image_dir={root / 'photos'}", f"--data_path={root / 'data'}",
        *attributes, *flags,
    ])  # fmt: skip
    return root / "data"
