"""The dashboard: what is served and how good it is, the nights, the releases and the way back, and what people do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError

from app.background.profile_refresher import Counting
from app.context import current_aisle
from app.routes.release_changes import change_release, status_of
from app.security.api_keys import Role
from app.views.findings import Level
from app.views.overview import LISTS_DAYS, before_current, current_of, overview
from app.views.svg_charts import columns, curve
from app.views.template_filters import FILTERS, seconds_of
from src.core.errors import AisleError
from src.releases.listed_release import Listed
from src.releases.registry import Registry

dashboard = Blueprint("dashboard", __name__)

_HELPERS = {
    "columns": columns,
    "curve": curve,
    "seconds_of": seconds_of,
    "Level": Level,
    "Counting": Counting,
    "days_of_lists": LISTS_DAYS,
    "zip": zip,
    "dict": dict,
}


@dataclass(frozen=True)
class _Change:
    """A button. does: what happens, in a word for its button. done: what is said afterwards of the current release."""

    does: str
    done: str
    run: Callable[[Registry, str, bool], object]


CHANGES = {
    "activate": _Change("Activate", "was activated", lambda registry, v, pin: registry.activate(v, pin=pin)),
    "rollback": _Change("Roll back", "was rolled back to", lambda registry, v, pin: registry.activate(v, pin=pin)),
    "pin": _Change("Pin", "is pinned now", lambda registry, v, pin: registry.pin()),
    "unpin": _Change("Unpin", "is no longer pinned", lambda registry, v, pin: registry.pin(pinned=False)),
}


@dashboard.record_once
def _filters(state: Any) -> None:
    state.app.jinja_env.filters.update(FILTERS)


@dashboard.context_processor
def _helpers() -> dict[str, object]:
    return dict(_HELPERS)


def show() -> Response:
    """Everything, as it is at this moment."""
    found, explorer = overview(current_aisle()), current_aisle().profile_refresher
    is_of_now = found.current is not None and found.current.version == request.args.get("release")
    done = CHANGES.get(request.args.get("changed", "")) if is_of_now else None  # else it was undone meanwhile
    shown = explorer.look() if found.scheduler is not None else explorer.last()  # not to wait for the store twice
    page = render_template("dashboard.html", o=found, shop=shown, done=done)
    return _fresh(make_response(page))


def shop() -> Response:
    """The part about the shop alone, for the page to look again while its figures are being counted."""
    return _fresh(make_response(render_template("dashboard_shop.html", shop=current_aisle().profile_refresher.look())))


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def confirm(name: str) -> Response:
    """What a button would do, before it does."""
    return _form(name, request.args.get("version", ""))


def change(name: str) -> Response:
    """Do it, if the key is the admin's and nobody was quicker."""
    version, before = request.form.get("version", ""), request.form.get("before", "")
    if (refused := _refusal(request.form.get("key", "").strip())) is not None:
        return _form(name, version, *refused)
    registry = current_aisle().registry
    if before != (registry.current_version() or ""):
        return _form(name, version, 409, "Another release has been activated meanwhile. Look again before you go on.")
    pin = request.form.get("pin") == "on"
    try:
        change_release(current_aisle(), lambda it: CHANGES[name].run(it, version, pin))
    except AisleError as error:
        return _form(name, version, status_of(error)[0], str(error))
    return redirect(url_for("dashboard.show", changed=name, release=version), 303)  # type: ignore[return-value]


@dashboard.errorhandler(CSRFError)
def no_form_of_ours(error: CSRFError) -> Response:
    """The form is too old, or was never ours."""
    problem = "This form is too old, or not one of this page. Load the page again, and fill it in anew."
    return _form(str((request.view_args or {})["name"]), request.form.get("version", ""), 400, problem)


def _refusal(key: str) -> tuple[int, str] | None:
    """HTTP status and words for a key that is not the admin's; None for one that is."""
    keys = current_aisle().access.keys
    if not keys.are_set(Role.ADMIN):
        return 403, (
            "No admin key is set on the server. Set AISLE_ADMIN_KEYS to one of your choice, or make one with "
            "python run.py --make-keys, and start again."
        )
    if not keys.accepts(Role.ADMIN, key):
        return 401, "This is no admin key, so nothing was changed. Expected one of AISLE_ADMIN_KEYS; try again."
    g.typed_key_accepted = True
    return None


def _form(name: str, version: str, status: int = 200, problem: str = "") -> Response:
    """The page that asks for the key; 404 if there is no such release to change to."""
    listing = current_aisle().registry.listing() if current_aisle().access.keys.may_read() else []
    current = current_of(listing)
    target = _target(name, version, listing)
    if target is None and status == 200:
        status, problem = 404, "There is no such release on disk any more. Go back and choose another one."
    page = render_template(
        "dashboard_change.html", name=name, change=CHANGES[name], current=current, target=target, problem=problem
    )
    answer = _fresh(make_response(page, status))
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _target(name: str, version: str, listing: list[Listed]) -> Listed | None:
    """The release that a change is about: of a rollback the one before, of a pin the current one."""
    if name == "activate":
        return next((each for each in listing if each.version == version), None)
    return before_current(listing) if name == "rollback" else current_of(listing)
