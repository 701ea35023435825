"""Two commits in turns: the order of the blocks, what is printed, and a commit that can't train."""

import types

import pytest

from benchmarks import compare_commits, machine
from command_line.errors import InputError


def test_blocks_alternate_and_ratios_are_of_the_medians(monkeypatch, capsys):
    monkeypatch.setattr(machine, "MATRIX", 64)
    asked = []

    def worker(name, wall, faults):
        def block():
            asked.append(name)
            slow = 10 * (len(asked) > 4)  # a neighbour disturbs the last round
            return compare_commits.Block(wall + slow, wall, wall / 4, faults, wall * 2**20)

        return types.SimpleNamespace(block=block)

    workers = {"this": worker("this", 2.0, 100), "against": worker("against", 3.0, 9000)}
    found = compare_commits.results(*compare_commits.compare(workers, 3))
    assert asked == ["this", "against", "against", "this", "this", "against"]
    assert (found["ratio"], found["cpu_ratio"]) == (1.5, 1.5)
    assert (found["this_page_faults"], found["against_page_faults"]) == (100, 9000)
    assert found["peak_ratio"] == pytest.approx(2 / 3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and all("page faults; matrix product" in line for line in lines)
    assert "3.00 s    3.75 CPU s, kernel  20.0%       9,000 page faults" in lines[1]


def test_a_folder_that_does_not_train_is_named(tmp_path):
    with pytest.raises(InputError, match=f"--against={tmp_path}: no benchmarks/train_step.py"):
        compare_commits.Worker(tmp_path, ())
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "train_step.py").write_text("raise SystemExit(5)")
    with pytest.raises(InputError, match="its training ended with code"):
        compare_commits.Worker(tmp_path, ())
