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

from command_line.errors import InputError, run_main
from command_line.flags import Flags
from datasets import products
from datasets.check_data import open_images
from datasets.find_images import find_written
from datasets.product_pairs import PHRASES, count_partners, read_phrases
from datasets.product_parts import assign_parts, read_split
from datasets.product_table import Table, normal

SMALLEST = 8  # pixels a side; smaller ones are placeholders
TINY = f"under {SMALLEST} pixels a side"
REPEATED = 3  # products a value, of a column that may be an attribute
SHOWN = 10  # changes an attribute, pictures that can't be used


def show_columns(table, image_column):
    """Prints what each column would give as an attribute."""
    names = [name for name in table.header if name not in ("", image_column, "split")]
    cells = dict(zip(table.header, zip(*(row for _, row in table.rows), strict=True), strict=True))
    columns = {name: [normal(cell) for cell in cells[name]] for name in names}
    sizes = {name: Counter(filter(None, column)) for name, column in columns.items()}
    likely = [name for name in names if 1 < len(sizes[name]) <= sizes[name].total() / REPEATED]
    rows = list(zip(*(columns[name] for name in likely), strict=True))
    partners = dict(zip(likely, count_partners(rows), strict=True)) if rows else {}
    print(f"{'column':<24}{'values':>9}{'products a value':>18}{'with a partner *':>18}")
    for name, size in sizes.items():
        mean = f"{size.total() / max(len(size), 1):,.1f}"
        print(f"{name:<24}{len(size):>9,}{mean:>18}{partners.get(name, '-'):>18}")
    print("* they differ from another product in this alone of the columns with a number here")


def read_images(table, column, folder):
    """Finds and opens every row's picture -> ({row: file}, {file: sha-256}, counts)."""
    cells, places = table.images(column, "--image_column"), {}
    found = find_written([name for _, name in cells], folder)
    for place, name in cells:
        first = places.setdefault(found.get(name, name), place)
        if first != place:
            raise InputError(f"{place}: {name!r} is the image of another row: {first}")
    files, reasons, digests = list(found.values()), {}, {}
    for file, opened in zip(files, open_images([Path(folder, f) for f in files]), strict=True):
        reason, digest, side = opened
        if reason or side < SMALLEST:
            reasons[file] = reason or TINY
        else:
            digests[file] = digest
    if not digests:
        raise InputError(f"{cells[0][0]}: below {folder} is none of the images, or none opens")
    missing = [f"{place}: missing: {name}" for place, name in cells if name not in found]
    unusable = [f"{file}: {reason}" for file, reason in reasons.items()]
    print("".join(f"{line}\n" for line in missing[:SHOWN] + unusable[:SHOWN]), end="")
    tiny, copies = sum(r == TINY for r in reasons.values()), Counter(digests.values())
    counts = {
        "rows": len(cells),
        "images found": len(found),
        "images missing": len(missing),
        "images broken": len(unusable) - tiny,
        "images tiny": tiny,
        "rows whose bytes others have": sum(copies[d] > 1 for d in digests.values()),
    }
    rows = {i: found[name] for i, (_, name) in enumerate(cells) if found.get(name) in digests}
    return rows, digests, counts


def read_given(path, folder, row_of):
    """Triplets that people wrote -> [(reference, target, caption)] with numbers of `row_of`
    ({file: number}), None for pictures that are not in it."""
    table, given = Table(path), []
    columns = [table.images(name, "--triplets") for name in ("reference", "target")]
    found = find_written([name for column in columns for _, name in column], folder)
    captions = table.texts("caption", "--triplets")
    for (place, own), (_, other), (where, caption) in zip(*columns, captions, strict=True):
        reference, target = (row_of.get(found.get(name, name)) for name in (own, other))
        if own == other or reference == target is not None:
            raise InputError(f"{place}: the target is the same picture")
        if not caption:
            raise InputError(f"{where}: no caption")
        given.append((reference, target, caption))
    return given


def read_rows(table, flags, attributes, before):
    """-> (list[Product], by image name; counts). before: {image: part} of last time."""
    columns = [table.values(name, "--attributes") for name in attributes]
    values = list(zip(*columns, strict=True)) or [()] * len(table.rows)
    groups = table.values(flags.group, "--group") if flags.group else [None] * len(table.rows)
    split = read_split(table)
    rows, digests, counts = read_images(table, flags.image_column, flags.image_dir)
    files = list(rows.values())
    row_of = {file: i for i, file in enumerate(files)}
    given = read_given(flags.triplets, flags.image_dir, row_of) if flags.triplets else []
    known = [row for row in given if None not in row]
    parts = assign_parts(
        [groups[row] or os.path.splitext(file)[0] for row, file in rows.items()],
        [digests[file] for file in files],
        [split[row] for row in rows],
        [before.get(file) for file in files],
        [] if attributes else [row[:2] for row in known],
    )
    triplets = [[] for _ in files]
    for reference, target, caption in known:
        if parts[reference] == parts[target]:
            triplets[reference].append([files[target], caption])
    if given:
        kept = Counter(part for part, own in zip(parts, triplets, strict=True) for _ in own)
        counts |= {f"given triplets, {part}": kept[part] for part in products.PARTS}
        counts["given triplets left out: of two parts"] = len(known) - kept.total()
        counts["given triplets left out: no such product"] = len(given) - len(known)
    fields = zip(files, (values[row] for row in rows), parts, triplets, strict=True)
    return sorted(products.Product(*row) for row in fields), counts  # names differ


def count_triplets(rows, about):
    """-> (counts, {attribute: Counter of drawn changes}, {change: a sentence})."""
    names, values = about["attributes"], {product.image: product.values for product in rows}
    training = products.training_of(rows, about)
    drawn = training.triplets(0, 0, training.images)
    if not drawn:
        what = f"no two products to train on differ in one of {', '.join(names)} alone"
        raise InputError(f"{about['table']}: {what if names else 'no triplet to train on'}")
    counts = {f"products, {part}": sum(p.part == part for p in rows) for part in products.PARTS}
    counts["different sets of values"] = len(set(values.values()))
    counts["products with a partner"] = len(products.index_of(rows).modifiable)
    by = count_partners(list(values.values()))
    counts |= {f"by {name}": count for name, count in zip(names, by, strict=True)}
    counts["triplets an epoch"] = len(drawn)
    counts["validation queries"] = len(products.benchmark_of(rows, about).queries)
    changes, sentences = {name: Counter() for name in names}, {}
    for triplet in drawn:
        pairs = zip(names, values[triplet.reference], values[triplet.target], strict=True)
        differ = [row for row in pairs if row[1] != row[2]]
        if len(differ) == 1 and None not in differ[0]:  # given ones may differ in any way
            changes[differ[0][0]][differ[0]] += 1
            sentences.setdefault(differ[0], triplet.caption)
    return counts, changes, sentences


def report(counts, changes, sentences):
    for what, count in counts.items():
        print(f"{what:<44}{count:>9,}")
    for name, counter in changes.items():
        print(f"{name}: changes drawn most often in an epoch")
        for change, count in counter.most_common(SHOWN):
            print(f"{count:>9,}  {change[1]} -> {change[2]}: {sentences[change]!r}")


def compare(old, new):
    """Two lists of products -> what changed, in a line."""
    old, new = ({product.image: product for product in rows} for rows in (old, new))
    changed = sum(old[image] != new[image] for image in old.keys() & new.keys())
    gone, added = old.keys() - new.keys(), new.keys() - old.keys()
    return f"rows added {len(added)}, gone {len(gone)}, changed {changed}"


def link_images(root, folder):
    """root/images leads to the folder; nothing is copied."""
    link = root / "images"
    if link.resolve() == folder:
        return
    if link.is_dir() and not link.is_symlink():
        raise InputError(f"{link}: holds images of its own; choose another --data_path", 2)
    root.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f"images.{os.getpid()}.part")
    temporary.symlink_to(folder)
    os.replace(temporary, link)


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
    about = {
        "table": flags.table,
        "folder": str(folder),
        "attributes": attributes,
        "group": flags.group,
        "phrases": read_phrases(flags.phrases) if flags.phrases else list(PHRASES),
    }
    prepared = (root / products.ANNOTATIONS[1]).exists()
    old, earlier = products.read_products(root) if prepared else ([], about)
    before = {p.image: p.part for p in old if earlier["group"] == flags.group}
    rows, counts = read_rows(table, flags, attributes, before)
    more, changes, sentences = count_triplets(rows, about)
    report(counts | more, changes, sentences)
    read = {"table": flags.table, "triplets": flags.triplets}
    digests = {n: hashlib.sha256(Path(p).read_bytes()).hexdigest() for n, p in read.items() if p}
    link_images(root, folder)
    products.write_products(root, rows, {**about, "counts": counts | more, "sha256": digests})
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
