"""A Gunicorn worker whose threads never wait for a client.

Gunicorn's threaded worker gives each connection a thread that reads the request and writes the answer, so a few clients
that send half a request, or read no answer, occupy all threads. Here the worker's main loop reads requests until they
are complete and writes answers that a client is slow to read; a thread only makes the answer, or the loop itself where
the application need not wait for it (see loop_answers). Connections beyond the limit replace the one that has waited
longest. Requests that came before the answer to the one before them (pipelined)
are answered one at a time, behind the requests of other clients: each thread more would only make the others wait for
the interpreter's lock.

It rests on inner methods of `gunicorn.workers.gthread`; tests/front/test_worker.py fails when they change.
"""

from __future__ import annotations

import errno
import os
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from functools import partial
from threading import Barrier
from typing import Any

from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from src.front.answer_headers import CheckedResponse
from src.front.client_socket import ClientSocket
from src.front.loop_answers import LoopAnswers
from src.front.request_buffer import Phase, RequestBuffer

HEAD_SECONDS = 10.0
"""A request's head must be complete this long after its first byte, or after the connection was made."""
REQUEST_SECONDS = 60.0
"""A whole request, body included."""
ANSWER_SECONDS = 60.0
"""A client must have read the whole answer."""
LINGER_SECONDS = 2.0
"""After the last answer a connection is read on, so that no reset cuts the answer off (RFC 9112, section 9.6)."""
MOST_BUFFERED = 128 * 2**20
"""Bytes of incomplete requests and unread answers that a worker holds; beyond it the longest waiting one is closed."""
PIPELINED_SHARE = 8
"""One request in so many is a pipelined one where the requests of other clients occupy all threads."""
LOOP_SECONDS = 0.01
"""In one round of the loop; requests beyond it go to threads, so that connections and made answers wait no longer."""
MAX_BODY = 8 * 2**20
"""Bytes; `gunicorn.conf.py` sets what the application accepts."""

_CHUNK = 65_536
_SWEEP_SECONDS = 0.25
_FEWEST_CONNECTIONS = 16
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class State(Enum):
    """What a connection waits for."""

    READING = "the client sends a request"
    QUEUED = "it is the turn of a pipelined request"
    WORKING = "a thread makes the answer"
    WRITING = "the client reads the answer"
    LINGERING = "the client closes the connection"


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A client's connection: what it waits for, and until when.

    Attributes:
        state: what it waits for.
        deadline: of the state, in seconds of time.monotonic().
        request: the bytes of the next request, while READING.
        begun: when its first byte came, in seconds of time.monotonic().
        keep: whether another request may follow the answer, while WRITING.
    """

    sock: ClientSocket

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, ClientSocket(sock), client, server)
        self.data_ready = True  # a thread gets it with a whole request
        self.state = State.READING
        self.deadline = 0.0
        self.request = RequestBuffer(MAX_BODY)
        self.begun = 0.0
        self.keep = False

    @property
    def n_buffered(self) -> int:
        """Bytes held for this connection."""
        return len(self.request.data) + len(self.sock.received) + self.sock.n_unsent


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's threaded worker with reading and writing in its main loop.

    Attributes:
        head_seconds: until when a head must be complete, see HEAD_SECONDS.
        loop_seconds: of answers in one round of the loop, see LOOP_SECONDS.
        max_body: bytes of the largest body that is read; a longer one is refused by its head.
        connections: all open ones, the one that has been in its state longest first.
        pipelined: connections with a complete request that waits for its turn; closed ones are skipped later.
    """

    head_seconds = HEAD_SECONDS
    loop_seconds = LOOP_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_body = MAX_BODY
        self.connections: dict[Connection, None] = {}
        self.pipelined: deque[Connection] = deque()
        self._n_working = 0
        self._pipelined_at_work: Connection | None = None
        self._n_answers = 0
        self._swept_at = 0.0
        self._accept_again_at = 0.0
        self._loop_answers: LoopAnswers | None = None
        self._answered_seconds = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse TLS, which ends in a proxy.

        Args:
            cfg: Gunicorn's configuration.
            log: Gunicorn's log.

        Raises:
            SystemExit: A certificate is configured.
        """
        if cfg.is_ssl:
            raise SystemExit(
                "error: a certificate is configured, and this worker speaks plain HTTP. Let a proxy end TLS, or start "
                "Gunicorn with --worker-class gthread."
            )
        super().check_config(cfg, log)

    def init_process(self) -> None:
        """Fit the number of connections to the descriptors there are; half of them stay for the application.

        Answers of this process are `CheckedResponse`s.
        """
        descriptors = raise_descriptor_limit()
        wsgi.Response = CheckedResponse
        self.worker_connections = max(_FEWEST_CONNECTIONS, min(int(self.cfg.worker_connections), descriptors // 2))
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, which may offer to answer in the loop."""
        super().load_wsgi()
        self._loop_answers = LoopAnswers.of(self.wsgi, self.cfg, self.log)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Return the threads, all of them started: a limit that allows no more ends the start, not a request."""
        pool: ThreadPoolExecutor = super().get_thread_pool()
        all_run = Barrier(self.cfg.threads + 1)
        for _ in range(self.cfg.threads):
            pool.submit(all_run.wait)
        all_run.wait()
        return pool

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not; not for a moment after descriptors ran out."""
        super().set_accept_enabled(enabled and time.monotonic() >= self._accept_again_at)

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, in place of the longest waiting one where there are too many."""
        if self.nr_conns >= self.worker_connections - 1:
            self._close_longest_waiting()
        try:
            client_sock, client_addr = listener.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:
                if not self._close_longest_waiting():
                    self._accept_again_at = time.monotonic() + 1.0
                    self.set_accept_enabled(False)
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, client_sock, client_addr, listener.getsockname())
        self._read(connection, time.monotonic() + self.head_seconds)
        self._receive(connection)

    def finish_request(self, conn: Connection, fs: Future[bool]) -> None:
        """Write the rest of an answer that a thread has made.

        Args:
            conn: The connection of the request.
            fs: The thread's result: whether the connection may be kept.
        """
        self._n_working -= 1
        self._n_answers += 1
        if conn is self._pipelined_at_work:
            self._pipelined_at_work = None
        try:
            conn.keep = not fs.cancelled() and fs.exception() is None and bool(fs.result())
            if conn.sock.flush():
                self._answered(conn)
            else:
                self._wait(conn, State.WRITING, ANSWER_SECONDS, selectors.EVENT_WRITE, self._write)
        except OSError:
            self._drop(conn)
        self._submit_pipelined(needs_free_thread=self._n_answers % PIPELINED_SHARE != 0)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections that have waited too long; Gunicorn's loop calls this after every round.

        Args:
            force: close all of them.
        """
        now = time.monotonic()
        self._answered_seconds = 0.0
        if not force and now < self._swept_at + _SWEEP_SECONDS:
            return
        self._swept_at = now
        for connection in list(self.connections):
            waits = connection.state is not State.WORKING
            # A worker that ends waits for answers, and for requests that are on their way.
            if not self.alive and connection.state is State.READING:
                connection.deadline = min(connection.deadline, now + LINGER_SECONDS)
            if waits and (force or now >= connection.deadline):
                self._time_out(connection)
        excess = sum(connection.n_buffered for connection in self.connections) - MOST_BUFFERED
        for connection in [each for each in self.connections if each.state is not State.WORKING]:
            if excess > 0 and connection.n_buffered > _CHUNK:
                excess -= connection.n_buffered
                self._drop(connection)

    def _wait(
        self, connection: Connection, state: State, seconds: float, event: int, call: Callable[[Connection], None]
    ) -> None:
        """Call back when the client's socket is ready, or close the connection after so many seconds."""
        self._enter(connection, state, seconds)
        self.poller.register(connection.sock.raw, event, partial(_called, call, connection))

    def _enter(self, connection: Connection, state: State, seconds: float) -> None:
        """Put a connection into a state, behind all others."""
        self._forget(connection)
        connection.state, connection.deadline = state, time.monotonic() + seconds
        self.connections[connection] = None

    def _forget(self, connection: Connection) -> None:
        """Stop waiting for the client's socket."""
        if self.connections.pop(connection, _ABSENT) is not _ABSENT and connection.state in _FOR_THE_CLIENT:
            self.poller.unregister(connection.sock.raw)

    def _read(self, connection: Connection, deadline: float) -> None:
        """Wait for the next request."""
        connection.request = RequestBuffer(self.max_body)
        self._wait(connection, State.READING, deadline - time.monotonic(), selectors.EVENT_READ, self._receive)

    def _receive(self, connection: Connection) -> None:
        if connection not in self.connections:
            return
        try:
            received = connection.sock.raw.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            received = b""
        if received:
            self._took(connection, received)
        elif connection.request.data:
            self._submit(connection)  # the parser says of half a request what is missing
        else:
            self._drop(connection)

    def _took(self, connection: Connection, received: bytes, *, pipelined: bool = False) -> None:
        """Add bytes to a request; a whole one is answered or goes to a thread, a pipelined one into the queue."""
        was_empty = not connection.request.data
        phase = connection.request.feed(received)
        if phase is Phase.COMPLETE:
            if pipelined:
                self._enter(connection, State.QUEUED, REQUEST_SECONDS)
                self.pipelined.append(connection)
            elif not self._answer(connection):
                self._submit(connection)
            return
        if was_empty:
            connection.begun = time.monotonic()
        connection.deadline = connection.begun + (REQUEST_SECONDS if phase is Phase.BODY else self.head_seconds)
        if connection.request.take_expectation():
            connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self, connection: Connection) -> bool:
        """Answer a request here; returns whether that was possible, and the client has the answer or will get it."""
        may_answer = self.alive and self.nr + 1 < self.max_requests and self._answered_seconds < self.loop_seconds
        if self._loop_answers is None or not may_answer:
            return False
        began, request = time.monotonic(), connection.request
        made = self._loop_answers.answer(request, connection.client, connection.server)
        now = time.monotonic()
        self._answered_seconds += now - began
        if made is None:
            return False
        self.nr += 1
        answer, connection.keep = made
        try:
            connection.sock.sendall(answer)
        except OSError:
            self._drop(connection)
            return True
        connection.sock.received += request.data[request.n_bytes :]
        if connection.sock.unsent:
            self._wait(connection, State.WRITING, ANSWER_SECONDS, selectors.EVENT_WRITE, self._write)
        elif connection.keep and not connection.sock.received:
            # As `_answered` leaves it, without telling the poller what it knows.
            connection.request, connection.deadline = RequestBuffer(self.max_body), now + float(self.cfg.keepalive)
            self.connections[connection] = self.connections.pop(connection)
        else:
            self._answered(connection)
        return True

    def _submit(self, connection: Connection) -> None:
        self._enter(connection, State.WORKING, 0.0)
        self._n_working += 1
        connection.sock.received += connection.request.data
        connection.request = RequestBuffer(self.max_body)
        self.enqueue_req(connection)

    def _submit_pipelined(self, *, needs_free_thread: bool = True) -> None:
        """Hand the next queued request to a thread, unless one of them is at work."""
        may_start = self._n_working < self.cfg.threads or not needs_free_thread
        while self.pipelined and self._pipelined_at_work is None and may_start:
            connection = self.pipelined.popleft()
            if connection in self.connections:
                self._pipelined_at_work = connection
                self._submit(connection)

    def _write(self, connection: Connection) -> None:
        try:
            if connection.sock.flush():
                self._answered(connection)
        except OSError:
            self._drop(connection)

    def _answered(self, connection: Connection) -> None:
        """The client has the whole answer: wait for its next request, or for the end of the connection."""
        if not connection.keep:
            self._linger(connection)
            return
        read = b"" if connection.parser is None else connection.parser.unreader.take_buffered()
        already = read + bytes(connection.sock.received)
        connection.sock.received.clear()
        self._read(connection, time.monotonic() + float(self.cfg.keepalive))
        if already:
            self._took(connection, already, pipelined=True)
            self._submit_pipelined()

    def _linger(self, connection: Connection) -> None:
        try:
            connection.sock.raw.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(connection)
            return
        self._wait(connection, State.LINGERING, LINGER_SECONDS, selectors.EVENT_READ, self._discard)

    def _discard(self, connection: Connection) -> None:
        try:
            if connection.sock.raw.recv(_CHUNK):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._drop(connection)

    def _time_out(self, connection: Connection) -> None:
        if connection.state is State.READING and connection.request.data:
            with suppress(OSError):
                connection.sock.sendall(_TIMED_OUT)
        self._drop(connection)

    def _close_longest_waiting(self) -> bool:
        """Close the connection that has waited longest for its client; returns whether there was one."""
        longest = next((each for each in self.connections if each.state is not State.WORKING), None)
        if longest is not None:
            self._drop(longest)
        return longest is not None

    def _drop(self, connection: Connection) -> None:
        if connection not in self.connections:
            return  # it was closed for another one in the same round of the loop
        self._forget(connection)
        self.nr_conns -= 1
        connection.sock.raw.close()


_ABSENT = object()
_FOR_THE_CLIENT = frozenset((State.READING, State.WRITING, State.LINGERING))


def raise_descriptor_limit() -> int:
    """Let this process open as many files as the system allows it; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft if soft != resource.RLIM_INFINITY else os.sysconf("SC_OPEN_MAX")


def _called(call: Callable[[Connection], None], connection: Connection, _file: Any) -> None:
    call(connection)
