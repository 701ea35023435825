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
from datasets.product_images import TINY, find_files, open_images
from datasets.product_pairs import PHRASES, count_partners, read_phrases
from datasets.product_parts import assign_parts, read_split
from datasets.product_table import Table
from datasets.released_files import read_json

SHOWN = 10  # changes an attribute, pictures that can't be used


def show_columns(table, image_column):
    """Prints what each column would give as an attribute."""
    names = [name for name in table.header if name not in ("", image_column, "split")]
    columns = {name: table.values(name, "") for name in names}
    sizes = {name: Counter(filter(None, column)) for name, column in columns.items()}
    likely = [name for name in names if 1 < len(sizes[name]) <= len(table.rows) / SHOWN]
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
    found = find_files([name for _, name in cells], folder)
    for place, name in cells:
        first = places.setdefault(found.get(name, name), place)
        if first != place:
            raise InputError(f"{place}: {name!r} is the image of another row: {first}")
    files = list(found.values())
    opened = dict(zip(files, open_images([Path(folder, file) for file in files]), strict=True))
    digests = {file: digest for file, (reason, digest) in opened.items() if not reason}
    if not digests:
        raise InputError(f"{cells[0][0]}: below {folder} is none of the images, or none opens")
    missing = [f"{place}: missing: {name}" for place, name in cells if name not in found]
    unusable = [f"{file}: {reason}" for file, (reason, _) in opened.items() if reason]
    print("".join(f"{line}\n" for line in missing[:SHOWN] + unusable[:SHOWN]), end="")
    tiny, copies = sum(r == TINY for r, _ in opened.values()), Counter(digests.values())
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


def read_given(path, row_of):
    """Triplets that people wrote -> [(reference, target, caption)] with numbers of `row_of`
    ({file: number}), None for pictures that are not in it."""
    table = Table(path)
    stems = {os.path.splitext(file)[0]: row for file, row in row_of.items()}
    columns = [table.images(name, "--triplets") for name in ("reference", "target")]
    captions, given = table.texts("caption", "--triplets"), []
    for (place, own), (_, other), (where, caption) in zip(*columns, captions, strict=True):
        reference, target = (row_of.get(name, stems.get(name)) for name in (own, other))
        if own == other or reference == target is not None:
            raise InputError(f"{place}: the target is the same picture")
        if not caption:
            raise InputError(f"{where}: no caption")
        given.append((reference, target, caption))
    return given


def make_entries(table, flags, attributes, before):
    """-> (lines of products.jsonl, counts). before: {image: part} of last time."""
    columns = [table.values(name, "--attributes") for name in attributes]
    groups = table.values(flags.group, "--group") if flags.group else [None] * len(table.rows)
    split = read_split(table)
    rows, digests, counts = read_images(table, flags.image_column, flags.image_dir)
    row_of = {file: number for number, file in enumerate(rows.values())}
    given = read_given(flags.triplets, row_of) if flags.triplets else []
    known = [row for row in given if None not in row]
    parts = assign_parts(
        [groups[row] or os.path.splitext(file)[0] for row, file in rows.items()],
        [digests[file] for file in row_of],
        [split[row] for row in rows],
        [before.get(file) for file in row_of],
        [] if attributes else [row[:2] for row in known],
    )
    entries = []
    for (row, file), part in zip(rows.items(), parts, strict=True):
        values = {n: column[row] for n, column in zip(attributes, columns, strict=True)}
        values = {name: value for name, value in values.items() if value is not None}
        entries.append({"image": file, "values": values, "part": part})
    kept = [(r, t, caption) for r, t, caption in known if parts[r] == parts[t]]
    for reference, target, caption in kept:
        rows_of_reference = entries[reference].setdefault("triplets", [])
        rows_of_reference.append([entries[target]["image"], caption])
    if given:
        of_part = Counter(parts[reference] for reference, _, _ in kept)
        counts.update({f"given triplets, {part}": of_part[part] for part in products.PARTS})
        counts["given triplets left out: of two parts"] = len(known) - len(kept)
        counts["given triplets left out: no such product"] = len(given) - len(known)
    return sorted(entries, key=lambda entry: entry["image"]), counts


def count_triplets(entries, about):
    """-> (counts, {attribute: Counter of drawn changes}, {change: a sentence})."""
    rows = products.from_entries(entries, about)
    names, values = about["attributes"], {product.image: product.values for product in rows}
    training = products.training_of(rows, about)
    drawn = training.triplets(0, 0, training.images)
    queries = products.benchmark_of(rows, about).queries
    counts = {f"products, {part}": sum(p.part == part for p in rows) for part in products.PARTS}
    counts["different sets of values"] = len(set(values.values()))
    counts["products with a partner"] = len(products.index_of(rows).modifiable)
    for name, count in zip(names, count_partners(list(values.values())), strict=True):
        counts[f"by {name}"] = count
    counts |= {"triplets an epoch": len(drawn), "validation queries": len(queries)}
    changes, sentences = {name: Counter() for name in names}, {}
    for triplet in drawn:
        pairs = zip(names, values[triplet.reference], values[triplet.target], strict=True)
        differ = [row for row in pairs if row[1] != row[2]]
        if len(differ) == 1 and None not in differ[0]:  # given ones may differ in any way
            changes[differ[0][0]][differ[0]] += 1
            sentences.setdefault(differ[0], triplet.caption)
    if not drawn:
        what = f"no two products to train on differ in one of {', '.join(names)} alone"
        raise InputError(f"{about['table']}: {what if names else 'no triplet to train on'}")
    return counts, changes, sentences


def report(counts, changes, sentences):
    for what, count in counts.items():
        print(f"{what:<44}{count:>9,}")
    for name, counter in changes.items():
        print(f"{name}: changes drawn most often in an epoch")
        for change, count in counter.most_common(SHOWN):
            print(f"{count:>9,}  {change[1]} -> {change[2]}: {sentences[change]!r}")


def compare(old, entries):
    """What changed since the last time, in a line."""
    old, new = ({entry["image"]: entry for entry in side} for side in (old, entries))
    changed = sum(old[image] != new[image] for image in old.keys() & new.keys())
    return f"rows added {len(new.keys() - old.keys())}, gone {len(old.keys() - new.keys())}, " + (
        f"changed {changed}"
    )


def link_images(data_path, image_dir):
    """data_path/images leads to the folder; nothing is copied."""
    link, folder = Path(data_path, "images"), Path(image_dir).resolve()
    if link.resolve() != folder:
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
    root, old, before = Path(flags.data_path), [], {}
    if not Path(flags.image_dir).is_dir():
        raise InputError(f"--image_dir={flags.image_dir}: no such folder", 2)
    if (root / "images").is_dir() and not (root / "images").is_symlink():
        if (root / "images").resolve() != Path(flags.image_dir).resolve():
            raise InputError(f"{root / 'images'}: holds images of its own; choose --data_path", 2)
    if (root / "products.jsonl").exists():
        old = products.read_entries(root)
        if read_json(root / "products.json", dict)["group"] == flags.group:
            before = {entry["image"]: entry["part"] for entry in old}
    about = {
        "table": flags.table,
        "folder": str(Path(flags.image_dir).resolve()),
        "attributes": attributes,
        "group": flags.group,
        "phrases": read_phrases(flags.phrases) if flags.phrases else list(PHRASES),
    }
    entries, counts = make_entries(table, flags, attributes, before)
    more, changes, sentences = count_triplets(entries, about)
    report(counts | more, changes, sentences)
    files = {"table": flags.table, "triplets": flags.triplets}
    digests = {n: hashlib.sha256(Path(p).read_bytes()).hexdigest() for n, p in files.items() if p}
    root.mkdir(parents=True, exist_ok=True)
    link_images(root, flags.image_dir)
    products.write_products(root, entries, {**about, "counts": counts | more, "sha256": digests})
    print(f"{root}: {compare(old, entries) if old else f'{len(entries)} products'}")


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
