"""Measure the latency of a running service while a large file is loaded into its store.

    python -m bench.loading_live FILE

A synthetic shop is trained and served by two Gunicorn workers on SQLite. One client requests lists and posts events in
turn, first without other load, then while `data_processing.py FILE` runs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
REST_SECONDS = 20.0
KEY = "only-for-this-bench"


class _Client:
    """Requests lists and posts events in turn, records latencies, and counts failed calls."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._n_calls = 0
        self.failed = 0

    def run_while(self, condition: Callable[[], bool]) -> dict[str, list[float]]:
        """Send requests while the condition holds; return the milliseconds of each call, by call."""
        latencies: dict[str, list[float]] = {"POST /recommend": [], "POST /events": []}
        while condition():
            self._n_calls += 1
            user = f"U{self._n_calls % 500:05d}"
            event = {
                "user_id": f"V{self._n_calls}",
                "product_id": "P00001",
                "kind": "click",
                "event_id": f"e{self._n_calls}",
            }
            for path, body in (("/recommend", {"user_id": user}), ("/events", event)):
                started = time.perf_counter()
                self._post(path, body)
                latencies[f"POST {path}"].append((time.perf_counter() - started) * 1_000)
            time.sleep(0.01)
        return latencies

    def wait(self) -> None:
        """Wait until the service answers."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self._url}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)

    def _post(self, path: str, body: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60):
                pass
        except (urllib.error.URLError, ConnectionError):
            self.failed += 1


def _python(environment: dict[str, str], *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def main() -> int:
    if len(sys.argv) != 2:
        print("skipped: no file was given (python -m bench.loading_live FILE)")
        return 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "AISLE_VAR": folder,
            "AISLE_SCHEDULER": "off",
            "AISLE_WRITE_KEYS": KEY,
            "PORT": str(port),
        }
        # The shop is loaded as a file: loading real events would replace a synthetic shop and its release.
        shop = Path(folder) / "shop.csv"
        subprocess.run([sys.executable, "-c", _WRITE_SHOP, str(shop)], cwd=ROOT, env=environment, check=True)
        for command in (["data_processing.py", str(shop)], ["train_model.py"]):
            subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        master = _python(environment, "-m", "gunicorn", "--log-level", "error", "--workers", "2", "run:app")
        try:
            client = _Client(port)
            client.wait()
            end = time.monotonic() + REST_SECONDS
            rest = client.run_while(lambda: time.monotonic() < end)
            loading = _python(environment, "data_processing.py", sys.argv[1])
            loaded = client.run_while(lambda: loading.poll() is None)
        finally:
            master.send_signal(signal.SIGTERM)
            master.wait(30)
    _print(rest, loaded, client.failed)
    return 0


_WRITE_SHOP = """
import sys
from src.synthetic.shop import make_shop
events = make_shop(until=1_700_000_000).events
with open(sys.argv[1], "w") as file:
    file.write("user_id,product_id,kind,value,timestamp\\n")
    for row in zip(events.user_id, events.product_id, events.kind, events.value.tolist(), events.at.tolist()):
        file.write(",".join(map(str, row)) + "\\n")
"""


def _print(rest: dict[str, list[float]], loaded: dict[str, list[float]], failed: int) -> None:
    table = Table("milliseconds", "calls", "p50", "p99", "longest", title="at rest, and while a file is loaded")
    for state, latencies in (("at rest", rest), ("loading", loaded)):
        for call, times in latencies.items():
            figures = [f"{np.percentile(times, share):.1f}" for share in (50, 99, 100)]
            table.add_row(f"{call}, {state}", f"{len(times):,}", *figures)
    Console(width=120).print(table)
    for call in rest:
        ratio = np.percentile(loaded[call], 99) / np.percentile(rest[call], 99)
        print(f"{call}: p99 while loading is {ratio:.1f} times that at rest")
    print(f"{failed} calls failed")


if __name__ == "__main__":
    sys.exit(main())
