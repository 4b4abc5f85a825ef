"""Hold connections with silent clients, slow senders and slow readers; measure the answers beside them."""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import socket
import time
from contextlib import suppress
from typing import Any

from bench.chaos_shop import Shop, wait_until

N_CONNECTIONS = 2_000
_PROBES = 100
_MOST_RATIO = 3.0
_FREE_MS = 100.0
"""A p99 below it is right whatever it was at rest."""
_NIGHT_SECONDS = 600.0
"""A scheduled training has the lowest priority, which is raised here, but compilers and other load remain."""
_HALF_A_HEAD = b"POST /recommend HTTP/1.1\r\nHost: x\r\n"
_HALF_A_BODY = _HALF_A_HEAD + b"Content-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
_UNREAD = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
_PIPELINED = 20 * b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
ATTACKS = {
    "silent": b"",
    "half a head": _HALF_A_HEAD,
    "half a body": _HALF_A_BODY,
    "unread answers": _UNREAD,
    "pipelined": _PIPELINED,
}


def held_connections(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Hold 2,000 connections of each kind; /healthz and POST /recommend are answered beside them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    shop.serve(workers=2)
    counts: dict[str, Any] = {"tries": 0, "wrong": [], "rows": {}}
    rest = _p99(shop, counts, "at rest")
    for name, data in ATTACKS.items():
        held = [_hold(shop.port, data) for _ in range(N_CONNECTIONS)]
        time.sleep(0.5)
        beside = _p99(shop, counts, name)
        for path, worst in beside.items():
            if worst > max(_FREE_MS, _MOST_RATIO * rest[path]):
                counts["wrong"].append(f"{name}: p99 of {path} {worst} ms, {rest[path]} ms at rest")
        for client in held:
            client.close()
    shop.end()
    return counts


def _hold(port: int, data: bytes) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    with suppress(OSError):
        client.connect(("127.0.0.1", port))
        client.settimeout(0.2)
        client.sendall(data)
    return client


def _p99(shop: Shop, counts: dict[str, Any], name: str) -> dict[str, float]:
    """Return the p99 of both calls in milliseconds, and note it."""
    found = {}
    calls = {
        "/healthz": lambda: shop.get("/healthz"),
        "/recommend": lambda: shop.post("/recommend", {"user_id": random.choice(shop.users)}),
    }
    for path, call in calls.items():
        seconds = []
        for _ in range(_PROBES):
            started = time.monotonic()
            status = call()[0]
            seconds.append(time.monotonic() - started)
            counts["tries"] += 1
            if status != 200:
                counts["wrong"].append(f"{name}: status {status} of {path}")
        found[path] = round(1e3 * sorted(seconds)[int(0.99 * _PROBES) - 1], 1)
    counts["rows"][name] = found
    return found


def stopped_leader(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Stop the leader (SIGSTOP) for two minutes while a night is due, and let it go on: one run, one trainer.

    Gunicorn kills a worker that is silent for 120 s, so the stop may end either way.
    """
    shop.serve(workers=2, AISLE_SCHEDULER="on")
    leader = wait_until(shop.leader, "a leader")
    before = len(shop.scheduled_runs())
    os.kill(leader, signal.SIGSTOP)
    counts: dict[str, Any] = {"tries": 1, "seconds_stopped": 2 * options.seconds, "most_trainers": 0, "wrong": []}
    try:
        shop.backdate_runs()
        time.sleep(2 * options.seconds)
    finally:
        with suppress(ProcessLookupError):
            os.kill(leader, signal.SIGCONT)

    def has_ended() -> bool:
        trainers = shop.trainers()
        counts["most_trainers"] = max(counts["most_trainers"], len(trainers))
        with suppress(OSError):  # only root may
            for trainer in trainers:
                for thread in os.listdir(f"/proc/{trainer}/task"):
                    os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))
                    os.setpriority(os.PRIO_PROCESS, int(thread), 0)
        return len(shop.scheduled_runs()) > before and not trainers

    wait_until(has_ended, "the night", _NIGHT_SECONDS)
    time.sleep(3)
    counts["runs"], counts["leader_survived"] = len(shop.scheduled_runs()) - before, leader in shop.workers()
    if counts["runs"] != 1 or shop.scheduled_runs()[0].attempt != 1 or counts["most_trainers"] != 1:
        counts["wrong"].append(f"not one run by one trainer: {shop.scheduled_runs()}")
    counts["wrong"] += [wrong] if (wrong := shop.problem()) else []
    shop.end()
    return counts
