"""Forms that ask for the admin's key and then act: train, stop, acknowledge, withdraw, exclude, compare, estimate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, g, redirect, request, url_for
from flask_wtf.csrf import CSRFError
from markupsafe import Markup

from app.background.requested_training import start_requested_training
from app.context import AisleContext, current_aisle
from app.routes.audit_log import name_change
from app.routes.canaries import stop_canary
from app.routes.comparisons import start_comparison
from app.routes.dashboard_pages import form_answer, key_refusal
from app.routes.estimates import start_estimate
from app.routes.experiments import end
from app.routes.shadows import end_unseen
from app.routes.shop_running import save_rules, stop_refusal
from app.routes.trainings import up_to_date_release
from app.texts import current_phrases
from app.views.finding_records import finding_text, forget_look
from app.views.message_texts import message_text, refusal_text, unmarked
from app.views.product_cards import name_of
from src.core.errors import AisleError, Busy
from src.core.operation_records import FindingRecord
from src.core.shop_rules import ShopRule, parse_rules
from src.workflows.withdraw import withdraw

actions = Blueprint("actions", __name__)


@dataclass(frozen=True)
class _Action:
    """What a form does.

    Attributes:
        about: (aisle, subject) → what the form says of the subject; None if there is no such one.
        act: (aisle, subject) → the name of the text about what was done. Raises AisleError.
        back: subject → the page that the form belongs to.
    """

    about: Callable[[AisleContext, str], str | None]
    act: Callable[[AisleContext, str], str]
    back: Callable[[str], str]


def _train(aisle: AisleContext, subject: str) -> str:
    again = request.form.get("again") == "on"
    if not again and up_to_date_release(aisle) is not None:
        return "unchanged"
    run = start_requested_training(aisle.settings, aisle.store, aisle.training, "all", trigger="page")
    name_change(run.run_id)
    return "train"


def _stop(aisle: AisleContext, subject: str) -> str:
    run = aisle.store.runs.get(subject)
    refused = "" if run is None else stop_refusal(aisle, run.status)
    if refused:
        raise Busy(refused)
    return "stop"


def _running(aisle: AisleContext, subject: str) -> str | None:
    run = aisle.store.runs.get(subject)
    return (
        None
        if run is None or run.status.is_over
        else f"{run.run_id}: {unmarked(message_text(run.progress, current_phrases()))}"
    )


def _open_finding(aisle: AisleContext, subject: str) -> FindingRecord | None:
    return next((each for each in aisle.store.findings.unresolved() if each.finding_id == subject), None)


def _finding(aisle: AisleContext, subject: str) -> str | None:
    record = _open_finding(aisle, subject)
    if record is None:
        return None
    said = finding_text(record, current_phrases(), str(aisle.settings.var))
    return Markup("{}: {}").format(said.name, said.state)


def _acknowledge(aisle: AisleContext, subject: str) -> str:
    record = aisle.store.findings.acknowledge(subject, g.key_name, int(time.time()))
    name_change(record.kind if record else subject, {"about": record.subject} if record and record.subject else None)
    forget_look(aisle)
    return "acknowledge"


def _product(aisle: AisleContext, subject: str) -> str | None:
    product = aisle.store.products.get([subject]).get(subject)
    return None if product is None else f"{name_of(product)} ({product.product_id})"


def _withdraw(aisle: AisleContext, subject: str) -> str:
    withdraw(aisle.store, [subject], True)
    aisle.recommender.refresh()
    return "withdraw"


def _resume(aisle: AisleContext, subject: str) -> str:
    withdraw(aisle.store, [subject], False)
    aisle.recommender.refresh()
    return "resume"


def _exclude(aisle: AisleContext, subject: str) -> str:
    version = aisle.store.rules.current()
    rule = ShopRule(action="exclude", product_id=subject)
    save_rules(aisle, [*parse_rules(version.rules), rule], f"exclude {subject}", version.version)
    return "exclude"


def _include(aisle: AisleContext, subject: str) -> str:
    version = aisle.store.rules.current()
    rules = parse_rules(version.rules)
    kept = [rule for rule in rules if (rule.action, rule.product_id) != ("exclude", subject)]
    save_rules(aisle, kept, f"include {subject}", version.version)
    return "include"


def _releases(aisle: AisleContext, subject: str) -> str | None:
    versions = {release.version for release in aisle.registry.listing()}
    return subject.replace(" ", " – ") if len(set(subject.split()) & versions) == 2 else None


def _compare(aisle: AisleContext, subject: str) -> str:
    one, other = subject.split()
    start_comparison(aisle, one, other)
    return "compare"


def _release(aisle: AisleContext, subject: str) -> str | None:
    return subject if subject in {release.version for release in aisle.registry.listing()} else None


def _estimate(aisle: AisleContext, subject: str) -> str:
    start_estimate(aisle, subject)
    return "estimate"


def _experiment(aisle: AisleContext, subject: str) -> str | None:
    found = aisle.store.experiments.get(subject)
    return None if found is None else found.name


def _end_experiment(aisle: AisleContext, subject: str) -> str:
    end(aisle, subject)
    return "end_experiment"


def _shadow(aisle: AisleContext, subject: str) -> str | None:
    newest = aisle.store.shadows.newest()
    return None if newest is None or newest.ended_at is not None else newest.release


def _end_shadow(aisle: AisleContext, subject: str) -> str:
    end_unseen(aisle)
    return "end_shadow"


def _canary(aisle: AisleContext, subject: str) -> str | None:
    canary = aisle.store.canaries.open()
    return None if canary is None or canary.release != subject else subject


def _end_canary(aisle: AisleContext, subject: str) -> str:
    stop_canary(aisle)
    return "end_canary"


def _to_experiments(subject: str) -> str:
    return url_for("dashboard.experiments")


def _to_now(subject: str) -> str:
    return url_for("dashboard.show")


def _to_product(subject: str) -> str:
    return url_for("pages.product", product_id=subject)


def _to_comparison(subject: str) -> str:
    one, _, other = subject.partition(" ")
    return url_for("dashboard.releases", one=one, other=other) + "#compare"


ACTIONS = {
    "train": _Action(lambda aisle, subject: "", _train, _to_now),
    "stop": _Action(_running, _stop, _to_now),
    "acknowledge": _Action(_finding, _acknowledge, _to_now),
    "withdraw": _Action(_product, _withdraw, _to_product),
    "resume": _Action(_product, _resume, _to_product),
    "exclude": _Action(_product, _exclude, _to_product),
    "include": _Action(_product, _include, _to_product),
    "estimate": _Action(_release, _estimate, _to_experiments),
    "end_experiment": _Action(_experiment, _end_experiment, _to_experiments),
    "end_canary": _Action(_canary, _end_canary, _to_experiments),
    "end_shadow": _Action(_shadow, _end_shadow, _to_experiments),
    "compare": _Action(_releases, _compare, _to_comparison),
}


def confirm(name: str) -> Response:
    """Ask for the admin's key before something is done."""
    return _form(name, request.args.get("subject", ""))


def act(name: str) -> Response:
    """Act if the key is the admin's."""
    subject = request.form.get("subject", "")
    if (refused := key_refusal(request.form.get("key", "").strip())) is not None:
        return _form(name, subject, *refused)
    action, aisle = ACTIONS[name], current_aisle()
    if action.about(aisle, subject) is None:
        return _form(name, subject)
    if subject:
        name_change(subject)
    try:
        done = action.act(aisle, subject)
    except (AisleError, OSError) as error:
        return _form(name, subject, 409, refusal_text(error, current_phrases()))
    back = action.back(subject)
    said = urlencode({"changed": done, **({"subject": subject} if subject else {})})
    return redirect(back if "#" in back else f"{back}?{said}", 303)  # type: ignore[return-value]


@actions.errorhandler(CSRFError)
def stale_form(error: CSRFError) -> Response:
    """Show the form again if its CSRF token is too old or wrong."""
    name = str((request.view_args or {})["name"])
    return _form(name, request.form.get("subject", ""), 400, current_phrases()("form.stale"))


def _form(name: str, subject: str, status: int = 200, problem: str = "") -> Response:
    """Return the page that asks for the key; a 404 for a subject that does not exist."""
    action, aisle, t = ACTIONS[name], current_aisle(), current_phrases()
    about = action.about(aisle, subject) if aisle.access.keys.may_read() else ""
    if about is None and status == 200:
        status, problem = 404, t("form.no_subject")
    shown = {
        "name": name,
        "subject": subject,
        "about": about,
        "back": action.back(subject),
        "problem": problem,
        "wrong_key": status == 401,
    }
    return form_answer("action.html", shown, status)
