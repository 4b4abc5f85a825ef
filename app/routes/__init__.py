"""The routes of the service: one table of method, path, handler and role."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Blueprint
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI
from flask_wtf import CSRFProtect
from werkzeug.routing import PathConverter

from app.routes import (
    action_pages,
    audit_log,
    begin_pages,
    business_pages,
    canaries,
    catalogue,
    comparisons,
    customer_pages,
    dashboard_pages,
    estimates,
    events,
    experiment_pages,
    experiments,
    health,
    openapi_docs,
    people,
    recommendations,
    release_pages,
    releases,
    replay_pages,
    replays,
    request_log,
    rule_pages,
    search,
    shadows,
    shop_pages,
    shop_running,
    trainings,
)
from app.routes.operations import operation_of
from app.security.api_keys import Role

CHANGE = f"any({', '.join(dashboard_pages.CHANGES)})"
ACTION = f"any({', '.join(action_pages.ACTIONS)})"
OPEN, READ, WRITE, ADMIN = Role.OPEN, Role.READ, Role.WRITE, Role.ADMIN


class Route(NamedTuple):
    """A row of the table. A call of role ADMIN may come without a body, which then stands for {}."""

    method: str
    path: str
    handler: Callable[..., Any]
    role: Role


CALLS = {
    APIBlueprint("lists", __name__): (
        Route("POST", "/recommend", recommendations.recommend, READ),
        Route("GET", "/recommend", recommendations.recommend_by_address, READ),
        Route("POST", "/why-not", recommendations.why_not, READ),
        Route("POST", "/matrix_factor/similar", recommendations.similar, READ),
        Route("POST", "/matrix_factor/user", recommendations.for_user, READ),
        Route("POST", "/predict", recommendations.predict, READ),
        Route("GET", "/popular", recommendations.popular, READ),
    ),
    APIBlueprint("api", __name__): (
        Route("POST", "/search", search.search, READ),
        Route("GET", "/products/<id:product_id>", catalogue.product, READ),
        Route("GET", "/categories", catalogue.categories, READ),
        Route("GET", "/status", health.status, READ),
        Route("GET", "/healthz", health.healthz, OPEN),
        Route("GET", "/readyz", health.readyz, OPEN),
    ),
    APIBlueprint("events", __name__): (Route("POST", "/events", events.add_events, WRITE),),
    APIBlueprint("admin", __name__): (
        Route("POST", "/training", trainings.start_training, ADMIN),
        Route("GET", "/runs/<run_id>", trainings.show_run, READ),
        Route("GET", "/releases", releases.releases, READ),
        Route("POST", "/releases/<version>/activate", releases.activate, ADMIN),
        Route("POST", "/releases/rollback", releases.rollback, ADMIN),
        Route("POST", "/releases/pin", releases.pin, ADMIN),
        Route("POST", "/releases/unpin", releases.unpin, ADMIN),
        Route("POST", "/releases/compare", comparisons.compare, ADMIN),
        Route("GET", "/releases/comparison", comparisons.comparison, READ),
        Route("POST", "/runs/<run_id>/stop", shop_running.stop_run, ADMIN),
    ),
    APIBlueprint("running", __name__): (
        Route("GET", "/rules", shop_running.rules, READ),
        Route("PUT", "/rules", shop_running.replace_rules, ADMIN),
        Route("POST", "/rules/preview", shop_running.preview_rules, ADMIN),
        Route("GET", "/rules/versions", shop_running.rules_versions, READ),
        Route("GET", "/findings", shop_running.findings, READ),
        Route("POST", "/findings/<finding_id>/acknowledge", shop_running.acknowledge_finding, ADMIN),
        Route("POST", "/products/<id:product_id>/withdraw", shop_running.withdraw_product, ADMIN),
        Route("GET", "/audit", audit_log.audit_log, ADMIN),
    ),
    APIBlueprint("people", __name__): (
        Route("GET", "/users/<id:user_id>/export", people.export_person, ADMIN),
        Route("DELETE", "/users/<id:user_id>", people.erase_person, ADMIN),
    ),
    APIBlueprint("experiments", __name__): (
        Route("GET", "/experiments", experiments.experiments, READ),
        Route("PUT", "/experiments/<name>", experiments.begin_experiment, ADMIN),
        Route("GET", "/experiments/<name>", experiments.experiment, READ),
        Route("POST", "/releases/<version>/off-policy", estimates.begin_estimate, ADMIN),
        Route("GET", "/releases/<version>/off-policy", estimates.release_estimate, READ),
        Route("POST", "/experiments/<name>/end", experiments.end_experiment, ADMIN),
        Route("GET", "/canaries", canaries.canaries, READ),
        Route("POST", "/canaries", canaries.begin_canary, ADMIN),
        Route("POST", "/canaries/end", canaries.end_canary, ADMIN),
        Route("PUT", "/shadow", shadows.begin_shadow, ADMIN),
        Route("GET", "/shadow", shadows.shadow, READ),
        Route("POST", "/shadow/end", shadows.end_shadow, ADMIN),
        Route("POST", "/replay", replays.replay_request, ADMIN),
    ),
}
"""Routes that programs call, as /openapi.json describes them."""

PAGES = {
    shop_pages.pages: (
        Route("GET", "/", shop_pages.overview, READ),
        Route("GET", "/customers", customer_pages.customers, READ),
        Route("GET", "/customers/<id:user_id>", customer_pages.customer, READ),
        Route("GET", "/shop/search", shop_pages.search, READ),
        Route("GET", "/shop/products/<id:product_id>", shop_pages.product, READ),
        Route("GET", "/suggest/users", shop_pages.suggest_users, READ),
        Route("GET", "/suggest/products", shop_pages.suggest_products, READ),
    ),
    Blueprint("docs", __name__): (
        Route("GET", "/openapi.json", openapi_docs.openapi, OPEN),
        Route("GET", "/docs", openapi_docs.page, OPEN),
    ),
    dashboard_pages.dashboard: (
        Route("GET", "/dashboard", dashboard_pages.old_address, READ),
        Route("GET", "/operations", dashboard_pages.show, READ),
        Route("GET", "/operations/progress", dashboard_pages.progress, READ),
        Route("GET", "/operations/business", business_pages.business, READ),
        Route("GET", "/operations/business.csv", business_pages.business_csv, READ),
        Route("GET", "/operations/quality", dashboard_pages.quality, READ),
        Route("GET", "/operations/releases", release_pages.releases, READ),
        Route("GET", "/operations/data", dashboard_pages.data, READ),
        Route("GET", "/operations/data/<load_id>", dashboard_pages.rejected, READ),
        Route("GET", "/operations/shop", dashboard_pages.shop, READ),
        Route("GET", "/operations/experiments", experiment_pages.experiments, READ),
        Route("GET", "/operations/experiments/new", begin_pages.experiment_form, READ),
        Route(
            "POST", "/operations/experiments/new", begin_pages.begin_typed_experiment, OPEN
        ),  # its form asks for a key
        Route("GET", "/operations/shadow/new", begin_pages.shadow_form, READ),
        Route("POST", "/operations/shadow/new", begin_pages.begin_typed_shadow, OPEN),  # its form asks for a key
        Route("GET", "/operations/canaries/new", begin_pages.canary_form, READ),
        Route("POST", "/operations/canaries/new", begin_pages.begin_typed_canary, OPEN),  # its form asks for a key
        Route("GET", "/operations/replay", replay_pages.replay_form, READ),
        Route("POST", "/operations/replay", replay_pages.replay_list, OPEN),  # its form asks for a key
        Route("GET", "/operations/rules", rule_pages.rules, READ),
        Route("POST", "/operations/rules", rule_pages.change_rules, OPEN),  # its form asks for a key
        Route("GET", f"/dashboard/releases/<{CHANGE}:name>", dashboard_pages.confirm, READ),
        Route("POST", f"/dashboard/releases/<{CHANGE}:name>", dashboard_pages.change, OPEN),  # its form asks for a key
    ),
    action_pages.actions: (
        Route("GET", f"/operations/do/<{ACTION}:name>", action_pages.confirm, READ),
        Route("POST", f"/operations/do/<{ACTION}:name>", action_pages.act, OPEN),  # its form asks for a key
    ),
    Blueprint("observing", __name__): (Route("GET", "/metrics", request_log.metrics, READ),),
}
"""Routes that browsers and Prometheus open."""

ROLES = {
    f"{blueprint.name}.{route.handler.__name__}": route.role
    for blueprint, routes in (*CALLS.items(), *PAGES.items())
    for route in routes
}
WITHOUT_BODY = frozenset(endpoint for endpoint, role in ROLES.items() if role is ADMIN)


_DOTS, _MARKED_DOTS = (re.compile(rf"(?<![^/]){mark}(~*\.\.?)(?![^/])") for mark in ("", "~"))


class IdConverter(PathConverter):
    """Match the rest of an address as an id, slashes included.

    Browsers take the segments . and .. out of an address, however they are encoded. Links write ~ before them.
    """

    regex = ".+"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """Return the id that a link names."""
        return str(super().to_python(_MARKED_DOTS.sub(r"\1", value)))

    def to_url(self, value: str) -> str:
        """Return an id as a link writes it."""
        return super().to_url(_DOTS.sub(r"~\1", value))


def _fill_blueprints() -> None:
    for calls, routes in CALLS.items():
        for route in routes:
            getattr(calls, route.method.lower())(route.path, **operation_of(route.handler))(route.handler)
    for pages, routes in PAGES.items():
        for route in routes:
            pages.add_url_rule(route.path, view_func=route.handler, methods=[route.method])


_fill_blueprints()


def register_routes(app: OpenAPI, csrf: CSRFProtect) -> None:
    """Add every route of the table to an application.

    Args:
        app: The application.
        csrf: The check of forms. Calls are exempt: their keys come in a header, which no foreign page can send.
    """
    app.url_map.converters["id"] = IdConverter
    for calls in CALLS:
        app.register_api(calls)
        csrf.exempt(calls)
    for pages in PAGES:
        app.register_blueprint(pages)
