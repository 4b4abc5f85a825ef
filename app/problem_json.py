"""Every error as application/problem+json (RFC 9457), in words that help: found, expected, what to do next."""

from __future__ import annotations

import json
import logging
from reprlib import Repr
from typing import Any

from flask import Flask, Response, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from src.core.errors import AisleError, Busy, InputError, NotReady, StoreError

_SHOWN = 80
_RETRY_SECONDS = "5"
# A value may be as long as a body: its start is enough.
_BOUNDED = Repr()
_BOUNDED.maxlist = _BOUNDED.maxtuple = _BOUNDED.maxdict = _SHOWN
_BOUNDED.maxstring = _BOUNDED.maxlong = _BOUNDED.maxother = 2 * _SHOWN

_log = logging.getLogger(__name__)


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457. type is about:blank: title is the phrase of the HTTP status, detail says what happened."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="What was found, what was expected, what to do next.")
    errors: list[FieldError] | None = Field(None, description="Of a request that is not valid: every wrong field.")


def problems_of(*statuses: int) -> dict[str | int, type[BaseModel] | dict[Any, Any] | None]:
    """These errors, as the description of a call names them."""
    content = {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {str(status): {"description": _TITLES[status], "content": content} for status in statuses}


_TITLES = {
    400: "The body is no JSON",
    401: "No key, or a wrong one",
    403: "No key is set on the server",
    404: "Nothing of this name is known",
    409: "Something else is under way, or the release cannot be served",
    411: "The body's length is missing",
    413: "The body is too long",
    415: "The body is not declared as JSON",
    422: "A field is wrong",
    429: "Too many requests of this client, or too many wrong keys from its address",
    500: "The training failed",
    503: "No release is served yet, or the store does not answer",
}


def problem(status: int, title: str, detail: str, errors: list[FieldError] | None = None) -> Response:
    """The answer for an error."""
    body = Problem(title=title, status=status, detail=detail, errors=errors).model_dump(exclude_none=True)
    response = Response(json.dumps(body) + "\n", status=status, content_type="application/problem+json")
    if status == 503:
        response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def field_errors(error: ValidationError) -> list[FieldError]:
    """Pydantic's findings, in short: `n: Input should be less than or equal to 100 (found 9999)`."""
    found = []
    for item in error.errors(include_url=False, include_context=False):
        name = ".".join(str(part) for part in item["loc"]) or "body"
        shown = _short(item.get("input"))
        hint = "" if item["type"] == "missing" else f" (found {shown})"
        found.append(FieldError(field=name, message=item["msg"].removeprefix("Value error, ") + hint))
    return found


def _short(value: Any) -> str:
    text = _BOUNDED.repr(value)
    text = text.encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def invalid(error: ValidationError) -> Response:
    """422 for a request whose fields are wrong."""
    errors = field_errors(error)
    said = "; ".join(f"{each.field}: {each.message}" for each in errors[:5])
    more = f" and {len(errors) - 5} more" if len(errors) > 5 else ""
    return problem(422, "Unprocessable Content", f"{said}{more}. /docs shows what is expected.", errors)


def register(app: Flask) -> None:
    """Answer every error of the app this way."""

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.response is not None:
            return error.response  # type: ignore[return-value]  # abort() was given a whole answer
        status = error.code or 500
        detail = error.description or error.name
        if isinstance(error, RequestEntityTooLarge):
            limit = request.max_content_length
            detail = (
                f"the body has {request.content_length:,} bytes; at most {limit:,} are accepted. Send less at once."
            )
        if status == 404:
            detail = f"there is nothing at {_short(request.path)}. /docs lists every call."
        if status == 405:
            allowed = ", ".join(sorted(set(getattr(error, "valid_methods", None) or ()) - {"HEAD", "OPTIONS"}))
            detail = f"{request.method} does not work here; use {allowed}. /docs lists every call."
        answer = problem(status, error.name, detail)
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                answer.headers[name] = value
        return answer

    @app.errorhandler(AisleError)
    def aisle_error(error: AisleError) -> Response:
        if isinstance(error, NotReady):
            return problem(503, "Service Unavailable", str(error))
        if isinstance(error, StoreError):
            _log.error("%s", error)
            return problem(
                503, "Service Unavailable", "the store does not answer at the moment. Try again in a moment."
            )
        if isinstance(error, Busy):
            return problem(409, "Conflict", str(error))
        if isinstance(error, InputError):
            return problem(422, "Unprocessable Content", str(error))
        _log.error("%s", error)
        return problem(500, "Internal Server Error", "the service could not do that; its log says more.")

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        _log.error("unexpected %s at %s %s", type(error).__name__, request.method, request.endpoint, exc_info=error)
        return problem(500, "Internal Server Error", "the service failed unexpectedly; its log says more.")
