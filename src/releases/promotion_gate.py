"""Whether what a training made may serve: pure functions from figures to a verdict that a person can read.

A challenger is promoted only if the data look whole, its lists are not worse than the champion's by more than a margin,
not worse than popularity's, it covers enough of the catalogue, leaves no lists short, and is quick and small enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from src.core.domain import FloatArray, JsonDict
from src.core.number_format import percent
from src.core.settings import Settings
from src.evaluation.metrics import Estimate, bootstrap_means
from src.evaluation.protocols import K
from src.evaluation.report import Report
from src.ingestion.data_checks import Check, check_of
from src.models import POPULARITY
from src.releases.release import SmokeTestResult

_STALE = "fresh events"  # nothing new is no reason to keep the old model: it has learnt from the same
_SMALL = 50 << 20
_DOUBT = 0.1  # so often, at most, settings that are worse by the margin pass; decision 33
LISTS = "lists"
_OF_SETTINGS = (LISTS, "popularity", "short lists", "coverage", "ratings")


@dataclass(frozen=True)
class GateBounds:
    """What a new release must keep to; see the settings AISLE_GATE_…."""

    margin: float
    coverage: float
    short: float
    latency_ms: float
    size: float

    @classmethod
    def of(cls, settings: Settings) -> GateBounds:
        return cls(
            settings.gate_margin,
            settings.gate_coverage,
            settings.gate_short,
            settings.gate_latency_ms,
            settings.gate_size,
        )


@dataclass(frozen=True)
class GateVerdict:
    """checks: everything that was looked at. sentence: what came of it. figures: what it rests on.

    overridden: who said that it serves all the same ("--force", "AISLE_GATE=off"); empty for nobody.
    settings_of: the release whose settings learn anew instead of new ones that were refused; empty otherwise.
    """

    checks: tuple[Check, ...] = ()
    compared: str = ""
    figures: JsonDict = field(default_factory=dict)
    overridden: str = ""
    settings_of: str = ""

    @property
    def failed(self) -> tuple[Check, ...]:
        """What keeps the old model."""
        of_no_matter = (_STALE, *(_OF_SETTINGS if self.settings_of else ()))
        return tuple(check for check in self.checks if not check.passed and check.name not in of_no_matter)

    @property
    def refused(self) -> tuple[Check, ...]:
        """What speaks against the new settings."""
        return tuple(check for check in self.checks if not check.passed and check.name in _OF_SETTINGS)

    @property
    def warnings(self) -> list[str]:
        """The messages of everything that did not pass, whether or not that keeps the old model."""
        return [check.message for check in self.checks if not check.passed]

    @property
    def promoted(self) -> bool:
        return not self.failed or bool(self.overridden)

    def sentence(self) -> str:
        """For people: kept or promoted, and by which figures."""
        failed = [check.message.removeprefix(f"{LISTS}: ") for check in self.failed or self.refused]
        if failed and self.overridden:
            return f"promoted by {self.overridden}, although {'; '.join(failed)}"
        if failed:
            anew = "" if self.failed else "; its settings learnt anew from all events"
            return f"kept the old model: {'; '.join(failed)}{anew}"
        return f"promoted: {self.compared}" if self.compared else "promoted"

    def with_checks(self, more: Iterable[Check], compared: str = "", **figures: object) -> GateVerdict:
        """The same, and what was looked at since."""
        figures = {name: value for name, value in figures.items() if value is not None}
        return replace(
            self,
            checks=(*self.checks, *more),
            compared=compared or self.compared,
            figures={**self.figures, **figures},
        )

    def to_json(self) -> JsonDict:
        return {
            "promoted": self.promoted,
            "sentence": self.sentence(),
            "overridden": self.overridden or None,
            "settings_of": self.settings_of or None,
            "checks": [asdict(check) for check in self.checks],
            "figures": dict(self.figures),
        }


def compare(
    challenger: Report, champion: Report | None, served: str | None, bounds: GateBounds, *, why_not: str = ""
) -> tuple[list[Check], str, JsonDict]:
    """(checks, the comparison in words, its figures) of two settings that were fitted before one cut and measured on
    the same test users, in the same order.

    champion: None without one, or where it has the challenger's settings; why_not: says which. served: the model whose
    list the champion serves.
    """
    mine = challenger.lists.get(challenger.best)
    if broken := _no_numbers(challenger):
        return broken, "", {}
    if mine is None:
        return [], "no test user liked anything, so no list was measured", {"challenger": None}
    popular = challenger.lists[POPULARITY]
    figures: JsonDict = {
        "challenger": asdict(mine.ndcg_at_10) | {"coverage": mine.coverage, "short": mine.short},
        "popularity": asdict(popular.ndcg_at_10),
        "users": challenger.n_ranked_users,
    }
    checks = [_beats_popularity(mine.ndcg_at_10, popular.ndcg_at_10), _short("short lists", mine.short, bounds)]
    said = f"NDCG@{K} {_interval(mine.ndcg_at_10)}"
    theirs = None if champion is None or served is None else champion.lists.get(served)
    if champion is None or theirs is None:
        return checks, f"{said} against popularity's {_short_number(popular.ndcg_at_10.value)}; {why_not}", figures
    difference, share_worse = _paired(mine.of_user, theirs.of_user, bounds.margin)
    against = _short_number(theirs.ndcg_at_10.value)
    figures |= {
        "champion": asdict(theirs.ndcg_at_10) | {"coverage": theirs.coverage, "short": theirs.short},
        "difference": asdict(difference),
        "share_of_resamples_worse_than_margin": share_worse,
        "margin": bounds.margin,
    }
    in_doubt = ""
    if _DOUBT < share_worse <= 0.5:  # not clearly worse, and not clearly no worse
        in_doubt = f", and worse by more than {percent(bounds.margin)} in {percent(share_worse)} of the resamples of "
        in_doubt += f"{challenger.n_ranked_users:,} users"
    checks.insert(0, Check(LISTS, share_worse <= _DOUBT, f"{LISTS}: {said} against {against}{in_doubt}"))
    least = bounds.coverage * theirs.coverage
    checks.append(
        check_of(
            "coverage",
            mine.coverage >= least,
            f"the lists name {percent(mine.coverage)} of the catalogue, those of the current settings "
            f"{percent(theirs.coverage)}",
            f"at least {percent(least)}",
            "look at the lists (evaluate_model.py), or set AISLE_GATE_COVERAGE",
        )
    )
    checks += _ratings(challenger, champion, bounds, figures)
    return checks, f"{said} against {against}", figures


def check_release(proof: SmokeTestResult, bytes_before: int | None, bounds: GateBounds) -> list[Check]:
    """Whether a release on disk is quick and small enough; bytes_before: of the current one."""
    checks = [
        check_of(
            "latency",
            proof.p95_ms <= bounds.latency_ms,
            f"95 % of {proof.n_lists} lists were made in {proof.p95_ms:.1f} ms",
            f"at most {bounds.latency_ms:g} ms",
            "train when the machine is idle, with fewer factors or neighbours, or set AISLE_GATE_LATENCY_MS",
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
            )
        )
    return checks


def _no_numbers(report: Report) -> list[Check]:
    """A check that fails for every model whose predicted ratings are no numbers: its learning ran away."""
    return [
        check_of(
            "ratings",
            False,
            f"the ratings that {name} predicts are no numbers",
            "finite ones",
            f"train with a lower learning rate or more regularization (AISLE_{name.upper()}_…)",
        )
        for name, figures in report.ratings.items()
        if not np.isfinite([figures.rmse.value, figures.mae.value]).all()
    ]


def _paired(mine: FloatArray, theirs: FloatArray, margin: float) -> tuple[Estimate, float]:
    """(mean difference with its 95 % interval, share of resamples of the users in which it is below the margin).

    The same users are drawn for both (Efron 1979), so that what makes a user hard for both falls out.
    """
    means = bootstrap_means(np.column_stack([mine, theirs]))
    differences = means[:, 0] - means[:, 1]
    low, high = np.quantile(differences, [0.025, 0.975])
    worse = differences < -margin * means[:, 1] - 1e-12
    return Estimate(float(mine.mean() - theirs.mean()), float(low), float(high)), float(worse.mean())


def _beats_popularity(mine: Estimate, popular: Estimate) -> Check:
    return check_of(
        "popularity",
        mine.value >= popular.value,
        f"NDCG@{K} {_interval(mine)} against popularity's {_interval(popular)}",
        "no less than popularity has",
        "see whether the data are right (data_processing.py --explore), and tune longer: train_model.py --tune",
    )


def _short(name: str, share: float, bounds: GateBounds) -> Check:
    return check_of(
        name,
        share <= bounds.short,
        f"{percent(share)} of the lists have fewer products than there could be",
        f"at most {percent(bounds.short)}",
        "see whether the catalogue is whole, or set AISLE_GATE_SHORT",
    )


def _ratings(challenger: Report, champion: Report, bounds: GateBounds, figures: JsonDict) -> Sequence[Check]:
    """Whether predicted ratings err no more than before, by the same margin; nothing without test ratings."""
    mine = challenger.ratings.get(challenger.rater or "")
    theirs = champion.ratings.get(champion.rater or "")
    if mine is None or theirs is None:
        return []
    figures["rmse"] = {"challenger": asdict(mine.rmse), "champion": asdict(theirs.rmse)}
    return [
        check_of(
            "ratings",
            mine.rmse.value <= theirs.rmse.value * (1 + bounds.margin),
            f"RMSE {_interval(mine.rmse)} against {_short_number(theirs.rmse.value)}",
            f"at most {percent(bounds.margin)} more",
            "look at the settings of SVD and VBMF, or set AISLE_GATE_MARGIN",
        )
    ]


def _interval(estimate: Estimate) -> str:
    low, high = _short_number(estimate.low), _short_number(estimate.high)
    return f"{_short_number(estimate.value)} [{low}, {high}]"


def _short_number(value: float) -> str:
    """.041, .0018, 1.02: three decimals, four where three would say little."""
    text = f"{value:.4f}" if 0 < abs(value) < 0.01 else f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text
