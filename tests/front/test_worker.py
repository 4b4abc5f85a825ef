"""Connections that send and read slowly, or not at all, keep nobody from an answer."""

from __future__ import annotations

import re
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.front.application import LARGE
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
HALF = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Le"
BODY_TO_COME = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000\r\n\r\n{"
COMMAND = f"{sys.executable} -m gunicorn -c python:tests.front.no_configuration --workers 1 --threads 2".split()
COMMAND += ["--worker-class", "src.front.worker.BufferingWorker", "--keep-alive", "30"]


@contextmanager
def service(*options: str, descriptors: int = 1024) -> Iterator[int]:
    """One worker with two threads; yields its port."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    process = subprocess.Popen(
        [*COMMAND, "--bind", f"127.0.0.1:{port}", *options, "tests.front.application:app"],
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: process.poll() is not None or answers(port), "an answer of the worker")
        assert process.poll() is None
        yield port
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    try:
        return ask(port) == b"hello"
    except OSError:
        return False


def ask(port: int, body: bytes = b"hello", path: str = "/") -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body)
        return connection.getresponse().read()
    finally:
        connection.close()


def connected(port: int, sent: bytes = b"", receive_buffer: int | None = None) -> socket.socket:
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    client.sendall(sent)
    return client


SLOW: dict[str, Callable[[int], socket.socket]] = {
    "silent": connected,
    "half a head": lambda port: connected(port, HALF),
    "a body to come": lambda port: connected(port, BODY_TO_COME),
    "an answer that is not read": lambda port: connected(port, b"GET /large HTTP/1.1\r\nHost: shop\r\n\r\n", 4096),
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with service() as port:
        yield port


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_keep_nobody_from_an_answer(port: int, kind: str) -> None:
    with ExitStack() as clients:
        for _ in range(20):
            clients.enter_context(SLOW[kind](port))
        assert ask(port) == b"hello"


def test_a_slow_client_gets_its_whole_answer(port: int) -> None:
    with connected(port, b"GET /large HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n", 4096) as client:
        assert ask(port) == b"hello"
        assert b"".join(iter(lambda: client.recv(65_536), b"")).endswith(b"\r\n\r\n" + LARGE)


def test_a_request_that_comes_in_pieces_is_answered(port: int) -> None:
    with connected(port) as client:
        for byte in b"POST / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc":
            client.sendall(bytes([byte]))
        assert b"".join(iter(lambda: client.recv(65_536), b"")).endswith(b"\r\n\r\nabc")


def test_requests_that_come_at_once_are_answered_in_order(port: int) -> None:
    one = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 1\r\n\r\n"
    last = b"POST / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 1\r\n\r\n"
    with connected(port, one + b"1" + one + b"2" + last + b"3") as client:
        said = b"".join(iter(lambda: client.recv(65_536), b""))
    assert [part[-1:] for part in said.split(b"HTTP/1.1 200 OK")[1:]] == [b"1", b"2", b"3"]


def test_pipelined_requests_wait_for_those_of_other_clients_and_are_all_answered(port: int) -> None:
    n_clients, n_each = 30, 10
    many = b"GET /number HTTP/1.1\r\nHost: shop\r\n\r\n" * (n_each - 1)
    last = b"GET /number HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(port, many + last)) for _ in range(n_clients)]
        said = [client.recv(1) for client in clients]  # the first request of each has had its turn
        numbers = [int(ask(port, path="/number")) for _ in range(3)]
        said = [first + b"".join(iter(lambda: client.recv(65_536), b"")) for first, client in zip(said, clients)]  # noqa: B023, B905
    assert numbers[-1] < n_clients * n_each, "no pipelined request was left to wait"
    assert numbers[-1] - numbers[0] < n_clients  # in turn, each would wait for one of every client
    assert [answers.count(b"HTTP/1.1 200 OK") for answers in said] == [n_each] * n_clients


def test_pipelined_requests_are_answered_one_at_a_time(port: int) -> None:
    n_clients, n_each = 4, 8
    many = b"GET /at-work HTTP/1.1\r\nHost: shop\r\n\r\n" * (n_each - 1)
    last = b"GET /at-work HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(port, many + last)) for _ in range(n_clients)]
        first_bytes = [client.recv(1) for client in clients]
        said = [b"".join(iter(lambda: client.recv(65_536), b"")) for client in clients]  # noqa: B023
    assert first_bytes == [b"H"] * n_clients
    at_work = [re.findall(rb"\r\n\r\n(\d)", answers) for answers in said]
    assert [numbers[n_each // 2 :] for numbers in at_work] == [[b"1"] * (n_each // 2)] * n_clients


def test_a_connection_is_kept_for_more_requests(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    for body in (b"a", b"b" * 500_000, b"c"):
        connection.request("POST", "/", body)
        assert connection.getresponse().read() == body
    connection.close()


def test_a_client_that_waits_for_leave_to_send_gets_it(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    with connected(port, head) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"abc")
        assert b"".join(iter(lambda: client.recv(65_536), b"")).endswith(b"\r\n\r\nabc")


def test_more_connections_than_descriptors_replace_the_oldest_and_end_no_worker() -> None:
    with service(descriptors=64) as port, ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(connected(port, HALF))
        assert ask(port) == b"hello"


def test_every_thread_is_started_before_the_first_request() -> None:
    with service("--threads", "8") as port:
        assert ask(port, path="/threads") == b"8"


def test_what_need_not_be_waited_for_is_answered_while_every_thread_waits(port: int) -> None:
    asked = b"POST /wait HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 1\r\n\r\n"
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(port, asked + b"w")) for _ in range(4)]
        said = [ask(port, path="/loop/") for _ in range(3)]
        assert ask(port, path="/loop/release") == b"loop: hello"
        ends = [b"".join(iter(lambda: client.recv(65_536), b""))[-1:] for client in waiting]  # noqa: B023
    assert (said, ends) == ([b"loop: hello"] * 3, [b"w"] * 4)


@pytest.mark.parametrize("path", ["/loop/fault", "/loop/not-now"])
def test_what_the_loop_does_not_answer_is_answered_by_a_thread(port: int, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    said = []
    for at in (path, "/loop/", path):
        connection.request("POST", at, b"a body")
        said.append(connection.getresponse().read())
    connection.close()
    assert said == [b"thread: a body", b"loop: a body", b"thread: a body"]


def test_a_slow_reader_gets_the_whole_answer_of_the_loop(port: int) -> None:
    head = b"GET /loop/large HTTP/1.1\r\nHost: shop\r\n"
    with connected(port, head + b"\r\n" + head + b"Connection: close\r\n\r\n", 4096) as client:
        assert ask(port, path="/loop/") == b"loop: hello"
        said = b"".join(iter(lambda: client.recv(65_536), b""))
    assert [len(part.partition(b"\r\n\r\n")[2]) for part in said.split(b"HTTP/1.1 200 OK")[1:]] == [len(LARGE)] * 2


def test_of_requests_that_come_at_once_the_first_is_answered_in_the_loop_and_all_in_order(port: int) -> None:
    one = b"POST /loop/ HTTP/1.1\r\nHost: shop\r\nContent-Length: 1\r\n\r\n"
    last = b"POST /loop/ HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 1\r\n\r\n"
    with connected(port, one + b"1" + one + b"2" + last + b"3") as client:
        said = b"".join(iter(lambda: client.recv(65_536), b""))
    assert re.findall(rb"\r\n\r\n(\w+: \d)", said) == [b"loop: 1", b"thread: 2", b"thread: 3"]


def test_the_answer_of_the_loop_is_what_a_thread_sends(port: int) -> None:
    request = b"GET /loop/%s HTTP/1.%d\r\nHost: shop\r\nConnection: %s\r\n\r\n"
    for version, connection in ((1, b"close"), (1, b"Keep-Alive"), (0, b"close"), (0, b"Keep-Alive")):
        said = []
        for path in (b"", b"not-now"):
            with connected(port, request % (path, version, connection)) as client:
                said.append(b"")
                while not said[-1].endswith(b": "):
                    said[-1] += client.recv(1000)
                assert connection != b"close" or client.recv(1000) == b""
        loop, thread = (re.sub(rb"Date: [^\r]+", b"", each) for each in said)
        assert loop.replace(b"loop", b"thread").replace(b"Length: 6", b"Length: 8") == thread


def test_answers_of_the_loop_count_as_requests_of_a_worker() -> None:
    with service("--max-requests", "6", "--worker-class", "src.front.worker.BufferingWorker") as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        said = []
        while not said or said[-1][1] is None:
            connection.request("POST", "/loop/", b"a")
            answer = connection.getresponse()
            said.append((answer.read(), answer.getheader("Connection").replace("keep-alive", "") or None))
        connection.close()
        # The service was asked at least once while it was started. The last answer is a thread's, and says goodbye.
        assert said[:-1] == [(b"loop: a", None)] * (len(said) - 1)
        assert said[-1] == (b"thread: a", "close")
        assert len(said) <= 5
        assert answers(port)


def test_a_loop_without_time_leaves_answers_to_threads() -> None:
    with service("--worker-class", "tests.front.application.ImpatientWorker") as port:
        assert ask(port, path="/loop/") == b"thread: hello"


@pytest.mark.parametrize("option", [("--access-logfile", "/dev/null"), ("--keep-alive", "0")])
def test_a_worker_that_shows_each_request_or_keeps_no_connection_answers_by_threads(option: tuple[str, str]) -> None:
    with service(*option) as port:
        assert ask(port, path="/loop/") == b"thread: hello"


def test_a_service_that_ends_answers_what_was_asked() -> None:
    with service() as port:
        client = connected(port, BODY_TO_COME)
    with client:
        said = client.recv(1000)
    assert said == b"" or said.startswith(b"HTTP/1.1 408")


def test_half_a_request_is_told_that_its_time_is_over() -> None:
    with service("--worker-class", "tests.front.application.ImpatientWorker") as port, connected(port, HALF) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 408")
