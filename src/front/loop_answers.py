"""Ask an application in the worker's loop; what it does not answer there is left to a thread, with all its bytes."""

from __future__ import annotations

import logging
import time
from typing import Any, NamedTuple

from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from src.front.answer_headers import CheckedResponse
from src.front.loop_answer import Answerer, AnswersInLoop, LoopAnswer
from src.front.request_buffer import RequestBuffer

MOST_BYTES = 16_384
"""Of a request that is answered in the loop."""
_MOST_HEADS, _LONGEST_HEAD = 256, 2_048
"""Heads that are remembered, and bytes of the longest of them: clients send the same ones again and again."""
_MOST_COMMON = 16
"""Sets of headers that all answers of an application have."""
_HOOKS = ("pre_request", "post_request")
_OF_A_THREAD = ("wsgi.input", "wsgi.errors", "wsgi.early_hints", "gunicorn.socket", "REMOTE_PORT")
"""Entries of an environment that differ between requests with the same head, or are for a thread."""

_log = logging.getLogger(__name__)


class _Head(NamedTuple):
    """A head as Gunicorn reads it, and what answers requests with it; None if a thread does."""

    request: Any
    answerer: Answerer | None


class LoopAnswers:
    """Asks an application in the loop.

    Args:
        application: the application.
        cfg: Gunicorn's configuration.
    """

    def __init__(self, application: AnswersInLoop, cfg: Any) -> None:
        self._application, self._cfg = application, cfg
        self._heads: dict[tuple[bytes, bytes, Any, Any], _Head] = {}
        self._common: dict[tuple[tuple[str, str], ...], str] = {}
        self._second = 0
        self._beginnings: dict[tuple[Any, str], tuple[str, bool]] = {}

    @classmethod
    def of(cls, application: Any, cfg: Any, log: Any) -> LoopAnswers | None:
        """Return what asks an application in the loop.

        Args:
            application: a WSGI application.
            cfg: Gunicorn's configuration.
            log: Gunicorn's log.

        Returns:
            None where the application does not offer it, or something wants to see requests that only a thread shows.
        """
        has_hooks = any(getattr(cfg, name) is not cfg.settings[name].default for name in _HOOKS)
        is_told_of_each = type(log).access is not Logger.access or cfg.accesslog or log.access_log.handlers
        if not hasattr(application, "answerer") or has_hooks or is_told_of_each or cfg.proxy_protocol != "off":
            return None
        return cls(application, cfg) if cfg.keepalive else None

    def answer(self, request: RequestBuffer, client: Any, server: Any) -> tuple[bytes, bool] | None:
        """Answer a request, if that is possible at once.

        Args:
            request: a complete one; it stays as it is.
            client: address of the client, as the socket names it.
            server: address of the listener.

        Returns:
            The bytes of the answer, and whether the connection may be kept; None for a request that is left to a
            thread.
        """
        if request.n_bytes is None or request.n_bytes > MOST_BYTES:
            return None
        try:
            head = self._head(request, client, server)
            if head.answerer is None:
                return None
            made = head.answerer(bytes(memoryview(request.data)[request.n_head : request.n_bytes]))
            return None if made is None else self._written(head.request, made)
        except Exception:  # a thread meets it again, and words it
            _log.exception("a request could not be answered in the loop; a thread answers it")
            return None

    def _head(self, request: RequestBuffer, client: Any, server: Any) -> _Head:
        """Return the head of a request, which is remembered without the length of the body: bodies differ.

        What a head says depends on the client, too: proxies may say more than others.
        """
        sent = bytes(memoryview(request.data)[: request.n_head])
        begin, end = request.length_at or (0, 0)
        key = sent[:begin], sent[end:], client[0] if isinstance(client, tuple) else client, server
        head = self._heads.get(key)
        if head is None:
            assert request.n_bytes is not None
            head = self._read(sent, request.n_bytes - request.n_head, client, server)
            if len(sent) <= _LONGEST_HEAD:
                if len(self._heads) >= _MOST_HEADS:
                    self._heads.clear()
                self._heads[key] = head
        return head

    def _read(self, sent: bytes, n_body: int, client: Any, server: Any) -> _Head:
        """Read a head as a thread would; one that is wrong, or not read to its end, is left to it."""
        source = IterUnreader(iter([sent]))
        try:
            request = Request(self._cfg, source, client)
        except Exception:
            return _Head(None, None)
        is_whole = not source.buf.getvalue() and getattr(request.body.reader, "length", None) == n_body
        if not is_whole or not {name for name, _ in request.headers}.isdisjoint(("EXPECT", "UPGRADE")):
            return _Head(None, None)
        _, environ = wsgi.create(request, None, client, server, self._cfg)
        for name in _OF_A_THREAD:
            environ.pop(name, None)
        return _Head(request, self._application.answerer(environ))

    def _written(self, request: Any, made: LoopAnswer) -> tuple[bytes, bool]:
        """Return the bytes that a thread would send, and whether the connection may be kept."""
        response = CheckedResponse(request, None, self._cfg)
        response.start_response(made.status, made.headers)
        if response.response_length != len(made.body) or response.upgrade:
            raise ValueError("an answer of the loop has a body and its length")
        beginning, is_kept = self._beginning(request, response)
        lines = [f"{name}: {value}\r\n" for name, value in response.headers]
        common = self._common.get(made.common)
        if common is None:
            common = self._common_lines(request, made)
        return "".join([beginning, *lines, common, "\r\n"]).encode("latin-1") + made.body, is_kept

    def _beginning(self, request: Any, response: CheckedResponse) -> tuple[str, bool]:
        """Return the lines that Gunicorn begins an answer with, and whether the connection may be kept.

        Within a second they are the same for all answers of one status to requests with one head.
        """
        now, key = int(time.time()), (request, response.status)
        if now != self._second:
            self._second = now
            self._beginnings.clear()
        found = self._beginnings.get(key)
        if found is None:
            found = self._beginnings[key] = "".join(response.default_headers()), not response.should_close()
        return found

    def _common_lines(self, request: Any, made: LoopAnswer) -> str:
        """Return the lines of headers that all answers have, checked once."""
        response = CheckedResponse(request, None, self._cfg)
        response.start_response(made.status, made.common)
        if response.response_length is not None or response.upgrade:
            raise ValueError("the length of an answer is its own, and the loop upgrades no connection")
        lines = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
        if len(self._common) < _MOST_COMMON:
            self._common[made.common] = lines
        return lines
