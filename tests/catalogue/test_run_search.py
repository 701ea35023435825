"""scripts/run_search.sh for real, with a tiny run in place of the demo's."""

import http.client
import os
import shutil
import signal
import socket
import subprocess

import pytest

from tests.test_run_scripts import ROOT
from tests.test_run_scripts import clone as cloned

pytest.importorskip("waitress")


def test_a_folder_is_indexed_and_served(tmp_path, photos, run):
    copy = cloned(tmp_path / "val")
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


@pytest.fixture
def clone(tmp_path):
    """The scripts, with a python that writes down what it is asked to do, and makes the demo."""
    copy = tmp_path / "clone"
    shutil.copytree(ROOT / "scripts", copy / "scripts")
    for path in ROOT.glob("requirements*.txt"):
        shutil.copy(path, copy)
    (copy / ".venv/bin").mkdir(parents=True)
    digest = subprocess.check_output("cat requirements*.txt | cksum", shell=True, cwd=copy)
    for stamp in ("requirements.txt", "requirements-catalogue.txt"):
        (copy / ".venv" / f"installed-{stamp}").write_bytes(digest)
    python = copy / ".venv/bin/python"
    python.write_text("""#!/bin/bash
echo "$*" >> asked
run=save_model/demo/fashion_iq_val
case "$2" in
    demo.generate_demo_data) mkdir -p data/demo/fashion_iq/image_data ;;
    demo.three_runs) mkdir -p $run; touch $run/model.ckpt-500.index ;;
esac
""")
    python.chmod(0o755)
    return copy


def asked(clone):
    """(what was said, [what the python was asked to do]) of a run of the script."""
    said = subprocess.check_output(["bash", "scripts/run_search.sh"], cwd=clone, text=True)
    lines = (clone / "asked").read_text().splitlines()
    (clone / "asked").unlink()
    return said, lines


def test_the_demo_is_made_where_it_is_missing_and_a_new_one_indexed_anew(clone):
    said, lines = asked(clone)
    assert "about 8 minutes" in said
    made = [line.split()[1] for line in lines if line.startswith("-m")]
    steps = ("pretrain_backbone", "generate_demo_data", "three_runs", "report")
    assert made == [f"demo.{step}" for step in steps]
    first = lines[4:]
    scripts = [line.split()[0] for line in first]
    assert scripts == ["index_catalogue.py", "search_catalogue.py", "search_catalogue.py"]
    assert asked(clone)[1] == first  # nothing is made twice
    shutil.rmtree(clone / "data")
    said, lines = asked(clone)
    assert "8 minutes" not in said and "demo.generate_demo_data" in lines[0] and lines[1:] == first
    (clone / "save_model/demo/fashion_iq_val/model.ckpt-500.index").write_text("trained anew")
    assert asked(clone)[1] != first
