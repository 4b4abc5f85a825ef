""".ci/run finds or installs a browser; programs are replaced by stand-ins that record their calls."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from shutil import which

import pytest

from tests.waiting import PATIENCE_SECONDS

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "run"


def run(folder: Path, apt: str, **environment: str) -> list[str]:
    """Run .ci/run on a machine without a browser; return every call, with AISLE_TEST_BROWSER as make saw it."""
    calls = folder / "calls"
    programs = {
        "apt-get": f'echo "apt-get $1 $DEBIAN_FRONTEND" >> {calls}; {apt}',
        "make": f'echo "make $1 $2 ${{AISLE_TEST_BROWSER:-skips}}" >> {calls}',
        "id": "echo 0",
    }
    for name, does in programs.items():
        (folder / name).write_text(f"#!{which('bash')}\n{does}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    for name in ("bash", "env", "dirname", "timeout", "cp", "chmod"):
        os.symlink(str(which(name)), folder / name)
    subprocess.run(
        [folder / "bash", SCRIPT], env={"PATH": str(folder), **environment}, check=True, timeout=PATIENCE_SECONDS
    )
    return calls.read_text(encoding="utf-8").splitlines()


def test_a_browser_that_is_missing_is_installed_and_its_tests_must_run(tmp_path: Path) -> None:
    calls = run(tmp_path, f"[ $1 = update ] || cp {tmp_path}/id {tmp_path}/chromium")
    installed = ["apt-get update noninteractive", "apt-get install noninteractive"]
    assert calls == [*installed, "make check test required"]


@pytest.mark.parametrize(("environment", "tests"), [({}, "skips"), ({"CI": "true"}, "required")])
def test_where_none_can_be_installed_its_tests_are_skipped_unless_ci_promises_one(
    tmp_path: Path, environment: dict[str, str], tests: str
) -> None:
    calls = run(tmp_path, "exit 100", **environment)
    assert calls == ["apt-get update noninteractive", f"make check test {tests}"]
