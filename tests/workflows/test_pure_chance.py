"""On files of pure chance there is nothing to learn but popularity: no list may beat it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from src.core.progress import Silent
from src.evaluation.report import Report, measure
from src.interactions.splits import held_out, split
from src.models import MODELS, trainable
from src.models.settings import AllSettings
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.ensemble_config import EnsembleConfig
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble
from src.workflows.fit import FitPlan, fit
from src.workflows.ingest import read_table

SETTINGS = AllSettings(spectral_rank=32, als_factors=64, item_graph_neighbours=20)
"""ALS with many factors remembers single pairs: it would name the purchases whose clicks it learnt from."""
N_USERS, N_ITEMS, N_ROWS = 400, 150, 5_000
COLUMNS = {
    "ratings": ("user_id", "item_id", "rating"),
    "interactions": ("user_id", "item_id", "clicked", "purchased"),
    "orders": ("order_id", "customer_id", "product_id", "quantity"),
    "sessions": ("session_id", "item_id"),
}


def chance(folder: Path, layout: str, times: bool) -> Path:
    """Write rows whose user, product, value and time are drawn independently; products differ in popularity only."""
    rng = np.random.default_rng(5)
    popularity = 1 / np.arange(3, N_ITEMS + 3)
    user, item = rng.integers(0, N_USERS, N_ROWS), rng.choice(N_ITEMS, N_ROWS, p=popularity / popularity.sum())
    cells = {
        "user_id": [f"u{row}" for row in user],
        "item_id": [f"p{row}" for row in item],
        "rating": rng.integers(1, 6, N_ROWS),
        "clicked": np.ones(N_ROWS, int),
        "purchased": rng.integers(0, 2, N_ROWS),
        "order_id": [f"o{u}-{n}" for u, n in zip(user, rng.integers(0, 5, N_ROWS), strict=True)],
        "quantity": rng.integers(1, 4, N_ROWS),
        "timestamp": rng.integers(1_600_000_000, 1_700_000_000, N_ROWS),
    }
    cells |= {"customer_id": cells["user_id"], "product_id": cells["item_id"], "session_id": cells["user_id"]}
    names = [*COLUMNS[layout], *(["timestamp"] if times else [])]
    file = folder / f"{layout}.csv"
    with open(file, "w", newline="") as stream:
        csv.writer(stream).writerows([names, *zip(*(cells[name] for name in names), strict=True)])
    return file


def report_on(file: Path) -> Report:
    """Tune, train and measure all list models, as a training does."""
    data = read_table(SETTINGS, file, Silent())
    parts = split(data, SETTINGS.test_share)
    config = tune_ensemble(
        held_out(parts.train), EnsembleConfig.of(SETTINGS), TuningOptions(4.0, 1), budget_seconds=0.1, reporter=Silent()
    )
    params = {name: config.params.get(name) or kind.params(SETTINGS) for name, kind in trainable(parts.train).items()}
    plan = FitPlan({name: own for name, own in params.items() if MODELS[name].blends}, config, config.weighting)
    pipeline = fit(parts.train, plan, SETTINGS, Silent())
    return measure(pipeline, parts, relevant_rating=4.0, max_users=1_000, reporter=Silent())


@pytest.mark.parametrize("times", [True, False], ids=["times", "no times"])
@pytest.mark.parametrize("layout", COLUMNS)
def test_no_list_beats_popularity_on_pure_chance(tmp_path: Path, layout: str, times: bool) -> None:
    report = report_on(chance(tmp_path, layout, times))
    assert report.how == ("time" if times else "random")
    assert report.n_test_users > 100
    assert {ENSEMBLE, "spectral", "item_graph", "als"} <= report.lists.keys()
    beaten = {name: figures.beyond_popularity.low for name, figures in report.lists.items()}
    assert max(beaten.values()) <= 0, beaten
