"""Is a data set complete, and what would its gaps do to training and scores? Exit code 0 or 1.

Counts against the released ones, missing and (--decode) unreadable images, the triplets, queries
and gallery entries they touch, (--decode) placeholders: tiny images, bytes that many names share,
duplicates, odd captions:
  python -m datasets.check_data --dataset=fashion_iq --data_path=data/fashion_iq [--decode] [--json]
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import datasets
from command_line.errors import InputError, run_main
from command_line.flags import Flags, boolean
from config import Config
from datasets.find_images import image_paths, where_looked
from datasets.image_files import open_images
from datasets.placeholders import shared_bytes, too_small
from datasets.vocabulary import tokenize


class Part(NamedTuple):
    """What one training set or one gallery needs."""

    name: str  # "train dress", "original shirt", "val"
    subset: str
    rows: list[tuple[str, ...]]  # image names of each triplet, query or training image
    captions: list[str]
    gallery: list[str]


def read_parts(dataset, data_path):
    """Training sets and benchmarks of a data set -> list[Part]; InputError as the readers raise."""
    parts, training = [], datasets.READERS[dataset].read_training(data_path)
    for subset in datasets.subsets(dataset):
        given = [t for t in training.given if t.subset == subset]
        labelled = [i for i in training.labelled if i.subset == subset]
        rows = [*(t[:2] for t in given), *(i[:1] for i in labelled)]
        captions = [record.caption for record in (*given, *labelled)]
        parts.append(Part(f"train {subset}".strip(), subset, rows, captions, []))
    for protocol in datasets.protocols(dataset):
        for subset in datasets.subsets(dataset):
            queries, gallery = datasets.read_benchmark(dataset, data_path, subset, protocol)
            rows = [(query.reference, *query.targets) for query in queries]
            captions = [query.caption for query in queries]
            parts.append(Part(f"{protocol} {subset}".strip(), subset, rows, captions, gallery))
    return parts


def check(dataset, data_path, decode=False, released=True):
    """Everything found -> dict that JSON can hold; "problems" empties when the data is complete."""
    parts = read_parts(dataset, data_path)
    paths = {p.name: image_paths(dataset, data_path, _needed(p), p.subset) for p in parts}
    files = sorted({path for found in paths.values() for path in found.values()})
    reasons, digests = open_images(files) if decode else ({}, {})
    report = {"dataset": dataset, "data_path": str(data_path), "decoded": decode}
    report["counts"] = _counts(dataset, parts) if released else {}
    report["images"] = {part.name: _images(part, paths[part.name], reasons) for part in parts}
    report["missing"] = sorted({n for p in parts for n in _needed(p) if n not in paths[p.name]})
    report["unreadable"] = {str(path): reason for path, reason in sorted(reasons.items())}
    report["tiny"] = {str(p): why for p in digests if p not in reasons and (why := too_small(p))}
    report["shared"] = _shared(datasets.READERS[dataset], data_path, paths.values(), digests)
    report["duplicates"] = _duplicates(parts, paths, digests)
    report["captions"] = _captions(dataset, data_path, parts)
    report["problems"] = [
        f"{what}: {count['found']:,} instead of {count['released'][0]:,}"
        for what, count in report["counts"].items()
        if count["found"] not in count["released"]
    ]
    for kind in ("missing", "unreadable", "tiny"):
        if report[kind]:
            line = f"{len(report[kind]):,} images {kind}: {_first(report[kind])}"
            report["problems"].append(line + (_looked(report, parts) if kind == "missing" else ""))
    for names in report["shared"]:
        what = f"have the same bytes from different URLs: {_first(names)}"
        report["problems"].append(f"{len(names):,} images {what}; look at one")
    return report


def _first(names):
    return ", ".join(list(names)[:3]) + (", ..." if len(names) > 3 else "")


def _looked(report, parts):
    """Where the first missing image was looked for, if many are missing."""
    missing, needed = report["missing"], {name: p.subset for p in parts for name in _needed(p)}
    return where_looked(report["dataset"], report["data_path"], missing, needed, needed[missing[0]])


def _shared(reader, data_path, found, digests):
    """[[name]] of images with bytes that many have; where images have no URLs, copies are fine."""
    if not (digests and reader.read_urls):
        return []
    named = {name: digests[path] for paths in found for name, path in paths.items()}
    there = {name: digest for name, digest in named.items() if digest}
    return shared_bytes(there, reader.read_urls(data_path))


def _needed(part):
    return dict.fromkeys([name for row in part.rows for name in row] + part.gallery)


def _counts(dataset, parts):
    found = {}
    for part in parts:
        labels = [caption for row, caption in _captioned(part) if len(row) == 1]
        texts = len(part.captions) - len(labels) + len(set(labels))  # a label counts once
        found[f"{part.name} {'captions' if part.name.startswith('train') else 'queries'}"] = texts
        found[f"{part.name} images"] = len(labels)
        found[f"{part.name} gallery"] = len(part.gallery)
    return {
        what: {"found": found[what], "released": list(counts)}
        for what, counts in datasets.READERS[dataset].RELEASED.items()
    }


def _images(part, paths, reasons):
    """How many images a part needs, lacks, and what the gaps touch."""
    good = {name for name, path in paths.items() if path not in reasons}
    needed = _needed(part)
    return {
        "needed": len(needed),
        "missing": len(needed) - len(paths),
        "unreadable": len(paths) - len(good),
        "rows": len(part.rows),
        "rows_touched": sum(not good.issuperset(row) for row in part.rows),
        "gallery": len(part.gallery),
        "gallery_touched": sum(name not in good for name in part.gallery),
    }


def _duplicates(parts, paths, digests):
    train = [part for part in parts if part.name.startswith("train")]
    tests = [part for part in parts if not part.name.startswith("train")]
    rows = [(part.name, *row, text) for part in train for row, text in _captioned(part)]
    shared = {n for p in train for n in _needed(p)} & {n for p in tests for n in _needed(p)}
    report = {
        "training rows that occur twice": len(rows) - len(set(rows)),
        "rows whose target is their reference": sum(
            len(row) > 1 and row[0] in row[1:] for part in parts for row in part.rows
        ),
        "images of both training and test": len(shared),
    }
    for part in tests if digests else []:
        found = [digests[path] for path in paths[part.name].values() if digests[path]]
        report[f"{part.name}: images with the bytes of another"] = len(found) - len(set(found))
    return report


def _captioned(part):
    return zip(part.rows, part.captions, strict=True)


def _captions(dataset, data_path, parts):
    own = [part for part in parts if not part.name.startswith("original")]  # joins val's
    texts = [text for part in own for text in part.captions]
    longest, blank = Config.max_caption_words, datasets.READERS[dataset].count_empty_captions
    return {
        "blank, in training (skipped)": blank(data_path, "train"),
        "blank, in test (skipped)": blank(data_path, "val"),
        "without a word": sum(not tokenize(text) for text in texts),
        f"over {longest} words (cut by default)": sum(len(tokenize(t)) > longest for t in texts),
        "not ASCII": sum(not text.isascii() for text in texts),
        'with ";"': sum(";" in text for text in texts),
    }


def print_report(report):
    """The same for people."""
    print(f"{report['dataset']} in {report['data_path']}")
    for what, count in report.get("counts", {}).items():
        released = " or ".join(f"{number:,}" for number in count["released"])
        print(f"  {what:<24}{count['found']:>9,}   released {released}")
    if "images" in report:
        columns = list(next(iter(report["images"].values())))
        print("\n  images; rows are triplets in training, queries in test")
        print(" " * 17 + "".join(f"{column:>{len(column) + 3}}" for column in columns))
        for name, row in report["images"].items():
            print(f"  {name:<15}" + "".join(f"{row[c]:>{len(c) + 3},}" for c in columns))
        print()
    for title in ("duplicates", "captions"):
        for what, number in report.get(title, {}).items():
            print(f"  {title}: {what}: {number:,}")
    unusable = {**report.get("unreadable", {}), **report.get("tiny", {})}
    for path, reason in list(unusable.items())[:20]:
        print(f"  {path}: {reason}")
    for problem in report["problems"]:
        print(f"problem: {problem}")
    print("incomplete" if report["problems"] else "complete")


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--dataset", choices=tuple(datasets.READERS), required=True)
    parser.add_argument("--data_path", help="root of the data set; default data/<dataset>")
    switch = {"type": boolean, "nargs": "?", "const": True}
    parser.add_argument("--decode", **switch, default=False, help="open every image, on all cores")
    parser.add_argument("--json", **switch, default=False, help="print one JSON object")
    help_text = "compare with the released counts; False for the demo data or your own"
    parser.add_argument("--released", **switch, default=True, help=help_text)
    flags = parser.parse_args(argv)
    data_path = Path(flags.data_path or f"data/{flags.dataset}")
    try:
        datasets.require_data(flags.dataset, data_path, images=False)
        report = check(flags.dataset, data_path, flags.decode, flags.released)
    except InputError as error:
        report = {"dataset": flags.dataset, "data_path": str(data_path), "problems": [str(error)]}
    report["complete"] = not report["problems"]
    if flags.json:
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        print_report(report)
    return int(not report["complete"])


if __name__ == "__main__":
    run_main(main)
