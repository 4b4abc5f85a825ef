"""The calls that run the shop: its rules, its findings, withdrawals."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from flask import Response, g, jsonify, make_response

from app.context import AisleContext, current_aisle
from app.problem_json import problem, problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.routes.responses import unknown_product
from app.schemas import BODY_PROBLEMS, ProductPath
from app.schemas.admin import NoBody, RunAnswer, RunPath
from app.schemas.running import (
    FindingAnswer,
    FindingList,
    FindingPath,
    PreviewAnswer,
    PreviewBody,
    RulesAnswer,
    RulesBody,
    RulesVersions,
    VersionsQuery,
    WithdrawAnswer,
    WithdrawBody,
)
from app.texts import phrases_in
from app.texts.phrases import plain
from app.views.finding_records import finding_text, update_findings
from src.core.domain import Query
from src.core.messages import message
from src.core.operation_records import FindingRecord, RulesVersion
from src.core.records import RunStatus
from src.core.shop_rules import ShopRule, rules_as_json
from src.workflows.withdraw import withdraw

_TAG = "running the shop"
_EXAMPLE_USERS, _PAST_FINDINGS = 5, 50


def save_rules(aisle: AisleContext, rules: list[ShopRule], note: str, replaces: int | None) -> RulesVersion:
    """Save rules as a new version; this worker takes them up at once, the others within a second.

    Args:
        rules: all rules.
        note: why.
        replaces: the version that was looked at; None if it does not matter.

    Returns:
        The new version.
    """
    saved = aisle.store.rules.save(rules_as_json(rules), g.key_name, note, replaces)
    aisle.recommender.rules.refresh()
    name_change(f"version {saved.version}", {"rules": len(rules)} | ({"note": note} if note else {}))
    return saved


def preview(
    aisle: AisleContext, rules: list[ShopRule], users: list[str], n: int, placement: str
) -> list[dict[str, Any]]:
    """Make lists with the rules that hold, and with others.

    Args:
        rules: the others.
        users: customers; without any, some of the shop.
        n: length of the lists.
        placement: of the lists; "" without one.

    Returns:
        For each customer user_id, before and after: ids of products.
    """
    trial, lists = aisle.recommender.rules.trial(rules, placement), []
    for user_id in users or aisle.typeahead.examples(_EXAMPLE_USERS):
        query = Query(user_id, n=n)
        before = aisle.recommender.recommend(query, placement=placement).recommendations
        after = aisle.recommender.recommend(query, placement=placement, shop=trial).recommendations
        g.pop("shown", None)  # nobody was shown these
        ids = [[place.product_id for place in listed] for listed in (before, after)]
        lists.append({"user_id": user_id, "before": ids[0], "after": ids[1]})
    return lists


@operation(_TAG, "The rules of the shop that hold", responses={"200": RulesAnswer, **problems_of(503)})
def rules() -> Response:
    """Answer with the newest version of the rules."""
    return _rules_answer(current_aisle().store.rules.current())


def _rules_answer(version: RulesVersion) -> Response:
    return jsonify(asdict(version) | {"base": current_aisle().settings.rules})


@operation(
    _TAG,
    "Replace the rules of the shop",
    description="All rules are sent; they hold on every worker within two seconds, over those of AISLE_RULES, and "
    "under those of a request. A new version is kept with the name of the key.",
    responses={"200": RulesAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 409, 503)},
)
def replace_rules(body: RulesBody) -> Response:
    """Save a new version of the rules."""
    return _rules_answer(save_rules(current_aisle(), body.rules, body.note, body.version))


@operation(
    _TAG,
    "Versions of the rules, newest first",
    responses={"200": RulesVersions, **problems_of(422, 503)},
)
def rules_versions(query: VersionsQuery) -> Response:
    """Answer with the newest versions of the rules, who saved them and when."""
    return jsonify([asdict(version) for version in current_aisle().store.rules.versions(query.n)])


@operation(
    _TAG,
    "What rules would do to the lists of some customers",
    description="Nothing is saved.",
    responses={"200": PreviewAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 503)},
)
def preview_rules(body: PreviewBody) -> Response:
    """Answer with lists before and after."""
    lists = preview(current_aisle(), body.rules, list(body.user_ids), body.n, body.placement or "")
    return jsonify({"lists": lists})


@operation(
    _TAG,
    "What is not as it should be, and what was",
    description="The same findings as on the page of operations, in GET /status and in /metrics.",
    responses={"200": FindingList, **problems_of(503)},
)
def findings() -> Response:
    """Answer with the unresolved findings, then with past ones."""
    aisle = current_aisle()
    unresolved = update_findings(aisle)
    past = [record for record in aisle.store.findings.newest(_PAST_FINDINGS) if record.resolved_at is not None]
    return jsonify([_finding_answer(record) for record in (*unresolved, *past)])


def _finding_answer(record: FindingRecord) -> dict[str, Any]:
    said = finding_text(record, phrases_in("en", current_aisle().settings))
    answer = asdict(record)
    del answer["details"]
    return answer | {
        "level": said.level.name.lower(),
        "name": plain(said.name),
        "text": plain(said.state),
        "advice": plain(said.advice),
        "state": record.state,
    }


@operation(
    _TAG,
    "Note that somebody has looked at a finding",
    responses={"200": FindingAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 503)},
)
def acknowledge_finding(path: FindingPath, body: NoBody) -> Response:
    """Acknowledge a finding; it stays until what it found is mended."""
    record = current_aisle().store.findings.acknowledge(path.finding_id, g.key_name, int(time.time()))
    if record is None:
        return problem(404, "Not Found", f"there is no finding {path.finding_id!r}. GET /findings lists them.")
    name_change(record.kind, {"about": record.subject} if record.subject else None)
    return jsonify(_finding_answer(record))


@operation(
    _TAG,
    "Withdraw a product from all lists and searches, or list it again",
    responses={"200": WithdrawAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 503)},
)
def withdraw_product(path: ProductPath, body: WithdrawBody) -> Response:
    """Withdraw a product, or resume listing it; every worker follows within seconds."""
    aisle = current_aisle()
    if path.product_id not in aisle.store.products.get([path.product_id]):
        return unknown_product(path.product_id)
    withdraw(aisle.store, [path.product_id], body.withdrawn)
    aisle.recommender.refresh()
    name_change(path.product_id, {"withdrawn": body.withdrawn})
    return jsonify({"product_id": path.product_id, "withdrawn": body.withdrawn})


@operation(
    _TAG,
    "Stop a training",
    description="Its process is asked to end; the run is recorded as interrupted, and what is served stays.",
    responses={"202": RunAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def stop_run(path: RunPath, body: NoBody) -> Response:
    """Ask the trainer of a run to end."""
    aisle = current_aisle()
    run = aisle.store.runs.get(path.run_id)
    if run is None:
        return problem(404, "Not Found", f"there is no run {path.run_id!r}. GET /status lists the last ones.")
    if (refused := stop_refusal(aisle, run.status)) is not None:
        return problem(409, "Conflict", refused)
    name_change(run.run_id)
    return make_response(jsonify(asdict(run)), 202)


def stop_refusal(aisle: AisleContext, status: RunStatus) -> str | None:
    """Ask the trainer to end a run of this status; return why that cannot be done, None if it was asked."""
    owner = aisle.training.lock.owner()
    if status.is_over or owner is None:
        return message("refused.no_training")
    if owner.pid_here is None:
        return message("refused.other_host", owner=str(owner))
    aisle.training.end(owner.pid_here)
    return None
