"""The forms that begin experiments, shadows and canaries by what the calls take, each with its curl beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, request, url_for

from app.context import AisleContext, current_aisle
from app.routes.canaries import propose_canary
from app.routes.dashboard_pages import form_answer, key_refusal
from app.routes.experiments import begin
from app.routes.shadows import begin_unseen
from app.schemas.canaries import CanaryBody
from app.schemas.example import Example
from app.schemas.experiments import ExperimentPath, NewExperiment
from app.schemas.shadows import ShadowBody
from app.security.api_keys import Role
from app.texts import current_phrases
from app.views.begin_forms import (
    Body,
    TypedExperiment,
    blank_arm,
    form_field,
    parsed,
    share_of,
    typed_experiment,
    usual_experiment,
)
from app.views.message_texts import refusal_text
from src.core.errors import AisleError, NotReady
from src.core.experiments import MAX_ARMS

_CALLS = {"experiment": "PUT /experiments/{name}", "shadow": "PUT /shadow", "canary": "POST /canaries"}
_USUAL_SHARE = "10"
_Page = Callable[[int, Mapping[str, str]], Response]


def experiment_form() -> Response:
    """Ask what experiment to begin."""
    return _experiment_page(usual_experiment(), 200, {})


def begin_typed_experiment() -> Response:
    """Begin the experiment of the form if the key is the admin's, or show its command and room for another arm."""
    aisle, t, typed = current_aisle(), current_phrases(), typed_experiment(request.form)
    page = partial(_experiment_page, typed)
    if request.form.get("do") == "look":
        return page(200, {})
    if (refused := _key_page(page)) is not None:
        return refused
    path, wrong = parsed(ExperimentPath, {"name": typed.fields["name"]}, t)
    body, faults = parsed(NewExperiment, typed.document(aisle.settings.zone), t, form_field)
    if path is None or body is None:
        return page(422, faults | wrong)
    return _act(lambda: begin(aisle, path.name, body), page, "experiment", path.name)


def shadow_form() -> Response:
    """Ask which release is to answer unseen."""
    return _release_page("shadow", 200, {})


def begin_typed_shadow() -> Response:
    """Begin the shadow of the form if the key is the admin's."""
    return _begin_release("shadow", ShadowBody, begin_unseen)


def canary_form() -> Response:
    """Ask which release is to go out to few users first."""
    return _release_page("canary", 200, {})


def begin_typed_canary() -> Response:
    """Let the release of the form wait for its canary if the key is the admin's."""
    return _begin_release("canary", CanaryBody, propose_canary)


def _begin_release(what: str, schema: type[Body], do: Callable[[AisleContext, Body], object]) -> Response:
    page, document = partial(_release_page, what), _release_document(what)
    if (refused := _key_page(page)) is not None:
        return refused
    body, faults = parsed(schema, document, current_phrases())
    if body is None:
        return page(422, faults)
    return _act(lambda: do(current_aisle(), body), page, what, document["release"])


def _key_page(page: _Page) -> Response | None:
    """Return the form again if the typed key is not the admin's; None if it is."""
    refused = key_refusal(request.form.get("key", "").strip())
    return None if refused is None else page(refused[0], {"key": refused[1]})


def _act(do: Callable[[], object], page: _Page, what: str, subject: str) -> Response:
    """Do what the form asks for, and lead to the page of experiments; or show the form with what was refused."""
    try:
        do()
    except AisleError as error:
        return page(409, {"": refusal_text(error, current_phrases())})
    done = urlencode({"changed": f"begin_{what}", "subject": subject})
    return redirect(f"{url_for('dashboard.experiments')}?{done}", 303)  # type: ignore[return-value]


def _experiment_page(typed: TypedExperiment, status: int, faults: Mapping[str, str]) -> Response:
    aisle = current_aisle()
    may_read = aisle.access.keys.may_read()
    arms = [*typed.arms, blank_arm()][:MAX_ARMS]
    shown = {"fields": typed.fields, "arms": arms, "models": _models() if may_read else []}
    return _page("experiment", shown, typed.document(aisle.settings.zone), status, faults, typed.fields["name"])


def _models() -> list[str]:
    """Return the list models of the release that serves; none before the first one."""
    try:
        return sorted(current_aisle().recommender.release().pipeline.list_models)
    except NotReady:
        return []


def _release_page(what: str, status: int, faults: Mapping[str, str]) -> Response:
    document = _release_document(what)
    shown = {"fields": {"release": document["release"], "share": request.form.get("share", _USUAL_SHARE)}}
    return _page(what, shown, document, status, faults)


def _release_document(what: str) -> dict[str, Any]:
    """Return the body of the call that begins a shadow or a canary, as it was typed."""
    share = {"share": share_of(request.form.get("share", _USUAL_SHARE).strip())} if what == "shadow" else {}
    return {"release": request.form.get("release", "").strip(), **share}


def _page(
    what: str, shown: Mapping[str, Any], document: Mapping[str, Any], status: int, faults: Mapping[str, str],
    name: str = "",
) -> Response:  # fmt: skip
    """Return a form with its faults and the command that does the same."""
    aisle, call = current_aisle(), _CALLS[what]
    releases = [each.version for each in aisle.registry.listing()] if aisle.access.keys.may_read() else []
    curl = Example("", None, document, path={"name": name or "NAME"}).curl(call, Role.ADMIN, aisle.settings.tenant)
    usual: dict[str, Any] = {"tab": "experiments", "what": what, "faults": faults, "releases": releases, "curl": curl}
    usual["choices"] = [("", "–"), *((each, each) for each in releases)]
    return form_answer("operations_begin.html", {**usual, **shown}, status)
