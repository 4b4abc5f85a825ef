"""The page of experiments: what each found, its figures, and how to begin another one."""

from __future__ import annotations

from typing import Any

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

_BEGIN, _ESTIMATE = "PUT /experiments/{name}", "POST /releases/{version}/off-policy"
_SHADOW, _CANARY = "PUT /shadow", "POST /canaries"
_SHOWN_CANARIES = 5


def experiments() -> Response:
    """Show all experiments, newest first, and the command that begins one."""
    aisle, t = current_aisle(), current_phrases()
    judged = [judged_experiment(aisle, each, t) for each in aisle.store.experiments.all()]
    begin = EXAMPLES[_BEGIN][0].curl(_BEGIN, Role.ADMIN, aisle.settings.tenant)
    estimate = EXAMPLES[_ESTIMATE][0].curl(_ESTIMATE, Role.ADMIN, aisle.settings.tenant)
    versions = [release.version for release in aisle.registry.listing()]
    unseen = EXAMPLES[_SHADOW][0].curl(_SHADOW, Role.ADMIN, aisle.settings.tenant)
    shadow, canaries = shadow_report(aisle), aisle.store.canaries.newest(_SHOWN_CANARIES)
    proposed = EXAMPLES[_CANARY][0].curl(_CANARY, Role.ADMIN, aisle.settings.tenant)
    shown: dict[str, Any] = {
        "experiments": judged,
        "metrics": METRICS,
        "begin": begin,
        "shadow": shadow,
        "unseen": unseen,
    }
    shown |= {"estimate": estimate, "estimates": [(each, worded_estimate(aisle, each, t)) for each in versions]}
    shown["estimating"] = aisle.comparing.is_running()
    shown |= {"canaries": [(each, canary_sentence(each, t)) for each in canaries], "proposed": proposed}
    return tab("experiments", **shown, done=done())
