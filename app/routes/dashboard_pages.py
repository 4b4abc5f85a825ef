"""The pages of the dashboard, and the buttons that change the release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError

from app.background.profile_refresher import ProfileState
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
    "ProfileState": ProfileState,
    "days_of_lists": LISTS_DAYS,
    "zip": zip,
    "dict": dict,
}


@dataclass(frozen=True)
class _Change:
    """A button: its text (does), the text about the release afterwards (done), and the change."""

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
    """Show the whole dashboard."""
    page_data, refresher = overview(current_aisle()), current_aisle().profile_refresher
    is_current = page_data.current is not None and page_data.current.version == request.args.get("release")
    done = CHANGES.get(request.args.get("changed", "")) if is_current else None  # else it was undone meanwhile
    # A store that did not answer a moment ago is not asked again.
    profile = refresher.look() if page_data.scheduler is not None else refresher.last()
    page = render_template("dashboard.html", o=page_data, shop=profile, done=done)
    return _fresh(make_response(page))


def shop() -> Response:
    """Show the data profile alone; the page reloads it while a new one is being made."""
    return _fresh(make_response(render_template("dashboard_shop.html", shop=current_aisle().profile_refresher.look())))


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def confirm(name: str) -> Response:
    """Ask for the admin's key before a change is made."""
    return _form(name, request.args.get("version", ""))


def change(name: str) -> Response:
    """Make a change if the key is the admin's and the current release is still the one that the form showed."""
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
    """Show the form again if its CSRF token is too old or wrong."""
    problem = "This form is too old, or not one of this page. Load the page again, and fill it in anew."
    return _form(str((request.view_args or {})["name"]), request.form.get("version", ""), 400, problem)


def _refusal(key: str) -> tuple[int, str] | None:
    """Return the HTTP status and text that refuse a key; None for the admin's key."""
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
    """Return the page that asks for the key; a 404 if the release to change to does not exist."""
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
    """Return the release that a change leads to; None if it does not exist."""
    if name == "activate":
        return next((release for release in listing if release.version == version), None)
    return before_current(listing) if name == "rollback" else current_of(listing)
