"""Local workers that train one run together, by the same command in each (see training/devices.py).

    python -m training.launch_workers --workers=2 train_val.py --preset=fashion_iq [--<setting>=...]

For several machines, set TF_CONFIG on each instead. One process uses all GPUs by itself; here each
worker gets one. SIGTERM and Ctrl-C reach all workers, which save and stop. When a worker fails,
the others are ended within a minute; the exit code is the first failure's.
"""

import contextlib
import ctypes
import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from command_line.errors import InputError, run_main
from command_line.flags import Flags

PATIENCE = 25  # seconds that the others have to end by themselves, and again after SIGTERM


def free_ports(count):
    """Ports of 127.0.0.1 on which nothing listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def gpus():
    """Names of the GPUs to give out, as CUDA_VISIBLE_DEVICES takes them."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name]
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    return [str(number) for number, _ in enumerate(re.findall("^GPU ", listed, re.MULTILINE))]


def environments(workers):
    """Environment variables of each worker."""
    devices = gpus()
    if 0 < len(devices) < workers:
        cpu = "CUDA_VISIBLE_DEVICES= (empty) trains on CPU"
        raise InputError(f"--workers={workers}: there are {len(devices)} GPUs; {cpu}", 2)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    for index in range(workers):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        device = {"CUDA_VISIBLE_DEVICES": devices[index]} if devices else {}
        yield {**os.environ, "TF_CONFIG": json.dumps(task), **device}


def start(command, environment):
    """A worker that gets its signals from the launcher, on Linux even if that is killed."""

    def follow_the_launcher():
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG of linux/prctl.h

    options = dict(start_new_session=True, preexec_fn=follow_the_launcher)
    return subprocess.Popen([sys.executable, *command], env=environment, **options)


def wait(processes, signals, until, seconds=math.inf):
    """Until `until`, given the exit codes (None: runs), is true, or for some seconds. Meanwhile
    passes on the signals that arrive in the list `signals`."""
    deadline = time.monotonic() + seconds
    while not until([process.poll() for process in processes]) and time.monotonic() < deadline:
        while signals:
            number = signals.pop()
            for process in processes:
                process.send_signal(number)
        time.sleep(0.1)


def supervise(processes, signals):
    """Waits for all; exit code of the first that failed, which ends the others too."""
    wait(processes, signals, lambda codes: any(codes) or None not in codes)
    failed = [(n, process.returncode) for n, process in enumerate(processes) if process.returncode]
    if not failed:
        return 0
    index, code = failed[0]
    print(f"worker {index} ended with exit code {code}", file=sys.stderr, flush=True)
    for end in (None, subprocess.Popen.terminate, subprocess.Popen.kill):
        for process in processes:
            if end and process.poll() is None:
                end(process)
        wait(processes, signals, lambda codes: None not in codes, PATIENCE)
    return code if code > 0 else 128 - code


def main(argv):
    count = next((i for i, word in enumerate(argv) if not word.startswith("--")), len(argv))
    parser = Flags(__doc__)
    parser.add_argument("--workers", type=int, default=2, help="processes, default 2")
    flags = parser.parse_args(argv[:count])
    command = argv[count:]
    if flags.workers < 1 or not command or not Path(command[0]).exists():
        raise InputError("give --workers=N, the script and its flags", 2)
    signals = []  # passed on once all have started
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: signals.append(number))
    processes = [start(command, environment) for environment in environments(flags.workers)]
    return supervise(processes, signals)


if __name__ == "__main__":
    run_main(main)
