"""The page of experiments: what each found, its figures, and how to begin another one."""

from __future__ import annotations

from flask import Response

from app.context import current_aisle
from app.routes.dashboard_pages import done, tab
from app.routes.estimates import worded_estimate
from app.routes.experiments import judged_experiment
from app.routes.shadows import shadow_report
from app.schemas.examples import EXAMPLES
from app.security.api_keys import Role
from app.texts import current_phrases
from app.views.canary_texts import canary_sentence
from src.evaluation.experiment_report import METRICS

_COMMANDS = {
    "begin": "PUT /experiments/{name}",
    "estimate": "POST /releases/{version}/off-policy",
    "unseen": "PUT /shadow",
    "proposed": "POST /canaries",
}
"""Name of a command on the page → its call."""
_SHOWN_CANARIES = 5


def experiments() -> Response:
    """Show all experiments, newest first, and the command that begins one."""
    aisle, t = current_aisle(), current_phrases()
    return tab(
        "experiments",
        **{name: EXAMPLES[call][0].curl(call, Role.ADMIN, aisle.settings.tenant) for name, call in _COMMANDS.items()},
        experiments=[judged_experiment(aisle, each, t) for each in aisle.store.experiments.all()],
        metrics=METRICS,
        shadow=shadow_report(aisle),
        estimates=[(each.version, worded_estimate(aisle, each.version, t)) for each in aisle.registry.listing()],
        estimating=aisle.comparing.is_running(),
        canaries=[(each, canary_sentence(each, t)) for each in aisle.store.canaries.newest(_SHOWN_CANARIES)],
        done=done(),
    )
