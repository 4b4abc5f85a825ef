"""Answer errors as application/problem+json (RFC 9457): what was found, what was expected, what to do next."""

from __future__ import annotations

import json
import logging
from reprlib import Repr
from typing import Any

from flask import Flask, Response, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from src.core.address_space import is_memory_shortage
from src.core.errors import AisleError, Busy, InputError, NotReady, StoreError

_MAX_SHOWN = 80
_RETRY_SECONDS = "5"
# A value may be as long as a body: its start is enough.
_BOUNDED = Repr()
_BOUNDED.maxlist = _BOUNDED.maxtuple = _BOUNDED.maxdict = _MAX_SHOWN
_BOUNDED.maxstring = _BOUNDED.maxlong = _BOUNDED.maxother = 2 * _MAX_SHOWN

_log = logging.getLogger(__name__)


class FieldError(BaseModel):
    """The fault of one field of a request."""

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
    """Return the OpenAPI responses of error statuses."""
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
    """Return the answer for an error.

    Args:
        status: The HTTP status.
        title: Its phrase.
        detail: What was found, what was expected, what to do next.
        errors: The fields that are wrong; None if the error is not about fields.

    Returns:
        A response; one of status 503 names the seconds to wait.
    """
    body = Problem(title=title, status=status, detail=detail, errors=errors).model_dump(exclude_none=True)
    response = Response(json.dumps(body) + "\n", status=status, content_type="application/problem+json")
    if status == 503:
        response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def field_errors(error: ValidationError) -> list[FieldError]:
    """Return pydantic's errors, such as `n: Input should be less than or equal to 100 (found 9999)`."""
    errors = []
    for item in error.errors(include_url=False, include_context=False):
        name = ".".join(str(part) for part in item["loc"]) or "body"
        hint = "" if item["type"] == "missing" else f" (found {_shorten(item.get('input'))})"
        errors.append(FieldError(field=name, message=item["msg"].removeprefix("Value error, ") + hint))
    return errors


def _shorten(value: Any) -> str:
    text = _BOUNDED.repr(value)
    text = text.encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def invalid(error: ValidationError) -> Response:
    """Return a 422 that names the wrong fields of a request, five of them in its detail."""
    errors = field_errors(error)
    first = "; ".join(f"{item.field}: {item.message}" for item in errors[:5])
    more = f" and {len(errors) - 5} more" if len(errors) > 5 else ""
    return problem(422, "Unprocessable Content", f"{first}{more}. /docs shows what is expected.", errors)


def register(app: Flask) -> None:
    """Answer every error of an application as problem+json."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(AisleError, _aisle_error)
    app.register_error_handler(Exception, _unexpected)


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]  # abort() was given a whole answer
    answer = problem(error.code or 500, error.name, _http_detail(error))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def _http_detail(error: HTTPException) -> str:
    if error.code == 404:
        return f"there is nothing at {_shorten(request.path)}. /docs lists every call."
    if error.code == 405:
        allowed = ", ".join(sorted(set(getattr(error, "valid_methods", None) or ()) - {"HEAD", "OPTIONS"}))
        return f"{request.method} does not work here; use {allowed}. /docs lists every call."
    if isinstance(error, RequestEntityTooLarge):
        limit = request.max_content_length
        return f"the body has {request.content_length:,} bytes; at most {limit:,} are accepted. Send less at once."
    return error.description or error.name


def _aisle_error(error: AisleError) -> Response:
    if isinstance(error, NotReady):
        return problem(503, "Service Unavailable", str(error))
    if isinstance(error, Busy):
        return problem(409, "Conflict", str(error))
    if isinstance(error, InputError):
        return problem(422, "Unprocessable Content", str(error))
    _log.error("%s", error)
    if isinstance(error, StoreError):
        return problem(503, "Service Unavailable", "the store does not answer at the moment. Try again in a moment.")
    return problem(500, "Internal Server Error", "the service could not do that; its log says more.")


def _out_of_memory(error: Exception) -> Response:
    _log.error("out of memory at %s %s (%s): raise the limit of the process", request.method, request.endpoint, error)
    return problem(503, "Service Unavailable", "the service is out of memory at the moment. Try again in a moment.")


def _unexpected(error: Exception) -> Response:
    if is_memory_shortage(error):
        return _out_of_memory(error)
    _log.error("unexpected %s at %s %s", type(error).__name__, request.method, request.endpoint, exc_info=error)
    return problem(500, "Internal Server Error", "the service failed unexpectedly; its log says more.")
