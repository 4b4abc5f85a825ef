"""The page of the shop's rules: edit, preview on customers, save, versions."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for

from app.context import current_aisle
from app.routes.dashboard_pages import going_back, key_refusal
from app.routes.shop_running import preview, save_rules
from app.texts import current_phrases
from app.views.message_texts import refusal_text
from app.views.product_cards import name_of
from app.views.rule_rows import rows_of, rules_of, typed_rows
from src.core.errors import AisleError
from src.core.ids import clean_id
from src.core.shop_rules import parse_rules

_VERSIONS, _LENGTH, _MOST_USERS = 20, 10, 20


def rules() -> Response:
    """Show the rules that hold, in a form."""
    version = current_aisle().store.rules.current()
    saved = request.args.get("saved", "")
    done = current_phrases()("rules.saved", version=saved) if saved.isdigit() else ""
    rows = rows_of(parse_rules(version.rules), current_aisle().settings.zone)
    return _page({"rows": rows, "done": done})


def change_rules() -> Response:
    """Preview the rules of the form, or save them if the key is the admin's."""
    aisle, t = current_aisle(), current_phrases()
    rows = typed_rows(request.form)
    kept: dict[str, Any] = {
        "rows": [*rows, *rows_of([], aisle.settings.zone)],
        "users": request.form.get("users", ""),
        "note": request.form.get("note", ""),
    }
    if (refused := key_refusal(request.form.get("key", "").strip())) is not None:
        status, problem = refused
        return _page(kept | {"problem": problem, "wrong_key": status == 401}, status)
    try:
        found = rules_of(rows, aisle.settings.zone, t)
        if request.form.get("do") == "preview":
            users = [clean_id(user) for user in kept["users"].split(",") if user.strip()][:_MOST_USERS]
            placements = {rule.placement for rule in found if rule.placement}
            placement = placements.pop() if len(placements) == 1 else ""
            lists = preview(aisle, found, users, _LENGTH, placement)
            return _page(kept | {"lists": lists, "titles": _titles(lists)})
        text = request.form.get("version", "")
        saved = save_rules(aisle, found, kept["note"][:500], int(text) if text.isdigit() else None)
    except AisleError as error:
        return _page(kept | {"problem": refusal_text(error, t)}, 409)
    return redirect(url_for("dashboard.rules", saved=saved.version), 303)  # type: ignore[return-value]


def _titles(lists: list[dict[str, Any]]) -> dict[str, str]:
    ids = {id_ for each in lists for side in ("before", "after") for id_ in each[side]}
    return {id_: name_of(product) for id_, product in current_aisle().store.products.get(ids).items()}


def _page(shown: dict[str, Any], status: int = 200) -> Response:
    aisle = current_aisle()
    base = json.dumps(aisle.settings.rules) if aisle.settings.rules else ""
    usual: dict[str, Any] = {
        "users": "",
        "note": "",
        "problem": "",
        "lists": None,
        "titles": {},
        "wrong_key": False,
        "done": "",
    }
    versions = aisle.store.rules.versions(_VERSIONS)
    page = render_template(
        "operations_rules.html",
        tab="rules",
        version=aisle.store.rules.current(),
        versions=versions,
        base=base,
        **(usual | shown),
    )
    return going_back(make_response(page, status))
