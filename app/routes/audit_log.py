"""Write down what was done with a key, and answer GET /audit."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import asdict

from flask import Response, g, jsonify, request

from app.context import current_aisle
from app.problem_json import problems_of
from app.routes.operations import operation
from app.schemas.running import AuditList, AuditQuery
from app.security.api_keys import Role
from src.core.errors import StoreError

_BUTTON = re.compile(r"<any\(.*\):name>")
_CHANGES = ("POST", "PUT", "DELETE", "PATCH")

_log = logging.getLogger(__name__)


def note_change_by_key(response: Response) -> Response:
    """Add the request to the audit log if it did something with a key of the admin, in a header or a form.

    Requests that only read are left out, unless their handler called `name_change`.
    """
    who = g.get("key_name")
    if who is None or request.url_rule is None or (request.method not in _CHANGES and not g.get("changed")):
        return response
    aisle = current_aisle()
    if aisle.access.role_of(request.endpoint or "") is not Role.ADMIN and not g.get("typed_key_accepted"):
        return response
    subject = g.get("changed") or ", ".join(str(value) for value in (request.view_args or {}).values())
    try:
        aisle.store.audit.add(who, f"{request.method} {_action(request.url_rule.rule)}", subject, response.status_code)
    except StoreError as error:
        _log.error("what was done with a key cannot be written down: %s", error)
    return response


def _action(rule: str) -> str:
    """Return the path of a call; the button of a form is named in it, the id of a call is not."""
    return _BUTTON.sub(str((request.view_args or {}).get("name")), rule)


def name_change(subject: str, details: Mapping[str, object] | None = None) -> None:
    """Say what the current request changes, or reads of a person, for the audit log.

    Args:
        subject: the release, rule or product.
        details: name → value of what else matters.
    """
    more = "; ".join(f"{name} {value}" for name, value in (details or {}).items())
    g.changed = f"{subject} ({more})" if more else subject


@operation(
    "running the shop",
    "What was done with a key, newest first",
    description="By whom: the name that AISLE_KEY_NAMES gives to the key, or the first digits of its SHA-256. Events "
    "that a key wrote are counted, without ids; those of one minute and worker share an entry.",
    responses={"200": AuditList, **problems_of(401, 403, 422, 503)},
)
def audit_log(query: AuditQuery) -> Response:
    """Answer with the newest entries of the audit log."""
    return jsonify([asdict(entry) for entry in current_aisle().store.audit.newest(query.n)])
