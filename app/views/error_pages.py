"""Show errors as pages to browsers; programs get application/problem+json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, render_template, request

from app.context import current_aisle
from app.security.api_keys import is_call
from app.texts import current_phrases
from app.texts.phrases import Phrases
from app.views.first_steps import untrained_shop
from app.views.message_texts import quoted

_HTML, _JSON = "text/html", "application/json"


def as_page(response: Response) -> Response:
    """Turn an error into a page if a browser asked for one of the pages; return other answers unchanged."""
    accepted = request.accept_mimetypes
    if response.mimetype != "application/problem+json" or is_call() or not accepted.accept_html:
        return response
    if accepted[_HTML] <= accepted[_JSON]:  # equal for a program that takes anything
        return response
    problem = response.get_json()
    problem["detail"] = problem["detail"][:1].upper() + problem["detail"][1:]
    is_untrained = response.status_code == 503 and current_aisle().recommender.version is None
    template = "first_steps.html" if is_untrained else "problem.html"
    t = current_phrases()
    shown = untrained_shop(current_aisle(), t)._asdict() if is_untrained else {}
    page = render_template(
        template,
        problem=problem,
        title=t.named("problem", problem["status"]),
        why=_why(problem, t) if not is_untrained or current_aisle().registry.versions() else "",
        **shown,
    )
    response.set_data(page)
    response.content_type = f"{_HTML}; charset=utf-8"
    return response


def _why(problem: Mapping[str, Any], t: Phrases) -> str:
    if request.url_rule is None and problem["status"] == 404:
        return t("problem.no_page", path=request.path)
    return t("problem.see_log") if problem["status"] == 500 else quoted(problem["detail"], t)
