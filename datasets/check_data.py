"""Is a data set complete, and what would its gaps do to training and scores? Exit code 0 or 1.

Counts against the released ones, missing and (--decode) unreadable images, the triplets, queries
and gallery entries they touch, duplicates, odd captions:
  python -m datasets.check_data --dataset=fashion_iq --data_path=data/fashion_iq [--decode] [--json]
"""

import hashlib
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

import datasets
from command_line.errors import InputError, run_main
from command_line.flags import Flags, boolean
from config import Config
from datasets.find_images import image_paths
from datasets.image_files import check_image
from datasets.vocabulary import tokenize

FEW = 500  # files opened sooner than processes start


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
    report["duplicates"] = _duplicates(parts, paths, digests)
    report["captions"] = _captions(dataset, data_path, parts)
    report["problems"] = [
        f"{what}: {count['found']:,} instead of {count['released'][0]:,}"
        for what, count in report["counts"].items()
        if count["found"] not in count["released"]
    ]
    for kind in ("missing", "unreadable"):
        if report[kind]:
            first = ", ".join(list(report[kind])[:3]) + (", ..." if len(report[kind]) > 3 else "")
            report["problems"].append(f"{len(report[kind]):,} images {kind}: {first}")
    return report


def _needed(part):
    return dict.fromkeys([name for row in part.rows for name in row] + part.gallery)


def open_images(files):
    """Opens every file, many on all cores -> ({path: why not}, {path: digest, None if not})."""
    reasons, digests, few = {}, {}, len(files) < FEW
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        read = _reason_and_digest
        results = map(read, files) if few else pool.map(read, files, chunksize=32)
        for path, (reason, digest) in zip(
            files, tqdm(results, total=len(files), desc="decoding", unit="image"), strict=True
        ):
            if reason:
                reasons[path] = reason
            digests[path] = digest
    return reasons, digests


def _reason_and_digest(path):
    reason = check_image(path)
    return reason, None if reason else hashlib.sha1(path.read_bytes()).hexdigest()


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
    for path, reason in list(report.get("unreadable", {}).items())[:20]:
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
