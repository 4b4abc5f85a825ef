"""A fresh checkout with the locked packages alone, started by make and by the scripts, as described for new users."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from service import ROOT, Service, call, free_port

from tests.waiting import PATIENCE_SECONDS, wait_until

INSTALL_SECONDS = 600
MakeFolderOnce = Callable[[str, Callable[[Path], object]], Path]
RATINGS = "".join(
    f"user{user},product{(user * 7 + step * 3) % 40},{1 + (user + step) % 5}.0,{1_400_000_000 + user * 999 + step}\n"
    for user in range(60)
    for step in range(8)
)
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "var", ".*_cache", ".hypothesis", "*.csv", "*.gz")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "PORT", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    return {k: v for k, v in os.environ.items() if not k.startswith("AISLE_") and k not in dropped}


def _linked(source: Path, target: Path) -> None:
    """Link a file of a package; a program gets a copy that starts the Python beside it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.parent.name != "bin":
        target.symlink_to(source)
        return
    content = source.read_bytes()
    if content.startswith(b"#!"):
        content = f"#!{target.parent / 'python'}\n".encode() + content.partition(b"\n")[2]
    target.write_bytes(content)
    target.chmod(0o755)


@pytest.fixture(scope="module")
def installed(make_folder_once: MakeFolderOnce) -> Path:
    """A virtual environment with what requirements.lock names and nothing else, linked from the one that tests.

    That the lock can be installed is shown by `make setup`, with which .ci/run begins.
    """
    return make_folder_once("installed", _install)


def _install(folder: Path) -> None:
    venv.create(folder, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    wanted = re.findall(r"^([\w.-]+)(?:\[\w+\])?==\S+( ;)?", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    for name, is_conditional in dict(wanted).items():  # a package has a line for each range of Python's versions
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            assert is_conditional, f"{name} is not installed"  # it is for another system or Python
            continue
        files = distribution.files or []
        compiled = [cache_from_source(str(file)) for file in files if file.suffix == ".py"]
        for file in {*map(str, files), *compiled}:
            source = Path(str(distribution.locate_file(file)))
            if source.exists():
                _linked(source, Path(os.path.normpath(packages / file)))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory, trained_var: Path) -> Path:
    """A checkout in a folder with a blank in its name, with a file of the user, and with compiled kernels."""
    folder = tmp_path_factory.mktemp("copied") / "a shop"
    shutil.copytree(ROOT, folder, ignore=_NOT_COPIED)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "ratings (1).csv").write_text(RATINGS)
    return folder


@pytest.fixture
def checkout(copied: Path) -> Path:
    """The checkout without what an earlier test trained."""
    shutil.rmtree(copied / "var", ignore_errors=True)
    return copied


@pytest.fixture
def ended() -> Iterator[list[subprocess.Popen[bytes]]]:
    """End listed processes with all their children after the test."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def test_make_run_takes_a_file_and_serves_it(
    checkout: Path, installed: Path, environment: dict[str, str], ended: list[subprocess.Popen[bytes]]
) -> None:
    # `make setup` is tested in tests/test_makefile.py, and .ci/run begins with it: here it finds its work done.
    (checkout / ".venv").symlink_to(installed)
    (checkout / ".venv/.installed").touch()
    # All parts of a training are there, and the longest ones are short.
    environment = environment | {"AISLE_TUNE_SECONDS": "1", "AISLE_PREPARE_SECONDS": "1"}
    port = free_port()
    log = checkout / "make.log"
    with open(log, "wb") as output:
        command = ["make", "run", "DATA=data/ratings (1).csv", f"PORT={port}", f"PYTHON={sys.executable}"]
        process = subprocess.Popen(
            command, cwd=checkout, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    ended.append(process)
    service = Service(process, f"http://127.0.0.1:{port}", log)

    def up() -> bool:
        assert process.poll() is None, log.read_text()
        return service.ready()

    wait_until(up, "make run to list popular products", INSTALL_SECONDS)

    def measured() -> bool:
        assert process.poll() is None, log.read_text()
        return bool(list((checkout / "var/reports").glob("*/report.json")))

    wait_until(measured, "the first training to be measured", INSTALL_SECONDS)
    answer = service.post("/recommend", {"user_id": "user1"})
    assert answer.status == 200
    assert len(answer.body) == 10
    assert all(product.startswith("product") for product in answer.body)
    said = log.read_text()
    assert "480 rows read" in said
    key = (checkout / "var/keys/write.key").read_text().strip()
    assert "var/keys/write.key" in said
    assert key not in said
    event = {"user_id": "user1", "product_id": answer.body[0], "kind": "purchase"}
    assert service.post("/events", event, Authorization=f"Bearer {key}").status == 201


def test_the_scripts_work_without_make(
    checkout: Path, installed: Path, environment: dict[str, str], ended: list[subprocess.Popen[bytes]]
) -> None:
    python = str(installed / "bin/python")
    # A training with all of its parts is that of `make run`.
    environment = environment | {"AISLE_TUNE_SECONDS": "0", "AISLE_PREPARE_SECONDS": "0"}

    def run(*command: str) -> str:
        done = subprocess.run(
            [python, *command], cwd=checkout, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "480 rows read: 480 kept" in run("data_processing.py")
    assert "is active" in run("train_model.py")
    assert "NDCG@10" in run("evaluate_model.py")
    port = free_port()
    process = subprocess.Popen(
        [python, "run.py"], cwd=checkout, env=environment | {"PORT": str(port)}, start_new_session=True
    )
    ended.append(process)
    service = Service(process, f"http://127.0.0.1:{port}", checkout / "none.log")
    wait_until(service.ready, "python run.py to serve")
    assert len(call(f"{service.url}/recommend?user_id=user1&n=5").body) == 5
