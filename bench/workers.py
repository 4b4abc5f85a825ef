"""Compare Gunicorn's workers: requests per second at rest, and whether slow clients stop them.

    python -m bench.workers [--rounds N] [--seconds S] [--slow N] [--json FILE]

Each worker serves the same small application with two processes. Rounds alternate between the workers, and each figure
is the ratio to gthread's of the same round. Needs wrk (apt-get install wrk); gevent is left out where it is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = {
    "gthread": ("gthread", 4),
    "gthread, 32 threads": ("gthread", 32),
    "gevent": ("gevent", 1),
    "ours": ("src.front.worker.BufferingWorker", 4),
}
HALF = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Le"
CONNECTIONS = 8


def ask(port: int, patience: float = 2.0) -> float | None:
    """Seconds that one request takes; None if it is not answered."""
    started = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.request("POST", "/", b"{}")
        connection.getresponse().read()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
    return time.perf_counter() - started


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


@contextmanager
def service(worker: str, threads: int) -> Iterator[int]:
    """Two processes of a worker; yields the port."""
    port = free_port()
    options = f"-w 2 -k {worker} --threads {threads} --worker-connections 4096 -b 127.0.0.1:{port}".split()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:tests.front.no_configuration", *options]
    process = subprocess.Popen([*command, "tests.front.application:app"], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            if ask(port) is not None:
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def requests_per_second(port: int, seconds: float) -> float:
    """What wrk gets over 8 connections."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"Requests/sec: +([\d.]+)", said)[0])


def answered_beside(port: int, n_slow: int) -> tuple[int, float]:
    """How many of 20 requests are answered beside clients that sent half a head, and their 99th percentile in ms."""
    with ExitStack() as clients:
        for _ in range(n_slow):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(HALF)
        time.sleep(0.5)
        took = [seconds for seconds in (ask(port, 0.5) for _ in range(20)) if seconds is not None]
    return len(took), 1000 * max(took, default=float("nan"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--slow", type=int, default=2_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("skipped: wrk is missing; apt-get install wrk")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    left_out = set() if importlib.util.find_spec("gevent") else {"gevent"}
    workers = {name: options_of for name, options_of in WORKERS.items() if name not in left_out}
    rates: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(options.rounds):
        for name, (worker, threads) in workers.items():
            with service(worker, threads) as port:
                rates[name].append(requests_per_second(port, options.seconds))
    figures = {}
    for name, (worker, threads) in workers.items():
        ratios = [mine / other for mine, other in zip(rates[name], rates["gthread"], strict=True)]
        with service(worker, threads) as port:
            at_rest = answered_beside(port, 0)
            answered, slowest = answered_beside(port, options.slow)
        figures[name] = {
            "requests_per_second": [round(rate) for rate in rates[name]],
            "ratio_to_gthread": round(statistics.median(ratios), 3),
            "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
            "answered_of_20_beside_slow": answered,
            "slowest_ms_beside_slow": round(slowest, 1),
            "slowest_ms_at_rest": round(at_rest[1], 1),
        }
        print(name, figures[name])
    if left_out:
        print(f"left out as not installed: {', '.join(left_out)}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
