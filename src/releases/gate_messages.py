"""The sentences about a verdict of the promotion gate, and its record in manifests and runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from src.core.domain import JsonDict
from src.core.number_format import percent
from src.evaluation.metrics import Estimate
from src.evaluation.task_lists import K
from src.releases.manifest_sections import CheckRecord, GateRecord
from src.releases.verdict import (
    LISTS,
    AgainstChampion,
    AgainstPopularity,
    Comparison,
    GateOutcome,
    GateVerdict,
    ListsCarriedOver,
    NoLists,
    NotCompared,
    NotComparedReason,
    ignored_checks,
)


def verdict_sentence(verdict: GateVerdict) -> str:
    """Return the verdict for people: what follows, and by which figures."""
    reasons = "; ".join(
        describe_comparison(verdict.comparison) if check.name == LISTS and verdict.comparison else check.message
        for check in verdict.failed or verdict.refused
    )
    match verdict.outcome:
        case GateOutcome.KEPT:
            return f"kept the old model: {reasons}"
        case GateOutcome.OVERRIDDEN:
            return f"promoted by {verdict.override}, although {reasons}"
        case GateOutcome.RETRAINED:
            return f"kept the old model: {reasons}; its settings learnt anew from all events"
        case GateOutcome.PROMOTED:
            return f"promoted: {describe_comparison(verdict.comparison)}" if verdict.comparison else "promoted"


def verdict_record(verdict: GateVerdict) -> GateRecord:
    """Return the verdict as manifests and runs keep it."""
    return GateRecord(
        promoted=verdict.promoted,
        sentence=verdict_sentence(verdict),
        overridden=verdict.override,
        settings_of=verdict.settings_of,
        checks=tuple(CheckRecord.model_validate(asdict(check)) for check in verdict.checks),
        figures=dict(verdict.figures),
    )


def message_of(check: CheckRecord) -> str:
    """Return the message of a check as it was recorded."""
    return check.message


def kept_reasons(
    document: JsonDict | None,
    say: Callable[[CheckRecord], str] = message_of,
    say_comparison: Callable[[AgainstChampion], str] | None = None,
) -> str | None:
    """Return why the gate kept the old release, from the record of a run.

    Args:
        document: the record.
        say: puts a failed check into words.
        say_comparison: puts the comparison of the lists into words; None for those of the record.

    Returns:
        The reasons; None if they cannot be read.
    """
    try:
        record = GateRecord.model_validate(document)
    except ValidationError:
        return None
    comparison = recorded_comparison(record.figures.get("lists"))
    ignored = ignored_checks(record.settings_of)
    failed = [check for check in record.checks if not check.passed and check.name not in ignored]
    texts = [
        (say_comparison or describe_comparison)(comparison) if comparison and check.name == LISTS else say(check)
        for check in failed
    ]
    return "; ".join(texts) or None


def describe_comparison(comparison: Comparison) -> str:
    """Return what the new lists were compared with, by figures."""
    match comparison:
        case NoLists():
            return "no test user liked anything, so no list was measured"
        case AgainstPopularity(ndcg, popularity, why):
            return f"{_ndcg(ndcg)} against popularity's {short_number(popularity)}; {_describe_not_compared(why)}"
        case AgainstChampion():
            return f"{_ndcg(comparison.ndcg)} against {short_number(comparison.champion)}{_describe_doubt(comparison)}"
        case ListsCarriedOver(rmse):
            return "the lists are carried over" + ("" if rmse is None else f"; RMSE {rmse:.4f}")


def interval(estimate: Estimate) -> str:
    """Return a figure with its 95 % interval."""
    return f"{short_number(estimate.value)} [{short_number(estimate.low)}, {short_number(estimate.high)}]"


def short_number(value: float) -> str:
    """Return .041, .0018 or 1.02: three decimals, four below .01."""
    text = f"{value:.4f}" if 0 < abs(value) < 0.01 else f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def _ndcg(estimate: Estimate) -> str:
    return f"NDCG@{K} {interval(estimate)}"


def _describe_doubt(comparison: AgainstChampion) -> str:
    if not comparison.is_in_doubt:
        return ""
    return (
        f", and worse by more than {percent(comparison.margin)} in {percent(comparison.share_worse)} of the resamples "
        f"of {comparison.n_users:,} users"
    )


def _describe_not_compared(why: NotCompared) -> str:
    match why.reason:
        case NotComparedReason.NO_RELEASE:
            return "there was no release to compare it with"
        case NotComparedReason.SAME_SETTINGS:
            return f"the settings are those of release {why.release}"
        case NotComparedReason.NOT_TRAINABLE:
            return f"not compared with release {why.release}: {why.problem}"


def recorded_comparison(figures: Any) -> AgainstChampion | None:
    """Return the comparison with the champion that a record's figures tell; None without one."""
    if not isinstance(figures, Mapping) or "champion" not in figures:
        return None
    try:
        challenger = figures["challenger"]
        return AgainstChampion(
            Estimate(challenger["value"], challenger["low"], challenger["high"]),
            figures["champion"]["value"],
            share_worse=figures["share_of_resamples_worse_than_margin"],
            margin=figures["margin"],
            n_users=figures["users"],
        )
    except (KeyError, TypeError):
        return None
