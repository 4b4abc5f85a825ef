"""What is known of the release of a training: its way to all users, its experiments, and the estimate from the log."""

from __future__ import annotations

from typing import Any

from app.context import AisleContext
from app.routes.canaries import canary_document
from app.routes.estimates import worded_estimate
from app.routes.experiments import judged_experiment
from app.texts.phrases import Phrases


def outcomes_of(aisle: AisleContext, run_id: str, release: str | None, t: Phrases) -> dict[str, Any]:
    """Put together what is known of the release of a run.

    Args:
        run_id: The training.
        release: What it made; None for nothing.

    Returns:
        canary: its way to all users, with the experiments of its steps; None without one. experiments: the others that
        have an arm of this release, oldest first. off_policy: the last estimate; None if nobody asked for it.
    """
    canary = aisle.store.canaries.of_run(run_id)
    way = None if canary is None else canary_document(canary, t)
    steps = set() if way is None else set(way["experiments"])
    judged = [
        (each.name in steps, judged_experiment(aisle, each, t))
        for each in reversed(aisle.store.experiments.all() if release else ())
        if each.name in steps or any(arm.release == release for arm in each.body.arms)
    ]
    return {
        "canary": None if way is None else way | {"experiments": [found for is_step, found in judged if is_step]},
        "experiments": [found for is_step, found in judged if not is_step],
        "off_policy": None if release is None else worded_estimate(aisle, release, t),
    }
