"""Off-policy estimates on simulated logs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from bench.interleaving import Rankers, rankers
from bench.off_policy import POOL, coverage, draw_log, purchases_of, truth
from src.evaluation.off_policy import ESTIMATORS, estimate

SHARE, N = 0.2, 6_000


@pytest.fixture(scope="module")
def made() -> Rankers:
    return rankers((1.2, 0.8), users=400, products=60, length=POOL)


def test_places_that_never_matched_are_not_taken_for_enough(made: Rankers) -> None:
    log = draw_log(made, purchases_of(made), 600, 0.02, np.random.default_rng(1))
    weight = np.where(log.places.shown == log.places.target, 1 / log.places.propensity, 0.0)
    counted = weight * log.happened["clicks"]
    assert counted.sum() ** 2 / (counted @ counted) > 50, "the realised sample size looks large enough"
    assert estimate(log.places, log.served, log.happened["clicks"]).estimates == {}


def test_intervals_hold_the_truth_as_often_as_they_say(made: Rankers) -> None:
    found = coverage(made, SHARE, N, rounds=100)["clicks"]
    assert found["refused"] == 0
    for estimator in ESTIMATORS:
        assert 0.90 <= found[estimator] <= 1.0, f"{estimator}: 100 rounds leave a standard error of 2 %"


def test_estimates_are_unbiased_and_dr_is_no_wider_than_ips(made: Rankers) -> None:
    buys = purchases_of(made)
    true, values, widths = truth(made, buys)["clicks"], [], []
    for seed in range(20):
        log = draw_log(made, buys, N, SHARE, np.random.default_rng(seed))
        found = estimate(log.places, log.served, log.happened["clicks"])
        assert found.served is not None
        values.append([found.estimates[name].value for name in ESTIMATORS])
        widths.append([found.estimates[name].high - found.estimates[name].low for name in ESTIMATORS])
        if seed == 0:
            assert found.served.value < true, "the other ranker is better"
    assert np.mean(values, axis=0) == pytest.approx([true] * 3, rel=0.05)
    ips, _, dr = np.mean(widths, axis=0)
    assert dr < 1.02 * ips


def test_a_thin_log_is_refused_with_how_much_more_is_needed(made: Rankers) -> None:
    buys = purchases_of(made)
    log = draw_log(made, buys, 2_000, SHARE, np.random.default_rng(1))
    thin = estimate(log.places, log.served, log.happened["clicks"])
    assert thin.estimates == {}
    assert thin.lift is None
    assert thin.needed is not None
    assert thin.needed > 1
    more = draw_log(made, buys, int(2_000 * 1.2 * thin.needed), SHARE, np.random.default_rng(2))
    assert estimate(more.places, more.served, more.happened["clicks"]).estimates
    none = estimate(log.places, log.served, np.zeros_like(log.happened["clicks"]))
    assert (none.outcomes, none.needed) == (0, None)
