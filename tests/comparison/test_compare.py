"""The harness with scripts that only write ranks; real ones in test_real_comparison.py."""

import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

import compare
from command_line.errors import InputError
from comparison import runs
from comparison.plan import baseline, make_run, parse_rows
from tests.support.fake_scripts import flag, flags, trained


def test_each_row_takes_the_rate_that_is_best_on_the_tuning_part(scripts, drawn, tmp_path):
    compare.main(flags(drawn, tmp_path))
    text = (tmp_path / "results/comparison_fashion_iq.md").read_text()
    rates = {line.split(" | ")[0][2:]: line.split(" | ")[8] for line in text.splitlines()
             if line.startswith("| ") and " ± " in line}  # fmt: skip
    assert rates == {"val": "1e-3", "sum": "3e-3", "text_only": "3e-4"}
    # Three rates with seed 0, the chosen one with seed 1 too: the tuning run is not run again.
    assert len(trained(scripts)) == len(set(trained(scripts))) == 3 * 4
    tuned = [f for s, f in scripts.calls if s == "extract_features_val.py" and flag(f, "data_path")]
    assert {flag(f, "data_path") for f in tuned} == {f"{drawn}_tuning"} and len(tuned) == 9


def test_the_same_comparison_again_is_the_same_and_trains_nothing(scripts, drawn, tmp_path):
    compare.main(flags(drawn, tmp_path))
    files = [tmp_path / "results" / f"comparison_fashion_iq.{x}" for x in ("md", "csv", "png")]
    before = [path.read_bytes() for path in files]
    scripts.calls.clear()
    compare.main(flags(drawn, tmp_path))
    assert trained(scripts) == []
    assert [path.read_bytes() for path in files] == before


@pytest.mark.parametrize("stop_after", [2, 5, 11, 23, 30])
def test_stopped_and_started_again_it_ends_as_one_left_alone(scripts, drawn, tmp_path, stop_after):
    compare.main(flags(drawn, tmp_path / "alone"))
    scripts.stop_after = len(scripts.calls) + stop_after
    with pytest.raises(InputError, match="stopped by SIGTERM"):
        compare.main(flags(drawn, tmp_path / "stopped"))
    scripts.stop_after = 0
    compare.main(flags(drawn, tmp_path / "stopped"))
    for file in ("results/comparison_fashion_iq.md", "results/comparison_fashion_iq.png"):
        alone, stopped = ((tmp_path / name / file).read_bytes() for name in ("alone", "stopped"))
        assert alone == stopped


def test_a_failed_run_is_named_and_the_others_go_on(scripts, drawn, tmp_path):
    scripts.failing = ("sum",)
    with pytest.raises(InputError, match="sum, triplet, rate 3e-3, seed 0: .*not finite"):
        compare.main(flags(drawn, tmp_path))
    text = (tmp_path / "results/comparison_fashion_iq.md").read_text()
    assert "| sum | failed" in text and "| text_only | " in text
    assert sum(line.startswith("Failed: ") for line in text.splitlines()) == 3


def test_a_failed_measurement_of_speed_leaves_the_table(scripts, drawn, tmp_path):
    scripts.failing = ("speed",)
    with pytest.raises(InputError, match="size and speed: error: out of memory"):
        compare.main(flags(drawn, tmp_path))
    text = (tmp_path / "results/comparison_fashion_iq.md").read_text()
    assert text.count("| not measured |") == 3 and "missing images: 3" in text


def test_runs_with_other_settings_are_not_taken_for_these(scripts, drawn, tmp_path):
    compare.main(flags(drawn, tmp_path, "--rates=1e-3", "--compositions=sum"))
    before = len(scripts.calls)
    with pytest.raises(InputError, match="train_length 500, now 400.*another folder"):
        compare.main(flags(drawn, tmp_path, "--rates=1e-3", "--train_length=400"))
    other = shutil.copytree(drawn, tmp_path / "other")
    with pytest.raises(InputError, match="data_path .*fashion_iq', now .*other.*another folder"):
        compare.main(flags(drawn, tmp_path, "--rates=1e-3", f"--data_path={other}"))
    assert len(scripts.calls) == before  # val would have been the first
    compare.main(flags(drawn, tmp_path, "--rates=1e-3", "--keep_checkpoints=2"))


@pytest.mark.parametrize("stopped", [False, True])
def test_other_tuning_data_are_asked_and_answers_gone_before(scripts, drawn, tmp_path, stopped):
    compare.main(flags(drawn, tmp_path, "--compositions=val"))
    other = shutil.copytree(f"{drawn}_tuning", tmp_path / "other")
    again = flags(drawn, tmp_path, "--compositions=val", f"--tuning_data={other}")
    if stopped:
        scripts.stop_after = len(scripts.calls) + 3  # two of ground truth, the first one's features
        with pytest.raises(InputError, match="stopped by SIGTERM"):
            compare.main(again)
        scripts.stop_after = 0
    scripts.calls.clear()
    compare.main(again)
    assert sum(script == "test_val.py" for script, _ in scripts.calls) == 3
    asked = [flag(f, "data_path") for s, f in scripts.calls if s == "extract_features_val.py"]
    assert trained(scripts) == [] and asked == [str(other)] * 3


@pytest.mark.parametrize("changed", ["model.ckpt.index", "fashion_iq/demo_data.json"])
def test_runs_of_another_backbone_or_other_drawings_are_not_taken_for_these(
    scripts, drawn, tmp_path, changed
):
    (tmp_path / "model.ckpt.index").write_text("a")
    for name in ("fashion_iq", "fashion_iq_tuning"):
        shutil.copytree(drawn.with_name(name), tmp_path / name)
    same = flags(tmp_path / "fashion_iq", tmp_path, "--compositions=val",
                 f"--pretrain_checkpoint_dir={tmp_path}/model.ckpt")  # fmt: skip
    compare.main(same)
    compare.main(same)
    with (tmp_path / changed).open("a") as file:
        file.write(" ")
    before = len(scripts.calls)
    with pytest.raises(InputError, match=f"{changed}: changed since runs in .*--compare_dir"):
        compare.main(same)
    assert len(scripts.calls) == before


def test_the_report_says_with_what_each_run_was_made(scripts, drawn, tmp_path):
    compare.main(flags(drawn, tmp_path, "--compositions=val"))
    scripts.used = {"keras": "3.1"}
    compare.main(flags(drawn, tmp_path, "--compositions=val,sum"))
    text = (tmp_path / "results/comparison_fashion_iq.md").read_text()
    assert "keras 3.0; keras 3.1." in text and text.count("| 100 | 50 | none |") == 2


def test_runs_at_once_give_the_same_table(scripts, drawn, tmp_path):
    cores, tables = len(os.sched_getaffinity(0)), []
    for count in (1, cores):
        compare.main(flags(drawn, tmp_path / str(count), f"--runs_at_once={count}"))
        tables.append((tmp_path / f"{count}/results/comparison_fashion_iq.md").read_text())
    assert tables[0] == tables[1]
    with pytest.raises(InputError, match=f"--runs_at_once={cores + 1}: 1 to {cores} here"):
        compare.main(flags(drawn, tmp_path, f"--runs_at_once={cores + 1}"))


def test_quick_is_a_default_and_a_table_of_its_own(scripts, drawn, tmp_path):
    compare.main(flags(drawn, tmp_path, "--quick=True"))  # rows and seeds as given
    (table,) = (tmp_path / "results").glob("*.md")
    assert table.name == "comparison_fashion_iq_quick.md"
    rows = [flag(f, "composition") for script, f in scripts.calls if script == "train_val.py"]
    assert rows == ["val", "val", "sum", "sum", "text_only", "text_only"]
    with pytest.raises(InputError, match="--quick=True: a look at the demo"):
        compare.main(flags(drawn, tmp_path, "--quick=True", "--preset=fashion_iq"))


@pytest.mark.parametrize(
    ("more", "rows"),
    [([], ["--compositions=field,parts"]), (["--quick=True"], ["--quick=True"]),
     (["--compositions=val"], ["--compositions=field,parts", "--compositions=val"])],
)  # fmt: skip
def test_the_run_script_names_rows_unless_it_is_a_look(tmp_path, more, rows):
    script = tmp_path / "scripts/run_comparison.sh"
    files = {
        script: (runs.ROOT / "scripts/run_comparison.sh").read_text(),
        script.with_name("setup.sh"): "true",
        tmp_path / ".venv/bin/python": '#!/bin/sh\n[ "$1" != compare.py ] || echo "$@"\n',
        tmp_path / "pretrain_model/demo_mobilenet_v1_025/model.ckpt.index": "",
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o755)
    done = subprocess.run(["bash", script, "shoes", *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    called = done.stdout.splitlines()[-1].split()
    assert called == ["compare.py", "--preset=demo", "--dataset=shoes", *rows]


def test_without_a_tuning_part_a_tenth_of_training_is_left_out_while_tuning(
    scripts, drawn, tmp_path
):
    more = ["--preset=fashion_iq", "--rates=1e-3,3e-3", "--compositions=val", "--seeds=0"]
    compare.main(flags(drawn, tmp_path, *more))
    used = [flag(f, "data_path") for script, f in scripts.calls if script == "train_val.py"]
    root = tmp_path / "runs/fashion_iq/tuning_data"
    assert used == [str(root), str(root), str(drawn)]
    assert (root / "captions/cap.dress.val.json").exists()


@pytest.mark.parametrize(
    "wrong, message",
    [
        ("--compositions=val,tirgg", "--composition=tirgg: choose"),
        ("--compositions=val:levels=middle", "--levels=middle: choose"),
        ("--compositions=val:levels", "val:levels: settings have the form :name=value"),
        ("--compositions=val,sum:without=self_attention", "without is a part of VAL alone"),
        ("--losses=triplets", "--loss=triplets: choose"),
        ("--rates=1e-3,fast", "--rates=1e-3,fast: not numbers"),
        ("--rates=1e-3,0.001", "--rates=1e-3,0.001: one of them twice"),
        ("--rates=0,1e-3", "--rates=0,1e-3: must be above 0"),
        ("--seed=9", "--seed: set by the comparison"),
        ("--compositions=val:loss=softmax", "--loss: set by the comparison"),
        ("--seeds=a", "--seeds=a: not numbers"),
        ("--train_lenght=3", "--train_lenght: no such flag; nearest: --train_length"),
    ],
)
def test_wrong_flags_are_refused_before_anything_runs(scripts, drawn, tmp_path, wrong, message):
    with pytest.raises(InputError) as error:
        compare.main(flags(drawn, tmp_path, wrong))
    assert message in str(error.value) and error.value.exit_code == 2
    assert trained(scripts) == []


def test_rows_are_compared_with_val_of_the_same_loss():
    rows = parse_rows("sum,val:gate_activation=False,val,sum", ["triplet", "softmax"])
    assert [row.name for row in rows[:3]] == ["sum", "val gate_activation=False", "val"]
    assert len(rows) == 6 and baseline(rows, "softmax") == rows[5]
    assert baseline(rows[:1], "triplet") == rows[0]
    rows = parse_rows("val,val:negatives=hardest", ["triplet", "softmax"])
    assert [row.loss for row in rows] == ["triplet", "triplet", "softmax"]
    assert "val negatives=hardest" not in [row.name for row in parse_rows("parts", ["softmax"])]
    with pytest.raises(InputError, match="val:negatives=hardest: softmax has no negatives"):
        parse_rows("parts,val:negatives=hardest", ["softmax"])


def test_the_settings_of_a_row_are_those_of_its_run(tmp_path):
    (row,) = parse_rows("val:levels=low+high:checkpoint_dir_stage1=stage1", ["triplet"])
    run = make_run(row, "1e-3", 0, [], tmp_path, "seed_0")
    assert run.config.levels == "low,high"
    assert run.config.stage1_folder == str(run.folder / "stage1")


def test_a_script_that_is_running_ends_with_the_comparison(tmp_path):
    """SIGTERM reaches it; what it printed last is not lost; its exit is not taken for done."""
    with runs.Scripts(tmp_path) as scripts:
        code = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
        with pytest.raises(InputError, match="stopped by SIGTERM") as error:
            scripts.call(["-c", code], tmp_path / "log")
        assert error.value.exit_code == 128 + signal.SIGTERM
    with runs.Scripts(tmp_path) as scripts:
        with pytest.raises(runs.RunFailed, match=r"error: no such image \(exit code 1\)"):
            scripts.call(["-c", "import sys; sys.exit('error: no such image')"], tmp_path / "log")
        with pytest.raises(runs.RunFailed, match=r"-c \(exit code -9\)"):  # not the line before
            scripts.call(["-c", "import os; os.kill(os.getpid(), 9)"], tmp_path / "log")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_scripts_at_once_have_their_own_cores(tmp_path):
    code = "import os, time; print(*os.sched_getaffinity(0), flush=True); time.sleep(0.5)"
    with runs.Scripts(tmp_path, 2) as scripts, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda log: scripts.call(["-c", code], tmp_path / log), "ab"))
        scripts.call(["-c", code], tmp_path / "c", whole_machine=True)
    a, b, c = (set((tmp_path / log).read_text().split()) for log in "abc")
    assert a and b and not a & b and a | b == c


def test_the_count_of_what_is_left_ends_at_none(scripts, drawn, tmp_path, capsys):
    def left(*more):
        compare.main(flags(drawn, tmp_path, *more))
        lines = capsys.readouterr().out.splitlines()
        return [line.split(" s (")[1] for line in lines if line.endswith("runs left)")]

    tuning = [f"{count} tuning runs left)" for count in range(8, -1, -1)]
    assert left() == [*tuning, *(f"{count} runs left)" for count in range(5, -1, -1))]
    # It goes on from there.
    assert left("--seeds=0,1,2") == ["2 runs left)", "1 runs left)", "0 runs left)"]
    assert len(left("--seeds=0,1,2", "--compositions=val,sum,concat")) == 3 + 3  # concat's


def test_a_run_that_never_saved_is_begun_anew_with_other_settings(scripts, drawn, tmp_path):
    """As training itself takes it."""
    one = ["--rates=1e-3", "--compositions=sum", "--seeds=0"]
    compare.main(flags(drawn, tmp_path, *one))
    for kept in ("model.ckpt-*.index", "ranks_*"):
        for path in (tmp_path / "runs").rglob(kept):
            path.unlink()
    before = len(trained(scripts))
    compare.main(flags(drawn, tmp_path, *one, "--train_length=400"))
    assert len(trained(scripts)) == before + 1
