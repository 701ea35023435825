"""What a comparison found: comparison_<dataset>.md, .csv and .png."""

import csv

import numpy as np

import datasets
from command_line.files import whole_file, write_lines
from comparison.plan import baseline
from comparison.plot import plot
from comparison.runs import SPEED_FILE, RunFailed
from config import load_config
from datasets.released_files import read_json
from evaluation.features import find_features
from evaluation.method_runs import common_measures, difference
from evaluation.paired import Difference
from reports.compare_runs import interval, mean_and_spread
from reports.markdown import table_head, table_row

JUDGED_BY = ("R@1", "R@10", "both")  # the differences in the table are of these, if there
SIZES = ("parameters", "composer_parameters")


def write_report(scripts, comparison, rows, result, stem):
    """Measures size and speed of what was trained, writes stem.md, .csv, .png -> their paths.

    The table depends on seeds and data only; what the machine did stands below it."""
    speeds = measure_speed(scripts, comparison, result)
    differences = {row: row_differences(result, rows, row) for row in result.systems}
    lines = heading(comparison, result)
    for loss in dict.fromkeys(row.loss for row in rows):
        own = [row for row in rows if row.loss == loss]
        lines += table(result, own, differences, speeds) + [""]
    lines += [f"Failed: {failure}" for failure in result.failures]
    lines += tuning(comparison, result) + cost(speeds)
    paths = [stem.with_suffix(suffix) for suffix in (".md", ".csv", ".png")]
    write_lines(paths[0], lines)
    write_csv(paths[1], result, differences, speeds)
    plot(comparison, result, paths[2])
    print("\n".join(lines))
    return paths


def measure_speed(scripts, comparison, result):
    """{row: what comparison.speed measured of its first run}; a failure is one of the result's"""
    folders = {row: result.runs[row][0].folder for row in result.systems}
    if not folders:
        return {}
    names, log = ",".join(map(str, folders.values())), comparison.root / "speed.log"
    speed = ["-m", "comparison.speed", f"--checkpoint_dirs={names}"]
    try:
        scripts.call(speed, log, whole_machine=True)
    except RunFailed as error:  # the recalls are worth more
        result.failures.append(f"size and speed: {error} ({log})")
    paths = {row: folder / SPEED_FILE for row, folder in folders.items()}
    return {row: read_json(path, dict) for row, path in paths.items() if path.exists()}


def row_differences(result, rows, row):
    """{measure of JUDGED_BY: Difference, less VAL's with the same loss}; None for VAL itself and
    where VAL failed."""
    base, judged = baseline(rows, row.loss), measures(result)[1]
    if row == base or base not in result.systems:
        return dict.fromkeys(judged)
    own, vals = result.systems[row], result.systems[base]
    return {name: difference(own, vals, name) for name in judged}


def heading(comparison, result):
    """What was asked, and how."""
    title = datasets.READERS[comparison.dataset].TITLE
    lines = [f"# Compositions on {title}, {comparison.data_path}", ""]
    if not result.systems:
        return lines
    row, system = next(iter(result.systems.items()))
    config = result.runs[row][0].config
    queries = sum(len(category.keys) for category in system.categories.values())
    runs = [run for row in result.systems for run in result.runs[row]]
    metadata = [list(find_features(run.folder / "features").values()) for run in runs]
    missing = sum(each["missing_images"] for each in metadata[0])
    used = sorted({tuple(each["versions"].items()) for own in metadata for each in own})
    versions = "; ".join(", ".join(map(" ".join, found)) for found in used)
    tuned, seeds = "as given", ", ".join(map(str, comparison.seeds))
    if len(comparison.rates) > 1:
        part = comparison.tuning_data or "a tenth of the training triplets"
        rates, seed = ", ".join(comparison.rates), comparison.seeds[0]
        tuned = f"of {rates}, by R@10, of equals by R@1, on {part} (seed {seed})"
    parts = len(system.categories)
    return [
        *lines,
        f"Protocol val, {queries:,} queries" + (f" in {parts} categories" if parts > 1 else "")
        + f", missing images: {missing}. Each run: {config.image_model}, {config.image_size} px, "
        f"{config.train_length:,} updates of {config.batch_size} pairs, averaged weights of the "
        f"last one; seeds {seeds}. Learning rate: {tuned}. {versions}.",
        "",
        "Recall in %: mean over seeds ± their standard deviation. Brackets: 95 % interval of the",
        "paired difference over seeds and triplets; could show: the smallest difference",
        "that this comparison could have told from none. No correction for the number of rows.",
        "",
    ]  # fmt: skip


def measures(result):
    """-> (measures of all rows, those of JUDGED_BY)."""
    names = common_measures([*result.systems.values()]) if result.systems else []
    return names, [name for name in JUDGED_BY if name in names]


def table(result, rows, differences, speeds):
    """Markdown lines of the rows of one loss."""
    names, judged = measures(result)
    base = baseline(rows, rows[0].loss)
    heads = [
        f"loss: {rows[0].loss}", *names,
        *(h for name in judged for h in (f"{name} less {base.name}'s", "could show")),
        "learning rate", "million parameters, of them composers",
    ]  # fmt: skip
    lines = table_head(heads)
    for row in rows:
        if row not in result.systems:
            lines.append(table_row([row.name, "failed", *[""] * (len(heads) - 2)]))
            continue
        system = result.systems[row]
        sizes = [speeds[row][size] / 1e6 for size in SIZES] if row in speeds else []
        cells = [
            row.name + stage1(result.runs[row][0]),
            *(mean_and_spread(system.means(name)) for name in names),
            *(cell for d in differences[row].values()
              for cell in ((interval(d), f"{d.smallest_shown:.2f}") if d else ("", ""))),
            result.rates[row][0],
            ", ".join(f"{size:.2f}" for size in sizes) or "not measured",
        ]  # fmt: skip
        lines.append(table_row(cells))
    return lines


def stage1(run):
    """What a run with L_vs trained before the updates that all make."""
    folder = run.config.stage1_folder
    return f" (after {load_config(folder).train_length:,} updates of stage 1)" if folder else ""


def tuning(comparison, result):
    """Markdown lines of what each rate reached: past a best one at an end there may be a better."""
    if len(comparison.rates) < 2:
        return []
    lines = table_head(["R@10 on the tuning part, by learning rate", "loss", *comparison.rates])
    for row, (_, found) in result.rates.items():
        cells = [f"{found[rate]:.2f}" if rate in found else "failed" for rate in comparison.rates]
        lines.append(table_row([row.name, row.loss, *cells]))
    return [*lines, ""]


def cost(speeds):
    """Markdown lines of what the machine did."""
    if not speeds:
        return []
    lines = table_head(["Speed", "loss", "ms an update", "queries/s", "on"])
    for row, speed in speeds.items():
        rates = 1000 * speed["seconds_an_update"], speed["queries_a_second"]
        cells = [row.name, row.loss, *(f"{rate:.0f}" for rate in rates), speed["machine"]]
        lines.append(table_row(cells))
    return lines


def write_csv(path, result, differences, speeds):
    """All measures of all seeds, for other tools; one line a row and seed."""
    with whole_file(path) as file:
        writer = csv.writer(file)
        names, judged = measures(result)
        writer.writerow(
            ["composition", "loss", "rate", "seed", *names,
             *(f"{name}_{what}" for name in judged for what in Difference._fields),
             *SIZES, "updates", "folder"]
        )  # fmt: skip
        for row, system in result.systems.items():
            of_seeds = np.array([system.means(name) for name in names]).T  # [S, measures]
            nothing = [""] * len(Difference._fields)
            found = [value for d in differences[row].values() for value in d or nothing]
            for run, values in zip(result.runs[row], of_seeds, strict=True):
                writer.writerow(
                    [row.name, row.loss, run.rate, run.seed, *np.round(values, 4), *found,
                     *(speeds.get(row, {}).get(size, "") for size in SIZES),
                     run.config.train_length, run.folder]
                )  # fmt: skip
