"""Faults of a disk and a database: damaged files, no space, a locked store."""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.chaos_shop import ROOT, Shop
from src.core.errors import AisleError


def damages(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Damage each file of a release; check that it is neither loaded nor activated, and that the older one serves."""
    older = shop.registry.current_version()
    if shop.train() != 0:
        raise RuntimeError("the shop cannot be trained")
    registry, damaged = shop.registry, str(shop.registry.current_version())
    files = sorted(path for path in (registry.folder / damaged).rglob("*") if path.is_file())
    counts: dict[str, Any] = {"files": len(files), "damages": 0, "kinds": Counter(), "wrong": []}
    for at in range(options.damages):
        path, kind = (
            files[at % len(files)],
            random.choice(("flipped", "cut", "longer", "emptied", "deleted", "swapped")),
        )
        content = path.read_bytes()
        if kind == "swapped" and len(set(content)) < 2:
            kind = "cut"
        _damage(path, content, kind)
        counts["damages"] += 1
        counts["kinds"][kind] += 1
        for read in (registry.current, lambda: registry.load(damaged), lambda: registry.activate(damaged)):
            try:
                read()
                counts["wrong"].append(f"{path.name} {kind}: the damaged release was accepted")
            except AisleError:
                pass
        if registry.active().version != older:
            counts["wrong"].append(f"{path.name} {kind}: the older release is not served")
        path.write_bytes(content)
    if registry.active().version != damaged:
        counts["wrong"].append("the restored release is not served")
    counts["kinds"] = dict(counts["kinds"])
    return counts


def _damage(path: Path, content: bytes, kind: str) -> None:
    changed = bytearray(content)
    at = random.randrange(len(content)) if content else 0
    if kind == "deleted":
        path.unlink()
        return
    if kind == "flipped":
        changed[at] ^= 1 << random.randrange(8)
    elif kind == "cut":
        changed = changed[:at]
    elif kind == "longer":
        changed += b"\0"
    elif kind == "emptied":
        changed.clear()
    elif kind == "swapped":
        other = next(place for place in range(len(content)) if content[place] != content[at])
        changed[at], changed[other] = changed[other], changed[at]
    path.write_bytes(bytes(changed))


def full_disk(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Fill the file system of the releases at 20 stages of publishing; check that the older release serves.

    If no file system can be mounted, the size of files is limited instead.
    """
    releases = shop.registry.folder
    n_bytes = sum(path.stat().st_size for path in releases.rglob("*") if path.is_file())
    counts: dict[str, Any] = {"how": "tmpfs", "tries": 0, "refused": 0, "published": 0, "wrong": []}
    mounted = _mount(releases, 20 * n_bytes)
    counts["how"] = "tmpfs" if mounted else "RLIMIT_FSIZE"
    try:
        for step in range(20):
            before = shop.registry.current_version()
            if mounted:
                free = shutil.disk_usage(releases).free
                (releases / ".filler").write_bytes(b"\0" * max(0, free - int(n_bytes * step / 4)))
                code = shop.train()
                (releases / ".filler").unlink()
            else:
                code = _train_with_file_limit(shop, 1_000 + step * n_bytes // 60)
            counts["tries"] += 1
            counts["published" if code == 0 else "refused"] += 1
            if shop.problem() or (code != 0 and shop.registry.current_version() != before):
                counts["wrong"].append(f"step {step}: {shop.problem()}")
            if list(releases.glob(".tmp-*")):
                counts["wrong"].append(f"step {step}: a partly written release is left")
        if shop.train() != 0:
            counts["wrong"].append("training fails after space was freed")
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(releases)], check=False)
    return counts


def _mount(folder: Path, size: int) -> bool:
    """Mount a tmpfs of this size over the folder, with its content; return whether that succeeded."""
    copy = folder.with_name("releases.before")
    shutil.copytree(folder, copy)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode == 0:
        shutil.copytree(copy, folder, dirs_exist_ok=True)
    return done.returncode == 0


def _train_with_file_limit(shop: Shop, max_bytes: int) -> int:
    """Train with a limit on the size of release files; return the exit code."""
    code = (
        "import resource, runpy, signal, sys, src.releases.registry as registry\n"
        "publish = registry.Registry.publish\n"
        "def limited(*arguments, **named):\n"
        f"    resource.setrlimit(resource.RLIMIT_FSIZE, ({max_bytes}, resource.RLIM_INFINITY))\n"
        "    try: return publish(*arguments, **named)\n"
        "    finally: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "registry.Registry.publish = limited\n"
        "sys.argv = ['train_model.py']; runpy.run_path('train_model.py', run_name='__main__')\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=shop.environment, capture_output=True, check=False
    ).returncode


def locked_store(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Lock the database for 10 s during requests and a training; check every answer."""
    shop.serve(workers=2)
    counts: dict[str, Any] = {"seconds_locked": 10, "statuses": Counter(), "wrong": []}
    stop = threading.Event()
    slowest = 0.0

    def request_lists() -> None:
        nonlocal slowest
        while not stop.is_set():
            started = time.monotonic()
            status, headers, listed = shop.get(f"/recommend?user_id={random.choice(shop.users)}")
            slowest = max(slowest, time.monotonic() - started)
            counts["statuses"][status] += 1
            if status == 200 and (len(listed) != 10 or "X-Release" not in headers):
                counts["wrong"].append("a wrong list")
            if status not in (200, 503):
                counts["wrong"].append(f"status {status}")

    clients = [threading.Thread(target=request_lists) for _ in range(3)]
    for client in clients:
        client.start()
    trainer = shop.trainer()
    time.sleep(1.5)
    holder = sqlite3.connect(shop.folder / "var" / "store.sqlite3", timeout=30, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    time.sleep(10)
    holder.execute("ROLLBACK")
    holder.close()
    time.sleep(2)
    stop.set()
    for client in clients:
        client.join()
    code = trainer.wait()
    counts["training_succeeded"] = code == 0
    counts["slowest_answer_seconds"] = round(slowest, 2)
    if code != 0:
        counts["wrong"].append(f"the training ended with exit code {code}")
    counts["wrong"] += [wrong] if (wrong := shop.problem()) else []
    counts["statuses"] = {str(status): n for status, n in counts["statuses"].items()}
    shop.end()
    return counts
