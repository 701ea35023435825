"""Your own products: a table and a folder of photographs -> products.jsonl and products.json.

  python -m datasets.prepare_products --table=shop.csv --image_dir=PHOTOS \\
      --attributes=gender,baseColour [--group=styleId] [--triplets=feedback.csv] \\
      [--phrases=phrases.txt] [--image_column=image] [--data_path=data/products]
Without --attributes and --triplets it shows the columns to choose from. See data/README.md.
"""

import hashlib
import os
from collections import Counter
from pathlib import Path

import numpy as np

from command_line.errors import InputError, run_main
from command_line.files import write_lines
from command_line.flags import Flags
from datasets import products
from datasets.check_data import open_images
from datasets.find_images import find_written
from datasets.pair_index import PairIndex
from datasets.placeholders import too_small
from datasets.product_table import REPEATED, Table
from datasets.products import PARTS, TRAINING, TUNING, VALIDATION, one_value_less, sentence
from datasets.released_files import read_lines
from datasets.tuning_split import join, split_by_image

SHARES = (0.8, 0.9)  # of training; of training and tuning
PART_OF = {"": None, **{part: part for part in PARTS}, "train": TRAINING, "val": VALIDATION}
SHOWN = 10  # changes an attribute, pictures that can't be used


def show_columns(table, image_column):
    """Prints what each column would give as an attribute."""
    names = [name for name in table.header if name not in ("", image_column, "split")]
    columns = {name: table.values(name) for name in names}
    sizes = {name: Counter(filter(None, column)) for name, column in columns.items()}
    likely = [n for n, size in sizes.items() if 1 < len(size) <= size.total() / REPEATED]
    rows = enumerate(zip(*(columns[name] for name in likely), strict=True))
    counts = count_partners(PairIndex(rows, one_value_less), likely)
    print(f"{'column':<24}{'values':>9}{'products a value':>18}{'with a partner *':>18}")
    for name, size in sizes.items():
        mean = f"{size.total() / max(len(size), 1):,.1f}"
        print(f"{name:<24}{len(size):>9,}{mean:>18}{counts.get(name, '-'):>18}")
    print("* they differ from another product in this alone of the columns with a number here")


def count_partners(index, names):
    """{attribute: products that have a partner by it}"""
    column = np.array([column for column, _ in index.words], int)[index.word[index.edges]]
    having = np.bincount(index.caption_of_image)[index.caption[index.edges]]
    return {name: int(having[column == number].sum()) for number, name in enumerate(names)}


def read_phrases(path):
    """A phrase a line, each with {new}, some with {old} -> list of str."""
    phrases = [line.strip() for line in read_lines(path)] or [""]
    for number, phrase in enumerate(phrases, 1):
        fields = products.BRACES.findall(phrase)
        if "new" not in fields or not {"old", "new"}.issuperset(fields):
            raise InputError(f"{path}:{number}: a phrase has {{new}} and may have {{old}}")
    return phrases


def read_images(table, column, folder):
    """Finds and opens every row's picture -> ({row: file}, {file: digest}, counts)."""
    cells, places = table.images(column, "--image_column"), {}
    found = find_written([name for _, name in cells], folder)
    for place, name in cells:
        first = places.setdefault(found.get(name, name), place)
        if first != place:
            raise InputError(f"{place}: {name!r} is the image of another row: {first}")
    paths = {Path(folder, file): file for file in found.values()}
    broken, digests = open_images(list(paths))
    tiny = {path: why for path in digests.keys() - broken if (why := too_small(path))}
    digests = {paths[p]: digest for p, digest in digests.items() if p not in {**broken, **tiny}}
    if not digests:
        raise InputError(f"{cells[0][0]}: below {folder} is none of the images, or none opens")
    missing = [f"{place}: missing: {name}" for place, name in cells if name not in found]
    unusable = [f"{paths[path]}: {why}" for path, why in sorted({**broken, **tiny}.items())]
    for line in (*missing[:SHOWN], *unusable[:SHOWN]):
        print(line)
    copies = Counter(digests.values()).values()
    counts = {"rows": len(cells), "images found": len(found), "images missing": len(missing),
              "images broken": len(broken), "images tiny": len(tiny),
              "rows whose bytes others have": sum(n for n in copies if n > 1)}  # fmt: skip
    rows = {i: found[name] for i, (_, name) in enumerate(cells) if found.get(name) in digests}
    return rows, digests, counts


def read_given(path, folder):
    """Triplets that people wrote -> [(file of the reference, of the target, caption)]."""
    table, given = Table(path), []
    columns = [table.images(name, "--triplets") for name in ("reference", "target")]
    found = find_written([name for column in columns for _, name in column], folder)
    captions = table.texts("caption", "--triplets")
    for (place, own), (_, other), (where, caption) in zip(*columns, captions, strict=True):
        reference, target = found.get(own, own), found.get(other, other)
        if reference == target:
            raise InputError(f"{place}: the target is the same picture")
        if not caption:
            raise InputError(f"{where}: no caption")
        given.append((reference, target, caption))
    return given


def read_split(table):
    """The column `split`, where there is one: a part or None for each row."""
    cells = table.texts("split", "") if "split" in table.header else [("", "")] * len(table.rows)
    for place, text in cells:
        if text.lower() not in PART_OF:
            raise InputError(f"{place}: {text!r} is none of {', '.join(filter(None, PART_OF))}")
    return [PART_OF[text.lower()] for _, text in cells]


def assign_parts(groups, digests, given, before, pairs):
    """{file: part}, so that products of tomorrow move nobody: a hash of its group decides.

    groups, digests: of each file. given, before: {file: part} that override, and that there were.
    What shares a group or its bytes stays together, in the part that one of them had before, else
    that of the first in the table. pairs: of files, where given triplets alone are the data, which
    divide these so that no picture is in two parts, whatever was before."""
    group_of = join([(("group", group), digests[file]) for file, group in groups.items()])
    together = {file: group_of[digests[file]] for file in groups}
    if pairs:
        pairs = [[together[file] for file in pair] for pair in pairs]
        part_of = dict.fromkeys((member for pair in pairs for member in pair), TRAINING)
        for part, share in ((VALIDATION, 1 - SHARES[1]), (TUNING, 1 - SHARES[0] / SHARES[1])):
            taken, _ = split_by_image(pairs, share)
            part_of.update(dict.fromkeys(taken, part))
            pairs = [pair for pair in pairs if pair[0] not in taken]
        before = {file: part_of[group] for file, group in together.items() if group in part_of}
    part_of = {}
    for file in sorted(groups, key=lambda f: (f not in given, f not in before)):
        share = int(hashlib.sha256(groups[file].encode()).hexdigest()[:16], 16) / 2**64
        hashed = PARTS[np.searchsorted(SHARES, share, side="right")]
        part_of.setdefault(together[file], given.get(file) or before.get(file) or hashed)
    return {file: given.get(file) or part_of[group] for file, group in together.items()}


def read_rows(table, flags, attributes, before):
    """-> (list[Product], by image name; counts). before: {image: part} of last time."""
    columns = [table.values(name, "--attributes") for name in attributes]
    values = list(zip(*columns, strict=True)) or [()] * len(table.rows)
    groups = table.values(flags.group, "--group") if flags.group else [None] * len(table.rows)
    split = read_split(table)
    rows, digests, counts = read_images(table, flags.image_column, flags.image_dir)
    given = read_given(flags.triplets, flags.image_dir) if flags.triplets else []
    known = [triplet for triplet in given if digests.keys() >= set(triplet[:2])]
    parts = assign_parts(
        {file: groups[row] or os.path.splitext(file)[0] for row, file in rows.items()},
        digests,
        {file: split[row] for row, file in rows.items() if split[row]},
        before,
        [] if attributes else [triplet[:2] for triplet in known],
    )
    triplets, kept = {file: [] for file in parts}, Counter()
    for reference, target, caption in known:
        if parts[reference] == parts[target]:
            triplets[reference].append([target, caption])
            kept[parts[reference]] += 1
    if given:
        counts |= {f"given triplets, {part}": kept[part] for part in PARTS}
        counts["given triplets left out: of two parts"] = len(known) - kept.total()
        counts["given triplets left out: no such product"] = len(given) - len(known)
    found = [(f, values[row], parts[f], triplets[f]) for row, f in rows.items()]
    return [products.Product(*row) for row in sorted(found, key=lambda row: row[0])], counts


def count_pairs(rows, about):
    """Prints and counts what there is to draw -> {what: count}."""
    names, values = about["attributes"], [product.values for product in rows]
    index, trained, asked = (
        PairIndex([p for p in rows if p.part in parts], one_value_less)
        for parts in (PARTS, (TRAINING, TUNING), (VALIDATION,))
    )
    given = Counter(p.part == VALIDATION for p in rows for _ in p.triplets)
    triplets = len(trained.modifiable) + given[False]
    if not triplets:
        what = f"no two products to train on differ in one of {', '.join(names)} alone"
        raise InputError(f"{about['table']}: {what if names else 'no triplet to train on'}")
    show_changes(trained, about)
    queries = len(asked.modifiable) if names else given[True]
    return {
        **{f"products, {part}": sum(p.part == part for p in rows) for part in PARTS},
        "different sets of values": len(set(values)),
        **{f"values of {n}": len({v[i] for v in values} - {None}) for i, n in enumerate(names)},
        "products with a partner": len(index.modifiable),
        **{f"by {name}": count for name, count in count_partners(index, names).items()},
        "triplets an epoch": triplets,
        "validation queries": min(queries, products.MOST_QUERIES),
    }


def show_changes(index, about):
    """Prints what is drawn most often, each with an example of a sentence."""
    *_, old, new = index.draw(np.random.default_rng(0))
    changes = Counter(zip(old.tolist(), new.tolist(), strict=True)).most_common()
    pairs = [(*index.words[a], index.words[b][1], count) for (a, b), count in changes]
    for number, name in enumerate(about["attributes"]):
        print(f"{name}: the changes drawn most often")
        own = [pair[1:] for pair in pairs if pair[0] == number][:SHOWN]
        for place, (a, b, count) in enumerate(own):
            text = sentence(about["phrases"][place % len(about["phrases"])], a, b)
            print(f"{count:>9,}  {a} -> {b}: {text!r}")


def compare(old, new):
    """Two lists of products -> what changed, in a line."""
    old, new = ({product.image: product for product in rows} for rows in (old, new))
    changed = sum(old[image] != new[image] for image in old.keys() & new.keys())
    gone, added = old.keys() - new.keys(), new.keys() - old.keys()
    return f"rows added {len(added)}, gone {len(gone)}, changed {changed}"


def write(root, rows, about):
    """The files, and `images`, which leads to the folder: nothing is copied."""
    link, folder = root / "images", Path(about["folder"])
    if link.resolve() != folder:
        if link.is_dir() and not link.is_symlink():
            raise InputError(f"{link}: holds images of its own; choose another --data_path", 2)
        root.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
    (root / products.ANNOTATIONS[1]).unlink(missing_ok=True)  # who is stopped now prepares again
    for name, lines in products.files_of(rows, about).items():
        write_lines(root / name, lines)


def prepare(flags):
    table, attributes = Table(flags.table), [n for n in flags.attributes.split(",") if n]
    if len(set(attributes)) < len(attributes) or flags.image_column in attributes:
        raise InputError(f"--attributes={flags.attributes}: a column twice, or the images'", 2)
    if not attributes and not flags.triplets:
        show_columns(table, flags.image_column)
        raise InputError("choose from these columns: --attributes=<column>,<column>", 2)
    root, folder = Path(flags.data_path), Path(flags.image_dir).resolve()
    if not folder.is_dir():
        raise InputError(f"--image_dir={flags.image_dir}: no such folder", 2)
    phrases = read_phrases(flags.phrases) if flags.phrases else list(products.PHRASES)
    about = {"table": flags.table, "folder": str(folder), "attributes": attributes,
             "group": flags.group, "phrases": phrases}  # fmt: skip
    prepared = (root / products.ANNOTATIONS[1]).exists()
    old, earlier = products.read_products(root) if prepared else ([], about)
    before = {p.image: p.part for p in old if earlier["group"] == flags.group}
    rows, counts = read_rows(table, flags, attributes, before)
    counts |= count_pairs(rows, about)
    for what, count in counts.items():
        print(f"{what:<44}{count:>9,}")
    read = {"table": flags.table, "triplets": flags.triplets}
    digests = {n: hashlib.sha256(Path(p).read_bytes()).hexdigest() for n, p in read.items() if p}
    write(root, rows, {**about, "counts": counts, "sha256": digests})
    print(f"{root}: {compare(old, rows) if old else f'{len(rows):,} products'}")


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--table", required=True, help="CSV with a header, UTF-8")
    parser.add_argument("--image_dir", required=True, help="folder of the photographs")
    parser.add_argument("--attributes", default="", help="columns, comma between")
    parser.add_argument("--image_column", default="image", help="column of the file names")
    parser.add_argument("--group", help="column; what shares it is never in two parts")
    parser.add_argument("--triplets", help="CSV with reference,target,caption")
    parser.add_argument("--phrases", help="a phrase a line, each with {new}")
    parser.add_argument("--data_path", default="data/products", help="where to write")
    prepare(parser.parse_args(argv))


if __name__ == "__main__":
    run_main(main)
