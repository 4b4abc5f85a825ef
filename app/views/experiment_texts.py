"""What an experiment says, in words."""

from __future__ import annotations

import math

from app.texts.phrases import Phrases
from src.core.experiments import Experiment
from src.evaluation.experiment_report import ArmFinding, ArmVerdict, ExperimentReport
from src.evaluation.sequential_tests import LEAST_USERS


def verdict_sentences(experiment: Experiment, report: ExperimentReport, t: Phrases) -> list[str]:
    """Return a sentence for each arm that is compared, and one for each harm."""
    if report.broken:
        users = sum(arm.users for arm in report.arms)
        # Of two that are equally far off, the one with too many.
        worst = max(
            zip(report.arms, experiment.body.arms, strict=True),
            key=lambda pair: (round(abs(pair[0].users / users - pair[1].share), 9), pair[0].users),
        )
        return [
            t(
                "experiment.broken",
                arm=worst[0].arm,
                found=t.percent(worst[0].users / users),
                share=t.percent(worst[1].share),
            )
        ]
    sentences = []
    for verdict in report.verdicts:
        sentences.append(_sentence(experiment, verdict, t))
        sentences += [t(f"experiment.harm.{harm}", arm=verdict.arm) for harm in verdict.harms]
    return [str(sentence) for sentence in sentences]


def _sentence(experiment: Experiment, verdict: ArmVerdict, t: Phrases) -> str:
    control, metric = experiment.body.arms[0].name, t(f"experiment.metric.{experiment.body.metric}")
    names = {"arm": verdict.arm, "control": control, "metric": metric}
    found = verdict.lifts[experiment.body.metric]
    if found is None or verdict.finding is ArmFinding.OPEN:
        days = verdict.days_left
        if verdict.few is not None:
            return t("experiment.few", n=t.number(verdict.few), least=t.number(LEAST_USERS), **names)
        if days is None:
            return t("experiment.nothing", **names)
        effect = t.percent(experiment.body.smallest_effect, 0)
        key = "experiment.open" if found is not None else "experiment.too_early"
        interval = {} if found is None else {"low": t.percent(found.low), "high": t.percent(found.high)}
        return t(key, days=t.number(math.ceil(days)), effect=effect, **interval, **names)
    kind = "experiment.drafted" if experiment.body.is_interleaved else "experiment"
    if verdict.finding is ArmFinding.WORSE:
        return t(f"{kind}.worse", low=t.percent(-found.high), high=t.percent(-found.low), **names)
    if verdict.finding is ArmFinding.SAME:
        kind = "experiment"
    return t(f"{kind}.{verdict.finding}", low=t.percent(found.low), high=t.percent(found.high), **names)
