"""Examples of the calls that run the shop: rules, findings, withdrawals, comparisons, what was done with a key."""

from __future__ import annotations

from typing import Any

from app.schemas.example import ASKED, FINDING, OLDER, RELEASE, RUN, RUNNING, Example

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
_ARMS = [{"name": "now", "share": 0.9}, {"name": "bestsellers", "share": 0.1, "holdout": "bestsellers"}]
_EXPERIMENT: dict[str, Any] = {
    "name": "holdout",
    "state": "running",
    "started_at": 1795733423,
    "ended_at": None,
    "who": "anna",
    "body": {
        "method": "split",
        "arms": [arm | {"rules": []} for arm in _ARMS],
        "traffic": 1.0,
        "layer": "default",
        "metric": "purchases",
        "smallest_effect": 0.05,
        "planned_outcomes": 10000,
    },
}
_TWO_MODELS: dict[str, Any] = {
    "method": "interleave",
    "arms": [{"name": "now", "share": 0.5}, {"name": "graph", "share": 0.5, "model": "item_graph"}],
}
_INTERLEAVED = _EXPERIMENT | {
    "name": "side-by-side",
    "ended_at": 1798325423,
    "body": {
        **_EXPERIMENT["body"],
        "method": "interleave",
        "arms": [arm | {"rules": []} for arm in _TWO_MODELS["arms"]],
        "metric": "clicks",
        "planned_outcomes": 1000,
        "until": "2026-12-26T21:30:23Z",
    },
}
_FIGURES: dict[str, Any] = {
    "arm": "now",
    "users": 2871,
    "purchases_per_user": 0.31,
    "clicks_per_user": 1.9,
    "revenue_per_user": 11.2,
    "returned_share": 0.04,
    "lists": 6120,
    "empty_lists": 0,
    "slow_lists": 3,
    "seconds": 4.1,
}
_VERDICT = {
    "arm": "bestsellers",
    "finding": "worse",
    "lifts": {"purchases": None, "clicks": None, "revenue": None},
    "days_left": 0.0,
    "few": None,
    "harms": [],
}
_JUDGED = {
    "verdict": ["bestsellers is worse than now: 4.0 % to 17.2 % fewer purchases for each customer."],
    "broken": False,
    "arms": [_FIGURES],
    "verdicts": [_VERDICT],
}
_VALUE = {"value": 0.61, "low": 0.55, "high": 0.68}
_ESTIMATE: dict[str, Any] = {
    "release": OLDER,
    "at": 1795733423,
    "problem": "",
    "said": [
        "Its lists would have had 2.1% to 18.4% more clicks than those that were served.",
        "purchases: the log is too thin. About 12,000 more lists are needed, 6.0 days at this traffic.",
    ],
    "since": 1795303423,
    "until": 1795733000,
    "lists": 10210,
    "users": 3120,
    "comparable": 0.83,
    "differing": 0.41,
    "outcomes": {
        "clicks": {
            "outcomes": 6120,
            "effective_outcomes": 91.4,
            "effective_places": 310.2,
            "needed": 0.55,
            "estimates": {"ips": _VALUE, "snips": _VALUE, "dr": _VALUE},
            "served": {"value": 0.56, "low": 0.54, "high": 0.58},
            "lift": {"value": 0.1, "low": 0.021, "high": 0.184},
            "missing": None,
        },
        "purchases": {
            "outcomes": 1400,
            "effective_outcomes": 23.0,
            "effective_places": 310.2,
            "needed": 2.17,
            "estimates": {},
            "served": None,
            "lift": None,
            "missing": {"lists": 12000, "days": 6.0},
        },
    },
}
_PERSON: dict[str, Any] = {
    "user_id": "U00001",
    "events": [
        {
            "product_id": "P00012",
            "kind": "purchase",
            "dedupe_key": "id:order-1",
            "value": 1.0,
            "at": 1795733423,
            "arrival_seq": 8121,
            "returned_quantity": 0.0,
        }
    ],
    "experiments": [],
    "interleaved": [],
    "requests": [],
    "releases": [OLDER, RELEASE],
}
_ERASED = {
    "person": "b1f9c1fa8a2d2f5a7b0c6f5b9f6a53d0c1c9ac1f0dfb8a3c2f7d1f4b0f2a9e31",
    "at": 1795733423,
    "events": 17,
    "releases": [OLDER, RELEASE],
    "next_training": "2026-11-28T03:00:00+00:00",
}
_REPLAYED = {
    "request_id": ASKED,
    "at": 1795733423,
    "user_id": "U00001",
    "placement": "",
    "experiments": "",
    "served_by": RELEASE,
    "release": OLDER,
    "repeated": True,
    "obstacles": [],
    "answered": ["P00012", "P00286"],
    "made": ["P00012", "P00009"],
    "overlap": 0.5,
    "agreement": 0.55,
    "products": [
        {
            "product_id": "P00009",
            "change": "came",
            "before": None,
            "after": 2,
            "why": "Not listed then: it is ranked 3, and the list ends at 2.",
            "components_before": None,
            "components_after": None,
        }
    ],
}
_CANARY: dict[str, Any] = {
    "release": OLDER,
    "run_id": RUN,
    "proposed_at": 1795733423,
    "state": "running",
    "against": RELEASE,
    "step": 0,
    "step_at": 1795733424,
    "ended_at": None,
    "reason": "",
    "share": 0.05,
    "experiments": ["canary-20261126t000154z-9bccd32b-5"],
    "text": "Shown to 5 % of the customers since 27 Nov 2026, 00:30; the others get 20261127T000212Z-e64728e0.",
}
_WAITS = "Goes out at the next check of the leading worker, if no other canary runs."
_SHADOW: dict[str, Any] = {
    "release": OLDER,
    "state": "running",
    "share": 0.1,
    "started_at": 1795733423,
    "ended_at": None,
    "who": "anna",
    "dropped": 0,
    "failed": 0,
    "slices": [
        {
            "served_by": RELEASE,
            "slice": "all",
            "lists": 812,
            "overlap": 0.74,
            "agreement": 0.81,
            "ms": 1.92,
            "served_ms": 1.88,
        }
    ],
}
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
    "GET /users/{user_id}/export": (Example("a user", _PERSON, path={"user_id": "U00001"}),),
    "DELETE /users/{user_id}": (Example("a user", _ERASED, path={"user_id": "U00007"}),),
    "GET /experiments": (Example("all of them", [_EXPERIMENT]),),
    "PUT /experiments/{name}": (
        Example("bestsellers for a tenth", _EXPERIMENT, {"arms": _ARMS}, path={"name": "holdout"}),
        Example("two models in one list", _INTERLEAVED, _TWO_MODELS, path={"name": "side-by-side"}),
    ),
    "GET /experiments/{name}": (
        Example(
            "one that runs",
            _EXPERIMENT | _JUDGED,
            path={"name": "holdout"},
        ),
    ),
    "POST /experiments/{name}/end": (
        Example(
            "one that runs", _EXPERIMENT | {"state": "ended", "ended_at": 1795737023}, {}, path={"name": "holdout"}
        ),
    ),
    "POST /releases/{version}/off-policy": (
        Example("an older one", {"release": OLDER, "status": "running"}, {}, path={"version": OLDER}, status=202),
    ),
    "GET /releases/{version}/off-policy": (Example("an older one", _ESTIMATE, path={"version": OLDER}),),
    "GET /canaries": (Example("the last ones", [_CANARY]),),
    "POST /canaries": (
        Example(
            "the release before",
            _CANARY
            | {"state": "waiting", "against": "", "step_at": 0, "share": 0.0, "experiments": [], "text": _WAITS},
            {"release": OLDER},
        ),
    ),
    "POST /canaries/end": (
        Example(
            "the one that runs",
            _CANARY | {"state": "stopped", "share": 0.0, "ended_at": 1795737023},
            {},
        ),
    ),
    "PUT /shadow": (Example("the release before", _SHADOW, {"release": OLDER, "share": 0.1}),),
    "GET /shadow": (Example("one that runs", _SHADOW),),
    "POST /shadow/end": (Example("it", _SHADOW | {"state": "ended", "ended_at": 1795737023}, {}),),
    "POST /replay": (Example("by another release", _REPLAYED, {"request_id": ASKED, "release": OLDER}),),
    "GET /audit": (Example("the last entry", [_DONE], query={"n": 1}),),
}
