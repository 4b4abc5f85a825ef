"""Checks of `make setup` before and after installing, with a stand-in for Python that installs nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = """#!/bin/sh
case "$*" in
  --version) echo "Python 3.9.1" ;;
  *sys.version_info*) exit {is_old} ;;
  *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *libgomp*) exit {lacks_libgomp} ;;
  *) echo "asked for $*" ;;
esac
"""


def make_setup(folder: Path, *, is_old: int = 0, lacks_libgomp: int = 0) -> subprocess.CompletedProcess[str]:
    """`make setup` in a folder with nothing but the Makefile and the requirements."""
    for name in ("Makefile", "requirements.lock", "requirements-installer.lock"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    python = folder / "stand-in"
    python.write_text(STAND_IN.format(is_old=is_old, lacks_libgomp=lacks_libgomp))
    python.chmod(0o755)
    return subprocess.run(["make", "setup", f"PYTHON={python}"], cwd=folder, capture_output=True, text=True)


def test_setup_installs_what_runs_it_and_nothing_else(tmp_path: Path) -> None:
    done = make_setup(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "asked for deploy/install.py requirements.lock" in done.stdout
    assert "requirements-dev" not in done.stdout
    assert "libgomp.so.1 is missing" not in done.stdout


def test_setup_names_the_command_that_installs_a_missing_libgomp(tmp_path: Path) -> None:
    done = make_setup(tmp_path, lacks_libgomp=1)
    assert done.returncode == 0, done.stderr
    assert "libgomp.so.1 is missing" in done.stdout
    assert "apt-get install libgomp1" in done.stdout


def test_setup_refuses_a_python_that_is_too_old_and_says_how_to_name_another(tmp_path: Path) -> None:
    done = make_setup(tmp_path, is_old=1)
    assert done.returncode != 0
    assert "Python 3.9.1 was found; expected Python 3.11 or newer" in done.stdout
    assert "make PYTHON=" in done.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("command", ["run", "test", "check", "bench"])
def test_every_command_rests_on_setup(command: str) -> None:
    asked = subprocess.run(["make", "-n", "-B", command], cwd=ROOT, capture_output=True, text=True)
    assert "deploy/install.py requirements.lock" in asked.stdout


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_one_version_and_its_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) > 50
    loose = [
        line[:60] for line in lines if not re.match(r"[\w.\[\]-]+==\S+( ; .+?)? +--hash=sha256:[0-9a-f]{64}", line)
    ]
    assert loose == []


def test_the_lock_holds_every_required_package() -> None:
    locked = set(re.findall(r"^([\w.-]+)(?:\[\w+\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    required = re.findall(r"^([\w.-]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert {name.lower().replace("_", "-") for name in required} <= locked
