"""Several devices against one: losses, gradients, normalisation, copies, failures, signals."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from command_line.errors import InputError
from nets.batch_norm import BatchNormalization
from tests.support import warm_python
from tests.support.distributed_run import ROWS, settings, sixteen
from training import devices as distribution
from training import launch_workers
from training.batches import input_pipeline

ROOT = Path(__file__).parents[2]
LAUNCH = [sys.executable, "-m", "training.launch_workers", "--workers=2"]
SCRIPT = "tests/support/distributed_run.py"


def start(command):
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish(process, seconds=300):
    """Waits for a process -> its output, after its success."""
    out = process.communicate(timeout=seconds)[0]
    assert process.returncode == 0, out[-3000:]
    return out


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three updates by one process; from there three more by one process, by two devices of one,
    and by two workers, of which the second is killed after these three. -> folder of the runs,
    exit code and output of the two workers, seconds from the kill to their end."""
    folder = tmp_path_factory.mktemp("runs")
    sixteen(folder)
    warm_python.install(sys.prefix, folder / "venv")
    python = folder / "venv/bin/python"
    finish(start([python, SCRIPT, str(folder / "first"), "3"]))
    for name in ("one", "mirrored", "two"):
        (folder / name).mkdir()
        for kept in ("config.json", "vocab.txt", "*.csv", "model.ckpt-*"):
            for path in (folder / "first").glob(kept):
                shutil.copy(path, folder / name)
    one, mirrored = (
        start([python, SCRIPT, str(folder / name), "6", "frozen", name])
        for name in ("one", "mirrored")
    )
    finish(one), finish(mirrored)
    two = start([python, *LAUNCH[1:], SCRIPT, str(folder / "two"), "1000000", "frozen"])
    while "\n7," not in (folder / "two/train_log.csv").read_text():
        assert two.poll() is None, two.communicate()[0][-3000:]
        time.sleep(0.05)
    os.kill(int((folder / "two/pid-1").read_text()), signal.SIGKILL)
    killed = time.monotonic()
    out = two.communicate(timeout=120)[0]
    return folder, two.returncode, out, time.monotonic() - killed


def losses(folder):
    """Rows of updates 4 to 6 in train_log.csv."""
    with (folder / "train_log.csv").open() as file:
        return np.array(list(csv.reader(file))[4:7], float)


@pytest.mark.parametrize("kind", ["mirrored", "two"])
def test_several_devices_compute_the_losses_of_one(runs, kind):
    one, several = losses(runs[0] / "one"), losses(runs[0] / kind)
    assert one[:, 0].tolist() == [4, 5, 6]
    # Rounding: half a batch may take other kernels (1.5e-5 with oneDNN without AVX-512).
    np.testing.assert_allclose(several, one, rtol=1e-4)


@pytest.mark.parametrize(("kind", "other"), [("mirrored", "0-1"), ("two", "1-0")])
def test_replicas_stay_in_step_and_have_the_gradients_of_one(runs, kind, other):
    one = np.load(runs[0] / "one/copies-0-0.npz")
    first, second = (np.load(runs[0] / kind / f"copies-{name}.npz") for name in ("0-0", other))
    assert sorted(one.files) == sorted(first.files) == sorted(second.files)
    for name in one.files:
        np.testing.assert_array_equal(second[name], first[name], err_msg=name)
        # Adam's moments are sums of gradients: a wrong factor would show. Rounding can switch an
        # activation, so single elements may differ by more.
        error = np.linalg.norm(first[name] - one[name])
        assert error <= 1e-6 + 5e-2 * np.linalg.norm(one[name]), name


@pytest.mark.parametrize("name", ["mirrored/norm-0.npz", "two/norm-0.npz", "two/norm-1.npz"])
def test_normalisation_and_overflows_are_those_of_the_whole_batch(runs, name):
    layer = BatchNormalization(0.9, 1e-3)
    layer.build(ROWS.shape)
    inputs = tf.constant(ROWS)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = layer(inputs, training=True)
        weights = tf.range(1.0, len(ROWS) + 1)[:, None, None, None]
        objective = tf.reduce_sum(weights * out**2)
    expected = [out, *tape.gradient(objective, [inputs, layer.gamma.value]), *layer.weights[2:]]
    several = np.load(runs[0] / name)
    names = ["out", "inputs", "gamma", "moving_mean", "moving_variance"]
    for key, value in zip(names, expected, strict=True):
        value = tf.convert_to_tensor(value).numpy()
        atol = 2e-6 * np.max(np.abs(value))
        np.testing.assert_allclose(several[key], value, atol=atol, err_msg=key)
    np.testing.assert_array_equal(several["overflow"], [np.nan, np.nan, 2])  # nan on all replicas


def test_a_killed_worker_ends_the_other_and_the_run_can_go_on(runs):
    folder, code, out, seconds = runs
    assert code == 128 + signal.SIGKILL and seconds < 60
    assert "worker 1 ended with exit code -9" in out
    assert "error: another worker is gone; start all again" in out
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "two/pid-0").read_text()), 0)
    assert f"going on from {folder}/two/model.ckpt-3" in out and out.count("step 5/") == 1
    assert tf.train.load_checkpoint(str(folder / "two/model.ckpt-6"))


def test_each_replica_loads_its_rows_of_the_same_batches(tmp_path):
    examples, config = sixteen(tmp_path), settings(tmp_path, 1)

    def first_batches(shares, count):
        pipeline = input_pipeline(config, lambda epoch: examples, 0, 0, shares)
        return list(pipeline.take(count))

    whole = first_batches([slice(0, 8)], 3)
    for worker in range(2):
        context = tf.distribute.InputContext(2, worker, num_replicas_in_sync=4)
        shares = distribution.rows_of_process(context, 8)
        assert shares == [[slice(0, 2), slice(2, 4)], [slice(4, 6), slice(6, 8)]][worker]
        parts = first_batches(shares, 6)
        for number, part in enumerate(parts):
            batch, rows = whole[number // 2], shares[number % 2]
            for key, value in part.items():
                of_all = key in ("labels", "data_position")
                expected = batch[key] if of_all else batch[key][rows]
                np.testing.assert_array_equal(value, expected, err_msg=key)


def test_one_device_changes_nothing():
    assert isinstance(tf.distribute.get_strategy(), type(distribution.choose_strategy()))
    assert distribution.is_chief() and distribution.of_all_processes(7) == {7}
    context = tf.distribute.InputContext()
    assert distribution.rows_of_process(context, 5) == [slice(0, 5)]


def test_what_several_devices_refuse(monkeypatch):
    monkeypatch.setattr(distribution, "replicas", lambda: 3)
    distribution.check_devices(9, xla=False)
    with pytest.raises(InputError, match="--batch_size=8: can't be shared equally by 3 devices"):
        distribution.check_devices(8, xla=False)
    with pytest.raises(InputError, match="--xla=True: not on 3 devices"):
        distribution.check_devices(9, xla=True)
    worker = '{"cluster": {"worker": ["a:1"]}'
    for text in (
        "{", "[]", '{"cluster": {}}', worker + "}", f'{worker}, "task": {{"type": "chief"}}}}',
        f'{worker}, "task": {{"type": "worker", "index": 1}}}}',
        '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "chief", "index": 0}}',
    ):  # fmt: skip
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(InputError, match="TF_CONFIG: not JSON with cluster.worker"):
            distribution.choose_strategy()


WORKER = """
import json, os, signal, sys, time
task = json.loads(os.environ["TF_CONFIG"])
index = task["task"]["index"]
assert len(set(task["cluster"]["worker"])) == 2
signal.signal(signal.SIGTERM, lambda *_: sys.exit(40 + index))
print(f"worker {index} here", flush=True)
if sys.argv[1] == "fail" and index == 1:
    sys.exit(3)
time.sleep(0 if sys.argv[1] == "end" else 100)
"""


@pytest.fixture
def worker(tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    return str(tmp_path / "worker.py")


def test_the_launcher_waits_and_passes_signals_on(worker):
    assert finish(start([*LAUNCH, worker, "end"]), 20).count("here") == 2
    process = start([*LAUNCH, worker, "stay"])
    said = ""
    while said.count("here") < 2:  # two may share a line
        line = process.stdout.readline()
        assert line
        said += line
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=20)[0]
    assert process.returncode in (40, 41) and out.count("ended") == 1


def test_a_failing_worker_ends_the_others(worker, monkeypatch, capfd):
    monkeypatch.setattr(launch_workers, "PATIENCE", 0.5)
    before = time.monotonic()
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert launch_workers.main(["--workers=2", worker, "fail"]) == 3
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
        signal.signal(number, handler)
    assert time.monotonic() - before < 20
    assert "worker 1 ended with exit code 3" in capfd.readouterr().err


def test_what_the_launcher_refuses(monkeypatch, worker):
    for argv in (["--workers=2"], ["--workers=0", worker], ["--workers=2", "no_such_file.py"]):
        with pytest.raises(InputError, match="give --workers=N, the script and its flags"):
            launch_workers.main(argv)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    with pytest.raises(InputError, match="there are 1 GPUs"):
        launch_workers.main(["--workers=2", worker])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,2")
    given = [e["CUDA_VISIBLE_DEVICES"] for e in launch_workers.environments(2)]
    assert given == ["5", "2"]
