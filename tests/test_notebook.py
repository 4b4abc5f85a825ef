"""The notebook in examples/ runs from top to bottom over a trained shop, and is kept without outputs."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from src.core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
CELLS = json.loads((ROOT / "examples/explore.ipynb").read_text(encoding="utf-8"))["cells"]


def run(cells: list[dict[str, Any]]) -> tuple[dict[str, Any], list[Any]]:
    """Execute the cells one after the other; return their names, and what the last line of each comes to."""
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for cell in cells:
        *before, last = ast.parse("".join(cell["source"])).body
        is_shown = isinstance(last, ast.Expr)
        exec(compile(ast.Module([*before] if is_shown else [*before, last], []), cell["id"], "exec"), names)
        shown.append(
            eval(compile(ast.Expression(last.value), cell["id"], "eval"), names) if isinstance(last, ast.Expr) else None
        )
    return names, shown


def test_the_notebook_runs_over_a_trained_shop(
    trained_settings: Settings, as_environment: Callable[[Settings], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in as_environment(trained_settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    names, shown = run([cell for cell in CELLS if cell["cell_type"] == "code"])
    tables = [each for each in shown if isinstance(each, pd.DataFrame)]
    assert len(tables) == 6
    assert all(len(table) for table in tables)
    assert names["listed"]
    assert names["listed"][0].explanation is not None
    assert (names["agreement"].to_numpy().diagonal() > 0).all()
    assert names["lists"].loc[names["manifest"].default_model, "ndcg_at_10"] > 0


def test_the_notebook_is_kept_without_outputs() -> None:
    for cell in CELLS:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
