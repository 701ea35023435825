"""scripts/run_search.sh for real, with a tiny run in place of the demo's."""

import http.client
import os
import shutil
import signal
import socket
import subprocess

import pytest

from tests.test_run_scripts import NOT_COPIED, ROOT

pytest.importorskip("waitress")


def test_a_folder_is_indexed_and_served(tmp_path, photos, run):
    copy = shutil.copytree(ROOT, tmp_path / "val", ignore=NOT_COPIED)
    os.symlink(ROOT / ".venv", copy / ".venv")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "CHECKPOINT_DIR": str(run), "IMAGE_DIR": str(photos)}
    command = ["bash", "scripts/run_search.sh", f"--port={port}"]
    with subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        lines = []
        while "pictures on http" not in (lines or [""])[-1]:
            lines.append(server.stdout.readline())
            assert lines[-1], lines
        assert any("11 images under 11 vectors" in line for line in lines)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/api/health")
        assert connection.getresponse().status == 200
        server.send_signal(signal.SIGTERM)
