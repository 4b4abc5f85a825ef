"""Examples of the calls that run the shop: rules, findings, withdrawals, comparisons, what was done with a key."""

from __future__ import annotations

from typing import Any

from app.schemas.example import FINDING, OLDER, RELEASE, RUNNING, Example

_RULES: list[dict[str, Any]] = [{"action": "exclude", "product_id": "P00012"}]
_VERSION = {"version": 1, "at": 1795733423, "who": "anna", "note": "discontinued", "rules": _RULES}
_RULES_ANSWER = _VERSION | {"base": {}}
_FINDING = {
    "finding_id": FINDING,
    "kind": "IncompleteLoad",
    "subject": "orders.csv",
    "level": "warning",
    "name": "Load of orders.csv",
    "text": "24.9 % of the rows were rejected.",
    "advice": "Look at the rejected rows.",
    "state": "open",
    "opened_at": 1795733423,
    "seen_at": 1795737023,
    "acknowledged_at": None,
    "acknowledged_by": "",
    "resolved_at": None,
    "resolved_by": "",
}
_STOPPED = {
    "run_id": RUNNING,
    "trigger": "api",
    "started_at": 1795737721,
    "status": "running",
    "due": None,
    "finished_at": None,
    "release": None,
    "message": "",
    "host": "shop-1",
    "attempt": 1,
    "model_type": "all",
    "progress": "training als",
    "verdict": None,
    "phases": [],
}
_BEGUN = {
    "one": RELEASE,
    "other": OLDER,
    "started_at": 1795737721,
    "finished_at": None,
    "result": None,
    "problem": "",
}
_DONE = {"number": 1, "at": 1795733423, "who": "anna", "action": "PUT /rules", "subject": "version 1", "status": 200}
_CHANGED_LIST = {"user_id": "U00001", "before": ["P00012", "P00286"], "after": ["P00286", "P00009"]}

RUNNING_EXAMPLES: dict[str, tuple[Example, ...]] = {
    "GET /rules": (Example("that hold", _RULES_ANSWER),),
    "PUT /rules": (Example("one exclusion", _RULES_ANSWER, {"rules": _RULES, "note": "discontinued"}),),
    "GET /rules/versions": (Example("the last one", [_VERSION], query={"n": 1}),),
    "POST /rules/preview": (
        Example("for a customer", {"lists": [_CHANGED_LIST]}, {"rules": _RULES, "user_ids": ["U00001"], "n": 2}),
    ),
    "GET /findings": (Example("all of them", [_FINDING]),),
    "POST /findings/{finding_id}/acknowledge": (
        Example(
            "one",
            _FINDING | {"state": "acknowledged", "acknowledged_at": 1795737700, "acknowledged_by": "anna"},
            {},
            path={"finding_id": FINDING},
        ),
    ),
    "POST /products/{product_id}/withdraw": (
        Example(
            "a product", {"product_id": "P00012", "withdrawn": True}, {"withdrawn": True}, path={"product_id": "P00012"}
        ),
        Example(
            "list it again",
            {"product_id": "P00012", "withdrawn": False},
            {"withdrawn": False},
            path={"product_id": "P00012"},
        ),
    ),
    "POST /runs/{run_id}/stop": (Example("one that runs", _STOPPED, {}, path={"run_id": RUNNING}, status=202),),
    "POST /releases/compare": (Example("two releases", _BEGUN, {"one": RELEASE, "other": OLDER}, status=202),),
    "GET /releases/comparison": (Example("asked for before", _BEGUN, query={"one": RELEASE, "other": OLDER}),),
    "GET /audit": (Example("the last entry", [_DONE], query={"n": 1}),),
}
