"""The example DAG, over a stand-in for the few names of Airflow that it uses: Airflow itself is not installed here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


class Task:
    """A task of the stand-in: `>>` notes the order, `call` runs it."""

    def __init__(self, call: Any, order: list[str]) -> None:
        self.call, self._order = call, order

    def __rshift__(self, other: Task) -> Task:
        if not self._order:
            self._order.append(self.call.__name__)
        self._order.append(other.call.__name__)
        return other


class FailedForGood(Exception):
    pass


class Loaded:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.order: list[str] = []
        self.tasks: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        airflow, sdk, exceptions = (ModuleType(name) for name in ("airflow", "airflow.sdk", "airflow.exceptions"))
        sdk.task = self._task  # type: ignore[attr-defined]
        sdk.dag = self._dag  # type: ignore[attr-defined]
        exceptions.AirflowFailException = FailedForGood  # type: ignore[attr-defined]
        for module in (airflow, sdk, exceptions):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        spec = importlib.util.spec_from_file_location("airflow_dag", ROOT / "examples/airflow_dag.py")
        assert spec is not None
        assert spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    def _dag(self, **options: Any) -> Any:
        self.options = options
        return lambda function: function

    def _task(self, call: Any) -> Any:
        self.tasks[call.__name__] = call
        return lambda: Task(call, self.order)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    return Loaded(monkeypatch)


def test_the_steps_follow_each_other_one_night_at_a_time(loaded: Loaded) -> None:
    assert loaded.order == ["load", "train", "measure", "write_lists"]
    assert loaded.options["max_active_runs"] == 1
    assert not loaded.options["catchup"]


def test_every_step_calls_a_door_with_options_that_it_has(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: called.append(command) or done)
    for name in loaded.order:
        loaded.tasks[name]()
    assert len(called) == len(loaded.order)
    for command in called:
        door = ROOT / Path(command[1]).name
        options = [argument for argument in command[2:] if argument.startswith("--")]
        assert all(f'"{option}"' in door.read_text() for option in options), command


@pytest.mark.parametrize(("code", "raised"), [(0, None), (1, RuntimeError), (2, FailedForGood), (143, RuntimeError)])
def test_only_unusable_input_is_not_tried_again(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch, code: int, raised: type[Exception] | None
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, code))
    if raised is None:
        loaded.tasks["load"]()
        return
    with pytest.raises(raised):
        loaded.tasks["load"]()
