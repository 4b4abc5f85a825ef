"""OpenAPI descriptions of calls, declared beside their handlers; `app.routes` adds them to the routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask_openapi3.models.tag import Tag

Handler = TypeVar("Handler", bound=Callable[..., Any])

_OPERATIONS: dict[Callable[..., Any], dict[str, Any]] = {}


def operation(
    tag: str, summary: str, responses: Mapping[str | int, Any], description: str = ""
) -> Callable[[Handler], Handler]:
    """Declare a handler's part of the OpenAPI document.

    Args:
        tag: The group of the call.
        summary: What the call does, in a few words.
        responses: Status to the schema of its answer.
        description: What else a client has to know; Markdown.

    Returns:
        A decorator that gives the handler back unchanged.
    """

    def declare(handler: Handler) -> Handler:
        _OPERATIONS[handler] = {
            "tags": [Tag(name=tag)],
            "summary": summary,
            "description": description or " ",  # for an empty one flask-openapi3 takes the docstring
            "responses": dict(responses),
        }
        return handler

    return declare


def operation_of(handler: Callable[..., Any]) -> dict[str, Any]:
    """Return what `operation` declared, as the arguments of flask-openapi3's decorators."""
    return _OPERATIONS[handler]
