"""Starting everything at once: the end of a step and the end of the service end the other, with their exit codes."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.workflows.locks import leader_lock

START = Path(__file__).resolve().parent.parent / "deploy/start.py"
SERVES = "import time; time.sleep(600)"


class Started:
    """Runs a line of Python in place of each program, by the name of the program."""

    def __init__(self, lines: dict[str, str]) -> None:
        self.lines, self.names = lines, list[str]()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __call__(self, *arguments: str) -> subprocess.Popen[bytes]:
        name = "gunicorn" if "gunicorn" in arguments else " ".join(arguments)
        self.names.append(name)
        self.processes[name] = subprocess.Popen([sys.executable, "-c", self.lines.get(name, "")])
        return self.processes[name]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("start", START)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("AISLE_VAR", str(tmp_path))
    monkeypatch.setattr(module, "_export_keys", lambda folder: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return module


def test_a_step_that_fails_ends_the_service_with_its_exit_code(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = Started({"gunicorn": SERVES, "data_processing.py orders.csv": "raise SystemExit(2)"})
    monkeypatch.setattr(start, "_start", started)
    assert start.main(["orders.csv"]) == 2
    assert started.names == ["gunicorn", "data_processing.py orders.csv"]
    assert started.processes["gunicorn"].poll() == -signal.SIGTERM
    assert leader_lock(Settings(var=tmp_path)).acquire(LockOwner.this_process())


def test_a_service_that_ends_ends_the_step_that_runs(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    started = Started({"gunicorn": "raise SystemExit(3)", "train_model.py": SERVES})
    monkeypatch.setattr(start, "_start", started)
    assert start.main([]) == 3
    assert all(process.poll() is not None for process in started.processes.values())


def test_nobody_leads_before_the_first_training_has_ended(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, owners = leader_lock(Settings(var=tmp_path)), []

    class Watched(Started):
        def __call__(self, *arguments: str) -> subprocess.Popen[bytes]:
            owners.append(lock.owner() is not None)
            return super().__call__(*arguments)

    started = Watched({"gunicorn": "import time; time.sleep(3)"})
    monkeypatch.setattr(start, "_start", started)
    assert start.main([]) == 0
    assert started.names[1:] == ["data_processing.py", "train_model.py --first", "train_model.py", "evaluate_model.py"]
    assert all(owners)
    assert lock.owner() is None
