"""Spectral equals EASE with all eigenvectors, and is a low-pass filter of it with few."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray
from src.models import spectral
from src.models.base import QueryBlock, QueryRows
from src.models.kernels.gram_kernels import add_times_gram
from src.models.normalization import NormalizedHistories, normalize_histories
from src.models.spectral import Spectral, SpectralParams, Spectrum, eigenvectors, fit_spectral

N_ITEMS = 40
FULL = SpectralParams(rank=1_000, input_exponent=0, output_exponent=0)


def histories_of(n_users: int = 150, n_items: int = N_ITEMS, share: float = 0.2, seed: int = 0) -> csr_matrix:
    """Some users have one product only, and some products are popular."""
    rng = np.random.default_rng(seed)
    there = rng.random((n_users, n_items)) < share * (0.5 + rng.random(n_items))
    there[: n_users // 10] = np.eye(n_items, dtype=bool)[rng.integers(0, n_items, n_users // 10)]
    return csr_matrix((there * rng.choice([0.05, 0.3, 1.0], there.shape)).astype(np.float32))


def model_of(histories: csr_matrix, params: SpectralParams) -> Spectral:
    matrix = normalize_histories(histories, params.user_exponent, params.item_exponent)
    return fit_spectral(matrix, eigenvectors(matrix, params.rank, seed=1), params)


def gram_of(matrix: NormalizedHistories) -> FloatArray:
    """float64, without the users who have one product only."""
    wide = matrix.matrix.astype(np.float64)
    return np.asarray((wide.T @ wide).toarray())


def b_of(model: Spectral) -> FloatArray:
    """Its item-item matrix, but for the diagonal."""
    whole = model.given.astype(np.float64) @ model.wanted.T
    return whole - np.diag(np.diag(whole))


def ease(histories: csr_matrix, params: SpectralParams) -> FloatArray:
    """B = I - P / diag P, P = (R̃ᵀR̃ + λ I)⁻¹, by numpy, from the histories on."""
    table = histories.toarray().astype(np.float64)
    users, items = np.maximum(table.sum(axis=1), 1), np.maximum(table.sum(axis=0), 1)
    scaled = users[:, None] ** -params.user_exponent * table * items**-params.item_exponent
    gram = scaled.T @ scaled
    level = np.diag(gram)[np.diag(gram) > 0].mean()
    inverse = np.linalg.inv(gram + params.ridge * level * np.eye(len(gram)))
    b = np.eye(len(gram)) - inverse / np.diag(inverse)
    np.fill_diagonal(b, 0)
    return np.asarray(items[:, None] ** -params.input_exponent * b * items**params.output_exponent)


def assert_near(found: FloatArray, expected: FloatArray, within: float) -> None:
    np.testing.assert_allclose(found, expected, atol=within * np.abs(expected).max())


# the whole spectrum


@pytest.mark.parametrize("ridge", [0.02, 0.5, 20.0])
@pytest.mark.parametrize("n_users", [400, 60, 15])
def test_with_every_eigenvector_it_is_ease(n_users: int, ridge: float) -> None:
    histories = histories_of(n_users)
    params = replace(FULL, ridge=ridge)
    assert_near(b_of(model_of(histories, params)), ease(histories, params), 1e-4)


@pytest.mark.parametrize(
    ("user_exponent", "item_exponent", "input_exponent", "output_exponent"),
    [(0.0, 0.0, 0.0, 0.0), (0.5, 0.5, 0.0, 0.0), (0.35, 0.4, 0.6, 0.0), (0.35, 0.4, 0.0, 0.6), (0.2, 0.4, 0.3, -0.2)],
)
def test_every_exponent_is_that_of_the_formula(
    user_exponent: float, item_exponent: float, input_exponent: float, output_exponent: float
) -> None:
    histories = histories_of()
    params = SpectralParams(1_000, user_exponent, item_exponent, 0.5, input_exponent, output_exponent)
    assert_near(b_of(model_of(histories, params)), ease(histories, params), 1e-4)


def test_a_higher_output_exponent_raises_popular_products() -> None:
    histories = histories_of()
    popular = np.asarray(histories.sum(axis=0)).ravel()
    asked = QueryBlock(np.full(150, -1), histories)
    means = [
        float(
            np.corrcoef(model_of(histories, replace(FULL, output_exponent=each)).score_all(asked).mean(0), popular)[
                0, 1
            ]
        )
        for each in (-0.2, 0.2, 0.6)
    ]
    assert means == sorted(means)
    assert means[0] < means[-1]


# few eigenvectors


@pytest.mark.parametrize("rank", [1, 3, 10, 39])
@pytest.mark.parametrize("shape", [(400, N_ITEMS), (25, N_ITEMS), (60, 200)])
def test_its_eigenvalues_are_the_highest_of_the_gram_matrix(shape: tuple[int, int], rank: int) -> None:
    matrix = normalize_histories(histories_of(*shape), 0.35, 0.4)
    found = eigenvectors(matrix, rank, seed=1)
    kept = min(rank, matrix.matrix.shape[0])
    values, vectors = np.linalg.eigh(gram_of(matrix))
    expected = values[::-1][:kept]
    assert found.vectors.shape == (shape[1], kept)
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(found.values, expected, rtol=0.01, atol=1e-6 * expected[0])
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(kept), atol=1e-5)
    leading = vectors[:, -1]
    assert abs(leading @ found.vectors[:, 0]) == pytest.approx(1, abs=1e-4)


def test_what_is_left_of_the_diagonal_is_noise_of_each_product() -> None:
    histories = histories_of()
    params = replace(FULL, rank=6, ridge=0.3)
    matrix = normalize_histories(histories, params.user_exponent, params.item_exponent)
    spectrum = eigenvectors(matrix, 6, seed=1)
    vectors = spectrum.vectors.astype(np.float64)
    smooth = (vectors * spectrum.values) @ vectors.T
    rest = np.maximum(matrix.diagonal - np.diag(smooth), 0)
    inverse = np.linalg.inv(smooth + np.diag(rest) + 0.3 * matrix.mean_diagonal * np.eye(N_ITEMS))
    expected = np.eye(N_ITEMS) - inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    assert_near(b_of(fit_spectral(matrix, spectrum, params)), expected, 1e-4)


def test_the_first_eigenvectors_of_more_are_those_of_fewer() -> None:
    matrix = normalize_histories(histories_of(), 0.35, 0.4)
    many = eigenvectors(matrix, 30, seed=1)
    params = replace(FULL, rank=5)
    model, alone = fit_spectral(matrix, many, params), fit_spectral(matrix, many.first(5), params)
    assert model.given.shape == (N_ITEMS, 5)
    np.testing.assert_array_equal(model.given, alone.given)
    np.testing.assert_array_equal(model.wanted, alone.wanted)


@pytest.mark.parametrize("rank", [2, 10, 1_000])
def test_the_ideal_filter_is_a_projection(rank: int) -> None:
    model = model_of(histories_of(25), replace(FULL, rank=rank, filter="ideal"))
    filter_ = model.given.astype(np.float64) @ model.wanted.T
    np.testing.assert_allclose(filter_ @ filter_, filter_, atol=1e-5)
    np.testing.assert_allclose(filter_, filter_.T, atol=1e-6)
    assert np.trace(filter_) == pytest.approx(model.given.shape[1], abs=1e-4)


def test_the_ideal_filter_keeps_what_all_users_do_alike() -> None:
    alike = np.kron(np.eye(4), np.ones((6, 5))).astype(np.float32)
    params = replace(FULL, rank=4, filter="ideal", user_exponent=0, item_exponent=0)
    model = model_of(csr_matrix(alike), params)
    np.testing.assert_allclose(alike @ model.given @ model.wanted.T, alike, atol=1e-5)


@pytest.mark.parametrize("filter_", ["ease", "ideal"])
def test_a_product_of_the_history_does_not_support_itself(filter_: Literal["ease", "ideal"]) -> None:
    histories = histories_of()
    model = model_of(histories, SpectralParams(rank=7, filter=filter_))
    scores = model.score_all(QueryBlock(np.full(150, -1), histories))
    with_history = np.flatnonzero(np.diff(histories.indptr))
    assert_near(scores[with_history], (histories @ b_of(model))[with_history], 1e-5)


# finding eigenvectors


def test_where_there_are_fewer_eigenvectors_than_asked_for_those_are_kept() -> None:
    base = (np.random.default_rng(2).random((5, N_ITEMS)) < 0.4).astype(np.float32)
    matrix = normalize_histories(csr_matrix(base[np.arange(100) % 5]), 0.35, 0.4)
    found = eigenvectors(matrix, 30, seed=1)
    assert found.vectors.shape == (base.any(axis=0).sum(), 5)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(gram_of(matrix))[::-1][:5], rtol=1e-5)


def test_a_catalogue_that_does_not_fit_the_memory_gets_fewer_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = normalize_histories(histories_of(400, 100), 0.35, 0.4)
    monkeypatch.setattr(spectral, "_MAX_NUMBERS", 100 * 30)
    assert eigenvectors(matrix, 60, seed=1).vectors.shape == (100, 30)
    monkeypatch.setattr(spectral, "_MAX_NUMBERS", 100)
    assert eigenvectors(matrix, 60, seed=1).vectors.shape == (100, 16)


def test_columns_are_orthonormalised_if_cholesky_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    by_householder: list[tuple[int, ...]] = []
    qr = np.linalg.qr

    def spy(block: FloatArray) -> tuple[FloatArray, FloatArray]:
        by_householder.append(block.shape)
        q, r = qr(block)
        return q, r

    monkeypatch.setattr(np.linalg, "qr", spy)
    rng = np.random.default_rng(3)
    block = rng.normal(size=(50, 8)).astype(np.float32)
    found = spectral.orthonormal(block)
    np.testing.assert_allclose(found.T @ found, np.eye(8), atol=1e-5)
    assert by_householder == []
    hopeless = np.concatenate([block, block], axis=1)
    hopeless[:, 0] = 0
    found = spectral.orthonormal(hopeless)
    np.testing.assert_allclose(found.T @ found, np.eye(16), atol=1e-5)
    np.testing.assert_allclose(found @ (found.T @ block), block, atol=1e-4)
    assert by_householder == [(50, 16)]


@pytest.mark.parametrize("cores", [1, 2, 7])
def test_a_product_with_the_gram_matrix_is_the_same_on_any_number_of_cores(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix, block = histories_of(400), np.random.default_rng(1).normal(size=(N_ITEMS, 9)).astype(np.float32)
    alone = np.zeros_like(block)
    add_times_gram(matrix.indptr, matrix.indices, matrix.data, block, 0, 9, alone)
    monkeypatch.setattr(spectral, "n_cores", lambda: cores)
    assert np.array_equal(spectral._times_gram(matrix, block), alone)
    np.testing.assert_allclose(alone, matrix.T @ (matrix @ block), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("filter_", ["ease", "ideal"])
def test_without_any_pair_of_products_there_is_no_eigenvector_and_every_score_is_nothing(
    filter_: Literal["ease", "ideal"],
) -> None:
    loners = csr_matrix(np.eye(6, dtype=np.float32))
    matrix = normalize_histories(loners, 0.35, 0.4)
    spectrum = eigenvectors(matrix, 5, seed=1)
    assert spectrum.vectors.shape == (6, 0)
    model = fit_spectral(matrix, spectrum, replace(FULL, filter=filter_))
    assert model.describe() == {"n_items": 6, "n_factors": 0}
    assert model.score(QueryRows(None, np.array([2]), np.ones(1, np.float32)), np.arange(6)).tolist() == [0] * 6


def test_a_spectrum_is_cut_at_its_end() -> None:
    spectrum = Spectrum(np.eye(5, dtype=np.float32), np.arange(5.0, 0, -1))
    assert spectrum.first(2).values.tolist() == [5, 4]
    assert spectrum.first(9).vectors.shape == (5, 5)


@pytest.mark.parametrize("filter_", ["ease", "ideal"])
def test_the_eigenvectors_that_a_model_was_built_of_are_found_again(filter_: Literal["ease", "ideal"]) -> None:
    histories, params = histories_of(400), SpectralParams(rank=6, filter=filter_)
    matrix = normalize_histories(histories, params.user_exponent, params.item_exponent)
    sought = eigenvectors(matrix, params.rank, seed=1, iterations=9)
    found = spectral._vectors_of(fit_spectral(matrix, sought, params), matrix.degree)
    np.testing.assert_allclose(found, sought.vectors, atol=1e-5)


def test_a_training_that_continues_explains_as_much_in_fewer_iterations() -> None:
    histories, params = histories_of(900), SpectralParams(rank=6)
    before = model_of(histories[:700], params)
    matrix = normalize_histories(histories, params.user_exponent, params.item_exponent)
    anew = eigenvectors(matrix, params.rank, seed=1)
    first = spectral._vectors_of(before, matrix.degree)
    continued = eigenvectors(matrix, params.rank, seed=1, iterations=spectral._CONTINUED_ITERATIONS, first=first)
    assert continued.values.sum() > 0.995 * anew.values.sum()


@pytest.mark.parametrize("kind", ["ease", "ideal"])
def test_products_without_events_change_no_factor_of_others_and_have_none(kind: Literal["ease", "ideal"]) -> None:
    histories = csr_matrix((np.random.default_rng(3).random((80, 30)) < 0.2).astype(np.float32))
    own, sold = np.sort(np.random.default_rng(4).choice(70, 30, replace=False)), np.zeros(70, np.bool_)
    sold[own] = True
    wider = csr_matrix((histories.data, own[histories.indices], histories.indptr), shape=(80, 70))
    alone, among = (model_of(each, SpectralParams(rank=8, filter=kind)) for each in (histories, wider))
    for name in Spectral.ARRAYS:
        np.testing.assert_allclose(getattr(among, name)[sold], getattr(alone, name), rtol=1e-4, atol=1e-6)
        assert not getattr(among, name)[~sold].any()
