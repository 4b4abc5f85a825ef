"""Published figures of public data are reproduced from file to report."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.core.progress import Silent
from src.evaluation.report import Report
from src.interactions.event_weights import Weighting
from src.interactions.splits import split
from src.models import MODELS, POPULARITY, SVD
from src.models.settings import read_settings
from src.workflows.fit import FitPlan, measured
from src.workflows.ingest import read_table

RATINGS = Path(__file__).resolve().parents[2] / "shared/data/amazon-electronics-50x5/df_final.csv"
pytestmark = pytest.mark.skipif(
    not RATINGS.is_file(), reason=f"{RATINGS} is not here: the public data set to compare on"
)


def report(**settings: float) -> Report:
    chosen = read_settings(**settings)
    data = read_table(chosen, RATINGS, Silent())
    plan = FitPlan({name: MODELS[name].params(chosen) for name in (POPULARITY, SVD)}, None, Weighting())
    return measured(chosen, split(data, chosen.test_share), plan, Silent())


def test_svd_has_the_published_rmse_with_surprises_defaults() -> None:
    assert report().ratings[SVD].rmse.value == pytest.approx(0.8882, abs=5e-5)


def test_svd_has_the_published_figures_when_tuned_and_its_list_loses_to_popularity() -> None:
    tuned = report(svd_epochs=20, svd_learning_rate=0.01, svd_regularization=0.2)
    rated, lists = tuned.ratings[SVD], tuned.lists
    assert rated.rmse.value == pytest.approx(0.8808, abs=5e-5)
    assert rated.precision_at_10.value == pytest.approx(0.854, abs=5e-4)
    assert rated.recall_at_10.value == pytest.approx(0.878, abs=5e-4)
    assert lists[SVD].ndcg_at_10.value == pytest.approx(0.0018, abs=5e-5)
    assert lists[POPULARITY].ndcg_at_10.value == pytest.approx(0.0215, abs=5e-5)
    assert lists[SVD].beyond_popularity.high < 0
    assert tuned.best == POPULARITY
