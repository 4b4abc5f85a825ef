"""A small shop under Gunicorn, for bench/chaos*.py: start it, send requests, kill it, compare it with the disk."""

from __future__ import annotations

import http.client
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.serving.worker_status import WorkerFiles
from src.core.domain import Query
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.models.settings import read_settings
from src.releases.registry import Registry
from src.releases.release import Release
from src.store import Store, open_store
from src.synthetic.shop import make_shop

ROOT = Path(__file__).resolve().parent.parent
GUNICORN = str(Path(sys.executable).parent / "gunicorn")
QUICK = {
    "AISLE_TUNE_SECONDS": "0",
    "AISLE_SPECTRAL_RANK": "16",
    "AISLE_ALS_FACTORS": "8",
    "AISLE_ALS_ITERATIONS": "2",
    "AISLE_VBMF_SWEEPS": "3",
    "AISLE_SVD_EPOCHS": "3",
    "AISLE_SVD_FACTORS": "8",
}
PATIENCE_SECONDS = 300.0
ADMIN = {"Authorization": "Bearer chaos"}


def wait_until(condition: Callable[[], Any], description: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the first true value of `condition`. Raises TimeoutError, naming `description`.

    Args:
        condition: called every 50 ms; connection errors count as false.
        description: of the condition, for the error.
        seconds: how long to wait.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError, http.client.HTTPException):
            if value := condition():
                return value
        time.sleep(0.05)
    raise TimeoutError(f"waited {seconds:g} s for {description}")


@dataclass
class Shop:
    """A folder with a trained shop, and a service over it."""

    folder: Path
    n_users: int = 150
    n_products: int = 80
    environment: dict[str, str] = field(default_factory=dict)
    service: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AISLE_")},
            **QUICK,
            "AISLE_VAR": str(self.folder / "var"),
            "AISLE_ADMIN_KEYS": "chaos",
            "AISLE_REFRESH_SECONDS": "0.5",
            "AISLE_CHECK_SECONDS": "0.5",
            "AISLE_DRIFT_HOURS": "0",
            "PORT": str(self.port),
            **self.environment,
        }

    @property
    def settings(self) -> Settings:
        return read_settings(var=self.folder / "var")

    @property
    def registry(self) -> Registry:
        return Registry(self.settings.releases_dir)

    @property
    def store(self) -> Store:
        return open_store(self.settings.store_url)

    def fill(self) -> None:
        shop = make_shop(n_users=self.n_users, n_products=self.n_products)
        store = self.store
        store.products.add([replace(product, made_up=False) for product in shop.products])
        store.events.add(shop.events)
        self.users = sorted(set(shop.events.user_id))
        self.products = [product for product in shop.products if product.title]

    # trainings

    def trainer(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        with open(self.folder / "trainer.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, str(ROOT / "train_model.py"), *arguments],
                cwd=self.folder,
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def train(self, *arguments: str, **environment: str) -> int:
        return self.trainer(*arguments, **environment).wait(PATIENCE_SECONDS)

    # the service

    def serve(self, workers: int = 4, address_space: int = resource.RLIM_INFINITY, **environment: str) -> None:
        with open(self.folder / "service.log", "ab") as log:
            self.service = subprocess.Popen(
                [GUNICORN, "--workers", str(workers), "run:app"],
                cwd=ROOT,
                env={**self.environment, "AISLE_SCHEDULER": "off", **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (address_space, resource.RLIM_INFINITY)),
            )
        wait_until(lambda: self.get("/healthz")[0] == 200, "the service")
        wait_until(lambda: len(self.workers()) >= workers and self._all_serve(), "every worker")

    def _all_serve(self) -> bool:
        announced = WorkerFiles(self.folder / "var" / "workers", 1.0).alive()
        return set(self.workers()) <= {int(worker["pid"]) for worker in announced}

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send SIGTERM to the master, or SIGKILL to the master and all workers, and wait for the end."""
        if self.service is None:
            return
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self.service.pid, number)
            else:
                self.service.send_signal(number)
        self.service.wait(PATIENCE_SECONDS)
        self.service = None

    def get(self, path: str) -> tuple[int, dict[str, str], Any]:
        return self._call("GET", path, None)

    def post(self, path: str, body: Any) -> tuple[int, dict[str, str], Any]:
        return self._call("POST", path, json.dumps(body))

    def _call(self, method: str, path: str, body: str | None) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {**ADMIN, "Connection": "close", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, dict(answer.headers), json.loads(content) if is_json and content else None
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """Return the process ids of the live workers."""
        assert self.service is not None
        children = Path(f"/proc/{self.service.pid}/task/{self.service.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def trainers(self) -> list[int]:
        """Return the process ids of trainings of this shop, whoever started them."""
        parents, var = {}, f"AISLE_VAR={self.folder / 'var'}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended, or is another user's
                is_trainer = b"train_model.py" in (process / "cmdline").read_bytes()
                if is_trainer and var in (process / "environ").read_bytes().split(b"\0"):
                    parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        # What a trainer starts has its command line until it is another program.
        return [trainer for trainer, parent in parents.items() if parent not in parents]

    def leader(self) -> int | None:
        leader = self.get("/status")[2]["scheduler"]["leader"]
        return int(leader.split(":")[1]) if leader and ":" in leader else None  # "unknown" while it is being written

    # checks

    def problem(self, n: int = 5) -> str | None:
        """Verify the current release, and compare the lists of n users with it; return a problem, or None."""
        current = self.registry.active()
        if current.current_problem is not None:
            return current.current_problem
        if not current.pipeline.recommend(Query(None, n=10)):
            return "an empty list"
        if self.service is None:
            return None
        for user in random.sample(self.users, n):
            status, headers, listed = self.get(f"/recommend?user_id={user}")
            if status != 200:
                return f"status {status}"
            if listed != self.expected(headers["X-Release"], user):
                return f"the list of {user} is not that of release {headers['X-Release']}"
        return None

    def expected(self, version: str, user: str) -> list[str]:
        return expected(str(self.settings.releases_dir), self.settings.store_url, version, user)

    def n_left_over(self) -> int:
        """Return the number of files and folders among the releases that belong to none."""
        known = {"CURRENT.json", "ACTIVATED", *self.registry.versions()}
        return len({path.name for path in self.registry.folder.iterdir()} - known)

    def backdate_runs(self, days: int = 2) -> None:
        """Move every recorded run some days into the past, so that a training is due now."""
        store = self.store
        for run in reversed(store.runs.newest(500)):  # the oldest first, as due moments are unique
            due = None if run.due is None else run.due - days * 86_400
            store.runs.save(replace(run, started_at=run.started_at - days * 86_400, due=due))

    def scheduled_runs(self) -> list[Run]:
        return [run for run in self.store.runs.newest(500) if run.trigger == "night"]

    def runs_under_way(self) -> list[Run]:
        return [run for run in self.store.runs.newest(500) if run.status is RunStatus.RUNNING]


@lru_cache(maxsize=40)
def _release(folder: str, version: str) -> Release:
    return Registry(Path(folder)).load(version)


@lru_cache(maxsize=100_000)
def expected(folder: str, store_url: str, version: str, user: str) -> list[str]:
    """Return the list of a release for a user, computed in this process."""
    history = tuple(_history(store_url, user))
    recommendations = _release(folder, version).pipeline.recommend(Query(user, history, n=10))
    return [recommendation.product_id for recommendation in recommendations]


@lru_cache(maxsize=10_000)
def _history(store_url: str, user: str) -> Sequence[Any]:
    return _store(store_url).events.history(user)


@lru_cache(maxsize=4)
def _store(url: str) -> Store:
    return open_store(url)
