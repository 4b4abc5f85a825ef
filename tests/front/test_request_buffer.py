"""One request, in whatever pieces its bytes come."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.front.request_buffer import MAX_HEAD, Phase, RequestBuffer

HEAD = b"POST /recommend HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n"
REQUEST = HEAD + b"hello"


@given(st.lists(st.integers(1, len(REQUEST) - 1), unique=True))
def test_a_request_is_complete_with_its_last_byte_however_it_is_cut(cuts: list[int]) -> None:
    buffer = RequestBuffer(100)
    edges = [0, *sorted(cuts), len(REQUEST)]
    phases = [buffer.feed(REQUEST[start:end]) for start, end in pairwise(edges)]
    expected = [Phase.HEAD if end < len(HEAD) else Phase.BODY for end in edges[1:-1]]
    assert phases == [*expected, Phase.COMPLETE]
    assert bytes(buffer.data) == REQUEST


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"x" * (MAX_HEAD + 1),
    ],
    ids=["no body", "too long", "beyond numbers", "below zero", "chunked", "endless head"],
)
def test_a_request_that_is_refused_by_its_head_waits_for_no_body(head: bytes) -> None:
    assert RequestBuffer(100).feed(head) is Phase.COMPLETE


def test_a_name_that_ends_like_a_length_is_none() -> None:
    buffer = RequestBuffer(100)
    assert buffer.feed(b"POST / HTTP/1.1\r\nX-Content-Length: 50\r\nCONTENT-LENGTH:3 \r\n\r\nab") is Phase.BODY
    assert buffer.feed(b"c") is Phase.COMPLETE


def test_a_client_is_told_once_to_send_its_body() -> None:
    buffer = RequestBuffer(100)
    buffer.feed(b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
    assert buffer.take_expectation()
    assert not buffer.take_expectation()


def test_a_long_head_is_searched_once() -> None:
    buffer = RequestBuffer(100)
    for _ in range(MAX_HEAD):
        phase = buffer.feed(b"x")
    assert phase is Phase.HEAD
    assert buffer.feed(b"x") is Phase.COMPLETE
