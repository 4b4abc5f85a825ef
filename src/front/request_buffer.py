"""Collect the bytes of one HTTP/1.1 request until it is complete."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

MAX_HEAD = 65_536
"""Bytes of request line and headers. A longer head goes to the parser at once, which refuses it."""

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_ENCODED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


class Phase(Enum):
    """How much of a request has arrived."""

    EMPTY = "empty"
    HEAD = "head"
    BODY = "body"
    COMPLETE = "complete"


@dataclass
class RequestBuffer:
    """The bytes of one request, and what is still missing.

    The head is read only as far as its end and the length of its body; the server's parser reads the rest and refuses
    what is malformed.

    Attributes:
        max_body: bytes; a request that announces a longer body is complete with its head, so that it is refused unread.
        data: all bytes received; more than the request where others follow it.
        n_head: bytes of request line and headers, with the empty line; 0 before they are complete.
        n_bytes: bytes of the whole request; None before its head is complete.
        length_at: where the length of the body stands in the head; None if no header says it, or it is too large.
    """

    max_body: int
    data: bytearray = field(default_factory=bytearray)
    n_head: int = 0
    n_bytes: int | None = None
    length_at: tuple[int, int] | None = None
    _searched: int = 0
    _expects: bool = False

    def feed(self, received: bytes) -> Phase:
        """Add bytes, and return how much of the request has arrived. Each byte is looked at once."""
        self.data += received
        if self.n_bytes is None:
            end = self.data.find(_HEAD_END, max(self._searched - len(_HEAD_END), 0))
            self._searched = len(self.data)
            if end < 0:
                # A line break before the request line is skipped by the parser; everything else is a head.
                return Phase.COMPLETE if len(self.data) > MAX_HEAD else Phase.HEAD if self.data else Phase.EMPTY
            self._read_head(bytes(self.data[: end + len(_HEAD_END)]))
        assert self.n_bytes is not None
        return Phase.COMPLETE if len(self.data) >= self.n_bytes else Phase.BODY

    def take_expectation(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends the body. True once only."""
        expects, self._expects = self._expects, False
        return expects

    def _read_head(self, head: bytes) -> None:
        length = _LENGTH.search(head)
        body = int(length[1]) if length else 0
        if _ENCODED.search(head) or body > self.max_body:
            body = 0  # refused by the application, which reads no body
        elif length:
            self.length_at = length.span(1)
        self.n_head, self.n_bytes = len(head), len(head) + body
        self._expects = bool(_EXPECTS.search(head))
