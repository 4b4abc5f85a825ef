"""Limits of the system: little memory, few descriptors, a folder that cannot be written, a full /tmp."""

from __future__ import annotations

import argparse
import http.client
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.chaos_shop import PATIENCE_SECONDS, ROOT, Shop, wait_until
from src.core.records import RunStatus
from src.workflows.locks import trainer_lock
from src.workflows.run_records import close_abandoned

_MIB = 2**20
_TRAINER_MIB = (300, 600, 900, 1_200, 1_225, 1_500, 1_800, 2_100, 2_400, 3_000, 3_500, 4_000)
_SPARE_MIB = (0, 4, 16, 64, 128)
_REQUESTS, _CLIENTS = 180, 8
_ANY_LIMIT = 2**40
_DESCRIPTORS = (16, 32, 64)
_FEW_FILES = "ulimit -n"


def little_memory(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Limit the address space of trainings, then of running workers; the release serves on, and every end is told."""
    counts: dict[str, Any] = {"tries": 0, "trainings": {}, "workers": {}, "wrong": []}
    shop.serve(workers=2)
    for mib in _TRAINER_MIB:
        counts["trainings"][f"{mib} MiB"] = _limited_training(shop, counts, resource.RLIMIT_AS, mib * _MIB)
    for n in _DESCRIPTORS:
        told = _limited_training(shop, counts, resource.RLIMIT_NOFILE, n)
        counts["trainings"][f"{n} files"] = told
        if "train again" in told or (not told.startswith("succeeded") and _FEW_FILES not in told):
            counts["wrong"].append(f"{n} files: {told}")
    shop.end()
    for spare in _SPARE_MIB:
        counts["workers"][f"{spare} MiB more"] = _limited_workers(shop, counts, spare * _MIB)
    return counts


def _limited_training(shop: Shop, counts: dict[str, Any], kind: int, limit: int) -> str:
    """Train under a limit, and return how the store tells of the run."""
    before = shop.registry.current_version()
    known = {run.run_id for run in shop.store.runs.newest(500)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "train_model.py")],
        cwd=shop.folder,
        env=shop.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)),
    )
    close_abandoned(shop.store, trainer_lock(shop.settings))  # as the leader does
    run = next((run for run in shop.store.runs.newest(9) if run.run_id not in known), None)
    counts["tries"] += 1
    if done.returncode == 0:
        return "succeeded"
    told = "ended before it recorded its run" if run is None else f"{run.status.value}: {run.message}"
    if run is not None and not (run.status in (RunStatus.FAILED, RunStatus.INTERRUPTED) and run.message):
        counts["wrong"].append(f"limit {limit}: {told}")
    if shop.registry.current_version() != before or (problem := shop.problem()):
        counts["wrong"].append(f"limit {limit}: the release does not serve on: {problem}")
    return told


def _limited_workers(shop: Shop, counts: dict[str, Any], spare: int) -> dict[str, Any]:
    """Start workers that may take so many bytes more than they take anyway, and ask them for everything at once."""
    shop.serve(workers=2, address_space=_ANY_LIMIT)  # a limit makes them load their libraries at once
    sizes = [int(Path(f"/proc/{pid}/statm").read_text().split()[0]) for pid in shop.workers()]
    shop.end()
    shop.serve(workers=2, address_space=max(sizes) * os.sysconf("SC_PAGESIZE") + spare)
    limited = shop.workers()
    with ThreadPoolExecutor(_CLIENTS) as clients:
        answers = list(clients.map(lambda number: _asked(shop, number), range(_REQUESTS)))
    statuses = Counter(answers)
    counts["tries"] += len(answers)
    wrong = sorted({f"{path}: status {status}" for path, status in statuses if status in (0, 500)})
    wrong += ["a worker was replaced"] if set(limited) - set(shop.workers()) else []
    wait_until(lambda: len(shop.workers()) == len(limited), "the workers")
    wrong += [f"afterwards: {problem}"] if (problem := shop.problem()) else []
    counts["wrong"] += [f"{spare // _MIB} MiB more: {each}" for each in wrong]
    replaced = len(set(limited) - set(shop.workers()))
    shop.end()
    return {"statuses": {f"{path} {status}": n for (path, status), n in sorted(statuses.items())}, "replaced": replaced}


def _asked(shop: Shop, number: int) -> tuple[str, int]:
    """Send one of several requests, some of which take much memory; returns its path, and its status or 0."""
    user, product = random.choice(shop.users), random.choice(shop.products).product_id
    event = {"user_id": "x", "kind": "view", "query": "q" * 200}
    events = [event | {"product_id": f"{n:04}" + "p" * 200, "event_id": f"{n:04}" + "e" * 200} for n in range(1_000)]
    calls: tuple[tuple[str, Any], ...] = (
        (f"/recommend?user_id={user}", None),
        ("/events", events),
        ("/search", {"query": shop.products[number % len(shop.products)].title}),
        ("/recommend", {"user_id": user, "n": 100, "exclude": [f"{n:05}" for n in range(1_000)]}),
        ("/matrix_factor/similar", {"item_id": product}),
        ("/", None),
        (f"/shop/search?q={product}", None),
        ("/openapi.json", None),
        ("/status", None),
        ("/why-not", {"user_id": user, "product_id": product}),
    )
    path, body = calls[number % len(calls)]
    try:
        return path.partition("?")[0], (shop.get(path) if body is None else shop.post(path, body))[0]
    except (OSError, EOFError, http.client.HTTPException):  # a worker that dies answers nothing
        return path, 0


def unwritable_places(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Make AISLE_VAR read-only, and fill the folder for temporary files, under a running service."""
    temporary = shop.folder / "tmp"
    temporary.mkdir()
    if not _mounted("-t", "tmpfs", "-o", f"size={4 * _MIB}", "tmpfs", str(temporary)):
        return {"skipped": "nothing can be mounted here: it needs root", "wrong": []}
    shop.environment["TMPDIR"] = str(temporary)
    counts: dict[str, Any] = {"tries": 0, "rows": {}, "wrong": []}
    var = str(shop.folder / "var")
    try:
        shop.serve(workers=2)
        _fill(temporary)
        _ask_all(shop, counts, "a full /tmp", stored=True)
        if shop.train() != 0 or shop.problem():
            counts["wrong"].append("a full /tmp: training failed")
        shop.end()
        shop.serve(workers=2)  # starts with a full /tmp, too
        _ask_all(shop, counts, "started with a full /tmp", stored=True)
        if not (_mounted("--bind", var, var) and _mounted("-o", "remount,ro,bind", var)):
            counts["wrong"].append("AISLE_VAR cannot be made read-only")
        _ask_all(shop, counts, "read-only AISLE_VAR", stored=False)
        before = shop.registry.current_version()
        if shop.train() == 0 or shop.registry.current_version() != before:
            counts["wrong"].append("read-only AISLE_VAR: a training says that it succeeded")
        subprocess.run(["umount", "-l", var], check=False)
        time.sleep(1)
        _ask_all(shop, counts, "writable again", stored=True)
        shop.end()
    finally:
        for place in (var, str(temporary)):
            subprocess.run(["umount", "-l", place], check=False, capture_output=True)
    return counts


def _mounted(*options: str) -> bool:
    return subprocess.run(["mount", *options], check=False, capture_output=True).returncode == 0


def _fill(folder: Path) -> None:
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(65_536))
        except OSError:
            return


def _ask_all(shop: Shop, counts: dict[str, Any], name: str, *, stored: bool) -> None:
    """Ask 20 times for lists, storing and readiness; storing is 201 or 503, and readiness agrees with it."""
    row: Counter[str] = Counter()
    wanted = {"/recommend": 200, "/events": 201 if stored else 503, "/readyz": 200 if stored else 503, "/healthz": 200}
    for number in range(20):
        user, product = random.choice(shop.users), random.choice(shop.products).product_id
        event = {"user_id": f"{name} {number}", "product_id": product, "kind": "view"}
        found = {
            "/recommend": shop.get(f"/recommend?user_id={user}")[0],
            "/events": shop.post("/events", event)[0],
            "/readyz": shop.get("/readyz")[0],
            "/healthz": shop.get("/healthz")[0],
        }
        row.update(f"{path} {status}" for path, status in found.items())
        counts["tries"] += len(found)
        if found != wanted:
            counts["wrong"].append(f"{name}: {found}")
    counts["rows"][name] = dict(row)
