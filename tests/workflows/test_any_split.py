"""Splits with other scales than 1 to 5, or with views alone; tuned by the real tuner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import JsonDict
from src.core.progress import Silent
from src.core.settings import Settings
from src.evaluation.benchmark_report import BenchmarkReport
from src.models import POPULARITY
from src.models.settings import read_settings
from src.tuning.search_spaces import SEARCH_SPACES
from src.workflows.benchmark import run_benchmark
from src.workflows.benchmark_request import PIPELINE, BenchmarkRequest

N_USERS, N_ITEMS = 60, 40


def write_split(folder: Path, header: str, value: str, seed: int = 1) -> BenchmarkRequest:
    """Two tastes. value: what stands in the third column, with {r} for a number from 0 to 9."""
    rng = np.random.default_rng(seed)
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for user in range(N_USERS):
        mine = rng.permutation(np.arange(user % 2, N_ITEMS, 2))[:12]
        for place, item in enumerate(mine.tolist()):
            part = "test" if place > 8 else "train"
            lines[part].append(f"u{user},p{item},{value.format(r=(user + item // 2) % 10)}")
    for name, rows in lines.items():
        (folder / f"{name}.csv").write_text("\n".join([header, *rows, ""]))
    return BenchmarkRequest(folder / "train.csv", folder / "test.csv", budget_seconds=60, at=(5,))


@pytest.fixture
def few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit the number of trials of a search."""
    for name, space in SEARCH_SPACES.items():
        costly = {question: answers[:1] for question, answers in space.costly.items()}
        monkeypatch.setitem(SEARCH_SPACES, name, replace(space, costly=costly, trials=2))


@pytest.fixture
def small(settings: Settings) -> Settings:
    return settings.model_copy(update={"als_iterations": 2, "als_factors": 8, "spectral_rank": 16})


def kept(report: BenchmarkReport, file: str) -> tuple[int, int]:
    """(rows of a file, rejected ones)."""
    read = report.files[file]
    return read.rows.n_read, read.rows.rejected.total()


@pytest.mark.usefixtures("few_trials")
@pytest.mark.parametrize(
    ("value", "relevant"), [("{r}.5", 0.5 + 0.75 * 9), ("{r}", 0.75 * 9), ("1.{r}", 4.0), ("4{r}", 1 + 0.75 * 48)]
)
def test_the_scale_of_ratings_is_that_of_the_train_file(
    small: Settings, tmp_path: Path, value: str, relevant: float
) -> None:
    job = write_split(tmp_path, "user_id,item_id,rating", value)
    report = run_benchmark(small, job, Silent())
    assert kept(report, "train") == (540, 0)
    assert kept(report, "test") == (180, 0)
    assert report.scope.relevant_rating == pytest.approx(relevant)
    assert report.ratings[POPULARITY].rmse.value < 10


@pytest.mark.usefixtures("few_trials")
def test_a_scale_that_was_set_is_used(tmp_path: Path) -> None:
    set_ones = read_settings(var=tmp_path / "var", rating_min=1.0, rating_max=5.0, als_iterations=2, spectral_rank=16)
    report = run_benchmark(set_ones, write_split(tmp_path, "user_id,item_id,rating", "{r}"), Silent())
    n, rejected = kept(report, "train")
    assert 0 < rejected < n


@pytest.mark.usefixtures("few_trials")
def test_with_views_alone_the_pipeline_is_tuned_and_lists_leave_out_viewed_products(
    small: Settings, tmp_path: Path
) -> None:
    report = run_benchmark(small, write_split(tmp_path, "user_id,item_id,event", "view"), Silent())
    found: JsonDict = report.to_json()["protocol"]["tuning"]["recipe"]["found"]  # type: ignore[index,call-overload]
    assert found["users"] > 20  # type: ignore[operator]
    ndcg = {name: figures.figures["ndcg@5"].value for name, figures in report.lists.items()}
    assert ndcg[PIPELINE] > ndcg[POPULARITY] + 0.1  # hardly so, if what was looked at before stood above


@pytest.mark.usefixtures("few_trials")
def test_another_test_file_does_not_change_tuning_and_training(small: Settings, tmp_path: Path) -> None:
    job = write_split(tmp_path, "user_id,item_id,event", "purchase")
    one = run_benchmark(small, job, Silent())
    job.test.write_text("user_id,item_id\nu1,p1\nu2,p4\nsomebody,something\n")
    other = run_benchmark(small, job, Silent())
    assert one.lists != other.lists
    assert one.checksums[PIPELINE] == other.checksums[PIPELINE]
