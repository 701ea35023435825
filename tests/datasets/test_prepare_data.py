"""scripts/prepare_data.sh from a folder and from local mirrors, interrupted and run again."""

import functools
import os
import subprocess
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from tests.datasets.test_image_files import JPEG
from tests.support.small_data import ANNOTATIONS, real, small_fashion_iq, write

ROOT = Path(__file__).parents[2]


def prepare(*arguments, **environment):
    """Runs the script from another folder -> completed process."""
    command = ["bash", ROOT / "scripts/prepare_data.sh", *arguments]
    environment = {**os.environ, "no_proxy": "127.0.0.1", **environment}
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True)


def files(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def mirror(tmp_path):
    """A file server over tmp_path/mirror; it can't resume downloads."""
    root = tmp_path / "mirror"
    root.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield root, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def tar(path, names):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(JPEG)
            archive.addfile(member, BytesIO(JPEG))


@real
def test_from_a_folder(tmp_path):
    flags = [f"--source_dir={ANNOTATIONS}", f"--data_path={tmp_path}/iq", "--images=False"]
    assert prepare("fashion_iq", *flags).returncode == 0
    before = files(tmp_path / "iq")
    names = ["captions/cap.dress.val.json", "image_tag_dataset/image_url/asin2url.shirt.txt"]
    for name in names:
        copied, source = tmp_path / "iq" / name, ANNOTATIONS / "fashion_iq" / name
        assert copied.read_bytes() == source.read_bytes() and os.access(copied, os.W_OK)
    assert len(before) == 18 + len(["prepare.lock"])
    assert prepare("fashion_iq", *flags).returncode == 0 and files(tmp_path / "iq") == before
    flags = [f"--source_dir={ANNOTATIONS}/shoes", f"--data_path={tmp_path}/shoes"]
    run = prepare("shoes", *flags)
    assert run.returncode == 1 and "13,137 images missing" in run.stdout
    assert "attributedata.tar.gz" in run.stdout and "by hand" in run.stdout
    run = prepare("shoes", f"--source_dir={tmp_path}/iq", f"--data_path={tmp_path}/x")
    assert run.returncode == 1 and "has no relative_captions_shoes.json" in run.stderr


def test_fashion_iq_from_the_network(tmp_path, mirror):
    root, url = mirror
    small_fashion_iq(root / "XiaoxiaoGuo/fashion-iq/master")
    tags = root / "yanbeic/VAL/master/datasets/fashion_iq/image_tag_dataset"
    for category in "dress", "shirt", "toptee":
        names = [f"{category[0].upper()}{split}0000000{i}" for split in "TV" for i in range(6)]
        lines = "".join(f"{name} \t {url}/{name}.jpg\n" for name in names)
        write(tags / f"image_url/asin2url.{category}.txt", lines)
        write(tags / f"tags/asin2attr.{category}.train.json", {})
        for name in names:
            (root / f"{name}.jpg").write_bytes(JPEG + name.encode())
    (root / "DV00000004.jpg").unlink()
    data = tmp_path / "data"
    write(data / "captions/cap.dress.train.json.part", "[")  # as a killed curl leaves it
    flags = [f"--data_path={data}", "--allow_host=127.0.0.1", "--min_success=0.9"]
    run = prepare("fashion_iq", *flags, GITHUB_RAW=url)
    assert "26 of 27 images are there" in run.stdout and "1  HTTP 404" in run.stdout, run.stderr
    assert "problem: 1 images missing: DV00000004" in run.stdout and run.returncode == 1
    assert "train dress captions: 3 instead of 11,970" in run.stdout
    before = files(data)
    assert not any(path.suffix == ".part" for path in before)
    run = prepare("fashion_iq", *flags, GITHUB_RAW="http://127.0.0.1:1")
    assert run.returncode == 1 and files(data) == before and "fetching" not in run.stdout


def test_pretrained_and_glove(tmp_path, mirror):
    root, url = mirror
    flags = [f"--data_path={tmp_path}/models"]
    run = prepare("pretrained", *flags, TF_MODELS_URL=url)
    assert run.returncode == 1 and "could not be fetched; run again" in run.stderr
    tar(root / "resnet_v2_50_2017_04_14.tar.gz", ["resnet_v2_50.ckpt", "eval.graph"])
    tar(root / "mobilenet_v1_2018_02_22/mobilenet_v1_1.0_224.tgz", ["./x.ckpt.index"])
    assert prepare("pretrained", *flags, TF_MODELS_URL=url).returncode == 0
    assert (tmp_path / "models/resnet_v2_50/resnet_v2_50.ckpt").read_bytes() == JPEG
    before = files(tmp_path / "models")
    assert prepare("pretrained", *flags, TF_MODELS_URL="http://127.0.0.1:1").returncode == 0
    assert files(tmp_path / "models") == before
    (root / "glove.zip").write_text("<html>")
    run = prepare("glove", f"--data_path={tmp_path}/glove", GLOVE_URL=f"{url}/glove.zip")
    assert run.returncode == 1 and "not a .zip; delete it" in run.stderr


def test_archives_fetched_by_hand(tmp_path, mirror):
    root, url = mirror
    data = tmp_path / "data"
    write(root / "queries.txt", "women/d/x/1/1_0.jpeg women/d/x/2/2_0.jpeg\n")
    flags = ["fashion200k", f"--data_path={data}"]
    run = prepare(*flags, TEST_QUERIES_URL=f"{url}/queries.txt")
    assert run.returncode == 1 and "fetched by hand: the labels and women" in run.stdout
    tar(data / "women.tar.gz", ["women/d/x/1/1_0.jpeg", "women/d/x/2/2_0.jpeg"])
    for split in "train", "test":
        lines = [f"women/d/x/{i}/{i}_0.jpeg\t0.9\tred {'dress' * i}\n" for i in (1, 2)]
        write(data / f"labels/dress_{split}_detect_all.txt", "".join(lines))
    run = prepare(*flags)
    assert "images missing" not in run.stdout and "by hand" not in run.stdout
    assert "train images: 2 instead of 172,049" in run.stdout and run.returncode == 1
    (data / "women_more.tgz").write_bytes(b"half")
    run = prepare(*flags)
    assert run.returncode == 1 and "women_more.tgz: not unpacked (above: why)" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Run it again at any time"),
        (["coat"], "coat is not one of"),
        (["shoes", "--threads=3"], "unknown flag --threads=3"),
        (["all", "--data_path=x"], "needs one target"),
        (["shoes", "--source_dir=/nowhere"], "no such folder"),
    ],
)
def test_wrong_arguments(arguments, message):
    run = prepare(*arguments)
    assert run.returncode == 2 and message in run.stderr
