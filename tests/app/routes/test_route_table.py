"""The table of routes is complete, and says which key a route needs."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from app.context import context_of
from app.routes import CALLS, PAGES, ROLES, WITHOUT_BODY
from app.security.api_keys import Role
from src.core.settings import Settings


def test_every_route_of_the_application_is_in_the_table(flask_app: Flask) -> None:
    files = {"static"}
    served = {
        (method, rule.rule, rule.endpoint)
        for rule in flask_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in files
    }
    table = {
        (route.method, route.path, f"{blueprint.name}.{route.handler.__name__}")
        for blueprint, routes in (*CALLS.items(), *PAGES.items())
        for route in routes
    }
    assert served == table


def test_a_route_needs_the_key_that_the_table_names(
    trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    access = context_of(make_app(trained_settings)).access
    assert {endpoint: access.role_of(endpoint) for endpoint in ROLES} == ROLES
    assert {endpoint for endpoint, role in ROLES.items() if role is Role.WRITE} == {"events.add_events"}
    assert {endpoint for endpoint, role in ROLES.items() if role is Role.ADMIN} == WITHOUT_BODY
    assert {"admin.start_training", "admin.activate", "running.replace_rules", "running.audit_log"} <= WITHOUT_BODY
