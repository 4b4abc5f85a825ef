"""Trainings by Spark, on a cluster that is started here, and what is said where Spark is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_matrix, eye_array

from bench.spark import cluster, missing
from src.core.domain import NO_TIME, EventBatch, EventKind, Query
from src.core.errors import ConfigError, InputError
from src.core.progress import Silent
from src.core.settings import Settings
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split
from src.models import ALS, AUTOENCODER, CO_OCCURRENCE, ITEM_GRAPH, MODELS, POPULARITY, TRENDING
from src.models.als import AlsParams, fit_histories
from src.models.co_occurrence import CoOccurrenceParams
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.ensemble_config import EnsembleConfig
from src.releases.shared_registry import open_registry
from src.store import Store
from src.synthetic.shop import SyntheticShop
from src.tuning.ensemble_tuning import TuningOptions
from src.workflows import training_plan as plans_module
from src.workflows.export import export_parts
from src.workflows.spark_events import SparkEvents, read_events, spark_session
from src.workflows.spark_models import NAMES, SparkJobs
from src.workflows.spark_training import DrawnPart, within_memory
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest
from tests.conftest import small_settings

BY_SPARK = TrainingRequest(engine="spark")
pytestmark = [  # py4j leaves its sockets to the end of the process
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
needs_spark = pytest.mark.skipif(bool(missing()), reason=f"Spark cannot run here: {missing()}")


def test_a_missing_pyspark_is_said_with_what_installs_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with pytest.raises(ConfigError, match=r"pip install -r requirements-spark\.txt"), spark_session(settings):
        pass


def test_what_spark_does_not_train_is_refused_before_it_starts(settings: Settings, store: Store) -> None:
    with pytest.raises(InputError, match="neither --only nor --model"):
        train(settings, store, TrainingRequest(engine="spark", model_type="svd"), Silent())


def test_the_events_of_the_store_are_parts_for_parallel_readers(
    store: Store, shop: SyntheticShop, tmp_path: Path
) -> None:
    store.events.add(shop.events)
    export_parts(store, tmp_path / "parts")
    table = pq.read_table(tmp_path / "parts")
    assert table.column_names == ["user_id", "product_id", "kind", "value", "at"]
    assert len(table) == store.summary().n_events
    assert set(table.column("kind").to_pylist()) <= {kind.value for kind in EventKind}


def test_lists_are_measured_for_the_users_drawn_for_their_part_and_no_others() -> None:
    users, at = ["a", "b", "c"] * 2, np.repeat([10, 20], 3).astype(np.int64)
    data = training_data([EventBatch(users, list("uvwxyz"), [EventKind.PURCHASE] * 6, np.ones(6), at)])
    valid, test = DrawnPart(10, 20, np.array([0, 1])), DrawnPart(20, 30, np.array([1, 2]))
    assert sorted(valid.of(data).events.user_idx.tolist()) == [0, 1]
    found = test.of(data).events
    assert sorted(found.user_idx.tolist()) == [1, 2]  # user 0 has an event then, and was drawn for the other part
    assert (found.at >= 20).all()


def test_settings_are_tried_on_all_earlier_events_of_the_users_drawn_for_it() -> None:
    users, at = ["a", "b", "c"] * 2, np.array([NO_TIME, 10, 10, 20, 19, 20], np.int64)
    data = training_data([EventBatch(users, list("uvwxyz"), [EventKind.PURCHASE] * 6, np.ones(6), at)])
    found = DrawnPart(NO_TIME, 20, np.array([0, 1])).of(data).events
    assert sorted(zip(found.user_idx.tolist(), found.at.tolist(), strict=True)) == [(0, NO_TIME), (1, 10), (1, 19)]


@pytest.mark.parametrize(("most_factors", "factors"), [(64, 64), (50, 32), (20, 32)])
def test_als_takes_the_usual_settings_where_the_tuned_ones_do_not_fit(
    settings: Settings, most_factors: int, factors: int
) -> None:
    config, usual = EnsembleConfig.of(settings), AlsParams(factors=32)  # type: ignore[arg-type]
    tuned = replace(config, params={**config.params, ALS: AlsParams(factors=64)})
    found = within_memory(tuned, usual, lambda als: als.factors <= most_factors)
    assert found.params[ALS].factors == factors
    assert (CO_OCCURRENCE in found.params) == (most_factors >= 32)


@pytest.fixture(scope="module")
def spark_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("spark")
    with cluster(folder) as (master, _):
        yield folder, master


@pytest.fixture(scope="module")
def learnt(spark_folder: tuple[Path, str], small_shop: SyntheticShop) -> Iterator[tuple[SparkEvents, Store, Settings]]:
    from src.store import open_store

    settings = small_settings(spark_folder[0] / "var", spark_master=spark_folder[1])
    store = open_store(settings.store_url)
    store.products.add(small_shop.products)
    store.events.add(small_shop.events)
    with spark_session(settings) as session:
        yield read_events(settings, store, None, session, Silent()), store, settings
    store.close()


def by_ids(matrix: csr_matrix, rows: Any, columns: Any) -> dict[tuple[str, str], float]:
    """A matrix of the catalogue by ids, as row numbers differ."""
    entries = matrix.tocoo()
    names = zip(rows.ids_of(entries.row.tolist()), columns.ids_of(entries.col.tolist()), strict=True)
    return dict(zip(names, entries.data.tolist(), strict=True))


@needs_spark
def test_jobs_make_the_models_that_one_process_makes(learnt: tuple[SparkEvents, Store, Settings]) -> None:
    events, store, settings = learnt
    data: TrainingData = training_data(store.events.read())
    assert (events.n_events, events.newest_at) == (len(data), data.events.at.max())
    config = EnsembleConfig.of(settings)  # type: ignore[arg-type]
    for before in (None, int(np.quantile(data.events.at[data.events.at != NO_TIME], 0.7))):
        part = data if before is None else data.take(np.flatnonzero(data.events.at < before))
        params, weighting = dict(config.params), config.weighting
        if before is not None:  # as tuning may find them
            weighting = replace(weighting, lowest_rating=0.5, half_life_days=90.0)
            fading = {ITEM_GRAPH: 60.0, AUTOENCODER: 14.0, CO_OCCURRENCE: 60.0}
            params |= {name: replace(params[name], half_life_days=days) for name, days in fading.items()}
        part = replace(part, weighting=weighting)
        jobs = SparkJobs(events, before, weighting, len(events.items), params)
        for name in (POPULARITY, TRENDING):
            local = MODELS[name].train(part, params[name], seed=1)
            mine = jobs.popularity(name, None)
            for field in ("weight", "item_mean", "item_count"):
                one = dict(zip(data.items.ids_of(range(len(data.items))), getattr(local, field), strict=True))
                other = dict(zip(events.items.ids_of(range(len(events.items))), getattr(mine, field), strict=True))
                assert one == pytest.approx(other, rel=1e-4), field
        every = eye_array(len(data.items), dtype=np.float32, format="csr")
        found_models: tuple[tuple[str, Any], ...] = (
            (ITEM_GRAPH, jobs.item_graph()),
            (AUTOENCODER, jobs.autoencoder()),
            (CO_OCCURRENCE, jobs.co_occurrence(seed=1)),
        )
        for name, model in found_models:
            local = MODELS[name].train(part, params[name], seed=1)
            expected = by_ids(local.pair_scores(every), data.items, data.items)
            found = by_ids(model.pair_scores(every), events.items, events.items)
            assert len(found) == pytest.approx(len(expected), rel=0.02), name
            common = expected.keys() & found.keys()
            assert len(common) > 0.98 * len(expected), name  # pairs of equal strength may be cut differently
            close = [abs(expected[pair] - found[pair]) <= 1e-3 * max(1e-3, abs(expected[pair])) for pair in common]
            assert np.mean(close) > 0.95, name


@needs_spark
@pytest.mark.parametrize("by_mllib", [False, True])
def test_als_is_trained_here_where_its_factors_fit_and_else_by_mllib(
    learnt: tuple[SparkEvents, Store, Settings], by_mllib: bool
) -> None:
    events, store, settings = learnt
    config = EnsembleConfig.of(settings)  # type: ignore[arg-type]
    params = replace(config.params[ALS], factors=8)
    jobs = SparkJobs(events, None, config.weighting, len(events.items), {ALS: params})
    found = jobs.als(seed=1, here=not by_mllib)
    assert found.item_factors.shape == (len(events.items), 8)
    assert np.isfinite(found.item_factors).all()
    assert found.item_factors.any(axis=1).mean() > 0.9
    if by_mllib:
        return
    data = training_data(store.events.read())
    pairs = data.histories.tocoo()
    rows, columns = (
        own.rows_in(vocabulary, at)
        for vocabulary, own, at in ((events.users, data.users, pairs.row), (events.items, data.items, pairs.col))
    )
    histories = csr_matrix((pairs.data, (rows, columns)), shape=pairs.shape)
    same = fit_histories(histories, params, seed=1)
    near = 0.05 * float(np.abs(same.item_factors).max())
    np.testing.assert_allclose(found.item_factors, same.item_factors, atol=near)
    again = jobs.als(seed=2, here=True, start=found)
    assert np.corrcoef(again.item_factors.ravel(), found.item_factors.ravel())[0, 1] > 0.9


@needs_spark
def test_a_store_in_postgresql_is_read_by_jdbc(
    learnt: tuple[SparkEvents, Store, Settings], postgresql: str, small_shop: SyntheticShop, tmp_path: Path
) -> None:
    from src.store import open_store

    settings = small_settings(tmp_path / "var", database_url=postgresql)
    if not settings.jdbc_jar.exists():
        pytest.skip(f"PostgreSQL's driver for Java is missing (libpostgresql-jdbc-java, {settings.jdbc_jar})")
    store = open_store(settings.store_url)
    store.events.add(small_shop.events)
    found = read_events(settings, store, None, learnt[0].session, Silent())
    store.close()
    assert (found.n_events, found.n_timed, found.newest_at) == (
        learnt[0].n_events,
        learnt[0].n_timed,
        learnt[0].newest_at,
    )
    everybody = found.frame.select("user_idx").distinct()
    assert found.of_users(everybody).histories.sum() == pytest.approx(learnt[0].of_users(everybody).histories.sum())


@needs_spark
def test_a_release_of_a_cluster_passes_the_gate_and_serves(
    spark_folder: tuple[Path, str],
    small_shop: SyntheticShop,
    tmp_path: Path,
    opened: Callable[[Settings], Store],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tuned: dict[str, Any] = {
        CO_OCCURRENCE: CoOccurrenceParams(0.5, 1.0, 0.0, half_life_days=60.0),
        ALS: AlsParams(factors=8, alpha=3.0),
    }

    def tune(split: Split, start: EnsembleConfig, options: TuningOptions, *_: Any) -> EnsembleConfig:
        assert len(split.train) > len(split.test) > 0
        assert (set(options.models or ()), options.list_ranker) == (set(NAMES), False)
        return replace(start, params={**start.params, **tuned}, found={"searches": {}})

    monkeypatch.setattr(plans_module, "tune_ensemble", tune)
    settings = small_settings(tmp_path / "var", spark_master=spark_folder[1])
    store = opened(settings)
    store.products.add(small_shop.products)
    store.events.add(small_shop.events)
    trained = train(settings, store, BY_SPARK, Silent())  # type: ignore[arg-type]
    assert trained is not None
    assert trained.active, trained.verdict
    assert not list((settings.var / "spark").iterdir())  # the events are not left lying about
    release = open_registry(settings).current()
    assert {name: release.pipeline.models[name].params for name in tuned} == tuned
    assert release.manifest.params[CO_OCCURRENCE] == asdict(tuned[CO_OCCURRENCE])
    assert release.manifest.ensemble is not None
    assert release.manifest.ensemble.config(settings).found.keys() >= {"searches", "ndcg_at_10", "engine"}  # type: ignore[arg-type]
    assert release.manifest.data is not None
    assert release.manifest.data.n_events == store.summary().n_events
    assert {POPULARITY, CO_OCCURRENCE, ITEM_GRAPH, AUTOENCODER, ALS, ENSEMBLE} <= set(release.pipeline.models)
    user = small_shop.events.user_id[0]
    listed = release.pipeline.recommend(Query(user, tuple(store.events.history(user)), n=5, model=ENSEMBLE))
    assert len(listed) == 5
