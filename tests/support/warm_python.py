"""A Python that has TensorFlow imported: what a copy's .venv/bin/python starts is a fork of it and
takes 4 s of CPU time less. How scripts start without it: tests/command_line/.

The client, which is that .venv/bin/python, hands over arguments, folder, environment and streams,
passes signals on and ends as the fork does; where it is killed, so is the fork.
"""

import atexit
import functools
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

CLIENT = """#!/bin/sh
exec "{python}" -SE "{here}" "{address}" "$0" "$@"
"""


def install(environment, folder):
    """Fills folder, which is not there yet, with links to what is in a virtual environment, whose
    Python is warm."""
    environment = Path(environment)
    (folder / "bin").mkdir(parents=True)
    for path in [*environment.iterdir(), *(environment / "bin").iterdir()]:
        link = folder / path.relative_to(environment)
        if not link.exists() and not path.name.startswith("python"):
            link.symlink_to(path)
    client, python = folder / "bin/python", os.path.realpath(sys.executable)
    address = start_server(environment)
    client.write_text(CLIENT.format(python=python, here=__file__, address=address))
    client.chmod(0o755)


@functools.cache
def start_server(environment):
    """One for this process, as long as it lives -> its address."""
    folder = tempfile.mkdtemp()
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
    with socket.socket(socket.AF_UNIX) as listener, open(f"{folder}/log", "wb") as log:
        listener.bind(f"{folder}/warm")
        listener.listen()  # so clients may ask before the server is ready
        server = subprocess.Popen(
            [environment / "bin/python", __file__, str(listener.fileno())],
            env={**os.environ, **quiet}, pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    atexit.register(shutil.rmtree, folder)
    atexit.register(server.kill)
    return f"{folder}/warm"


def ask(address, *argv):
    """In the client: has a fork do what the client was started for, and ends as it does."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [b"-"], [0, 1, 2])
        server.sendall(json.dumps([argv, os.getcwd(), dict(os.environ)]).encode() + b"\n")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: server.send(bytes([number])))
        code = int.from_bytes(server.recv(2) or b"\0\1", "big", signed=True)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def serve(listener):
    import sqlite3  # noqa: F401 - first, as in command_line/tensorflow_start.py

    import keras  # noqa: F401 - and TensorFlow, which starts no thread before it computes

    with socket.socket(fileno=listener) as listener:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while 0 not in select.select([listener, 0], [], [])[0]:  # its end: that of the tests
            client, _ = listener.accept()
            if not os.fork():
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return answer(client)
            client.close()


def answer(client):
    """A process for each client: forks once more and waits for both."""
    streams, asked = socket.recv_fds(client, 1, 3)[1], client.makefile("rb")
    request = json.loads(asked.readline())
    child = os.fork()
    if not child:
        asked.close()
        client.close()
        end(run, streams, *request)
    for stream in streams:
        os.close(stream)

    def pass_on():
        while number := asked.read(1):
            os.kill(child, number[0])
        os.kill(child, signal.SIGKILL)

    threading.Thread(target=pass_on, daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    client.send(code.to_bytes(2, "big", signed=True))
    os._exit(0)


def end(function, *arguments):
    """Calls it and ends as Python does, but for clearing up what was shared: 2 s."""
    code = 0
    try:
        function(*arguments)
    except SystemExit as exit:
        code = exit.code or 0
    except BaseException:
        code = traceback.format_exc().rstrip("\n")
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(code)


def run(streams, argv, folder, environment):
    """Does what Python does with its arguments."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.executable = argv.pop(0)
    sys.path[0:1] = filter(None, environment.get("PYTHONPATH", "").split(":"))
    what, sys.argv = argv[0], argv
    if what == "-m":
        sys.argv, sys.path = argv[1:], [folder, *sys.path]
        return runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    if what in ("-c", "-"):
        code = argv.pop(1) if what == "-c" else sys.stdin.read()
        sys.path = ["", *sys.path]
        return exec(code, {"__name__": "__main__"})
    sys.path = [os.path.dirname(os.path.abspath(what)), *sys.path]
    return runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    serve(int(sys.argv[1])) if len(sys.argv) == 2 else ask(*sys.argv[1:])
