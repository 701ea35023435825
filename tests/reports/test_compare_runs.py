"""The table of any two systems, from the rank files of test_val.py."""

import json

import pytest

from command_line.errors import InputError
from reports import compare_runs


def write_ranks(folder, ranks, subset="dress", protocol="val", caption="is red"):
    lines = [
        json.dumps({"reference": f"r{i // 2}", "caption": f"{caption} {i}",
                    "targets": [f"t{i // 2}"], "rank": rank, "tied": False, "top": []})
        for i, rank in enumerate(ranks)
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"ranks_fashion_iq_{subset}_{protocol}.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(folder)


def rows(capsys):
    lines = capsys.readouterr().out.splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line][2:]


def test_one_run_against_another(tmp_path, capsys):
    a = write_ranks(tmp_path / "a", [1, 5, 11, None])
    b = write_ranks(tmp_path / "b", [1, 5, 9, 60])
    compare_runs.main([a, b])
    first, second = rows(capsys)
    assert first == [a, "25.00", "50.00", "75.00", "", "", ""]
    assert second[:5] == [b, "25.00", "75.00", "75.00", "+0.00 [+0.00, +0.00]"]
    # One of two triplets has one more hit of two: half of it, or all or none of it, is drawn.
    assert second[5].startswith("+25.00 [") and second[5].endswith("]")


def test_seeds_and_categories_are_averaged(tmp_path, capsys):
    names = []
    for system, ranks in (("a", ([1, 1], [1, 99])), ("b", ([99, 99], [99, 99]))):
        folders = []
        for seed, own in enumerate(ranks):
            folder = tmp_path / system / str(seed)
            write_ranks(folder, [99] * 6, "shirt")
            folders.append(write_ranks(folder, own))
        names.append(",".join(folders))
    compare_runs.main(names)
    first, second = rows(capsys)
    assert first[1] == "37.50 ± 17.68"  # (50 + 25) / 2, mean of two categories each
    assert second[4].startswith("-37.50 [")


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(caption="is blue"), "not the same queries"),
        (dict(subset="shirt"), "not the same queries"),
        (dict(protocol="original"), "no ranks_\\*_val.jsonl; test_val.py --save_ranks="),
    ],
)
def test_other_queries_are_refused(tmp_path, change, message):
    a = write_ranks(tmp_path / "a", [1, 2])
    b = write_ranks(tmp_path / "b", [1, 2], **change)
    with pytest.raises(InputError, match=message):
        compare_runs.main([a, b])


def test_bad_rank_files_and_flags(tmp_path):
    a = write_ranks(tmp_path / "a", [1, 2])
    b = write_ranks(tmp_path / "b", [1, 0])
    with pytest.raises(InputError, match="b/ranks_fashion_iq_dress_val.jsonl: line 2: .*below 1"):
        compare_runs.main([a, b])
    with pytest.raises(InputError, match="two folders"):
        compare_runs.main([a])
    two = f"{a},{write_ranks(tmp_path / 'c', [3, 4])}"
    with pytest.raises(InputError, match="not as many seeds"):
        compare_runs.main([a, two])


def test_rank_files_of_two_data_sets_in_one_folder_are_refused(tmp_path):
    folder = write_ranks(tmp_path / "a", [1, 5])
    other = tmp_path / "a/ranks_shoes_val.jsonl"
    other.write_text((tmp_path / "a/ranks_fashion_iq_dress_val.jsonl").read_text())
    with pytest.raises(InputError, match="a: rank files of fashion_iq and shoes; one set a folder"):
        compare_runs.main([folder, folder])
