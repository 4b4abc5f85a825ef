"""Remove, replace, restore and corrupt the store's file under a service that is asked and written to."""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.chaos_shop import Shop, wait_until
from src.store.sqlite_file import back_up, restore

_SECONDS = 4.0
_NOTICED_SECONDS = 2.0
_BUYERS = 3


@dataclass
class Buyers:
    """Clients that buy a product, and after its 201 look whether it is still recommended.

    Attributes:
        shop: The shop.
        answers: (start in seconds of time.monotonic(), status of POST /events, user, product).
        wrong: What was wrong.
    """

    shop: Shop
    answers: list[tuple[float, int, str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._buy, args=(number,)) for number in range(_BUYERS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _buy(self, number: int) -> None:
        n = 0
        while not self._stop.is_set():
            n += 1
            user, product = f"buyer-{number}-{n}", random.choice(self.shop.products).product_id
            event = {"user_id": user, "product_id": product, "kind": "purchase", "event_id": f"{number}-{n}"}
            started = time.monotonic()
            status, _, _ = self.shop.post("/events", event)
            self.answers.append((started, status, user, product))
            if status not in (201, 503):
                self.wrong.append(f"status {status} of POST /events")
            if status != 201:
                continue
            status, _, listed = self.shop.get(f"/recommend?user_id={user}")
            if status not in (200, 503) or (status == 200 and product in listed and not self._was_disturbed(started)):
                self.wrong.append(f"after a 201: status {status}, {listed}")

    def _was_disturbed(self, started: float) -> bool:
        """Return whether the file was changed since: an event of the old file is not in the new one."""
        return started <= self.changed_at + _NOTICED_SECONDS

    changed_at: float = float("-inf")


def changed_store(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Change the store's file in four ways under load; nothing is read from, or told to be stored in, a lost file."""
    file = shop.folder / "var" / "store.sqlite3"
    shop.serve(workers=2, AISLE_CACHE_SECONDS="0")
    counts: dict[str, Any] = {"tries": 0, "wrong": [], "rows": {}}
    ways: dict[str, tuple[Callable[[Path, Path], None], bool]] = {
        "removed": (lambda path, _: path.unlink(), False),
        "replaced by a backup": (lambda path, backup: os.replace(backup, path), True),
        "restored": (lambda path, backup: restore(backup, path), True),
        "corrupt": (lambda path, _: _corrupt(path), False),
    }
    for name, (change, is_served) in ways.items():
        kept, backup = shop.folder / "kept.sqlite3", shop.folder / "backup.sqlite3"
        for copy in (kept, backup):
            back_up(file, copy)
        buyers = Buyers(shop)
        time.sleep(_SECONDS / 2)
        change(file, backup)
        buyers.changed_at = changed_at = time.monotonic()
        row: dict[str, Any] = {"seconds_to_not_ready": None}
        if not is_served:
            with suppress(TimeoutError):
                wait_until(lambda: shop.get("/readyz")[0] == 503, "/readyz 503", _SECONDS)
                row["seconds_to_not_ready"] = round(time.monotonic() - changed_at, 2)
        time.sleep(_SECONDS)
        buyers.end()
        later = [answer for answer in buyers.answers if answer[0] > changed_at + _NOTICED_SECONDS]
        row |= {"events": len(buyers.answers), "later": len(later), "later_201": sum(a[1] == 201 for a in later)}
        counts["wrong"] += [f"{name}: {wrong}" for wrong in buyers.wrong]
        if is_served:
            row["lost"] = _missing(file, [(user, product) for _, status, user, product in later if status == 201])
            wrong = row["lost"] or row["later_201"] < len(later) or not later
        else:
            wrong = row["seconds_to_not_ready"] is None or (name == "removed" and row["later_201"])
        counts["wrong"] += [f"{name}: {row}"] if wrong else []
        os.replace(kept, file)
        wait_until(lambda: {shop.get("/readyz")[0] for _ in range(8)} == {200}, "/readyz 200", _SECONDS)
        counts["wrong"] += [f"{name}, afterwards: {wrong}"] if (wrong := shop.problem()) else []
        counts["tries"] += len(buyers.answers)
        counts["rows"][name] = row
    shop.end()
    return counts


def _corrupt(path: Path) -> None:
    """Overwrite every page that holds a buyer's event: the first pages of the tables stay."""
    content = path.read_bytes()
    size = int.from_bytes(content[16:18], "big")
    with path.open("r+b") as stream:
        for start in range(size, len(content), size):
            if b"buyer-" in content[start : start + size]:
                stream.seek(start)
                stream.write(b"\xff" * size)


def _missing(path: Path, bought: list[tuple[str, str]]) -> int:
    """Return how many of these purchases the file does not hold."""
    with closing(sqlite3.connect(path)) as store:
        held = set(store.execute("SELECT user_id, product_id FROM events WHERE user_id LIKE 'buyer-%'"))
    return len(set(bought) - held)
