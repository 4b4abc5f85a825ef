"""The page of experiments: what each found, its figures, and how to begin another one."""

from __future__ import annotations

from flask import Response

from app.context import current_aisle
from app.routes.dashboard_pages import done, tab
from app.routes.estimates import worded_estimate
from app.routes.experiments import judged_experiment
from app.schemas.examples import EXAMPLES
from app.security.api_keys import Role
from app.texts import current_phrases
from src.evaluation.experiment_report import METRICS

_BEGIN, _ESTIMATE = "PUT /experiments/{name}", "POST /releases/{version}/off-policy"


def experiments() -> Response:
    """Show all experiments, newest first, and the command that begins one."""
    aisle, t = current_aisle(), current_phrases()
    judged = [judged_experiment(aisle, each, t) for each in aisle.store.experiments.all()]
    begin = EXAMPLES[_BEGIN][0].curl(_BEGIN, Role.ADMIN)
    estimate = EXAMPLES[_ESTIMATE][0].curl(_ESTIMATE, Role.ADMIN)
    found = (worded_estimate(aisle, release.version, t) for release in aisle.registry.listing())
    return tab(
        "experiments",
        experiments=judged,
        metrics=METRICS,
        begin=begin,
        estimate=estimate,
        estimates=[each for each in found if each is not None],
        done=done(),
    )
