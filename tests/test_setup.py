"""scripts/setup.sh with an interpreter that installs nothing: what it installs, and when."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = """#!/bin/sh
case "$*" in
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "-m pip "*) for file; do :; done; echo "$file" >> installed ;;
esac
"""


def test_each_set_is_installed_once_until_the_files_change(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup.sh", tmp_path / "scripts")
    for path in ROOT.glob("requirements*.txt"):
        shutil.copy(path, tmp_path)
    python = tmp_path / "my python" / "python"
    python.parent.mkdir()
    python.write_text(PYTHON)
    python.chmod(0o755)

    def installed(*flags):
        """What the calls with these flags install, one after the other."""
        (tmp_path / "installed").write_text("")
        for flag in flags:
            command = ["bash", "scripts/setup.sh", *flag.split()]
            subprocess.run(command, cwd=tmp_path, check=True, env={"PYTHON": str(python)})
        return [name[13:-4] for name in (tmp_path / "installed").read_text().split()]

    one_by_one = ["--catalogue", "", "--database", "--catalogue", "--database", ""]
    assert installed(*one_by_one) == ["catalogue", "database"]
    with open(tmp_path / "requirements-catalogue.txt", "a") as file:
        file.write("# changed\n")
    assert installed("--database", "--catalogue") == ["database", "catalogue"]
    assert installed("--dev", *one_by_one) == ["dev"]
    (tmp_path / ".venv/installed-requirements-catalogue.txt").unlink()
    assert installed("--catalogue") == []
