"""A client of Aisle, generated from its OpenAPI document by examples/make_client.py. It needs Python alone."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Literal, NotRequired, TypedDict

_AGAIN = (429, 502, 503, 504)


class AisleError(Exception):
    """Aisle refused a call, or could not be reached; status: 0 without an answer; problem: the answer's body."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail", status)))
        self.status, self.problem = status, problem


class Aisle:
    """The calls of a service. A call that may be repeated safely is tried again when the service is busy or away."""

    def __init__(self, address: str, key: str = "", *, retries: int = 3, timeout: float = 10.0) -> None:
        self.address, self.key, self.retries, self.timeout = address.rstrip("/"), key, retries, timeout
        self.request_id = ""  # of the last answer: send it as request_id with the events that follow a list

    def _call(self, method: str, path: str, query: dict[str, Any], body: Any, *, is_safe: bool) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        url = self.address + path + ("?" + urllib.parse.urlencode(given) if given else "")
        if isinstance(body, dict):
            body = {name: value for name, value in body.items() if value is not None}
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(self.retries + 1):
            asked = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
            if self.key:
                asked.add_header("Authorization", f"Bearer {self.key}")
            try:
                with urllib.request.urlopen(asked, timeout=self.timeout) as answer:
                    self.request_id = answer.headers.get("X-Request-Id", "")
                    text = answer.read().decode()
                    return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text
            except urllib.error.HTTPError as error:
                text, wait = error.read().decode(), float(error.headers.get("Retry-After") or 0.2 * 2**attempt)
                if not is_safe or error.code not in _AGAIN or attempt == self.retries:
                    problem = json.loads(text) if text.startswith("{") else {"detail": text}
                    raise AisleError(error.code, problem) from None
            except OSError as error:
                wait = 0.2 * 2**attempt
                if not is_safe or attempt == self.retries:
                    raise AisleError(0, {"detail": str(error)}) from None
            time.sleep(min(wait, self.timeout))
        raise AssertionError("unreachable")

    def recommend_by_address(
        self,
        *,
        user_id: str | int,
        n: int | None = None,
        model: Literal[
            "popularity",
            "trending",
            "category_popularity",
            "co_occurrence",
            "transitions",
            "item_graph",
            "autoencoder",
            "spectral",
            "als",
            "text",
            "svd",
            "blend",
        ]
        | None = None,
        placement: str | None = None,
        exclude_seen: bool | None = None,
        category: str | None = None,
        exclude_category: str | None = None,
        min_price: float | None = None,
        max_price: float | None = None,
        in_stock: bool | None = None,
        max_per_category: int | None = None,
        max_per_brand: int | None = None,
        variants: bool | None = None,
        seen_group: bool | None = None,
    ) -> list[str] | IdList | DetailedList:
        """A list for a user, by an address that a browser can open: GET /recommend."""
        return self._call(
            "GET",
            "/recommend",
            {
                "user_id": user_id,
                "n": n,
                "model": model,
                "placement": placement,
                "exclude_seen": exclude_seen,
                "category": category,
                "exclude_category": exclude_category,
                "min_price": min_price,
                "max_price": max_price,
                "in_stock": in_stock,
                "max_per_category": max_per_category,
                "max_per_brand": max_per_brand,
                "variants": variants,
                "seen_group": seen_group,
            },
            None,
            is_safe=True,
        )

    def recommend(
        self,
        *,
        exclude_seen: bool | list[Literal["rating", "purchase", "cart", "view", "click"]] | None = None,
        category: str | list[str] | None = None,
        exclude_category: str | list[str] | None = None,
        exclude_brand: str | list[str] | None = None,
        min_price: float | None = None,
        max_price: float | None = None,
        in_stock: bool | None = None,
        max_per_category: int | None = None,
        max_per_brand: int | None = None,
        boosts: list[BoostFields] | None = None,
        variants: bool | None = None,
        seen_group: bool | None = None,
        user_id: str | int | None = None,
        history: list[str | int] | None = None,
        n: int | None = None,
        top_k: int | None = None,
        exclude: list[str | int] | None = None,
        model: Literal[
            "popularity",
            "trending",
            "category_popularity",
            "co_occurrence",
            "transitions",
            "item_graph",
            "autoencoder",
            "spectral",
            "als",
            "text",
            "svd",
            "blend",
        ]
        | None = None,
        placement: str | None = None,
        product_name: str | None = None,
        detail: bool | None = None,
        explain: bool | None = None,
    ) -> list[str] | IdList | DetailedList:
        """A list of products for a user: POST /recommend."""
        return self._call(
            "POST",
            "/recommend",
            {},
            {
                "exclude_seen": exclude_seen,
                "category": category,
                "exclude_category": exclude_category,
                "exclude_brand": exclude_brand,
                "min_price": min_price,
                "max_price": max_price,
                "in_stock": in_stock,
                "max_per_category": max_per_category,
                "max_per_brand": max_per_brand,
                "boosts": boosts,
                "variants": variants,
                "seen_group": seen_group,
                "user_id": user_id,
                "history": history,
                "n": n,
                "top_k": top_k,
                "exclude": exclude,
                "model": model,
                "placement": placement,
                "product_name": product_name,
                "detail": detail,
                "explain": explain,
            },
            is_safe=True,
        )

    def why_not(
        self,
        *,
        exclude_seen: bool | list[Literal["rating", "purchase", "cart", "view", "click"]] | None = None,
        category: str | list[str] | None = None,
        exclude_category: str | list[str] | None = None,
        exclude_brand: str | list[str] | None = None,
        min_price: float | None = None,
        max_price: float | None = None,
        in_stock: bool | None = None,
        max_per_category: int | None = None,
        max_per_brand: int | None = None,
        boosts: list[BoostFields] | None = None,
        variants: bool | None = None,
        seen_group: bool | None = None,
        user_id: str | int | None = None,
        history: list[str | int] | None = None,
        n: int | None = None,
        top_k: int | None = None,
        exclude: list[str | int] | None = None,
        model: Literal[
            "popularity",
            "trending",
            "category_popularity",
            "co_occurrence",
            "transitions",
            "item_graph",
            "autoencoder",
            "spectral",
            "als",
            "text",
            "svd",
            "blend",
        ]
        | None = None,
        placement: str | None = None,
        product_id: str | int,
    ) -> WhyNotAnswer:
        """Why a product is not on a list: POST /why-not."""
        return self._call(
            "POST",
            "/why-not",
            {},
            {
                "exclude_seen": exclude_seen,
                "category": category,
                "exclude_category": exclude_category,
                "exclude_brand": exclude_brand,
                "min_price": min_price,
                "max_price": max_price,
                "in_stock": in_stock,
                "max_per_category": max_per_category,
                "max_per_brand": max_per_brand,
                "boosts": boosts,
                "variants": variants,
                "seen_group": seen_group,
                "user_id": user_id,
                "history": history,
                "n": n,
                "top_k": top_k,
                "exclude": exclude,
                "model": model,
                "placement": placement,
                "product_id": product_id,
            },
            is_safe=True,
        )

    def similar(
        self, *, item_id: str | int, n: int | None = None, variants: bool | None = None, placement: str | None = None
    ) -> ItemList:
        """Products that go with a product: POST /matrix_factor/similar."""
        return self._call(
            "POST",
            "/matrix_factor/similar",
            {},
            {"item_id": item_id, "n": n, "variants": variants, "placement": placement},
            is_safe=True,
        )

    def for_user(
        self,
        *,
        user_id: str | int,
        n: int | None = None,
        filter_already_liked: bool | None = None,
        variants: bool | None = None,
    ) -> ItemList:
        """Products for a user, with titles: POST /matrix_factor/user."""
        return self._call(
            "POST",
            "/matrix_factor/user",
            {},
            {"user_id": user_id, "n": n, "filter_already_liked": filter_already_liked, "variants": variants},
            is_safe=True,
        )

    def predict(self, *, user_id: str | int, product_id: str | int) -> PredictAnswer:
        """The rating a user would give a product: POST /predict."""
        return self._call("POST", "/predict", {}, {"user_id": user_id, "product_id": product_id}, is_safe=True)

    def popular(
        self,
        *,
        n: int | None = None,
        days: int | None = None,
        kind: Literal["rating", "purchase", "cart", "view", "click", "return"] | None = None,
        variants: bool | None = None,
    ) -> list[PopularProduct]:
        """The products with the most events: GET /popular."""
        return self._call(
            "GET", "/popular", {"n": n, "days": days, "kind": kind, "variants": variants}, None, is_safe=True
        )

    def search(
        self,
        *,
        query: str,
        top_k: int | None = None,
        category: str | None = None,
        min_price: float | None = None,
        max_price: float | None = None,
        in_stock: bool | None = None,
        variants: bool | None = None,
        placement: str | None = None,
    ) -> SearchAnswer:
        """Products for a text: POST /search."""
        return self._call(
            "POST",
            "/search",
            {},
            {
                "query": query,
                "top_k": top_k,
                "category": category,
                "min_price": min_price,
                "max_price": max_price,
                "in_stock": in_stock,
                "variants": variants,
                "placement": placement,
            },
            is_safe=True,
        )

    def product(self, product_id: str) -> ProductAnswer:
        """What is known of a product: GET /products/{product_id}."""
        return self._call("GET", f"/products/{urllib.parse.quote(product_id)}", {}, None, is_safe=True)

    def categories(self) -> list[Category]:
        """The categories and how many products they have: GET /categories."""
        return self._call("GET", "/categories", {}, None, is_safe=True)

    def status(self) -> StatusAnswer:
        """What the store holds, what is served, what the night does: GET /status."""
        return self._call("GET", "/status", {}, None, is_safe=True)

    def healthz(self) -> Health:
        """Whether the process lives: GET /healthz."""
        return self._call("GET", "/healthz", {}, None, is_safe=True)

    def readyz(self) -> Health:
        """Whether a release is served and the store answers: GET /readyz."""
        return self._call("GET", "/readyz", {}, None, is_safe=True)

    def add_events(
        self, body: Any, *, format: Literal["ga4", "ubi", "segment"] | None = None, key: str | None = None
    ) -> EventsAnswer:
        """Tell what users did: POST /events."""
        return self._call("POST", "/events", {"format": format, "key": key}, body, is_safe=False)

    def start_training(
        self,
        *,
        model_type: Literal["svd", "mf", "ss", "all"] | None = None,
        force_retrain: bool | None = None,
        force: bool | None = None,
        wait: bool | None = None,
    ) -> TrainingAnswer:
        """Train now: POST /training."""
        return self._call(
            "POST",
            "/training",
            {},
            {"model_type": model_type, "force_retrain": force_retrain, "force": force, "wait": wait},
            is_safe=False,
        )

    def show_run(self, run_id: str) -> RunAnswer:
        """A training: how far it is, how it ended, what the gate said, how its release goes out and what it earns: GET /runs/{run_id}."""
        return self._call("GET", f"/runs/{urllib.parse.quote(run_id)}", {}, None, is_safe=True)

    def releases(self) -> list[ListedRelease]:
        """The releases on disk, newest first: GET /releases."""
        return self._call("GET", "/releases", {}, None, is_safe=True)

    def activate(self, version: str, *, pin: bool | None = None) -> ReleaseAnswer:
        """Serve this release: POST /releases/{version}/activate."""
        return self._call("POST", f"/releases/{urllib.parse.quote(version)}/activate", {}, {"pin": pin}, is_safe=False)

    def rollback(self, *, pin: bool | None = None) -> ReleaseAnswer:
        """Serve the release that served before the current one: POST /releases/rollback."""
        return self._call("POST", "/releases/rollback", {}, {"pin": pin}, is_safe=False)

    def pin(self) -> ReleaseAnswer:
        """Let no training replace the current release: POST /releases/pin."""
        return self._call("POST", "/releases/pin", {}, {}, is_safe=False)

    def unpin(self) -> ReleaseAnswer:
        """Let trainings replace the current release again: POST /releases/unpin."""
        return self._call("POST", "/releases/unpin", {}, {}, is_safe=False)

    def compare(self, *, one: str, other: str) -> ComparisonAnswer:
        """Compare two releases on the same events: POST /releases/compare."""
        return self._call("POST", "/releases/compare", {}, {"one": one, "other": other}, is_safe=False)

    def comparison(self, *, one: str, other: str) -> ComparisonAnswer:
        """A comparison of two releases: GET /releases/comparison."""
        return self._call("GET", "/releases/comparison", {"one": one, "other": other}, None, is_safe=True)

    def stop_run(self, run_id: str) -> RunAnswer:
        """Stop a training: POST /runs/{run_id}/stop."""
        return self._call("POST", f"/runs/{urllib.parse.quote(run_id)}/stop", {}, {}, is_safe=False)

    def rules(self) -> RulesAnswer:
        """The rules of the shop that hold: GET /rules."""
        return self._call("GET", "/rules", {}, None, is_safe=True)

    def replace_rules(
        self, *, rules: list[ShopRule], version: int | None = None, note: str | None = None
    ) -> RulesAnswer:
        """Replace the rules of the shop: PUT /rules."""
        return self._call("PUT", "/rules", {}, {"rules": rules, "version": version, "note": note}, is_safe=True)

    def preview_rules(
        self,
        *,
        rules: list[ShopRule],
        user_ids: list[str | int] | None = None,
        placement: str | None = None,
        n: int | None = None,
    ) -> PreviewAnswer:
        """What rules would do to the lists of some customers: POST /rules/preview."""
        return self._call(
            "POST",
            "/rules/preview",
            {},
            {"rules": rules, "user_ids": user_ids, "placement": placement, "n": n},
            is_safe=True,
        )

    def rules_versions(self, *, n: int | None = None) -> list[dict[str, Any]]:
        """Versions of the rules, newest first: GET /rules/versions."""
        return self._call("GET", "/rules/versions", {"n": n}, None, is_safe=True)

    def findings(self) -> list[FindingAnswer]:
        """What is not as it should be, and what was: GET /findings."""
        return self._call("GET", "/findings", {}, None, is_safe=True)

    def acknowledge_finding(self, finding_id: str) -> FindingAnswer:
        """Note that somebody has looked at a finding: POST /findings/{finding_id}/acknowledge."""
        return self._call("POST", f"/findings/{urllib.parse.quote(finding_id)}/acknowledge", {}, {}, is_safe=False)

    def withdraw_product(self, product_id: str, *, withdrawn: bool | None = None) -> WithdrawAnswer:
        """Withdraw a product from all lists and searches, or list it again: POST /products/{product_id}/withdraw."""
        return self._call(
            "POST", f"/products/{urllib.parse.quote(product_id)}/withdraw", {}, {"withdrawn": withdrawn}, is_safe=False
        )

    def audit_log(self, *, n: int | None = None) -> list[dict[str, Any]]:
        """What was done with a key, newest first: GET /audit."""
        return self._call("GET", "/audit", {"n": n}, None, is_safe=True)

    def export_person(self, user_id: str) -> PersonAnswer:
        """All that is stored of a user: GET /users/{user_id}/export."""
        return self._call("GET", f"/users/{urllib.parse.quote(user_id)}/export", {}, None, is_safe=True)

    def erase_person(self, user_id: str) -> ErasureAnswer:
        """Erase a user: DELETE /users/{user_id}."""
        return self._call("DELETE", f"/users/{urllib.parse.quote(user_id)}", {}, None, is_safe=False)

    def experiments(self) -> list[ExperimentAnswer]:
        """All experiments, newest first: GET /experiments."""
        return self._call("GET", "/experiments", {}, None, is_safe=True)

    def experiment(self, name: str) -> ExperimentReportAnswer:
        """What an experiment found: GET /experiments/{name}."""
        return self._call("GET", f"/experiments/{urllib.parse.quote(name)}", {}, None, is_safe=True)

    def begin_experiment(
        self,
        name: str,
        *,
        method: Literal["split", "interleave"] | None = None,
        arms: list[Arm],
        traffic: float | None = None,
        layer: str | None = None,
        placement: str | None = None,
        category: str | None = None,
        from_: str | None = None,
        until: str | None = None,
        metric: Literal["purchases", "clicks", "revenue"] | None = None,
        smallest_effect: float | None = None,
        planned_outcomes: int | None = None,
    ) -> ExperimentAnswer:
        """Begin an experiment, or change its end: PUT /experiments/{name}."""
        return self._call(
            "PUT",
            f"/experiments/{urllib.parse.quote(name)}",
            {},
            {
                "method": method,
                "arms": arms,
                "traffic": traffic,
                "layer": layer,
                "placement": placement,
                "category": category,
                "from": from_,
                "until": until,
                "metric": metric,
                "smallest_effect": smallest_effect,
                "planned_outcomes": planned_outcomes,
            },
            is_safe=True,
        )

    def release_estimate(self, version: str) -> EstimateAnswer:
        """What a release would have earned: GET /releases/{version}/off-policy."""
        return self._call("GET", f"/releases/{urllib.parse.quote(version)}/off-policy", {}, None, is_safe=True)

    def begin_estimate(self, version: str) -> EstimateBegun:
        """Estimate what a release would have earned: POST /releases/{version}/off-policy."""
        return self._call("POST", f"/releases/{urllib.parse.quote(version)}/off-policy", {}, {}, is_safe=False)

    def end_experiment(self, name: str) -> ExperimentAnswer:
        """End an experiment: POST /experiments/{name}/end."""
        return self._call("POST", f"/experiments/{urllib.parse.quote(name)}/end", {}, {}, is_safe=False)

    def canaries(self) -> list[CanaryAnswer]:
        """Promoted releases on their way to all users, newest first: GET /canaries."""
        return self._call("GET", "/canaries", {}, None, is_safe=True)

    def begin_canary(self, *, release: str) -> CanaryAnswer:
        """Let a release go out to few users first: POST /canaries."""
        return self._call("POST", "/canaries", {}, {"release": release}, is_safe=False)

    def end_canary(self) -> CanaryAnswer:
        """End the canary that runs or waits: POST /canaries/end."""
        return self._call("POST", "/canaries/end", {}, {}, is_safe=False)

    def shadow(self) -> ShadowAnswer:
        """How the lists of the shadow differ: GET /shadow."""
        return self._call("GET", "/shadow", {}, None, is_safe=True)

    def begin_shadow(self, *, release: str, share: float | None = None) -> ShadowAnswer:
        """Let a release answer unseen: PUT /shadow."""
        return self._call("PUT", "/shadow", {}, {"release": release, "share": share}, is_safe=True)

    def end_shadow(self) -> ShadowAnswer:
        """End the shadow: POST /shadow/end."""
        return self._call("POST", "/shadow/end", {}, {}, is_safe=False)

    def replay_request(self, *, request_id: str, release: str | None = None) -> ReplayAnswer:
        """Make a list again that was answered before: POST /replay."""
        return self._call("POST", "/replay", {}, {"request_id": request_id, "release": release}, is_safe=False)

    def metrics(self) -> Any:
        """What is counted, for Prometheus: GET /metrics."""
        return self._call("GET", "/metrics", {}, None, is_safe=True)


ActivateBody = TypedDict("ActivateBody", {"pin": NotRequired["bool"]})

Arm = TypedDict(
    "Arm",
    {
        "name": "str",
        "share": "float",
        "release": NotRequired["str | None"],
        "model": NotRequired["str | None"],
        "rules": NotRequired["list[ShopRule]"],
        "holdout": NotRequired["str | None"],
    },
)

BoostFields = TypedDict(
    "BoostFields",
    {
        "category": NotRequired["str | None"],
        "brand": NotRequired["str | None"],
        "product_id": NotRequired["str | None"],
        "factor": "float",
    },
)

CanaryAnswer = TypedDict(
    "CanaryAnswer",
    {
        "release": "str",
        "run_id": "str",
        "proposed_at": "int",
        "state": "str",
        "against": "str",
        "step": "int",
        "step_at": "int",
        "ended_at": "int | None",
        "reason": "str",
        "share": "float",
        "experiments": "list[str]",
        "text": "str",
    },
)

CanaryBody = TypedDict("CanaryBody", {"release": "str"})

Category = TypedDict("Category", {"category": "str", "count": "int"})

CompareBody = TypedDict("CompareBody", {"one": "str", "other": "str"})

ComparisonAnswer = TypedDict(
    "ComparisonAnswer",
    {
        "one": "str",
        "other": "str",
        "started_at": "int",
        "finished_at": "int | None",
        "result": "dict[str, Any] | None",
        "problem": "str",
    },
)

DetailedList = TypedDict(
    "DetailedList",
    {
        "user_id": "str | None",
        "release": "str",
        "source": "str",
        "experiments": NotRequired["dict[str, Any]"],
        "recommendations": "list[DetailedRecommendation]",
    },
)

DetailedRecommendation = TypedDict(
    "DetailedRecommendation",
    {
        "product_id": "str",
        "score": "float",
        "source": "str",
        "filled_by": "str | None",
        "title": "str | None",
        "image_url": "str | None",
        "category": "str | None",
        "brand": "str | None",
        "price": "float | None",
        "stock": "int | None",
        "variants": NotRequired["int | None"],
        "explanation": NotRequired["ExplanationAnswer | None"],
    },
)

ErasureAnswer = TypedDict(
    "ErasureAnswer",
    {"person": "str", "at": "int", "events": "int", "releases": "list[str]", "next_training": "str | None"},
)

EstimateAnswer = TypedDict(
    "EstimateAnswer",
    {
        "release": "str",
        "at": "int",
        "problem": "str",
        "said": "list[str]",
        "since": NotRequired["int | None"],
        "until": NotRequired["int | None"],
        "lists": NotRequired["int | None"],
        "users": NotRequired["int | None"],
        "comparable": NotRequired["float | None"],
        "differing": NotRequired["float | None"],
        "outcomes": NotRequired["dict[str, Any] | None"],
    },
)

EstimateBegun = TypedDict("EstimateBegun", {"release": "str", "status": "str"})

EventBody = TypedDict(
    "EventBody",
    {
        "user_id": "str | int",
        "product_id": "str | int",
        "kind": "str",
        "value": NotRequired["float | None"],
        "at": NotRequired["float | str | None"],
        "query": NotRequired["str | None"],
        "request_id": NotRequired["str | None"],
        "event_id": NotRequired["str | int | None"],
    },
)

EventError = TypedDict("EventError", {"index": "int", "item": NotRequired["int | None"], "detail": "str"})

EventsAnswer = TypedDict(
    "EventsAnswer",
    {
        "received": "int",
        "stored": "int",
        "repeated": "int",
        "errors": "list[EventError]",
        "read": NotRequired["EventsRead | None"],
    },
)

EventsRead = TypedDict(
    "EventsRead",
    {"kinds": "dict[str, Any]", "times": "dict[str, Any]", "ignored": "dict[str, Any]", "unknown": "dict[str, Any]"},
)

ExperimentAnswer = TypedDict(
    "ExperimentAnswer",
    {
        "name": "str",
        "state": "str",
        "started_at": "int",
        "ended_at": "int | None",
        "who": "str",
        "body": "dict[str, Any]",
    },
)

ExperimentReportAnswer = TypedDict(
    "ExperimentReportAnswer",
    {
        "name": "str",
        "state": "str",
        "started_at": "int",
        "ended_at": "int | None",
        "who": "str",
        "body": "dict[str, Any]",
        "verdict": "list[str]",
        "broken": "bool",
        "arms": "list[dict[str, Any]]",
        "verdicts": "list[dict[str, Any]]",
    },
)

ExplanationAnswer = TypedDict("ExplanationAnswer", {"opinions": "list[OpinionAnswer]", "because": "list[ReasonAnswer]"})

FieldError = TypedDict("FieldError", {"field": "str", "message": "str"})

FindingAnswer = TypedDict(
    "FindingAnswer",
    {
        "finding_id": "str",
        "kind": "str",
        "subject": "str",
        "level": "str",
        "name": "str",
        "text": "str",
        "advice": "str",
        "state": "str",
        "opened_at": "int",
        "seen_at": "int",
        "acknowledged_at": "int | None",
        "acknowledged_by": "str",
        "resolved_at": "int | None",
        "resolved_by": "str",
    },
)

Health = TypedDict("Health", {"status": "str"})

IdList = TypedDict("IdList", {"recommendations": "list[str]"})

ItemList = TypedDict("ItemList", {"recommendations": "list[ItemRecommendation]"})

ItemRecommendation = TypedDict(
    "ItemRecommendation",
    {"item_id": "str", "score": "float", "title": "str | None", "image_url": "str | None", "source": "str"},
)

ListedRelease = TypedDict(
    "ListedRelease",
    {
        "version": "str",
        "is_current": "bool",
        "is_previous": "bool",
        "pinned": "bool",
        "created_at": "str | None",
        "default_model": "str | None",
        "ndcg_at_10": "float | None",
        "n_bytes": "int | None",
        "verdict": "str",
        "problem": "str",
        "made_up": "bool",
    },
)

NewExperiment = TypedDict(
    "NewExperiment",
    {
        "method": NotRequired["Literal['split', 'interleave']"],
        "arms": "list[Arm]",
        "traffic": NotRequired["float"],
        "layer": NotRequired["str"],
        "placement": NotRequired["str | None"],
        "category": NotRequired["str | None"],
        "from": NotRequired["str | None"],
        "until": NotRequired["str | None"],
        "metric": NotRequired["Literal['purchases', 'clicks', 'revenue']"],
        "smallest_effect": NotRequired["float"],
        "planned_outcomes": NotRequired["int"],
    },
)

OpinionAnswer = TypedDict(
    "OpinionAnswer", {"model": "str", "score": "float", "weight": "float", "contribution": "float"}
)

PersonAnswer = TypedDict(
    "PersonAnswer",
    {
        "user_id": "str",
        "events": "list[dict[str, Any]]",
        "experiments": "list[dict[str, Any]]",
        "interleaved": "list[dict[str, Any]]",
        "requests": "list[dict[str, Any]]",
        "releases": "list[str]",
    },
)

PopularProduct = TypedDict("PopularProduct", {"product_id": "str", "title": "str | None", "count": "int"})

PredictAnswer = TypedDict(
    "PredictAnswer",
    {
        "user_id": "str",
        "product_id": "str",
        "rating": "float",
        "known_user": "bool",
        "known_product": "bool",
        "n_user_ratings": "int",
        "n_product_ratings": "int",
        "model": "str",
        "low": NotRequired["float | None"],
        "high": NotRequired["float | None"],
        "release": "str",
    },
)

PredictBody = TypedDict("PredictBody", {"user_id": "str | int", "product_id": "str | int"})

PreviewAnswer = TypedDict("PreviewAnswer", {"lists": "list[dict[str, Any]]"})

PreviewBody = TypedDict(
    "PreviewBody",
    {
        "rules": "list[ShopRule]",
        "user_ids": NotRequired["list[str | int]"],
        "placement": NotRequired["str | None"],
        "n": NotRequired["int"],
    },
)

Problem = TypedDict(
    "Problem",
    {
        "type": NotRequired["str"],
        "title": "str",
        "status": "int",
        "detail": "str",
        "errors": NotRequired["list[FieldError] | None"],
    },
)

ProductAnswer = TypedDict(
    "ProductAnswer",
    {
        "product_id": "str",
        "title": "str | None",
        "description": "str | None",
        "category": "str | None",
        "categories": "list[str] | None",
        "brand": "str | None",
        "price": "float | None",
        "image_url": "str | None",
        "stock": "int | None",
        "withdrawn": "bool | None",
        "group_id": NotRequired["str | None"],
        "group_guessed": NotRequired["bool"],
        "n_variants": NotRequired["int"],
        "variants": NotRequired["list[str]"],
    },
)

ReasonAnswer = TypedDict("ReasonAnswer", {"product_id": "str", "title": "str | None", "contribution": "float"})

RecommendBody = TypedDict(
    "RecommendBody",
    {
        "exclude_seen": NotRequired["bool | list[Literal['rating', 'purchase', 'cart', 'view', 'click']] | None"],
        "category": NotRequired["str | list[str] | None"],
        "exclude_category": NotRequired["str | list[str] | None"],
        "exclude_brand": NotRequired["str | list[str] | None"],
        "min_price": NotRequired["float | None"],
        "max_price": NotRequired["float | None"],
        "in_stock": NotRequired["bool | None"],
        "max_per_category": NotRequired["int | None"],
        "max_per_brand": NotRequired["int | None"],
        "boosts": NotRequired["list[BoostFields] | None"],
        "variants": NotRequired["bool | None"],
        "seen_group": NotRequired["bool | None"],
        "user_id": NotRequired["str | int | None"],
        "history": NotRequired["list[str | int]"],
        "n": NotRequired["int | None"],
        "top_k": NotRequired["int | None"],
        "exclude": NotRequired["list[str | int]"],
        "model": NotRequired[
            "Literal['popularity', 'trending', 'category_popularity', 'co_occurrence', 'transitions', 'item_graph', 'autoencoder', 'spectral', 'als', 'text', 'svd', 'blend'] | None"
        ],
        "placement": NotRequired["str | None"],
        "product_name": NotRequired["str | None"],
        "detail": NotRequired["bool"],
        "explain": NotRequired["bool"],
    },
)

ReleaseAnswer = TypedDict("ReleaseAnswer", {"release": "str", "pinned": "bool"})

ReplayAnswer = TypedDict(
    "ReplayAnswer",
    {
        "request_id": "str",
        "at": "int",
        "user_id": "str | None",
        "placement": "str",
        "experiments": "str",
        "served_by": "str",
        "release": "str",
        "repeated": "bool",
        "obstacles": "list[dict[str, Any]]",
        "answered": "list[str]",
        "made": "list[str]",
        "overlap": "float",
        "agreement": "float",
        "products": "list[ReplayedProductAnswer]",
    },
)

ReplayBody = TypedDict("ReplayBody", {"request_id": "str", "release": NotRequired["str | None"]})

ReplayedProductAnswer = TypedDict(
    "ReplayedProductAnswer",
    {
        "product_id": "str",
        "change": "str",
        "before": "int | None",
        "after": "int | None",
        "why": "str",
        "components_before": "dict[str, Any] | None",
        "components_after": "dict[str, Any] | None",
    },
)

RulesAnswer = TypedDict(
    "RulesAnswer",
    {
        "version": "int",
        "at": "int",
        "who": "str",
        "note": "str",
        "rules": "list[dict[str, Any]]",
        "base": "dict[str, Any]",
    },
)

RulesBody = TypedDict(
    "RulesBody", {"rules": "list[ShopRule]", "version": NotRequired["int | None"], "note": NotRequired["str"]}
)

RunAnswer = TypedDict(
    "RunAnswer",
    {
        "run_id": "str",
        "trigger": "str",
        "started_at": "int",
        "status": "str",
        "due": "int | None",
        "finished_at": "int | None",
        "release": "str | None",
        "message": "str",
        "host": "str",
        "attempt": "int",
        "model_type": "str",
        "progress": "str",
        "verdict": "dict[str, Any] | None",
        "phases": "list[dict[str, Any]]",
        "canary": NotRequired["dict[str, Any] | None"],
        "experiments": NotRequired["list[dict[str, Any]]"],
        "off_policy": NotRequired["EstimateAnswer | None"],
    },
)

SearchAnswer = TypedDict("SearchAnswer", {"results": "list[SearchHit]", "note": NotRequired["str"]})

SearchBody = TypedDict(
    "SearchBody",
    {
        "query": "str",
        "top_k": NotRequired["int"],
        "category": NotRequired["str | None"],
        "min_price": NotRequired["float | None"],
        "max_price": NotRequired["float | None"],
        "in_stock": NotRequired["bool"],
        "variants": NotRequired["bool"],
        "placement": NotRequired["str | None"],
    },
)

SearchHit = TypedDict(
    "SearchHit",
    {
        "product_id": "str",
        "title": "str | None",
        "score": "float",
        "image_url": "str | None",
        "variants": NotRequired["int"],
    },
)

ShadowAnswer = TypedDict(
    "ShadowAnswer",
    {
        "release": "str | None",
        "state": "str",
        "share": "float",
        "started_at": "int | None",
        "ended_at": "int | None",
        "who": "str",
        "dropped": "int",
        "failed": "int",
        "slices": "list[dict[str, Any]]",
    },
)

ShadowBody = TypedDict("ShadowBody", {"release": "str", "share": NotRequired["float"]})

ShopRule = TypedDict(
    "ShopRule",
    {
        "action": "Literal['pin', 'boost', 'bury', 'exclude', 'cap']",
        "product_id": NotRequired["str | None"],
        "category": NotRequired["str | None"],
        "brand": NotRequired["str | None"],
        "position": NotRequired["int | None"],
        "factor": NotRequired["float | None"],
        "by": NotRequired["Literal['category', 'brand'] | None"],
        "at_most": NotRequired["int | None"],
        "placement": NotRequired["str | None"],
        "from": NotRequired["str | None"],
        "until": NotRequired["str | None"],
        "note": NotRequired["str"],
    },
)

SimilarBody = TypedDict(
    "SimilarBody",
    {
        "item_id": "str | int",
        "n": NotRequired["int"],
        "variants": NotRequired["bool"],
        "placement": NotRequired["str | None"],
    },
)

StatusAnswer = TypedDict(
    "StatusAnswer",
    {
        "database": "dict[str, Any]",
        "matrix_factorization": "dict[str, Any]",
        "similarity_search": "dict[str, Any]",
        "release": "dict[str, Any]",
        "workers": "list[dict[str, Any]]",
        "scheduler": "dict[str, Any]",
        "findings": "list[dict[str, Any]]",
    },
)

TrainingAnswer = TypedDict(
    "TrainingAnswer",
    {
        "status": "str",
        "message": "str",
        "model_type": "str",
        "run_id": NotRequired["str | None"],
        "release": NotRequired["str | None"],
        "stats": NotRequired["dict[str, Any] | None"],
    },
)

TrainingBody = TypedDict(
    "TrainingBody",
    {
        "model_type": NotRequired["Literal['svd', 'mf', 'ss', 'all']"],
        "force_retrain": NotRequired["bool"],
        "force": NotRequired["bool"],
        "wait": NotRequired["bool"],
    },
)

UserBody = TypedDict(
    "UserBody",
    {
        "user_id": "str | int",
        "n": NotRequired["int"],
        "filter_already_liked": NotRequired["bool"],
        "variants": NotRequired["bool | None"],
    },
)

WhyNotAnswer = TypedDict(
    "WhyNotAnswer",
    {
        "user_id": "str | None",
        "product_id": "str",
        "release": "str",
        "listed": "bool",
        "rank": "int | None",
        "reason": "Literal['unknown_product', 'withdrawn', 'excluded', 'seen', 'seen_group', 'variant', 'category', 'brand', 'price', 'stock', 'max_per_category', 'max_per_brand', 'rank', 'not_retrieved'] | None",
        "detail": "str",
    },
)

WhyNotBody = TypedDict(
    "WhyNotBody",
    {
        "exclude_seen": NotRequired["bool | list[Literal['rating', 'purchase', 'cart', 'view', 'click']] | None"],
        "category": NotRequired["str | list[str] | None"],
        "exclude_category": NotRequired["str | list[str] | None"],
        "exclude_brand": NotRequired["str | list[str] | None"],
        "min_price": NotRequired["float | None"],
        "max_price": NotRequired["float | None"],
        "in_stock": NotRequired["bool | None"],
        "max_per_category": NotRequired["int | None"],
        "max_per_brand": NotRequired["int | None"],
        "boosts": NotRequired["list[BoostFields] | None"],
        "variants": NotRequired["bool | None"],
        "seen_group": NotRequired["bool | None"],
        "user_id": NotRequired["str | int | None"],
        "history": NotRequired["list[str | int]"],
        "n": NotRequired["int | None"],
        "top_k": NotRequired["int | None"],
        "exclude": NotRequired["list[str | int]"],
        "model": NotRequired[
            "Literal['popularity', 'trending', 'category_popularity', 'co_occurrence', 'transitions', 'item_graph', 'autoencoder', 'spectral', 'als', 'text', 'svd', 'blend'] | None"
        ],
        "placement": NotRequired["str | None"],
        "product_id": "str | int",
    },
)

WithdrawAnswer = TypedDict("WithdrawAnswer", {"product_id": "str", "withdrawn": "bool"})

WithdrawBody = TypedDict("WithdrawBody", {"withdrawn": NotRequired["bool"]})
