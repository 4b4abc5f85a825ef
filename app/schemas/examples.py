"""Examples of every call: a request and its answer from the synthetic shop."""

from __future__ import annotations

from typing import Any

from app.schemas.example import OLDER, RELEASE, RUN, Example
from app.schemas.running_examples import RUNNING_EXAMPLES

_PAINT = {
    "product_id": "P00076",
    "title": "Castro Artist's Acrylic Paint Set 36 Colours",
    "score": 0.815,
    "image_url": None,
}
_NOTHING = "no product has to do with 'xqzvw', or passes the filters. Try fewer or other words."
_PAINT_ITEM = {
    "item_id": "P00286",
    "score": 12.566,
    "title": "Fernandez Works Artist's Acrylic Paint Set 24 Colours",
    "image_url": None,
    "source": "blend",
}
_MOUSE_ITEM = {
    "item_id": "P00222",
    "score": 3.3941,
    "title": "Wilson Goods Compact Trackball Mint",
    "image_url": None,
    "source": "behaviour",
}
_METRICS = """# HELP aisle_lists_total Lists answered, by what named most of the list.
# TYPE aisle_lists_total counter
aisle_lists_total{made_for="user",source="blend"} 1734.0
"""
_STATS = {"status": "loaded", "n_users": 2000, "n_items": 400, "n_factors": 100}
_NOW = {"release": RELEASE, "pinned": False}
_RUN: dict[str, Any] = {
    "run_id": RUN,
    "trigger": "api",
    "started_at": 1795737721,
    "status": "succeeded",
    "due": None,
    "finished_at": 1795737790,
    "release": RELEASE,
    "message": "promoted: NDCG@10 .139 [.126, .153] against .139",
    "host": "shop-1",
    "attempt": 1,
    "model_type": "all",
    "progress": "",
    "verdict": None,
    "phases": [{"name": "training als on 77,306 events", "seconds": 0.81, "busy": 0.93, "peak_mib": 512.4}],
}
_STATUS: dict[str, Any] = {
    "findings": [],
    "database": {
        "n_ratings": 5161,
        "n_users": 2000,
        "n_products": 400,
        "avg_rating": 3.7601,
        "n_events": 82518,
        "by_kind": {"cart": 24914, "click": 38574, "purchase": 13869, "rating": 5161},
        "made_up": True,
    },
    "matrix_factorization": _STATS,
    "similarity_search": {
        "status": "loaded",
        "note": "",
        "n_products": 400,
        "embedding_dimension": 256,
        "encoder": "wordllama",
        "encoder_checksum": "7948d4532efe3dd15918ac78b798549829caec84344451a46158ca0509436e1a",
        "exact": True,
    },
    "release": {"version": RELEASE, "note": "", "pinned": False, "default_model": "blend"},
    "workers": [{"host": "shop-1", "pid": 41, "release": RELEASE, "since": 1795737795, "note": ""}],
    "scheduler": {
        "leader": None,
        "next_run": None,
        "last_run": _RUN,
        "runs": [_RUN],
        "under_way": None,
        "scores": [],
    },
}
_PRODUCT = {
    "product_id": "P00012",
    "title": "Ward & Co Backlit Vertical Mouse Mint",
    "description": "Vertical Mouse by Ward & Co, made for long days at the desk.",
    "category": "Computers",
    "categories": ["Computers"],
    "brand": None,
    "price": 64.95,
    "image_url": None,
    "stock": 124,
    "withdrawn": None,
}
_PLACE = {
    "product_id": "P00286",
    "score": 12.566,
    "source": "blend",
    "filled_by": None,
    "variants": None,
    "title": "Fernandez Works Artist's Acrylic Paint Set 24 Colours",
    "image_url": None,
    "category": "Stationery",
    "brand": None,
    "price": 17.99,
    "stock": 36,
}
_DETAILED = {
    "user_id": "U00001",
    "release": RELEASE,
    "source": "blend",
    "recommendations": [_PLACE],
}
_EXPLAINED = {
    **_DETAILED,
    "recommendations": [
        {
            **_PLACE,
            "explanation": {
                "opinions": [
                    {"model": "als", "score": 4.9704, "weight": 1.0, "contribution": 4.9704},
                    {"model": "popularity", "score": 6.3572, "weight": 0.45, "contribution": 2.8607},
                    {"model": "category_popularity", "score": 3.6954, "weight": 0.7, "contribution": 2.5868},
                    {"model": "item_graph", "score": 5.9188, "weight": 0.3, "contribution": 1.7756},
                    {"model": "text", "score": 3.725, "weight": 0.1, "contribution": 0.3725},
                ],
                "because": [
                    {
                        "product_id": "P00244",
                        "title": "Crawford Goods Beginner's Watercolour Set 12 Colours",
                        "contribution": 3.0575,
                    }
                ],
            },
        }
    ],
}
_WHY_NOT = {
    "user_id": "U00001",
    "product_id": "P00012",
    "release": RELEASE,
    "listed": False,
    "rank": 89,
    "reason": "rank",
    "detail": "it is ranked 89, and the list ends at 10",
}
_PREDICTED = {
    "user_id": "U00001",
    "product_id": "P00012",
    "rating": 4.029,
    "known_user": True,
    "known_product": True,
    "n_user_ratings": 1,
    "n_product_ratings": 23,
    "model": "vbmf",
    "low": 2.1,
    "high": 5.0,
    "release": RELEASE,
}
_LISTED = {
    "version": RELEASE,
    "is_current": True,
    "is_previous": False,
    "pinned": False,
    "created_at": "2026-11-27T00:02:12+00:00",
    "default_model": "blend",
    "ndcg_at_10": 0.1391,
    "n_bytes": 3801088,
    "verdict": "promoted: NDCG@10 .139 [.126, .153] against .139",
    "problem": "",
    "made_up": False,
}
_STARTED = {
    "status": "started",
    "message": f"the training was started; GET /runs/{RUN} says how far it is",
    "model_type": "all",
    "run_id": RUN,
}
_UNCHANGED = {
    "status": "unchanged",
    "message": f"nothing was trained: no event is newer than release {RELEASE}. Send force_retrain to train all the "
    "same",
    "model_type": "svd",
    "stats": _STATS,
}

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "POST /recommend": (
        Example("a bare list", ["P00286", "P00009", "P00365"], {"user_id": "U00001", "n": 3}),
        Example("with titles and scores", _DETAILED, {"user_id": "U00001", "n": 1, "detail": True}),
        Example("and why", _EXPLAINED, {"user_id": "U00001", "n": 1, "explain": True}),
        Example(
            "by rules",
            ["P00286", "P00009"],
            {"user_id": "U00001", "n": 2, "max_per_category": 1, "max_price": 100, "in_stock": True},
        ),
        Example("for a basket", ["P00222", "P00037"], {"history": ["P00008", "P00012"], "exclude": ["P00001"], "n": 2}),
        Example("for a text", {"recommendations": ["P00076", "P00286"]}, {"product_name": "nail paints", "top_k": 2}),
    ),
    "GET /recommend": (Example("by address", ["P00008", "P00006"], query={"user_id": "somebody-new", "n": 2}),),
    "POST /why-not": (
        Example("a product that is not listed", _WHY_NOT, {"user_id": "U00001", "product_id": "P00012"}),
    ),
    "POST /search": (
        Example("by words", {"results": [_PAINT]}, {"query": "acrylic paint", "top_k": 1}),
        Example("nothing", {"results": [], "note": _NOTHING}, {"query": "xqzvw"}),
    ),
    "POST /matrix_factor/similar": (
        Example("to a product", {"recommendations": [_MOUSE_ITEM]}, {"item_id": "P00012", "n": 1}),
    ),
    "POST /matrix_factor/user": (
        Example(
            "for a user",
            {"recommendations": [_PAINT_ITEM]},
            {"user_id": "U00001", "n": 1, "filter_already_liked": True},
        ),
    ),
    "POST /predict": (Example("a rating", _PREDICTED, {"user_id": "U00001", "product_id": "P00012"}),),
    "GET /popular": (
        Example(
            "clicks of 30 days",
            [{"product_id": "P00122", "title": "Barnes & Co Organic Cotton Throw Super King", "count": 113}],
            query={"n": 1, "days": 30, "kind": "click"},
        ),
    ),
    "GET /products/{product_id}": (Example("a product", _PRODUCT, path={"product_id": "P00012"}),),
    "GET /categories": (Example("all of them", [{"category": "Beauty", "count": 30}]),),
    "POST /events": (
        Example(
            "one event",
            {"received": 1, "stored": 1, "repeated": 0, "errors": []},
            {"user_id": "U00001", "product_id": "P00012", "kind": "purchase", "event_id": "order-1"},
            status=201,
        ),
        Example(
            "several",
            {"received": 2, "stored": 2, "repeated": 0, "errors": []},
            [
                {"user_id": "U00001", "product_id": "P00008", "kind": "view", "query": "notebook"},
                {"user_id": "U00002", "product_id": "P00008", "kind": "rating", "value": 5, "event_id": "rating-7"},
            ],
            status=201,
        ),
    ),
    "POST /training": (
        Example("all, now", _STARTED, {"model_type": "all", "force_retrain": True}, status=202),
        Example("if there is something new", _UNCHANGED, {"model_type": "svd", "wait": True}),
    ),
    "GET /runs/{run_id}": (
        Example(
            "one that has ended", _RUN | {"canary": None, "experiments": [], "off_policy": None}, path={"run_id": RUN}
        ),
    ),
    "GET /releases": (Example("those on disk", [_LISTED]),),
    "POST /releases/{version}/activate": (
        Example("by name", {"release": OLDER, "pinned": True}, {"pin": True}, path={"version": OLDER}),
    ),
    "POST /releases/rollback": (Example("to the one before", {"release": OLDER, "pinned": False}, {"pin": False}),),
    "POST /releases/pin": (Example("the current one", {"release": RELEASE, "pinned": True}, {}),),
    "POST /releases/unpin": (Example("the current one", _NOW, {}),),
    "GET /status": (Example("of everything", _STATUS),),
    "GET /healthz": (Example("alive", {"status": "ok"}),),
    "GET /readyz": (Example("ready", {"status": "ok"}),),
    "GET /metrics": (Example("all of them", _METRICS, kind="text/plain"),),
} | RUNNING_EXAMPLES
