"""ALS finds factors as good as those of implicit, and folds histories in as equation 4 says."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from src.core.domain import NO_TIME, EventBatch, FloatArray
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import TrainingData, training_data
from src.models import als
from src.models.als import Als, AlsParams, train
from src.models.base import QueryBlock, QueryRows
from src.models.kernels.als_kernels import SparseRows, solve_rows
from src.models.kernels.als_trainer import FactorRows

N_USERS, N_ITEMS = 120, 50
PARAMS = AlsParams(factors=6, regularization=0.3, alpha=8.0, iterations=12)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Events of two groups of users, with different weights."""
    rng = np.random.default_rng(4)
    rows = [
        (f"u{user}", f"p{item}", str(rng.choice(["purchase", "cart", "view"])))
        for user in range(N_USERS)
        for item in rng.choice(N_ITEMS, 9, replace=False)
        if (user + item) % 2 == 0 or rng.random() < 0.2
    ]
    users, items, kinds = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return training_data([EventBatch(users, items, kinds, np.ones(n), np.full(n, NO_TIME, np.int64))])


@pytest.fixture(scope="module")
def model(data: TrainingData) -> Als:
    return train(data, PARAMS, seed=1)


def confidences(histories: csr_matrix) -> csr_matrix:
    found = histories.copy()
    found.data = 1 + PARAMS.alpha * found.data
    return found


@pytest.fixture(scope="module")
def theirs(data: TrainingData) -> AlternatingLeastSquares:
    """Train implicit's own model on the same data."""
    with threadpool_limits(1, "blas"):
        made = AlternatingLeastSquares(
            factors=PARAMS.factors,
            regularization=PARAMS.regularization,
            alpha=1.0,
            iterations=PARAMS.iterations,
            random_state=1,
            use_gpu=False,
        )
        made.fit(confidences(data.histories), show_progress=False)
    return made


def folded_in(model: Als, histories: csr_matrix) -> FloatArray:
    """The users' factors that the scores rest on, found from them."""
    scores = model.score_all(QueryBlock(np.full(histories.shape[0], -1), histories))
    return np.asarray(np.linalg.lstsq(model.item_factors, scores.T, rcond=None)[0].T)


def loss(item_factors: FloatArray, histories: csr_matrix) -> float:
    """What ALS minimises, with the best factors of users for these of products."""
    y = item_factors.astype(np.float64)
    gram, total = y.T @ y, PARAMS.regularization * (y**2).sum()
    for row in histories.toarray().astype(np.float64):
        confidence, liked = 1 + PARAMS.alpha * row, (row > 0).astype(float)
        system = gram + PARAMS.regularization * np.eye(len(gram)) + (y.T * (confidence - 1)) @ y
        user = np.linalg.solve(system, y.T @ (confidence * liked))
        total += (confidence * (liked - y @ user) ** 2).sum() + PARAMS.regularization * (user**2).sum()
    return float(total)


def test_the_factors_of_products_are_as_good_as_those_of_implicit(
    data: TrainingData, model: Als, theirs: AlternatingLeastSquares
) -> None:
    assert loss(model.item_factors, data.histories) < 1.01 * loss(np.asarray(theirs.item_factors), data.histories)


def test_a_training_that_continues_needs_few_passes(data: TrainingData, model: Als) -> None:
    older = data.take(np.arange(0, len(data), 2))
    start = train(older, PARAMS, seed=1)
    params = replace(PARAMS, iterations=3)
    continued, anew = train(data, params, seed=1, start=start), train(data, params, seed=1)
    losses = [loss(each.item_factors, data.histories) for each in (continued, anew, model)]
    assert losses[0] < losses[1]
    assert losses[0] < 1.03 * losses[2]


@pytest.mark.parametrize("is_based", [False, True])
@pytest.mark.parametrize("length", [1, 2, 5, 32, 33, 200])
def test_a_row_of_any_length_is_solved_as_the_equations_say(length: int, is_based: bool) -> None:
    rng = np.random.default_rng(length)
    others = rng.standard_normal((300, 24)).astype(np.float32)
    chosen, extra = rng.choice(300, length, replace=False), rng.random(length).astype(np.float32) * 3
    extra[0] = 0
    pairs = SparseRows(np.array([0, length]), chosen.astype(np.int32), extra)
    basis = rng.standard_normal((24, 24))
    rows, solution = FactorRows(others.copy()), FactorRows(np.empty((1, 24), np.float32))
    if is_based:  # the same rows, kept as others times the inverse of a basis
        rows.values, rows.basis = (others @ np.linalg.inv(basis)).astype(np.float32), basis
    with ThreadPoolExecutor(2) as pool:
        solution.basis = rows.whiten(0.3, pool)
        solve_rows(pairs, 0, 1, rows.values, solution.values)
        solved = solution.restored(pool)
    y = others[chosen].astype(np.float64)
    system = others.T.astype(np.float64) @ others + 0.3 * np.eye(24) + (y.T * extra) @ y
    np.testing.assert_allclose(solved[0], np.linalg.solve(system, (1 + extra) @ y), rtol=2e-3, atol=1e-4)


def test_a_history_is_folded_in_as_implicit_recalculates_a_user(
    data: TrainingData, theirs: AlternatingLeastSquares, model: Als
) -> None:
    factors = np.asarray(theirs.item_factors)
    gram = (factors.T @ factors + PARAMS.regularization * np.eye(PARAMS.factors)).astype(np.float32)
    model = replace(model, item_factors=factors, gram=gram)
    unseen = data.histories[:20].copy()
    unseen.data = np.random.default_rng(1).random(unseen.nnz).astype(np.float32)
    expected = theirs.recalculate_user(np.arange(20), confidences(unseen))
    np.testing.assert_allclose(folded_in(model, unseen), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("few_items", [0, N_ITEMS])
@pytest.mark.parametrize("exponents", [(0.0, 0.0), (0.3, 0.4)])
def test_a_fold_in_is_the_least_squares_of_all_products(
    data: TrainingData, exponents: tuple[float, float], few_items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(als, "_FEW_ITEMS", few_items)
    model = train(data, replace(PARAMS, user_exponent=exponents[0], item_exponent=exponents[1]), seed=1)
    degree, user_degree = (np.asarray(data.histories.sum(axis=axis)).ravel() for axis in (0, 1))
    row = data.histories[3].toarray()[0].astype(np.float64)
    share = (degree / degree.mean()) ** -exponents[1] * (row.sum() / user_degree.mean()) ** -exponents[0]
    confidence, liked = 1 + PARAMS.alpha * share * row, (row > 0).astype(float)
    y = model.item_factors.astype(np.float64)
    user = np.linalg.solve(
        y.T @ (confidence[:, None] * y) + PARAMS.regularization * np.eye(PARAMS.factors), y.T @ (confidence * liked)
    )
    history = data.histories[3]
    asked = QueryRows(None, history.indices.astype(np.int64), history.data)
    np.testing.assert_allclose(model.score(asked, np.arange(N_ITEMS)), y @ user, rtol=1e-3, atol=1e-4)
    block = QueryBlock(np.array([-1]), history)
    np.testing.assert_allclose(model.score_all(block)[0], y @ user, rtol=1e-3, atol=1e-4)


def test_a_model_saved_before_confidences_had_exponents_is_still_read(model: Als, tmp_path: Path) -> None:
    model.save(tmp_path)
    (tmp_path / "share.npy").unlink()
    document = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    params = {name: value for name, value in document["params"].items() if not name.endswith("_exponent")}
    (tmp_path / "model.json").write_text(json.dumps({"params": params}), encoding="utf-8")
    query = QueryRows(None, np.array([1, 4]), np.ones(2, np.float32))
    np.testing.assert_allclose(
        Als.load(tmp_path).score(query, np.arange(N_ITEMS)), model.score(query, np.arange(N_ITEMS)), rtol=1e-6
    )


def test_it_finds_the_two_tastes(data: TrainingData, model: Als) -> None:
    scores = model.score_all(QueryBlock(np.arange(N_USERS), data.histories))
    number = np.array([int(id_[1:]) for id_ in data.items.ids_of(range(len(data.items)))])
    users = np.array([int(id_[1:]) for id_ in data.users.ids_of(range(len(data.users)))])
    mine = (users[:, None] + number) % 2 == 0
    assert scores[mine].mean() > 4 * abs(scores[~mine].mean())


def test_the_number_of_queries_at_once_changes_no_score(
    data: TrainingData, model: Als, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = QueryBlock(np.arange(N_USERS), data.histories)
    whole = model.score_all(asked)
    for at_once in (1, 7, N_USERS):
        monkeypatch.setattr(als, "_QUERIES_PER_TASK", at_once)
        np.testing.assert_allclose(model.score_all(asked), whole, rtol=1e-4, atol=1e-6)


def test_a_user_with_one_product_tells_nothing_of_what_goes_with_it(data: TrainingData, model: Als) -> None:
    events = data.events
    loners = [f"loner {at}" for at in range(30)]
    users = [*events.users.ids_of(events.user_idx), *loners]
    items = [*events.items.ids_of(events.item_idx), *events.items.ids_of(np.arange(30) % 5)]
    kinds = [*(KIND_ORDER[kind].value for kind in data.kind), *["purchase"] * 30]
    n = len(users)
    more = training_data([EventBatch(users, items, kinds, np.ones(n), np.full(n, NO_TIME, np.int64))])
    np.testing.assert_array_equal(train(more, PARAMS, seed=1).item_factors, model.item_factors)


def test_there_are_never_more_factors_than_users_or_products() -> None:
    batch = EventBatch(["a", "a", "b"], ["x", "y", "z"], ["purchase"] * 3, np.ones(3), np.full(3, NO_TIME))
    model = train(training_data([batch]), AlsParams(factors=100), seed=1)
    assert model.describe() == {"n_items": 3, "n_factors": 2}


def test_its_matrix_of_all_products_is_kept_with_the_ridge(model: Als) -> None:
    expected = model.item_factors.T @ model.item_factors + PARAMS.regularization * np.eye(PARAMS.factors)
    np.testing.assert_allclose(model.gram, expected, rtol=1e-5)
    assert {model.gram.dtype, model.item_factors.dtype} == {np.dtype(np.float32)}


def test_without_a_gpu_als_is_trained_on_the_cpu_and_says_what_is_missing(
    data: TrainingData, model: Als, caplog: pytest.LogCaptureFixture
) -> None:
    als._has_gpu.cache_clear()
    for _ in range(2):
        trained = train(data, replace(PARAMS, use_gpu=True), seed=1)
    np.testing.assert_array_equal(trained.item_factors, model.item_factors)
    assert [(record.levelname, "trained on the CPU" in record.message) for record in caplog.records] == [
        ("WARNING", True)
    ]
    assert "AISLE_ALS_USE_GPU" in caplog.text
