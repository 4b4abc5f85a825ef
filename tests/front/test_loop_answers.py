"""The loop asks an application only for whole, small, plain requests, and says of them what a thread would."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from src.front.loop_answer import Answerer, LoopAnswer
from src.front.loop_answers import MOST_BYTES, LoopAnswers
from src.front.request_buffer import RequestBuffer

CLIENT, SERVER = ("127.0.0.1", 4711), ("127.0.0.1", 80)
HEAD = b"POST /list HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n"


class Quiet(Logger):
    """Gunicorn's log as it is without an access log."""

    def __init__(self) -> None:
        self.access_log = logging.getLogger("nobody reads it")


class Telling(Quiet):
    """One that tells somebody of each request."""

    def access(self, *_: Any) -> None:
        pass


class Echo:
    """Answers with the body, and keeps the heads that it is asked about."""

    def __init__(self) -> None:
        self.heads: list[Mapping[str, Any]] = []

    def answerer(self, environ: Mapping[str, Any]) -> Answerer | None:
        self.heads.append(environ)
        return lambda body: LoopAnswer("200 OK", [("Content-Length", str(len(body)))], body)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def loop(echo: Echo) -> LoopAnswers:
    made = LoopAnswers.of(echo, Config(), Quiet())
    assert made is not None
    return made


def request(sent: bytes) -> RequestBuffer:
    buffer = RequestBuffer(100_000)
    buffer.feed(sent)
    return buffer


def test_a_request_is_answered_and_what_follows_it_is_left(loop: LoopAnswers) -> None:
    made = loop.answer(request(HEAD + b"\r\n{}GET / HTTP/1.1"), CLIENT, SERVER)
    assert made is not None
    answer, is_kept = made
    assert (answer[:15], answer.partition(b"\r\n\r\n")[2], is_kept) == (b"HTTP/1.1 200 OK", b"{}", True)


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Expect: 100-continue\r\n\r\n{}",
        HEAD + b"Upgrade: h2c\r\n\r\n{}",
        HEAD + b"Content-Length: 3\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"A header\r\n\r\n{}",
        HEAD + b"X-Folded: a\r\n b\r\n\r\n{}",
        HEAD.replace(b"2", b"-2") + b"\r\n{}",
        HEAD.replace(b"2", b"%d" % MOST_BYTES) + b"\r\n" + b"x" * MOST_BYTES,
        HEAD.replace(b"2", b"99999999") + b"\r\n{}",
        HEAD.replace(b"HTTP/1.1", b"HTTP/9.9") + b"\r\n{}",
        HEAD.replace(b"/list", b"list") + b"\r\n{}",
        b"\r\n\r\n" + HEAD + b"\r\n{}",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_not_plain_is_left_to_a_thread(loop: LoopAnswers, sent: bytes) -> None:
    assert loop.answer(request(sent), CLIENT, SERVER) is None


def test_a_head_that_comes_again_is_read_once(loop: LoopAnswers, echo: Echo) -> None:
    for body in (b"{}", b"[]"):
        made = loop.answer(request(HEAD + b"\r\n" + body), CLIENT, SERVER)
        assert made is not None
        assert made[0].endswith(body)
    assert len(echo.heads) == 1
    assert (echo.heads[0]["PATH_INFO"], echo.heads[0]["CONTENT_LENGTH"]) == ("/list", "2")


def test_a_head_is_the_same_one_whatever_length_the_body_has(loop: LoopAnswers, echo: Echo) -> None:
    for length in (3, 0, 12, 4_000):
        body = b"x" * length
        made = loop.answer(request(HEAD.replace(b"2", b"%d" % length) + b"\r\n" + body), CLIENT, SERVER)
        assert made is not None
        assert made[0].endswith(b"Content-Length: %d\r\n\r\n" % length + body)
    assert len(echo.heads) == 1


@pytest.mark.parametrize("length", [b"", b"-2", b"2, 2", b"99999999"])
def test_a_length_that_is_wrong_keeps_nobody_else_from_the_loop(loop: LoopAnswers, length: bytes) -> None:
    assert loop.answer(request(HEAD.replace(b"2", length) + b"\r\n{}"), CLIENT, SERVER) is None
    assert loop.answer(request(HEAD + b"\r\n{}"), CLIENT, SERVER) is not None
    assert loop.answer(request(HEAD.replace(b"2", length) + b"\r\n{}"), CLIENT, SERVER) is None


def test_what_a_head_says_depends_on_who_sends_it(loop: LoopAnswers, echo: Echo) -> None:
    """Gunicorn believes a proxy on this machine, and no stranger, that a request came over HTTPS."""
    sent = request(HEAD + b"X-Forwarded-Proto: https\r\n\r\n{}")
    for address in ("127.0.0.1", "192.0.2.1", "127.0.0.1"):
        assert loop.answer(sent, (address, 4711), SERVER) is not None
    schemes = [(head["REMOTE_ADDR"], head["wsgi.url_scheme"]) for head in echo.heads]
    assert schemes == [("127.0.0.1", "https"), ("192.0.2.1", "http")]


def test_any_number_of_heads_is_answered_and_few_are_remembered(loop: LoopAnswers) -> None:
    for number in range(1_000):
        sent = HEAD + b"X-Number: %d\r\n\r\n{}" % number
        assert loop.answer(request(sent), CLIENT, SERVER) is not None
        assert len(loop._heads) <= 256
    loop.answer(request(HEAD + b"X-Long: %s\r\n\r\n{}" % (b"x" * 3_000)), CLIENT, SERVER)
    assert max(len(before) + len(after) for before, after, *_ in loop._heads) < 3_000


def offering(*, common: tuple[tuple[str, str], ...]) -> LoopAnswers:
    """Return what asks an application with headers on all of its answers."""

    def answerer(_environ: Mapping[str, Any]) -> Answerer:
        return lambda body: LoopAnswer("200 OK", [("Content-Length", str(len(body)))], body, common)

    made = LoopAnswers.of(SimpleNamespace(answerer=answerer), Config(), Quiet())
    assert made is not None
    return made


def test_headers_of_all_answers_follow_those_of_each() -> None:
    loop = offering(common=(("X-Common", "a b"), ("Connection", "ignored")))
    for _ in range(2):
        made = loop.answer(request(HEAD + b"\r\n{}"), CLIENT, SERVER)
        assert made is not None
        assert made[0].endswith(b"Content-Length: 2\r\nX-Common: a b\r\n\r\n{}")


@pytest.mark.parametrize("wrong", [("X-Split", "a\r\nb"), ("X Name", "a"), ("Content-Length", "5")])
def test_a_wrong_header_of_all_answers_is_sent_with_none(wrong: tuple[str, str]) -> None:
    loop = offering(common=(wrong,))
    for _ in range(2):
        assert loop.answer(request(HEAD + b"\r\n{}"), CLIENT, SERVER) is None


def test_an_answer_says_the_second_of_its_own_and_what_its_request_wants(
    loop: LoopAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([1_800_000_000.2, 1_800_000_000.9, 1_800_000_001.1])
    for date, closes in ((b"08:00:00", False), (b"08:00:00", True), (b"08:00:01", False)):
        now = next(seconds)
        monkeypatch.setattr(time, "time", lambda now=now: now)
        wish = b"Connection: close\r\n" if closes else b""
        made = loop.answer(request(HEAD + wish + b"\r\n{}"), CLIENT, SERVER)
        assert made is not None
        assert (date in made[0], b"Connection: close" in made[0], made[1]) == (True, closes, not closes)


def test_a_fault_leaves_the_request_to_a_thread(caplog: pytest.LogCaptureFixture) -> None:
    def answerer(_environ: Mapping[str, Any]) -> Answerer:
        return lambda body: LoopAnswer("200 OK", [("X-Split", "a\r\nb")], body)

    loop = LoopAnswers.of(SimpleNamespace(answerer=answerer), Config(), Quiet())
    assert loop is not None
    assert loop.answer(request(HEAD + b"\r\n{}"), CLIENT, SERVER) is None
    assert "a thread answers it" in caplog.text


@pytest.mark.parametrize(
    "changed",
    [{"pre_request": lambda worker, req: None}, {"accesslog": "-"}, {"keepalive": 0}, {"proxy_protocol": "v1"}],
)
def test_an_application_is_not_asked_where_something_has_to_see_each_request(
    echo: Echo, changed: dict[str, Any]
) -> None:
    config = Config()
    for name, value in changed.items():
        config.set(name, value)
    assert LoopAnswers.of(echo, config, Quiet()) is None
    assert LoopAnswers.of(echo, Config(), Telling()) is None
    assert LoopAnswers.of(lambda environ, start: [], Config(), Quiet()) is None
