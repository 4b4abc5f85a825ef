"""A serving process has one BLAS thread and imports no library that only training needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from src.core.progress import Silent
from src.core.settings import Settings
from src.store import Store
from src.workflows.explore import explore_store
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[3]
NOT_FOR_SERVING = (
    "alembic",  # of upgrades of the store
    "pyarrow",  # of loading
    "openpyxl",
    "faker",  # of the made-up shop
    "scipy.linalg",
    "surprise",
    "numba",
    "llvmlite",
    "implicit",
    "optuna",
    "lightgbm",
    "pandas",
    "matplotlib",
    "bm25s",
    "wordllama",
    "torch",
    "sentence_transformers",
)


def in_a_fresh_process(code: str, **environment: str) -> Any:
    """Run code in a new interpreter; return its output, read as JSON."""
    variables = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def imported(names: tuple[str, ...]) -> str:
    """Code that calls `found` what is imported of these."""
    beginnings = tuple(f"{name}." for name in names)
    return f"import sys, json; found = [n for n in sys.modules if f'{{n}}.'.startswith({beginnings!r})]"


def test_serving_imports_nothing_that_only_training_needs_and_every_library_that_has_threads_gets_one(
    tmp_path: Path,
) -> None:
    code = f"""
import run, src.recommendation.pipeline, src.store
{imported(NOT_FOR_SERVING)}
import numpy, scipy.linalg, threadpoolctl
print(json.dumps([found, [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]]))
"""
    found, threads = in_a_fresh_process(code, AISLE_VAR=str(tmp_path / "var"))
    assert found == []
    assert threads
    assert set(threads) == {1}


def test_the_page_of_packages_names_what_serving_does_without() -> None:
    rows = [line for line in (ROOT / "docs/speed.md").read_text(encoding="utf-8").splitlines() if line.count("|") == 5]
    parts = {cells[1].strip(): re.findall(r"`([\w.]+)`", cells[2]) for cells in (row.split("|") for row in rows)}
    serving = parts.pop("Serving")
    others = {name for names in parts.values() for name in names}
    assert others
    assert others <= set(NOT_FOR_SERVING)
    assert not set(serving) & others


def test_serving_a_list_of_every_model_imports_nothing_that_only_training_needs(
    trained_settings: Settings, trained_store: Store
) -> None:
    page = trained_settings.reports_dir / "exploration.html"
    explore_store(trained_settings, trained_store, page, Silent())  # or the dashboard would have it counted
    code = f"""
from src.models.settings import read_settings
from src.core.domain import Event, EventKind, Query
from app import create_app
from app.context import context_of
app = create_app(read_settings())
pipeline = context_of(app).recommender.release().pipeline
product = pipeline.items.id_of(0)
for model in (*pipeline.list_models, None):
    assert pipeline.recommend(Query("U00003", (Event("", product, EventKind.PURCHASE),), model=model))
assert pipeline.predict("U00003", product).rating
client = app.test_client()
assert client.post("/search", json={{"query": "steel pan"}}).json["results"]
assert client.get("/dashboard", follow_redirects=True).status_code == 200
assert client.post("/matrix_factor/similar", json={{"item_id": product}}).json["recommendations"]
{imported(NOT_FOR_SERVING)}
print(json.dumps(found))
"""
    assert in_a_fresh_process(code, AISLE_VAR=str(trained_settings.var), AISLE_SCHEDULER="off") == []


def test_thread_settings_of_the_environment_are_kept(tmp_path: Path) -> None:
    code = "import app, os, json; print(json.dumps(os.environ['OPENBLAS_NUM_THREADS']))"
    assert in_a_fresh_process(code, AISLE_VAR=str(tmp_path / "var"), OPENBLAS_NUM_THREADS="3") == "3"


def test_under_a_limit_of_the_address_space_the_encoder_is_opened_before_a_request(trained_settings: Settings) -> None:
    code = """
import json, resource, sys
import app
server = app.create_app()
if {limited}:
    resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))
app.start_background(server)
print(json.dumps("tokenizers" in sys.modules))
"""
    variables = {"AISLE_VAR": str(trained_settings.var), "AISLE_SCHEDULER": "off"}
    opened = {limited: in_a_fresh_process(code.format(limited=limited), **variables) for limited in (False, True)}
    assert opened == {False: False, True: True}
