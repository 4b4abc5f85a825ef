"""The pages of operations, and the buttons that change the release."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, jsonify, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError

from app.background.profile_refresher import ProfileState
from app.context import AisleContext, current_aisle
from app.routes.audit_log import name_change
from app.routes.release_changes import change_release, status_of
from app.security.api_keys import Role
from app.texts import current_phrases
from app.texts.phrases import iso, rounded, seconds_of
from app.views.finding_records import finding_text, update_findings
from app.views.findings import Level
from app.views.message_texts import message_text, quoted, refusal_text, subject_text, unmarked
from app.views.overview import overview
from app.views.rejection_texts import rejection_text
from app.views.resolutions import resolution_text
from app.views.service_checks import before_current, current_of
from app.views.svg_charts import columns, curve
from app.views.verdict_texts import check_text, verdict_text
from src.core.domain import EventKind, JsonDict
from src.core.errors import AisleError, StoreError
from src.releases.listed_release import Listed
from src.releases.registry import Registry

dashboard = Blueprint("dashboard", __name__)

_TABS = (
    ("now", "dashboard.show"),
    ("business", "dashboard.business"),
    ("quality", "dashboard.quality"),
    ("releases", "dashboard.releases"),
    ("data", "dashboard.data"),
)
_SUBPAGES = {
    "now": (("now", "dashboard.show"), ("rules", "dashboard.rules")),
    "releases": (
        ("releases", "dashboard.releases"),
        ("experiments", "dashboard.experiments"),
        ("replay", "dashboard.replay_form"),
    ),
}
"""Tab → its pages, where it has several."""
_TAB_OF = {page: name for name, pages in _SUBPAGES.items() for page, _ in pages}
_AUDITED, _PAST_FINDINGS = 50, 20
_SEE_MORE = {
    "LoadRejected": ("dashboard.data", "loads"),
    "IdsUnknown": ("dashboard.data", "totals"),
    "CanaryFell": ("dashboard.experiments", "canary"),
    "Drifted": ("dashboard.quality", "nights"),
    "DataWarnings": ("dashboard.releases", "runs"),
    "RunKept": ("dashboard.releases", "runs"),
    "RunProblem": ("dashboard.releases", "runs"),
    "NothingPublished": ("dashboard.releases", "runs"),
    "CurrentNotLoaded": ("dashboard.releases", "releases"),
    "WorkersDiffer": ("dashboard.releases", "releases"),
}
"""Kind of a finding → the page that shows more of it, and where."""
_HELPERS = {
    "see_more": _SEE_MORE,
    "columns": columns,
    "curve": curve,
    "seconds_of": seconds_of,
    "rounded": rounded,
    "Level": Level,
    "ProfileState": ProfileState,
    "zip": zip,
    "dict": dict,
    "tabs": _TABS,
    "subpages": _SUBPAGES,
    "tab_of": _TAB_OF,
}
CHANGES: Mapping[str, Callable[[Registry, str, bool], object]] = {
    "activate": lambda registry, version, pin: registry.activate(version, pin=pin),
    "rollback": lambda registry, version, pin: registry.activate(version, pin=pin),
    "pin": lambda registry, version, pin: registry.pin(),
    "unpin": lambda registry, version, pin: registry.pin(pinned=False),
}
"""Button → the change of the release."""


@dashboard.record_once
def _globals(state: Any) -> None:
    state.app.jinja_env.globals["iso"] = iso
    state.app.jinja_env.filters["period_name"] = lambda name, t: t.period(name)


@dashboard.app_context_processor
def _helpers() -> dict[str, object]:
    return {
        **_HELPERS,
        "verdict_of": _verdict_of,
        "run_said": _run_said,
        "check_said": _check_said,
        "rejection_of": rejection_text,
        "message_of": message_text,
        "subject_of": subject_text,
        "quoted": quoted,
        "resolution_of": resolution_text,
        "var": current_aisle().settings.var,
    }


def _verdict_of(release: Listed) -> str:
    t = current_phrases()
    return verdict_text(release.gate, quoted(release.gate_sentence, t), t)


def _run_said(run: Mapping[str, Any]) -> str:
    return _said_at_end(run.get("verdict"), run["message"])


def _said_at_end(verdict: JsonDict | None, message: str) -> str:
    t = current_phrases()
    return verdict_text(verdict, message_text(message, t), t)


def _check_said(check: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    return check_text(check, current_phrases(), dict(verdict))


def tab(name: str, **shown: Any) -> Response:
    """Show a tab of operations; nothing keeps a copy of it.

    Args:
        name: of the tab.
        **shown: what it shows.

    Returns:
        The page.
    """
    return fresh(make_response(render_template(f"operations_{name}.html", tab=name, **shown)))


def old_address() -> Response:
    """Lead from the address of earlier versions to the pages of operations."""
    return redirect(url_for("dashboard.show", **request.args), 301)  # type: ignore[return-value, arg-type]


def show() -> Response:
    """Show the state now: what is served, what is to be checked, the training under way, what was done with a key."""
    aisle, t = current_aisle(), current_phrases()
    try:
        past = [record for record in aisle.store.findings.newest(_PAST_FINDINGS) if record.resolved_at is not None]
        audit = aisle.store.audit.newest(_AUDITED, of_events=False)
        written = aisle.store.audit.newest(_AUDITED, of_events=True)
    except StoreError:
        past, audit, written = [], [], []
    said = [(record, finding_text(record, t, str(aisle.settings.var))) for record in past]
    return tab("now", o=overview(aisle, t), past=said, audit=audit, written=written, done=done(), state=_state(aisle))


def done() -> str:
    """Return what was just done, as the address says; "" if the release was changed again meanwhile."""
    t, args = current_phrases(), request.args
    name, version = args.get("changed", ""), args.get("release", "")
    if name in CHANGES:
        registry = current_aisle().registry
        if version != registry.current_version():
            return ""
        more = "" if name in ("pin", "unpin") else "done.is_pinned" if registry.is_pinned else "done.is_not_pinned"
        return " ".join(filter(None, (t(f"done.{name}", version=version), t(more) if more else "")))
    return t(f"done.{name}", subject=args.get("subject", "")) if f"done.{name}" in t.texts else ""


def _state(aisle: AisleContext) -> str:
    """Return what changes when another release is served or another finding is open, for a page that is watched."""
    findings = (f"{record.finding_id}-{record.state}" for record in update_findings(aisle))
    return " ".join([aisle.recommender.version or "", aisle.registry.current_version() or "", *findings])


def progress() -> Response:
    """Answer a page that watches a training: what runs, its step, or how the last one ended."""
    aisle, t = current_aisle(), current_phrases()
    runs = aisle.store.runs.newest(1)
    running = runs[0] if runs and not runs[0].status.is_over else None
    last = None if running or not runs else runs[0]
    return fresh(
        jsonify(
            {
                "at": int(time.time()),
                "release": aisle.registry.current_version(),
                "state": _state(aisle),
                "run": None
                if running is None
                else {
                    "id": running.run_id,
                    "status": t.named("run", running.status),
                    "step": unmarked(message_text(running.progress, t)),
                    "stop": url_for("actions.confirm", name="stop", subject=running.run_id),
                },
                "last": None
                if last is None
                else {"id": last.run_id, "said": unmarked(_said_at_end(last.verdict, last.message))},
            }
        )
    )


def quality() -> Response:
    """Show how good the active release was measured to be, and is since."""
    return tab("quality", o=overview(current_aisle(), current_phrases()))


def data() -> Response:
    """Show the loaded files, what was recorded and what is left of it, and the shop statistics."""
    aisle = current_aisle()
    shown, refresher = overview(aisle, current_phrases()), aisle.profile_refresher
    # A store that did not answer a moment ago is not asked again.
    profile = refresher.look() if shown.scheduler is not None else refresher.last()
    rejects = {load.load_id: True for load in shown.loads if rejects_file(load.file) is not None}
    totals = _totals(profile.profile.figures.by_kind if profile.profile else {})
    return tab("data", o=shown, shop=profile, rejects=rejects, totals=totals, n_returns=_n_returns(totals))


def _n_returns(totals: list[dict[str, Any]]) -> int:
    return next((int(row["recorded"]) for row in totals if row["kind"] == EventKind.RETURN), 0)


def _totals(cleaned: Mapping[str, int]) -> list[dict[str, Any]]:
    try:
        recorded = current_aisle().recommender.counts.summary()["by_kind"]
    except StoreError:
        return []
    return [{"kind": kind, "recorded": count, "cleaned": cleaned.get(kind, 0)} for kind, count in recorded.items()]


def rejects_file(file: str) -> Path | None:
    """Return the file with the rejected rows of a file's last load; None if there is none."""
    folder = current_aisle().settings.rejects_dir
    paths = [path for path in folder.glob("*.rejects.csv") if path.name.endswith(f"-{file}.rejects.csv")]
    return max(paths, key=lambda path: path.stat().st_mtime, default=None)


def rejected(load_id: str) -> Response:
    """Show the first rejected rows of a load, or hand out all of them."""
    load = next((load for load in current_aisle().store.runs.loads(1_000) if load.load_id == load_id), None)
    path = None if load is None else rejects_file(load.file)
    if load is None or path is None:
        return make_response(current_phrases()("form.no_subject"), 404)
    if request.args.get("download"):
        response = make_response(path.read_bytes())
        response.content_type = "text/csv; charset=utf-8"
        response.headers["Content-Disposition"] = 'attachment; filename="rejected.csv"'
        return fresh(response)
    with path.open(encoding="utf-8", errors="replace") as lines:
        first = [line for _, line in zip(range(200), lines, strict=False)]
    return fresh(
        make_response(
            render_template(
                "operations_rejected.html", tab="data", load=load, text="".join(first)[:200_000], shown=len(first),
                total=sum(load.rejected.values()),
            )
        )
    )  # fmt: skip


def shop() -> Response:
    """Show the shop statistics alone; the page reloads them while new ones are being made."""
    shown = current_aisle().profile_refresher.look()
    return fresh(make_response(render_template("dashboard_shop.html", shop=shown, n_returns=_n_returns(_totals({})))))


def fresh(response: Response) -> Response:
    """Keep every cache from keeping an answer."""
    response.headers["Cache-Control"] = "no-store"
    return response


def confirm(name: str) -> Response:
    """Ask for the admin's key before a change is made."""
    return _form(name, request.args.get("version", ""))


def change(name: str) -> Response:
    """Make a change if the key is the admin's and the current release is still the one that the form showed."""
    version, before = request.form.get("version", ""), request.form.get("before", "")
    if (refused := key_refusal(request.form.get("key", "").strip())) is not None:
        return _form(name, version, *refused)
    registry = current_aisle().registry
    if before != (registry.current_version() or ""):
        return _form(name, version, 409, current_phrases()("form.changed"))
    pin = request.form.get("pin") == "on"
    name_change(version, {"pinned": True} if pin else None)
    try:
        change_release(current_aisle(), lambda it: CHANGES[name](it, version, pin))
    except AisleError as error:
        return _form(name, version, status_of(error)[0], refusal_text(error, current_phrases()))
    return redirect(url_for("dashboard.show", changed=name, release=version), 303)  # type: ignore[return-value]


@dashboard.errorhandler(CSRFError)
def no_form_of_ours(error: CSRFError) -> Response:
    """Show the form again if its CSRF token is too old or wrong."""
    name = (request.view_args or {}).get("name")
    if name is None:
        return make_response(current_phrases()("form.stale"), 400)
    return _form(str(name), request.form.get("version", ""), 400, current_phrases()("form.stale"))


def key_refusal(key: str) -> tuple[int, str] | None:
    """Return the HTTP status and text that refuse a key; None for the admin's key."""
    keys, t = current_aisle().access.keys, current_phrases()
    if not keys.are_set(Role.ADMIN):
        return 403, t("key.none_set")
    if not keys.accepts(Role.ADMIN, key):
        return 401, t("key.wrong")
    g.typed_key_accepted, g.key_name = True, keys.name_of(key)
    return None


def _form(name: str, version: str, status: int = 200, problem: str = "") -> Response:
    """Return the page that asks for the key; a 404 if the release to change to does not exist."""
    listing = current_aisle().registry.listing() if current_aisle().access.keys.may_read() else []
    current = current_of(listing)
    target = _target(name, version, listing)
    if target is None and status == 200:
        status, problem = 404, current_phrases()("ask.no_older" if name == "rollback" else "form.gone")
    shown = {"name": name, "current": current, "target": target, "problem": problem, "wrong_key": status == 401}
    return form_answer("dashboard_change.html", shown, status)


def form_answer(template: str, shown: Mapping[str, Any], status: int) -> Response:
    """Render a form that asks for a key.

    Args:
        template: its file.
        shown: what it shows.
        status: HTTP status.

    Returns:
        The page.
    """
    return going_back(make_response(render_template(template, **shown), status))


def going_back(answer: Response) -> Response:
    """Let the browser's own cache keep the answer to a form, which it cannot ask for again when one goes back to it.

    A wrong key answers 403: browsers keep no 401, and none of them can send a Bearer key.
    """
    if answer.status_code == 401:
        answer.status_code = 403
    answer.headers["Cache-Control"] = "private, no-cache" if request.method == "POST" else "no-store"
    return answer


def _target(name: str, version: str, listing: list[Listed]) -> Listed | None:
    """Return the release that a change leads to; None if it does not exist."""
    if name == "activate":
        return next((release for release in listing if release.version == version), None)
    return before_current(listing) if name == "rollback" else current_of(listing)
