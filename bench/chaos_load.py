"""Load four workers at full speed while releases are swapped, and while a training runs."""

from __future__ import annotations

import argparse
import bisect
import http.client
import json
import multiprocessing
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.chaos_shop import Shop, wait_until

Answer = tuple[float, float, int, str, str, str]
"""Start and end (monotonic seconds), status, release, user, list as JSON."""
_AFTER_SWAP_SECONDS = 2.0
_MAX_GROWTH_KIB = 8_192
"""Limit for a worker in 20 swaps: usual growth is half a MiB; a release that stays in memory each time exceeds it."""


def _send_requests(port: int, users: list[str], until: float, seed: int, results: Any) -> None:
    """Request lists at full speed on one connection, which is opened again when the worker closes it."""
    rng = random.Random(seed)
    answers: list[Answer] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.monotonic() < until:
        user = rng.choice(users)
        started = time.monotonic()
        try:
            connection.request("GET", f"/recommend?user_id={user}")
            answer = connection.getresponse()
            body = answer.read().decode()
            status, release = answer.status, answer.headers.get("X-Release", "")
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            # A server may close an idle keep-alive connection; a new connection without an answer is a fault.
            fresh = getattr(connection, "fresh", True)
            connection.close()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            if not fresh:
                connection.fresh = True  # type: ignore[attr-defined]
                continue
            status, release, body = 0, "", type(error).__name__
        connection.fresh = False  # type: ignore[attr-defined]
        answers.append((started, time.monotonic(), status, release, user, body))
    results.put(answers)


class Load:
    """Client processes that send requests for a number of seconds."""

    def __init__(self, shop: Shop, seconds: float, clients: int = 4) -> None:
        context = multiprocessing.get_context("fork")
        self._results = context.Queue()
        self._clients = clients
        self.until = time.monotonic() + seconds
        self._processes = [
            context.Process(target=_send_requests, args=(shop.port, shop.users, self.until, at, self._results))
            for at in range(clients)
        ]
        for process in self._processes:
            process.start()

    def answers(self) -> list[Answer]:
        """Wait for the clients; return all answers in the order of their starts."""
        answers = [answer for _ in range(self._clients) for answer in self._results.get()]
        for process in self._processes:
            process.join()
        return sorted(answers)


def _p99(seconds: list[float]) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] if ordered else float("nan")


def _wrong(shop: Shop, answers: list[Answer]) -> list[str]:
    """Describe answers other than 200, and lists that differ from those of the release in their header."""
    wrong = Counter(f"status {status}: {body[:80]}" for _, _, status, _, _, body in answers if status != 200)
    for _, _, status, release, user, body in answers:
        if status == 200 and json.loads(body) != shop.expected(release, user):
            wrong[f"a list that is not of release {release}"] += 1
    return [f"{n} × {fault}" for fault, n in wrong.items()]


def swaps_under_load(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Swap releases and roll back under load; then measure memory and open files after twenty swaps."""
    shop.environment["AISLE_KEEP_RELEASES"] = "50"
    versions = [str(shop.registry.current_version())]
    for _ in range(2):
        if shop.train("--no-activate") != 0:
            raise RuntimeError("the shop cannot be trained")
    versions = shop.registry.versions()
    # Without the cache every list is computed, so that the service itself is measured.
    shop.serve(workers=4, AISLE_CACHE_SECONDS="0")
    load, swaps, n = Load(shop, options.seconds), [], 12
    pause = options.seconds / (n + 2)
    time.sleep(pause)
    for at in range(n):
        if at == n - 1:
            shop.registry.rollback()
        else:
            shop.registry.activate(versions[(at + 1) % len(versions)])
        swaps.append(time.monotonic())
        time.sleep(max(0.0, pause))
    answers = load.answers()
    during, without = [], []
    for started, ended, *_ in answers:
        at = bisect.bisect(swaps, ended) - 1
        is_near = at >= 0 and started - swaps[at] < _AFTER_SWAP_SECONDS
        (during if is_near else without).append(ended - started)
    counts: dict[str, Any] = {
        "answers": len(answers),
        "per_second": round(len(answers) / options.seconds),
        "swaps": n,
        "rollbacks": 1,
        "releases_seen": len({answer[3] for answer in answers}),
        "p99_ms_without": round(1e3 * _p99(without), 1),
        "p99_ms_during": round(1e3 * _p99(during), 1),
        "wrong": _wrong(shop, answers),
    }
    counts["p99_ratio"] = round(counts["p99_ms_during"] / counts["p99_ms_without"], 2)
    counts["workers"] = _after_many_swaps(shop, versions)
    counts["wrong"] += _leaks(counts["workers"])
    shop.end()
    return counts


def _after_many_swaps(shop: Shop, versions: list[str], n: int = 20) -> list[dict[str, Any]]:
    """Measure memory, open files and mapped releases of every worker before and after n more swaps.

    Every worker answers every kind of request before it is measured, as files that are opened once are no leak.
    """

    def serves(version: str) -> bool:
        listed = shop.get("/status")[2]["workers"]
        return {worker["pid"] for worker in listed if worker["release"] == version} >= set(shop.workers())

    def is_warm() -> bool:
        _send_every_request(shop)
        return all(_has_opened_encoder(pid) for pid in shop.workers())

    def measure_workers() -> dict[int, dict[str, int]]:
        for _ in range(300):
            _send_every_request(shop)
        return {pid: _figures(pid) for pid in shop.workers()}

    def swap(times: int) -> None:
        for at in range(times):
            version = versions[at % len(versions)]
            shop.registry.activate(version)
            wait_until(lambda: serves(version), "every worker to serve the release")  # noqa: B023
            for _ in range(20):
                _send_every_request(shop)

    wait_until(is_warm, "every worker to open its encoder")
    swap(len(versions))
    before = measure_workers()
    swap(n)
    after = measure_workers()
    return [{"pid": pid, "before": before[pid], "after": after.get(pid)} for pid in before]


def _send_every_request(shop: Shop) -> None:
    shop.get(f"/recommend?user_id={random.choice(shop.users)}")
    product = random.choice(shop.products)
    shop.post("/search", {"query": product.title, "top_k": 10})
    shop.post("/matrix_factor/similar", {"item_id": product.product_id, "n": 10})
    shop.post("/predict", {"user_id": random.choice(shop.users), "product_id": product.product_id})


def _has_opened_encoder(pid: int) -> bool:
    return "wordllama" in Path(f"/proc/{pid}/maps").read_text()


def _figures(pid: int) -> dict[str, int]:
    """Return memory in KiB, open files and mapped releases. private: memory that is freed if this worker ends."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    memory = {name: int(amount.split()[0]) for name, amount in (line.split(":", 1) for line in lines)}
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    mapped = {line.split("/releases/")[1].split("/")[0] for line in maps if "/releases/" in line}
    return {
        "rss_kib": memory["Rss"],
        "private_kib": memory["Private_Clean"] + memory["Private_Dirty"],
        "anonymous_kib": memory["Anonymous"],
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "releases_mapped": len(mapped),
    }


def _leaks(workers: list[dict[str, Any]]) -> list[str]:
    """Describe leaks: old releases that stay mapped, files that stay open, memory that grows."""
    wrong = []
    for worker in workers:
        before, after = worker["before"], worker["after"]
        if after is None or after["releases_mapped"] > 1 or after["files"] > before["files"] + 3:
            wrong.append(f"worker {worker['pid']}: {after}")
        elif after["private_kib"] > before["private_kib"] + _MAX_GROWTH_KIB:
            wrong.append(f"worker {worker['pid']} grew from {before['private_kib']} to {after['private_kib']} KiB")
    return wrong


def training_under_load(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Compare the load without and with trainings in another process, at the priority of scheduled ones."""
    shop.serve(workers=4, AISLE_CACHE_SECONDS="0")
    Load(shop, 5).answers()
    alone = Load(shop, options.seconds / 2).answers()
    load, trained = Load(shop, options.seconds / 2), 0
    while time.monotonic() < load.until - 1:
        trained += shop.train("--trigger", "api", "--no-activate") == 0
    beside = load.answers()
    counts: dict[str, Any] = {
        "answers": len(alone) + len(beside),
        "trainings": trained,
        "per_second_alone": round(len(alone) / (options.seconds / 2)),
        "per_second_beside": round(len(beside) / (options.seconds / 2)),
        "p99_ms_alone": round(1e3 * _p99([ended - started for started, ended, *_ in alone]), 1),
        "p99_ms_beside": round(1e3 * _p99([ended - started for started, ended, *_ in beside]), 1),
        "wrong": _wrong(shop, alone) + _wrong(shop, beside),
    }
    counts["p99_ratio"] = round(counts["p99_ms_beside"] / counts["p99_ms_alone"], 2)
    shop.end()
    return counts
