"""Judge an experiment by what its users did. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from src.core.domain import DAY, JsonDict
from src.core.experiments import ArmFigures, Experiment
from src.evaluation.sequential_tests import (
    LEAST_OUTCOMES,
    LEAST_USERS,
    LEVEL,
    Lift,
    Sample,
    lift,
    outcomes_needed,
    paired_lift,
    share_mismatch,
    together,
)

METRICS = ("purchases", "clicks", "revenue")
_LONGEST_DAYS = 3_650.0


class ArmFinding(StrEnum):
    """What an experiment says about an arm, compared with the control."""

    BROKEN = "broken"
    TOO_EARLY = "too_early"
    BETTER = "better"
    WORSE = "worse"
    SAME = "no_difference"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class ArmVerdict:
    """An arm compared with the control.

    Attributes:
        arm: Its name.
        finding: What is known of it.
        lifts: metric → relative difference of the mean of a user, with an interval; None while too little happened.
        days_left: Days at the present traffic until the smallest effect can be told from none; None if not known.
        few: As how many users the decisive outcomes count, where a few make most of them and nothing can be said
            although there are outcomes enough; None otherwise.
        harms: What surely happens more often than with the control: "returns", "empty_lists", "slow_lists".
    """

    arm: str
    finding: ArmFinding
    lifts: dict[str, Lift | None]
    days_left: float | None
    few: float | None
    harms: list[str]


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """What is known of an experiment.

    Attributes:
        arms: The figures of each arm; the first is the control.
        verdicts: On each other arm.
        broken: Whether users are divided otherwise than the shares say; then no figure can be trusted.
    """

    arms: list[ArmFigures]
    verdicts: list[ArmVerdict]
    broken: bool

    def to_json(self) -> JsonDict:
        """Return the report as dicts, lists and numbers."""
        arms = [_arm_to_json(arm) for arm in self.arms]
        return {"arms": arms, "verdicts": [asdict(each) for each in self.verdicts], "broken": self.broken}


def _arm_to_json(arm: ArmFigures) -> JsonDict:
    users, bought = max(1, arm.users), arm.outcomes.get("purchases", (0.0, 0.0, 0))[0]
    means = {f"{name}_per_user": arm.outcomes.get(name, (0.0,))[0] / users for name in METRICS}
    return {
        "arm": arm.arm,
        "users": arm.users,
        **means,
        "returned_share": arm.returned / bought if bought else 0.0,
        **arm.cost._asdict(),
    }


def report(experiment: Experiment, figures: Sequence[ArmFigures], now: int) -> ExperimentReport:
    """Judge an experiment.

    Each arm is judged at LEVEL divided by the number of comparisons (Bonferroni). Of an interleaving the outcomes are
    those that were credited to an arm.

    Args:
        figures: Of its arms, in their order.
        now: UTC seconds.

    Returns:
        The verdicts, which may be looked at any number of times.
    """
    control, *others = figures
    shares = [arm.share for arm in experiment.body.arms]
    broken = not experiment.body.is_interleaved and share_mismatch([arm.users for arm in figures], shares)
    level = LEVEL / len(others)
    elapsed = (min(now, experiment.ended_at or now) - experiment.started_at) / DAY
    verdicts = [_verdict(experiment, control, arm, level, elapsed, broken) for arm in others]
    return ExperimentReport(list(figures), verdicts, broken)


def _verdict(
    experiment: Experiment, control: ArmFigures, arm: ArmFigures, level: float, elapsed: float, broken: bool
) -> ArmVerdict:
    planned, smallest = experiment.body.planned_outcomes, experiment.body.smallest_effect
    lifts = {name: _compared(control, arm, name, planned, level) for name in METRICS}
    decisive = lifts[experiment.body.metric]
    samples = _sample(control, experiment.body.metric), _sample(arm, experiment.body.metric)
    finding = ArmFinding.BROKEN if broken else _finding(decisive, smallest)
    few = _few(*samples, arm.shared.get(experiment.body.metric))
    days = None if few is not None else _days_left(samples, decisive, smallest, planned, level, elapsed)
    harms = [name for name in ("returns", "empty_lists", "slow_lists") if _is_more(control, arm, name, planned, level)]
    return ArmVerdict(arm.arm, finding, lifts, days, few, harms)


def _few(control: Sample, arm: Sample, shared: float | None) -> float | None:
    """Return as how many users enough outcomes count that are too few all the same; None otherwise."""
    weighing = (control, arm) if shared is None else (together(control, arm, shared),)
    n_users = min(each.effective_users for each in weighing)
    enough = min(control.n_outcomes, arm.n_outcomes) >= LEAST_OUTCOMES
    return n_users if enough and n_users < LEAST_USERS else None


def _compared(control: ArmFigures, arm: ArmFigures, name: str, planned: float, level: float) -> Lift | None:
    samples = _sample(control, name), _sample(arm, name)
    if name in arm.shared:
        return paired_lift(*samples, arm.shared[name], planned, level)
    return lift(*samples, planned, level)


def _sample(figures: ArmFigures, metric: str) -> Sample:
    total, squares, n_outcomes = figures.outcomes.get(metric, (0.0, 0.0, 0))
    return Sample(figures.users, total, squares, n_outcomes)


def _finding(found: Lift | None, smallest: float) -> ArmFinding:
    if found is None:
        return ArmFinding.TOO_EARLY
    if found.low > 0:
        return ArmFinding.BETTER
    if found.high < 0:
        return ArmFinding.WORSE
    return ArmFinding.SAME if -smallest <= found.low and found.high <= smallest else ArmFinding.OPEN


def _days_left(
    samples: Sequence[Sample], found: Lift | None, smallest: float, planned: float, level: float, elapsed: float
) -> float | None:
    """Return the days until the interval is no wider than the smallest effect to either side."""
    total = sum(sample.n_outcomes for sample in samples)
    least = min(sample.n_outcomes for sample in samples)
    if elapsed <= 0 or least == 0:
        return None
    if found is None:
        return min(_LONGEST_DAYS, elapsed * max(0.0, LEAST_OUTCOMES / least - 1))
    needed = outcomes_needed(total, (found.high - found.low) / 2, smallest, planned, level)
    return min(_LONGEST_DAYS, elapsed * (needed / total - 1))


def _is_more(control: ArmFigures, arm: ArmFigures, name: str, planned: float, level: float) -> bool:
    """Return whether something surely happens more often, per purchase or list, than with the control.

    Where it is too rare in an arm for an interval, it must be divided among the arms otherwise than lists are.
    """
    usual, new = _rate(control, name), _rate(arm, name)
    found = lift(usual, new, planned, level)
    if found is not None:
        return found.low > 0
    if min(usual.n, new.n) == 0 or new.mean <= usual.mean:
        return False
    share = new.n / (usual.n + new.n)
    return share_mismatch([usual.n_outcomes, new.n_outcomes], [1 - share, share])


def _rate(figures: ArmFigures, name: str) -> Sample:
    if name == "returns":
        n_bought = figures.outcomes.get("purchases", (0.0, 0.0, 0))[2]
        happened, n = min(figures.returned, n_bought), n_bought
    else:
        happened, n = float(getattr(figures.cost, name)), figures.cost.lists
    return Sample(n, happened, happened, int(happened))
