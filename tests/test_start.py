"""Starting everything at once: the end of a step and the end of the service end the other, with their exit codes."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest
from flask.testing import FlaskClient

from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.workflows.locks import leader_lock
from src.workflows.seen_files import SeenFiles

START = Path(__file__).resolve().parent.parent / "deploy/start.py"
SERVES = "import time; time.sleep(600)"


def _until_measured(folder: Path) -> dict[str, str]:
    """A service that ends when the last step has run."""
    mark = str(folder / "measured")
    waits = f"import os, time\nwhile not os.path.exists({mark!r}): time.sleep(0.05)"
    return {"gunicorn": waits, "evaluate_model.py": f"open({mark!r}, 'w')"}


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

    started = Watched(_until_measured(tmp_path))
    monkeypatch.setattr(start, "_start", started)
    assert start.main([]) == 0
    assert started.names[1:] == ["data_processing.py", "train_model.py --first", "train_model.py", "evaluate_model.py"]
    assert all(owners)
    assert lock.owner() is None


def test_files_count_as_new_by_their_contents_and_not_by_name_or_time(tmp_path: Path) -> None:
    seen, file = SeenFiles(tmp_path / "var/seen.json"), tmp_path / "orders.csv"
    file.write_text("user,product\n")
    contents = seen.contents([file])
    assert seen.has_new(contents)
    seen.note(contents)
    file.rename(copy := tmp_path / "again.csv")
    copy.touch()
    assert not seen.has_new(seen.contents([copy, tmp_path / "gone.csv"]))
    os.utime(copy, (1, 1))
    copy.write_text("user,product\na,b\n")
    os.utime(copy, (1, 1))
    assert seen.has_new(seen.contents([copy]))
    assert not seen.is_settled([copy])
    assert seen.is_settled([copy])


def test_a_start_without_news_does_nothing_and_what_comes_later_is_loaded_and_trained(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tmp_path / "orders.csv"
    loaded.write_text("user,product\n")
    files = [loaded]
    monkeypatch.setattr(start, "_start", first := Started(_until_measured(tmp_path)))
    monkeypatch.setattr(start, "input_files", lambda settings: files)
    assert start.main([]) == 0
    assert len(first.names) == 5
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "CURRENT.json").write_text('{"version": "1", "manifest_sha256": ""}')

    class Arriving(Started):
        """A service during which a file comes, and which ends when it was trained on."""

        def __call__(self, *arguments: str) -> subprocess.Popen[bytes]:
            if "gunicorn" in arguments:
                (tmp_path / "new.csv").write_text("user,product\na,b\n")
            made = super().__call__(*arguments)
            if arguments == ("train_model.py",):
                self.processes["gunicorn"].terminate()
            return made

    monkeypatch.setattr(start, "_start", second := Arriving({"gunicorn": SERVES}))
    monkeypatch.setattr(start, "_LOOK_SECONDS", 0.1)
    looks = iter([[loaded]])
    monkeypatch.setattr(start, "input_files", lambda settings: next(looks, [loaded, tmp_path / "new.csv"]))
    assert start.main([]) == -signal.SIGTERM
    assert second.names == ["gunicorn", "data_processing.py", "train_model.py"]


def test_what_failed_for_another_reason_than_its_files_is_tried_again(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database may be away, and another training may run; an unusable file stays one."""
    file, looks, tried, codes = tmp_path / "new.csv", count(1), list[int](), iter([1, 1, 2])
    file.write_text("user,product\na,b\n")
    server = subprocess.Popen([sys.executable, "-c", SERVES])
    looked = 0

    def look(_: Settings) -> list[Path]:
        nonlocal looked
        if (looked := next(looks)) == 9:
            server.terminate()
        return [file]

    monkeypatch.setattr(start, "input_files", look)
    monkeypatch.setattr(start, "_run", lambda *_: tried.append(looked) or next(codes))
    monkeypatch.setattr(start, "_LOOK_SECONDS", 0.01)
    seen = SeenFiles(tmp_path / "seen.json")
    start._watch(server, Settings(var=tmp_path), seen)
    assert tried == [2, 3, 5]
    assert not seen.has_new(seen.contents([file]))


def test_while_a_start_prepares_every_list_says_what_is_done(untrained_client: FlaskClient, settings: Settings) -> None:
    settings.starting_path.write_text("training")
    answer = untrained_client.get("/readyz")
    assert answer.status_code == 503
    assert "no model is being served yet: training" in answer.get_json()["detail"]
