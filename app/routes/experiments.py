"""The calls that begin, end and judge experiments."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from flask import Response, g, jsonify

from app.context import AisleContext, current_aisle
from app.problem_json import problem, problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.schemas import BODY_PROBLEMS
from app.schemas.admin import NoBody
from app.schemas.experiments import (
    ExperimentAnswer,
    ExperimentList,
    ExperimentPath,
    ExperimentReportAnswer,
    NewExperiment,
)
from app.texts import phrases_in
from app.texts.phrases import Phrases
from app.views.experiment_texts import verdict_sentences
from src.core.domain import DAY
from src.core.errors import InputError
from src.core.experiments import Experiment, ExperimentBody
from src.evaluation.experiment_report import report

_TAG = "experiments"
_UNKNOWN = "there is no experiment {!r}. GET /experiments lists them."


@operation(
    _TAG,
    "Begin an experiment, or change its end",
    description="A hash of the experiment's name and the user's id divides users among the arms, so that a user stays "
    "in an arm. An arm is what the shop serves anyway, or another release or list model, further rules, or bestsellers "
    "for everybody (`holdout`). Answers of POST /recommend name the arms in X-Experiments. What a user does from the "
    "first list on counts. Experiments of one layer have different users. A running one can only change its "
    "`until`; an interleaving ends after AISLE_SERVED_DAYS at the latest, as long as what followed its lists is kept.",
    responses={"200": ExperimentAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 409, 503)},
)
def begin_experiment(path: ExperimentPath, body: NewExperiment) -> Response:
    """Keep an experiment; all workers follow within two seconds."""
    return jsonify(_answer(begin(current_aisle(), path.name, body)))


def begin(aisle: AisleContext, name: str, body: NewExperiment) -> Experiment:
    """Keep an experiment, or change its end; this worker follows at once, the others within two seconds.

    Args:
        name: The experiment.
        body: What it is.

    Returns:
        The experiment.

    Raises:
        InputError: It cannot run, or not beside the others.
        Busy: Another one has its name.
    """
    if (refused := _unknown_parts(aisle, body)) is not None:
        raise InputError(refused)
    now = int(time.time())
    if body.is_interleaved:
        body = _ending(aisle, name, body, now)
    begun = aisle.store.experiments.begin(name, body, g.key_name, now)
    aisle.registry.hold(begun.name, {arm.release for arm in body.arms if arm.release})
    aisle.recommender.follow()
    name_change(begun.name, {"arms": len(body.arms)})
    return begun


def _ending(aisle: AisleContext, name: str, body: NewExperiment, now: int) -> NewExperiment:
    """Return an interleaving that ends while all that followed its lists is kept. Raises InputError if it is later."""
    old = aisle.store.experiments.get(name)
    asked = now if body.from_ is None else max(now, int(body.from_.timestamp()))
    begin = asked if old is None else old.started_at
    last = begin + aisle.settings.served_days * DAY
    if body.until is None:
        return body.model_copy(update={"until": dt.datetime.fromtimestamp(last, dt.UTC)})
    if body.until.timestamp() <= last:
        return body
    raise InputError(
        f"until: an interleaving lasts {aisle.settings.served_days} days at most, as long as follow-ups are kept. Send "
        "an earlier one, none for the latest, or raise AISLE_SERVED_DAYS."
    )


def _unknown_parts(aisle: AisleContext, body: ExperimentBody) -> str | None:
    """Return what is wrong with the releases and models that the arms name; None if nothing is."""
    versions = {release.version for release in aisle.registry.listing()}
    for arm in body.arms:
        if arm.release is not None and arm.release not in versions:
            return f"arm {arm.name!r}: there is no release {arm.release!r}. GET /releases lists them."
        if arm.model is not None and arm.release is None:
            models = aisle.recommender.release().pipeline.list_models
            if arm.model not in models:
                known = ", ".join(sorted(models))
                return f"arm {arm.name!r}: the release has no list model {arm.model!r}. It has {known}."
    return None


@operation(
    _TAG,
    "End an experiment",
    description="Every user gets again what the shop serves; the figures stay.",
    responses={"200": ExperimentAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 503)},
)
def end_experiment(path: ExperimentPath, body: NoBody) -> Response:
    """End an experiment."""
    ended = end(current_aisle(), path.name)
    if ended is None:
        return problem(404, "Not Found", _UNKNOWN.format(path.name))
    return jsonify(_answer(ended))


@operation(_TAG, "All experiments, newest first", responses={"200": ExperimentList, **problems_of(503)})
def experiments() -> Response:
    """Answer with all experiments."""
    return jsonify([_answer(each) for each in current_aisle().store.experiments.all()])


@operation(
    _TAG,
    "What an experiment found",
    description="Users, clicks, purchases and revenue of each arm, what its lists cost, and a verdict. The intervals "
    "are always valid: look as often as you like. If users are divided otherwise than the shares say, by more than "
    "chance, the experiment is broken.",
    responses={"200": ExperimentReportAnswer, **problems_of(404, 422, 503)},
)
def experiment(path: ExperimentPath) -> Response:
    """Answer with the figures of an experiment and what they say."""
    found = current_aisle().store.experiments.get(path.name)
    if found is None:
        return problem(404, "Not Found", _UNKNOWN.format(path.name))
    return jsonify(judged_experiment(current_aisle(), found, phrases_in("en", current_aisle().settings)))


def judged_experiment(aisle: AisleContext, found: Experiment, t: Phrases) -> dict[str, Any]:
    """Judge an experiment; return it as ExperimentReportAnswer describes it."""
    aisle.recommender.experiments.flush()
    judged = report(found, aisle.store.experiments.figures(found), int(time.time()))
    said = [*_gone(aisle, found, t), *verdict_sentences(found, judged, t)]
    return {**_answer(found), "verdict": said, **judged.to_json()}


def _gone(aisle: AisleContext, found: Experiment, t: Phrases) -> list[str]:
    """Name the arms of a running experiment whose release is not on disk any more, so that they show nothing of it."""
    wanted = [arm for arm in found.body.arms if arm.release is not None and found.runs_at(time.time())]
    there = aisle.registry.versions() if wanted else []
    return [
        str(t("experiment.release_gone", arm=arm.name, release=arm.release))
        for arm in wanted
        if arm.release not in there
    ]


def end(aisle: AisleContext, name: str) -> Experiment | None:
    """End an experiment, at once here and within two seconds in other workers; None if there is no such one."""
    ended = aisle.store.experiments.end(name, int(time.time()))
    if ended is not None:
        aisle.registry.hold(name, ())
        aisle.recommender.follow()
        name_change(name)
    return ended


def _answer(found: Experiment) -> dict[str, Any]:
    now = time.time()
    state = "running" if found.runs_at(now) else "waiting" if now < found.started_at else "ended"
    fields = {name: getattr(found, name) for name in ("name", "started_at", "ended_at", "who")}
    body = found.body.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**fields, "state": state, "body": body}
