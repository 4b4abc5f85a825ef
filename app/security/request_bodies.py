"""Check request bodies before a handler reads them: JSON of a known length, parsed strictly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any

from flask import request
from flask.json.provider import DefaultJSONProvider
from typing_extensions import override
from werkzeug.exceptions import BadRequest, HTTPException, LengthRequired, RequestEntityTooLarge, UnsupportedMediaType

from app.security.api_keys import is_call
from src.core.errors import InputError

_MAX_SHOWN = 80
_PLAIN_JSON = ("application/json", "application/json; charset=utf-8", "application/json;charset=utf-8")

MOST_NAMES = 100
"""Names of one object of a body. No call has a third of them."""
MOST_BRACKETS = 20_000
"""Opening brackets of a body, those in texts included. A thousand events have as many as a thousand lists."""


class StrictJson(DefaultJSONProvider):
    """Standard JSON: no NaN and Infinity, limited depth and number of names, and each name once in an object."""

    sort_keys = False

    @override
    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        n_brackets = s.count("[") + s.count("{") if isinstance(s, str) else s.count(b"[") + s.count(b"{")
        if n_brackets > MOST_BRACKETS:
            raise ValueError(
                f"it is nested too deeply or too long: {n_brackets:,} lists and objects, of {MOST_BRACKETS:,} accepted"
            )
        try:
            return _DECODER.decode(s if isinstance(s, str) else s.decode(json.detect_encoding(s), "surrogatepass"))
        except RecursionError:
            raise ValueError("it is nested too deeply") from None


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; refuse many names, and a name that occurs twice, as parsers differ in which value they take."""
    if len(pairs) > MOST_NAMES:
        raise ValueError(f"an object has {len(pairs):,} names; at most {MOST_NAMES} are accepted")
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the name {json.dumps(twice)[:_MAX_SHOWN]} stands in one object twice")
    return fields


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_object)


def plain_body(environ: dict[str, Any], most_bytes: int) -> bytes | None:
    """Return the body of a request that comes as nearly all do: whole, with its length, as JSON in UTF-8.

    Args:
        environ: Of the request; it can be read again from there.
        most_bytes: Length of the longest body that is accepted.

    Returns:
        The body; None if it has to be looked at more closely, or refused.
    """
    if not is_plain_head(environ, most_bytes):
        return None
    length = int(environ["CONTENT_LENGTH"])
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(body)
    return body if len(body) == length and is_plain_body(body) else None


def is_plain_head(environ: Mapping[str, Any], most_bytes: int) -> bool:
    """Whether a head announces a body as nearly all do: JSON in UTF-8, with its length.

    Args:
        environ: Of the request.
        most_bytes: Length of the longest body that is accepted.

    Returns:
        False if it has to be looked at more closely, or refused.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    is_declared = environ.get("CONTENT_TYPE") in _PLAIN_JSON and "HTTP_CONTENT_ENCODING" not in environ
    is_encoded = not is_declared or "HTTP_TRANSFER_ENCODING" in environ
    return not is_encoded and length.isdecimal() and int(length) <= most_bytes


def is_plain_body(body: bytes) -> bool:
    """Whether a body is an object in UTF-8, by its first bytes."""
    # Only UTF-8 begins so; of UTF-16 and UTF-32 one of the first two bytes is 0, or they begin with a mark.
    return body[:1] == b"{" and body[1:2] != b"\0"


def check_body(without_body: frozenset[str]) -> None:
    """Refuse the body of the current request if it has no length or, for a call, is not JSON.

    A form of a page is checked for its length alone.

    Args:
        without_body: Endpoints whose calls may come without a body, which is then taken for {}.

    Raises:
        HTTPException: The length or the type of the body is missing or wrong, or it is no JSON.
        InputError: It is JSON, but neither an object nor a list.
    """
    if request.method not in ("POST", "PUT") or request.endpoint is None:
        return
    if request.endpoint in without_body and _is_empty(request.environ):
        request.environ |= {"CONTENT_LENGTH": "2", "CONTENT_TYPE": "application/json", "wsgi.input": BytesIO(b"{}")}
        return
    _check_length()
    if not is_call():
        return
    _check_declared()
    _check_encoding(_whole_body())
    try:
        body = request.get_json()
    except HTTPException as error:
        if not isinstance(error, BadRequest):
            raise
        raise BadRequest(f"the body is no JSON ({_cause(error)}). /docs shows what is expected.") from None
    if not isinstance(body, dict | list):
        # flask-openapi3 would parse a string as JSON once more, and less strictly.
        raise InputError(f"the body is {json.dumps(body)[:_MAX_SHOWN]}; expected a JSON object. /docs shows which.")


def _check_length() -> None:
    if request.content_length is None:
        # Werkzeug cuts a chunked body at MAX_CONTENT_LENGTH without an error.
        raise LengthRequired("the request says no Content-Length. Send the body in one piece, with its length.")
    if request.max_content_length is not None and request.content_length > request.max_content_length:
        raise RequestEntityTooLarge


def check_form() -> None:
    """Refuse a form that is cut, before anything parses it."""
    if request.method == "POST" and request.endpoint is not None and not is_call() and request.content_length:
        _whole_body()


def _whole_body() -> bytes:
    """Return the body. Raises BadRequest if the client closed the connection before its end."""
    body = request.get_data()
    if len(body) < (request.content_length or 0):
        raise BadRequest(
            f"the body ends after {len(body):,} bytes, and its Content-Length is {request.content_length:,}. Nothing "
            "was stored; send it again."
        )
    return body


def _check_encoding(body: bytes) -> None:
    """Refuse UTF-16 and UTF-32, which Python's parser reads as well."""
    encoding = json.detect_encoding(body)
    if encoding.startswith(("utf-16", "utf-32")):
        with suppress(UnicodeDecodeError):
            body.decode(encoding)
            raise UnsupportedMediaType(f"the body is {encoding.upper()[:6]}; send the JSON in UTF-8.")


def _check_declared() -> None:
    """Check the headers: the type, charset and encoding of the body."""
    if not request.is_json:
        kind = request.content_type or "none"
        raise UnsupportedMediaType(
            f"the Content-Type is {kind[:_MAX_SHOWN]!r}; send JSON with 'Content-Type: application/json'."
        )
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(f"the charset is {charset[:_MAX_SHOWN]!r}; send the JSON in UTF-8.")
    if (coding := request.headers.get("Content-Encoding", "identity").lower()) != "identity":
        raise UnsupportedMediaType(
            f"the Content-Encoding is {coding[:_MAX_SHOWN]!r}; send the JSON as it is, in UTF-8."
        )


def _is_empty(environ: Mapping[str, Any]) -> bool:
    return environ.get("CONTENT_LENGTH") in (None, "", "0") and "HTTP_TRANSFER_ENCODING" not in environ


def _cause(error: BaseException) -> str:
    """Return the parser's message, without its position."""
    message = str(error.__cause__ or error.__context__ or "it cannot be read")
    return message.removeprefix("400 Bad Request: Failed to decode JSON object: ").split(": line")[0][:120]
