"""Compare Aisle's answers with hello: the same Gunicorn configuration, reads the JSON body, answers a constant list.

    python -m bench.serve [--scale S] [--short] [--var FOLDER] [--rounds N] [--seconds S] [--only CASE …] [--no-json]

Builds a release of the generated file of a scale once (1.0 is the full file; kept under AISLE_VAR/bench), starts hello
(a bare WSGI function; beside it a Flask view, and the function in the worker's loop) and Aisle with its cache and
without, and drives them in turn with wrk over 8 connections. Nothing is pinned. Every rate is divided by that of hello
just before it, with the same bodies.
Writes bench/results/serve-DATE-COMMIT.json. Needs wrk (apt-get install wrk).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.memory import children, memory_of
from bench.serve_shop import ROOT, bodies_of, shop_of
from bench.workers import free_port
from src.models.settings import read_settings
from src.releases.registry import Registry

RESULTS = ROOT / "bench/results"
CONNECTIONS = 8
HELLO, IN_FLASK, IN_LOOP, AISLE, UNCACHED = (
    "hello",
    "hello in Flask",
    "hello in the loop",
    "Aisle",
    "Aisle without cache",
)
GOALS = {"cached": 0.90, "uncached": 0.75, "history": 0.60, "healthz": 0.95}
SERVICE_OF = {"cached": AISLE, "uncached": UNCACHED, "history": UNCACHED, "healthz": AISLE}
WHAT = {
    "cached": "POST /recommend, list in the cache",
    "uncached": "POST /recommend, users drawn by activity, no cache",
    "history": "POST /recommend, history in the request, no cache",
    "healthz": "GET /healthz",
}
_RATIOS = ("of_hello", "of_hello_in_flask", "of_hello_in_loop", "p99_of_hello", "cpu_of_hello")
_LUA = """
local bodies, at = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function() at = at % #bodies + 1; return wrk.format(nil, nil, nil, bodies[at]) end
"""


@dataclass(frozen=True)
class Service:
    """A running service: its port, the process of Gunicorn's master, and the seconds until it was ready."""

    port: int
    master: int
    ready_seconds: float

    def cpu_seconds(self) -> float:
        """Processor time of all workers so far."""
        total = 0
        for pid in children(self.master):
            total += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        return total / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Rate:
    """One run of wrk."""

    per_second: float
    p99_ms: float
    cpu_us: float
    errors: int


@dataclass
class Case:
    """The runs of one case, and those of hello just before them."""

    ours: list[Rate] = field(default_factory=list)
    hello: list[Rate] = field(default_factory=list)
    in_flask: list[Rate] = field(default_factory=list)
    in_loop: list[Rate] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Medians over the rounds, with their ranges."""
        return {
            "per_second": [round(rate.per_second) for rate in self.ours],
            "hello_per_second": [round(rate.per_second) for rate in self.hello],
            "of_hello": _spread(self.ours, self.hello, lambda rate: rate.per_second),
            "of_hello_in_flask": _spread(self.ours, self.in_flask, lambda rate: rate.per_second),
            "of_hello_in_loop": _spread(self.ours, self.in_loop, lambda rate: rate.per_second),
            "p99_of_hello": _spread(self.ours, self.hello, lambda rate: rate.p99_ms),
            "cpu_of_hello": _spread(self.ours, self.hello, lambda rate: rate.cpu_us),
            "cpu_us": round(statistics.median(rate.cpu_us for rate in self.ours)),
            "hello_cpu_us": round(statistics.median(rate.cpu_us for rate in self.hello)),
            "errors": sum(rate.errors for rate in self.ours),
        }


def _spread(ours: list[Rate], theirs: list[Rate], value: Any) -> list[float]:
    """Median, lowest and highest ratio over the rounds."""
    ratios = [value(mine) / value(other) for mine, other in zip(ours, theirs, strict=True)]
    return [round(figure, 3) for figure in (statistics.median(ratios), min(ratios), max(ratios))]


@contextmanager
def service(app: str, config: str, **settings: str) -> Iterator[Service]:
    """Start Gunicorn with a configuration of this folder and wait until it is ready."""
    port, began = free_port(), time.perf_counter()
    environment = {**os.environ, **settings, "PORT": str(port), "HOST": "127.0.0.1", "AISLE_SCHEDULER": "off"}
    gunicorn = Path(sys.executable).parent / "gunicorn"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([str(gunicorn), "-c", config, app], cwd=ROOT, env=environment, stderr=log)
        try:
            while not _answers(f"http://127.0.0.1:{port}/readyz"):
                if process.poll() is not None or time.perf_counter() > began + 300:
                    log.seek(0)
                    sys.exit(f"error: {app} did not start: {log.read()[-2_000:].decode()}")
                time.sleep(0.02)
            yield Service(port, process.pid, time.perf_counter() - began)
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def drive(target: Service, bodies: Path | None, seconds: int, script: Path) -> Rate:
    """Let wrk ask a service; without bodies GET /healthz."""
    url = f"http://127.0.0.1:{target.port}/{'recommend' if bodies else 'healthz'}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
    before = target.cpu_seconds()
    said = subprocess.run(
        [*command, *(["-s", str(script)] if bodies else []), url],
        env={**os.environ, "BODIES": str(bodies)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    spent = target.cpu_seconds() - before
    n_requests = int(re.findall(r"(\d+) requests in", said)[0])
    p99, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", said)[0]
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
    for counts in re.findall(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said):
        failed += sum(map(int, counts))
    milliseconds = float(p99) * {"us": 0.001, "ms": 1, "s": 1_000}[unit]
    return Rate(float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0]), milliseconds, 1e6 * spent / n_requests, failed)


def measure(var: Path, names: list[str], rounds: int, seconds: int) -> dict[str, Any]:
    """Drive hello and Aisle in turn; return the figures of every case, and of Aisle's workers."""
    cases = {name: Case() for name in names}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (script := folder / "bodies.lua").write_text(_LUA, encoding="utf-8")
        files: dict[str, Path | None] = {"healthz": None}
        for name, bodies in bodies_of(var).items():
            (folder / name).write_text("\n".join(bodies) + "\n", encoding="utf-8")
            files[name] = folder / name
        aisle = {"AISLE_VAR": str(var.resolve())}
        services = {
            HELLO: stack.enter_context(service("bench.hello:bare", "python:bench.hello")),
            IN_FLASK: stack.enter_context(service("bench.hello:in_flask", "python:bench.hello")),
            IN_LOOP: stack.enter_context(service("bench.hello:in_loop", "python:bench.hello")),
            AISLE: stack.enter_context(service("run:app", "gunicorn.conf.py", **aisle, AISLE_CACHE_SECONDS="3600")),
            UNCACHED: stack.enter_context(service("run:app", "gunicorn.conf.py", **aisle, AISLE_CACHE_SECONDS="0")),
        }
        for name in names:  # pages of the release are read, and lists come into the cache
            drive(services[SERVICE_OF[name]], files[name], 2, script)
        for _ in range(rounds):
            for name, case in cases.items():
                case.in_flask.append(drive(services[IN_FLASK], files[name], max(1, seconds // 2), script))
                case.in_loop.append(drive(services[IN_LOOP], files[name], max(1, seconds // 2), script))
                case.hello.append(drive(services[HELLO], files[name], seconds, script))
                case.ours.append(drive(services[SERVICE_OF[name]], files[name], seconds, script))
        memory = [memory_of(pid) for pid in children(services[AISLE].master)]
        ready = [services[name].ready_seconds for name in (AISLE, UNCACHED)]
        hello_ready = services[HELLO].ready_seconds
    return {
        "cases": {name: case.figures() for name, case in cases.items()},
        "ready_seconds": [round(each, 2) for each in ready],
        "hello_ready_seconds": round(hello_ready, 2),
        "private_mib": [round(each.private) for each in memory],
        "shared_mib": [round(each.shared) for each in memory],
    }


def show(figures: dict[str, Any]) -> None:
    """Print the table of the figures."""
    table = Table(
        *("", "requests/s", "of hello", "goal", "of hello in Flask", "in the loop", "p99 of hello's"),
        *("processor µs", "hello's", "cpu of hello's", "errors"),
    )
    for name, case in figures["cases"].items():
        rates = f"{statistics.median(case['per_second']):,.0f}"
        ratios = [_ratio(case[key]) for key in _RATIOS]
        goal = f"≥ {GOALS[name]:.2f}"
        spent = str(case["cpu_us"]), str(case["hello_cpu_us"])
        table.add_row(WHAT[name], rates, ratios[0], goal, *ratios[1:4], *spent, ratios[4], str(case["errors"]))
    Console(width=200).print(table)
    print(f"start to ready: {figures['ready_seconds']} s (goal ≤ 3), hello {figures['hello_ready_seconds']} s")
    print(f"memory of a worker: private {figures['private_mib']} MiB (goal ≤ 100), shared {figures['shared_mib']} MiB")


def _ratio(spread: list[float]) -> str:
    middle, low, high = spread
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--short", action="store_true", help="build the release with a shortened training")
    parser.add_argument("--model", help="build a release of this model and popularity alone")
    parser.add_argument("--var", type=Path, help="an AISLE_VAR that has a release, instead of building one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each run of wrk, which takes whole ones")
    parser.add_argument("--only", nargs="+", choices=list(GOALS), default=list(GOALS))
    parser.add_argument("--no-json", action="store_true", help="write no file")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("skipped: wrk is missing; apt-get install wrk")
    training = ["--model", options.model] if options.model else []
    kept = read_settings().var / "bench"
    var = options.var or shop_of(options.scale, kept, training, short=options.short)
    release = Registry(var / "releases").current()
    commit = subprocess.run(["git", "rev-parse", "--short=8", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    about = {
        "measured_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "commit": commit.strip(),
        "machine": machine(),
        "products": len(release.pipeline.items),
        "users": len(release.pipeline.users),
        "model": release.manifest.default_model,
        "release_mib": round(release.manifest.n_bytes / 2**20),
    }
    del release
    figures = {**about, **measure(var, options.only, options.rounds, options.seconds)}
    show(figures)
    if not options.no_json:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"serve-{about['measured_at'][:10]}-{about['commit']}.json"
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        print(f"written: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
