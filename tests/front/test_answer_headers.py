"""Headers that were right before are not checked again; all others are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidResponseHeader
from gunicorn.http.wsgi import Response

from src.front.answer_headers import CheckedResponse

ANSWERS = [
    [("Content-Type", "text/plain"), ("Content-Length", "2"), ("X-Frame-Options", "DENY")],
    [("Content-Type", "text/plain"), ("Content-Length", "2"), ("X-Frame-Options", "DENY")],
    [("Content-Type", "text/html"), ("Content-Length", "3"), ("X-Padded", " a "), ("X-Padded", " a ")],
    [("Connection", "close"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Set-Cookie", "b=2")],
    [("Upgrade", "websocket"), ("Connection", "upgrade")],
    [("Upgrade", "h2c"), ("Content-Length", " 4 "), ("content-length", "5"), ("X-Frame-Options", "SAMEORIGIN")],
    [("Content-Length", "4"), ("Content-Length", "5"), ("X-Padded", "a"), ("Keep-Alive", "5"), ("Server", "mine")],
]


def answer(kind: type[Response], headers: list[tuple[str, str]]) -> Response:
    request = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False)
    response = kind(request, None, Config())
    response.start_response("200 OK", headers)
    return response


def test_the_headers_are_those_of_gunicorn() -> None:
    for headers in ANSWERS * 2:
        ours, theirs = answer(CheckedResponse, headers), answer(Response, headers)
        assert ours.headers == theirs.headers
        assert (ours.response_length, ours.upgrade) == (theirs.response_length, theirs.upgrade)


def test_a_wrong_header_is_refused_after_right_ones() -> None:
    answer(CheckedResponse, [("X-Once", "right")])
    with pytest.raises(InvalidResponseHeader):
        answer(CheckedResponse, [("X-Once", "wrong\r\nX-Other: 1")])
    for value in ("\N{LATIN SMALL LETTER U WITH MACRON}", "\N{ARABIC-INDIC DIGIT TWO}"):  # letters of no HTTP
        for name in ("X-Once", "Content-Length"):
            with pytest.raises(InvalidResponseHeader):
                answer(CheckedResponse, [(name, value)])
