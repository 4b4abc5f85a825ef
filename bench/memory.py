"""Measure private and shared memory of four workers that serve one release.

    python -m bench.memory         needs a release in AISLE_VAR

Memory is read from /proc/PID/smaps_rollup after many requests. It is compared with a copy of the release's files in
every worker, as without memory-mapping.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from src.core.errors import AisleError
from src.models.settings import read_settings
from src.releases.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 4
REQUESTS = 400
_KIB = 1 << 10
_MIB = 1 << 20


class Memory(NamedTuple):
    """Memory of a process in MiB."""

    private: float
    shared: float
    resident: float
    proportional: float


def memory_of(pid: int) -> Memory:
    """Return the memory of a process by the kernel's account."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    of = {line.split(":")[0]: int(line.split()[1]) * _KIB / _MIB for line in lines}
    private, shared = of["Private_Clean"] + of["Private_Dirty"], of["Shared_Clean"] + of["Shared_Dirty"]
    return Memory(private, shared, of["Rss"], of["Pss"])


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def main() -> int:
    settings = read_settings()
    try:
        release = Registry(settings.releases_dir).active()
    except AisleError as error:
        print(f"skipped: no release can be served ({error})")
        return 0
    arrays = release.manifest.n_bytes / _MIB
    users = [release.pipeline.users.id_of(at % len(release.pipeline.users)) for at in range(REQUESTS)]
    del release
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    gunicorn = Path(sys.executable).parent / "gunicorn"
    environment = os.environ | {"PORT": str(port), "AISLE_SCHEDULER": "off", "AISLE_VAR": str(settings.var.resolve())}
    master = subprocess.Popen(
        [str(gunicorn), "--workers", str(WORKERS), "run:app"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        for user in users:
            _post(port, {"user_id": user})
            _post(port, {"user_id": user, "model": "svd"})
        table = Table(
            f"release of {arrays:,.0f} MiB, {WORKERS} workers",
            "private MiB",
            "shared MiB",
            "resident MiB",
            "proportional (PSS) MiB",
        )
        total = 0.0
        for pid in children(master.pid):
            memory = memory_of(pid)
            total += memory.proportional
            table.add_row(f"worker {pid}", *(f"{mib:,.0f}" for mib in memory))
        Console(width=120).print(table)
        saved = (WORKERS - 1) * arrays
        print(f"together {total:,.0f} MiB; without memory-mapping it would be {saved:,.0f} MiB more")
    finally:
        master.send_signal(signal.SIGTERM)
        master.wait(30)
    return 0


def _post(port: int, body: dict[str, str], timeout: float = 120) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/recommend", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    end = time.monotonic() + timeout
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30):
                return
        except ConnectionError:
            if time.monotonic() > end:
                raise
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError) or time.monotonic() > end:
                raise
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
