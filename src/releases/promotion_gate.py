"""The promotion gate: checks that decide whether a new release may serve. Pure functions of figures.

A challenger is promoted only if the data look whole, its lists are not worse than the champion's by more than a margin,
not worse than popularity's, it covers enough of the catalogue, leaves no lists short, and is quick and small enough.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from src.core.domain import FloatArray, JsonDict
from src.core.number_format import percent
from src.core.settings import Settings
from src.evaluation.metrics import Estimate, bootstrap_means
from src.evaluation.protocols import RankingMetrics
from src.evaluation.report import Report
from src.evaluation.task_lists import K
from src.ingestion.data_checks import Check, check_of
from src.models import POPULARITY
from src.releases.gate_messages import describe_comparison, interval, short_number
from src.releases.release import SmokeTestResult
from src.releases.verdict import (
    COVERAGE,
    LISTS,
    POPULARITY_CHECK,
    RATINGS,
    SHORT_LISTS,
    AgainstChampion,
    AgainstPopularity,
    Comparison,
    NoLists,
    NotCompared,
)

_SMALL = 50 << 20


@dataclass(frozen=True)
class GateBounds:
    """The bounds that a new release must keep; see the settings AISLE_GATE_….

    Attributes:
        margin: Share of the champion's NDCG@10 that may be lost.
        coverage: Least coverage, as a share of the champion's.
        short: Largest share of short lists.
        latency_ms: Largest 95 % quantile of a list's processor time, in milliseconds.
        size: Largest size, as a multiple of the current release's.
    """

    margin: float
    coverage: float
    short: float
    latency_ms: float
    size: float

    @classmethod
    def of(cls, settings: Settings) -> GateBounds:
        """Return the bounds of the settings."""
        return cls(
            settings.gate_margin,
            settings.gate_coverage,
            settings.gate_short,
            settings.gate_latency_ms,
            settings.gate_size,
        )


class Compared(NamedTuple):
    """The result of comparing two settings.

    Attributes:
        checks: Every check, passed or not.
        comparison: What the lists were compared with; None if predicted ratings are not finite.
        figures: The figures of the comparison, for the record.
    """

    checks: list[Check]
    comparison: Comparison | None
    figures: JsonDict


def compare(challenger: Report, champion: Report | NotCompared, bounds: GateBounds) -> Compared:
    """Check a challenger's figures against popularity's and, where there are any, against the champion's.

    Args:
        challenger: The figures of the new settings; `best` names the list that is to be served.
        champion: The figures of the current settings on the same users in the same order, `best` naming the list that
            is served; or why there are none.
        bounds: The bounds to keep.

    Returns:
        The checks with their figures.
    """
    if broken := _not_finite(challenger):
        return Compared(broken, None, {})
    lists = challenger.lists.get(challenger.best)
    if lists is None:
        return Compared([], NoLists(), {"challenger": None})
    popular = challenger.lists[POPULARITY].ndcg_at_10
    checks = [_beats_popularity(lists.ndcg_at_10, popular), _short(SHORT_LISTS, lists.short, bounds)]
    figures: JsonDict = {
        "challenger": _figures_of(lists),
        "popularity": asdict(popular),
        "users": challenger.n_ranked_users,
    }
    if isinstance(champion, NotCompared):
        return Compared(checks, AgainstPopularity(lists.ndcg_at_10, popular.value, champion), figures)
    against = _compare_lists(lists, champion.lists[champion.best], challenger.n_ranked_users, bounds)
    rated = _compare_ratings(challenger, champion, bounds)
    not_worse, coverage = against.checks
    return Compared(
        [not_worse, *checks, coverage, *rated.checks], against.comparison, figures | against.figures | rated.figures
    )


def _compare_lists(lists: RankingMetrics, before: RankingMetrics, n_users: int, bounds: GateBounds) -> Compared:
    """Return two checks: that the lists are not worse than before, and that they cover enough."""
    difference, share_worse = _paired(lists.of_user, before.of_user, bounds.margin)
    comparison = AgainstChampion(lists.ndcg_at_10, before.ndcg_at_10.value, share_worse, bounds.margin, n_users)
    figures: JsonDict = {
        "champion": _figures_of(before),
        "difference": asdict(difference),
        "share_of_resamples_worse_than_margin": share_worse,
        "margin": bounds.margin,
    }
    not_worse = Check(LISTS, comparison.is_no_worse, f"{LISTS}: {describe_comparison(comparison)}")
    return Compared([not_worse, _covers(lists.coverage, before.coverage, bounds)], comparison, figures)


def check_release(proof: SmokeTestResult, bytes_before: int | None, bounds: GateBounds) -> list[Check]:
    """Check whether a release on disk is quick and small enough.

    Args:
        proof: What the smoke test measured.
        bytes_before: Size of the current release; None without one.
        bounds: The bounds to keep.

    Returns:
        The checks, passed or not.
    """
    checks = [
        check_of(
            "latency",
            proof.p95_ms <= bounds.latency_ms,
            f"95 % of {proof.n_lists} lists were made in {proof.p95_ms:.1f} ms",
            f"at most {bounds.latency_ms:g} ms",
            "train when the machine is idle, with fewer factors or neighbours, or set AISLE_GATE_LATENCY_MS",
            n=proof.n_lists,
            ms=proof.p95_ms,
            most=bounds.latency_ms,
        ),
        _short("short lists from disk", proof.short, bounds),
    ]
    if bytes_before is not None:
        most = max(bounds.size * bytes_before, _SMALL)
        checks.append(
            check_of(
                "size",
                proof.n_bytes <= most,
                f"{proof.n_bytes / 2**20:.1f} MiB",
                f"at most {most / 2**20:.1f} MiB, as the current one has {bytes_before / 2**20:.1f}",
                "see whether the catalogue or the users multiplied, or set AISLE_GATE_SIZE",
                size=proof.n_bytes,
                most_size=int(most),
                before_size=bytes_before,
            )
        )
    return checks


def _not_finite(report: Report) -> list[Check]:
    """Return a failed check for every model whose predicted ratings are not finite: its training diverged."""
    return [
        check_of(
            RATINGS,
            False,
            f"the ratings that {name} predicts are no numbers",
            "finite ones",
            f"train with a lower learning rate or more regularization (AISLE_{name.upper()}_…)",
            case="ratings_broken",
            model=name,
        )
        for name, figures in report.ratings.items()
        if not np.isfinite([figures.rmse.value, figures.mae.value]).all()
    ]


def _paired(challenger: FloatArray, champion: FloatArray, margin: float) -> tuple[Estimate, float]:
    """Return (mean difference with its 95 % interval, share of resamples in which it is below the margin).

    A paired bootstrap over users (Efron 1979): both lists are measured on the same resampled users, so that a user who
    is hard for both does not widen the interval.
    """
    means = bootstrap_means(np.column_stack([challenger, champion]))
    differences = means[:, 0] - means[:, 1]
    low, high = np.quantile(differences, [0.025, 0.975])
    worse = differences < -margin * means[:, 1] - 1e-12
    return Estimate(float(challenger.mean() - champion.mean()), float(low), float(high)), float(worse.mean())


def _figures_of(lists: RankingMetrics) -> JsonDict:
    return asdict(lists.ndcg_at_10) | {"coverage": lists.coverage, "short": lists.short}


def _beats_popularity(ndcg: Estimate, popular: Estimate) -> Check:
    return check_of(
        POPULARITY_CHECK,
        ndcg.value >= popular.value,
        f"NDCG@{K} {interval(ndcg)} against popularity's {interval(popular)}",
        "no less than popularity has",
        "see whether the data are right (data_processing.py --explore), and tune longer: train_model.py --tune",
        ndcg=ndcg.value,
        popularity=popular.value,
    )


def _short(name: str, share: float, bounds: GateBounds) -> Check:
    return check_of(
        name,
        share <= bounds.short,
        f"{percent(share)} of the lists have fewer products than there could be",
        f"at most {percent(bounds.short)}",
        "see whether the catalogue is whole, or set AISLE_GATE_SHORT",
        case="short_lists",
        share=share,
        share_most=bounds.short,
    )


def _covers(coverage: float, before: float, bounds: GateBounds) -> Check:
    least = bounds.coverage * before
    return check_of(
        COVERAGE,
        coverage >= least,
        f"the lists name {percent(coverage)} of the catalogue, those of the current settings {percent(before)}",
        f"at least {percent(least)}",
        "look at the lists (evaluate_model.py), or set AISLE_GATE_COVERAGE",
        share=coverage,
        share_before=before,
        share_least=least,
    )


def _compare_ratings(challenger: Report, champion: Report, bounds: GateBounds) -> Compared:
    """Check that predicted ratings err no more than before, by the same margin; no check without test ratings."""
    new = challenger.ratings.get(challenger.rater or "")
    old = champion.ratings.get(champion.rater or "")
    if new is None or old is None:
        return Compared([], None, {})
    check = check_of(
        RATINGS,
        new.rmse.value <= old.rmse.value * (1 + bounds.margin),
        f"RMSE {interval(new.rmse)} against {short_number(old.rmse.value)}",
        f"at most {percent(bounds.margin)} more",
        "look at the settings of SVD and VBMF, or set AISLE_GATE_MARGIN",
        rmse=new.rmse.value,
        before=old.rmse.value,
        share_most=bounds.margin,
    )
    return Compared([check], None, {"rmse": {"challenger": asdict(new.rmse), "champion": asdict(old.rmse)}})
