"""Train by Spark and in one process on the same events: quality, time and memory against size.

python -m bench.spark [--events 1000000 …] [--users 100000] [--engines local spark] [--memory 1500m] [--json FILE]

Sizes are files of ../shared/tools/make_electronics.py, or the made-up shop with --events 0. The test part has at most
as many events as --users, and lists are measured for all of its users: both engines measure the same ones, as samples
drawn apart differ by more than the engines do. A standalone cluster (a master and two workers of one core each) is
started on this machine. Both trainings have all cores, one after the other; memory is the highest sum of resident pages
of all their processes. Needs Java 17 and requirements-spark.txt.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.chaos_shop import ROOT
from src.releases.registry import Registry

GENERATOR = ROOT.parent / "shared/tools/make_electronics.py"
_ALL_ROWS = 7_824_482
_START_SECONDS = 120
_MOST_TEST_EVENTS, _LARGEST_TEST_SHARE = 100_000, 0.2
ENGINES = ("local", "spark")


def missing() -> str:
    """Return why Spark cannot run here; "" if it can."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed (pip install -r requirements-spark.txt)"
    return "" if shutil.which("java") else "there is no command java (Java 17 or later)"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def cluster(folder: Path, memory: str = "1g") -> Iterator[tuple[str, list[int]]]:
    """Start a master and two workers of one core each; give the master's URL and the processes' ids."""
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    port = free_port()
    address = f"spark://127.0.0.1:{port}"

    def start(role: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [home / "bin/spark-class", f"org.apache.spark.deploy.{role}", *arguments, "--webui-port", "0"]
        log = stack.enter_context((folder / f"{role}-{len(started)}.log").open("wb"))
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    with ExitStack() as stack:
        started: list[subprocess.Popen[bytes]] = []
        started.append(start("master.Master", "--host", "127.0.0.1", "--port", str(port)))
        _wait_for(port)
        for _ in range(2):
            started.append(start("worker.Worker", "--cores", "1", "--memory", memory, address))
        yield address, [process.pid for process in started]


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"no master of Spark listens on port {port}")


class _Watched:
    """Memory and processor time of processes and of all that they started, looked at while they run.

    Args:
        roots: Ids of the processes.
    """

    def __init__(self, roots: list[int]) -> None:
        self._roots, self.peak = roots, 0
        self._ticks: dict[int, int] = {}
        self.look()
        self._before = dict(self._ticks)

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds since the first look, also of processes that have ended."""
        ticks = sum(count - self._before.get(pid, 0) for pid, count in self._ticks.items())
        return ticks / os.sysconf("SC_CLK_TCK")

    def look(self) -> None:
        """Look at them."""
        self.peak = max(self.peak, self._look())

    def _look(self) -> int:
        """Note the processor time of each, and return their bytes of resident pages."""
        children: dict[int, list[int]] = {}
        ticks: dict[int, int] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
            ticks[int(path.parent.name)] = int(fields[11]) + int(fields[12])
        total, found = 0, list(self._roots)
        while found:
            pid = found.pop()
            found += children.get(pid, [])
            self._ticks[pid] = ticks.get(pid, self._ticks.get(pid, 0))
            try:
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            except OSError:
                continue
        return total


def _measured(command: list[str], environment: dict[str, str], beside: list[int]) -> dict[str, float]:
    """Run a command; return its seconds, processor seconds and highest memory in GiB, with those of other processes."""
    started, done = time.perf_counter(), threading.Event()
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    watched = _Watched([process.pid, *beside])

    def watch() -> None:
        while not done.wait(0.5):
            watched.look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with exit code {code}")
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "cpu_seconds": watched.cpu_seconds, "gib": watched.peak / 2**30}


def compare(n_events: int, users: int, engines: list[str], memory: str, folder: Path) -> dict[str, Any]:
    """Train on so many events by each engine; return the figures."""
    environment = {
        **os.environ,
        "AISLE_VAR": str(folder / "var"),
        "AISLE_GATE": "off",
        "AISLE_DATABASE_URL": "",
        "AISLE_EVALUATED_USERS": str(users),
        "AISLE_TEST_SHARE": str(min(_LARGEST_TEST_SHARE, users / n_events) if n_events else _LARGEST_TEST_SHARE),
        "PYSPARK_SUBMIT_ARGS": f"--executor-memory {memory} pyspark-shell",
    }
    files = []
    if n_events:
        files = [str(folder / "ratings.csv")]
        subprocess.run([sys.executable, GENERATOR, *files, "--scale", str(n_events / _ALL_ROWS)], check=True)
    subprocess.run([sys.executable, "data_processing.py", *files], check=True, env=environment, cwd=ROOT)
    found: dict[str, Any] = {"events": n_events}
    with cluster(folder, memory) as (address, processes):
        train = [sys.executable, "train_model.py"]
        for engine in engines:
            options = ["--engine", "spark", "--master", address] if engine == "spark" else []
            beside = processes if engine == "spark" else []
            cost = _measured([*train, *options], environment, beside)
            registry = Registry(folder / "var/releases", keep=5)
            manifest = registry.current().manifest
            report = registry.report(manifest.version) or {}
            assert manifest.metrics is not None
            assert manifest.ensemble is not None
            ndcg, weights = manifest.metrics.ndcg_at_10, manifest.ensemble.weights
            found[engine] = {
                **cost,
                "users": report.get("n_ranked_users"),
                "weights": weights,
                "ndcg_at_10": dict(ndcg),
            }
    if len(engines) == len(ENGINES):
        local, spark = (found[engine]["ndcg_at_10"] for engine in ENGINES)
        found["quality"] = {name: spark[name] / local[name] for name in spark if local.get(name)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000], help="sizes; 0: the made-up shop")
    parser.add_argument("--users", type=int, default=_MOST_TEST_EVENTS, help="whose lists are measured, at most")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--memory", default="1500m", help="of each of the two executors")
    parser.add_argument("--json", type=Path, help="written after each size")
    arguments = parser.parse_args()
    if why := missing():
        raise SystemExit(f"skipped: {why}")
    if any(arguments.events) and not GENERATOR.exists():
        raise SystemExit(f"skipped: {GENERATOR} is missing")
    figures = []
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    for n_events in arguments.events:
        with tempfile.TemporaryDirectory() as folder:
            figures.append(compare(n_events, arguments.users, arguments.engines, arguments.memory, Path(folder)))
        print("| events | engine | seconds | processor seconds | GiB | NDCG@10 of the ensemble |")
        for found in figures:
            for engine in arguments.engines:
                each = found[engine]
                row = (f"{found['events']:,}", engine, f"{each['seconds']:.0f}", f"{each['cpu_seconds']:.0f}")
                row += (f"{each['gib']:.1f}", f"{each['ndcg_at_10']['blend']:.4f}")
                print("|", *(f"{cell} |" for cell in row))
            shares = (f"{name} {share:.1%}" for name, share in found.get("quality", {}).items())
            print(f"Spark's NDCG@10 as a share of that of one process: {', '.join(shares)}", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps({**machine, "sizes": figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
