"""Intervals and tests that may be looked at any number of times while an experiment runs (always-valid inference).

Sources: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences" (2024), theorem 2.2 and its choice of rho; Lindon and Malek, "Anytime-valid inference for multinomial count
data" (2022), theorem 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log, sqrt

LEVEL = 0.05
"""Highest probability of a false alarm over the whole life of an experiment."""
LEAST_OUTCOMES = 50
"""In an arm. With fewer the mean of an arm is far from normally distributed."""
LEAST_USERS = 30
"""Users of an arm, counted as if all did equally much (Kish): a mean that a few make is far from normal, too."""
_CONCENTRATION = 1_000.0
"""Of the Dirichlet prior on shares: most sensitive to shares that are off by a few percent."""
_LARGEST = 50.0
"""Logarithm of a ratio beyond which nothing is told apart."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the users of an arm did, as sums.

    Attributes:
        n: Number of users.
        total: Sum of their outcomes.
        squares: Sum of the squares of their outcomes.
        n_outcomes: Number of single outcomes, such as purchases.
    """

    n: int
    total: float
    squares: float
    n_outcomes: int

    @property
    def mean(self) -> float:
        """Outcome of a user; 0 without users."""
        return self.total / self.n if self.n else 0.0

    @property
    def effective_users(self) -> float:
        """Users who do equally much and vary as these do (Kish's effective sample size); 0 without outcomes."""
        return self.total**2 / self.squares if self.squares else 0.0

    @property
    def variance_of_mean(self) -> float:
        """Estimated variance of the mean; infinity with less than two users."""
        if self.n < 2:
            return math.inf
        return max(0.0, self.squares - self.total * self.mean) / (self.n - 1) / self.n


@dataclass(frozen=True, slots=True)
class Lift:
    """Relative difference of two means with an always-valid interval.

    Attributes:
        value: Mean of the treatment over mean of the control, less 1.
        low: Lower end of the interval.
        high: Upper end of it.
    """

    value: float
    low: float
    high: float


def standard_errors(n_outcomes: float, planned: float, level: float = LEVEL) -> float:
    """Return the half-width of a confidence sequence, in standard errors.

    The information of an experiment is counted in outcomes and not in users: a user who was assigned once goes on
    buying, so that the sums change at each look even when no user comes.

    Args:
        n_outcomes: Outcomes so far, more than 0.
        planned: Outcomes for which the sequence is narrowest.
        level: Highest probability that the sequence ever misses the truth.

    Returns:
        c, so that mean ± c standard errors holds at all looks together.
    """
    rho2 = (-2 * log(level) + log(1 - 2 * log(level))) / planned
    scaled = n_outcomes * rho2
    return sqrt(2 * (scaled + 1) / scaled * log(sqrt(scaled + 1) / level))


def lift(control: Sample, treatment: Sample, planned: float, level: float = LEVEL) -> Lift | None:
    """Compare two arms.

    The logarithm of the ratio is nearer to a normal distribution than the ratio; its variance follows from those of
    the means (delta method).

    Args:
        control: Outcomes of the arm that is compared with.
        treatment: Outcomes of the other arm.
        planned: As `standard_errors` takes it.
        level: As `standard_errors` takes it.

    Returns:
        The relative difference; None while an arm has fewer than LEAST_OUTCOMES outcomes, or LEAST_USERS effective
        users.
    """
    if min(control.n_outcomes, treatment.n_outcomes) < LEAST_OUTCOMES or min(control.mean, treatment.mean) <= 0:
        return None
    if min(control.effective_users, treatment.effective_users) < LEAST_USERS:
        return None
    variance = sum(arm.variance_of_mean / arm.mean**2 for arm in (control, treatment))
    return _lift(control, treatment, variance, planned, level)


def paired_lift(control: Sample, treatment: Sample, shared: float, planned: float, level: float = LEVEL) -> Lift | None:
    """Compare two arms that the same users see.

    Args:
        control: Outcomes of the arm that is compared with.
        treatment: Outcomes of the other arm, of the same users.
        shared: Sum over the users of the product of their outcomes in both arms.
        planned: As `standard_errors` takes it.
        level: As `standard_errors` takes it.

    Returns:
        As `lift` does; the effective users are those of both arms together.
    """
    if min(control.n_outcomes, treatment.n_outcomes) < LEAST_OUTCOMES or control.n < 2:
        return None
    if together(control, treatment, shared).effective_users < LEAST_USERS:
        return None
    # Sum over users of (treatment / its total - control / its total)²: the variance of the ratio's logarithm.
    spread = sum(arm.squares / arm.total**2 for arm in (control, treatment))
    spread -= 2 * shared / (control.total * treatment.total)
    return _lift(control, treatment, max(0.0, spread) * control.n / (control.n - 1), planned, level)


def together(control: Sample, treatment: Sample, shared: float) -> Sample:
    """Add what users did in two arms that all of them see.

    Args:
        control: As `paired_lift` takes it.
        treatment: As `paired_lift` takes it.
        shared: As `paired_lift` takes it.

    Returns:
        What they did in both.
    """
    n_outcomes = control.n_outcomes + treatment.n_outcomes
    squares = control.squares + treatment.squares + 2 * shared
    return Sample(control.n, control.total + treatment.total, squares, n_outcomes)


def _lift(control: Sample, treatment: Sample, variance: float, planned: float, level: float) -> Lift:
    """Return the interval of a ratio of means whose logarithm has a variance."""
    ratio = log(treatment.mean / control.mean)
    half = standard_errors(control.n_outcomes + treatment.n_outcomes, planned, level) * sqrt(variance)
    return Lift(math.expm1(ratio), math.expm1(ratio - half), math.expm1(min(ratio + half, _LARGEST)))


def outcomes_needed(n_outcomes: float, half_width: float, wanted: float, planned: float, level: float = LEVEL) -> float:
    """Return after how many outcomes an interval is as narrow as wanted.

    Args:
        n_outcomes: Outcomes so far.
        half_width: Of the interval now.
        wanted: The half-width that is wanted, more than 0.
        planned: As `standard_errors` takes it.
        level: As `standard_errors` takes it.

    Returns:
        Number of outcomes; the present one if the interval is narrow enough.
    """
    spread = half_width / standard_errors(n_outcomes, planned, level) * sqrt(n_outcomes)
    needed = n_outcomes
    while standard_errors(needed, planned, level) * spread / sqrt(needed) > wanted:
        needed *= 1.02
    return needed


def share_mismatch(counts: Sequence[int], shares: Sequence[float]) -> bool:
    """Tell whether users are divided otherwise than they should be (sample ratio mismatch).

    The Bayes factor of Dirichlet-multinomial against the intended shares is a martingale under these, so that it
    exceeds 1,000 at any look with a probability of at most .001 (Ville's inequality).

    Args:
        counts: Users of each arm.
        shares: Intended share of each arm; they sum to 1.

    Returns:
        Whether the division is broken.
    """
    prior = [_CONCENTRATION * share for share in shares]
    evidence = lgamma(sum(prior)) - lgamma(sum(prior) + sum(counts))
    for count, weight, share in zip(counts, prior, shares, strict=True):
        evidence += lgamma(weight + count) - lgamma(weight) - count * log(share)
    return evidence > log(1_000)
