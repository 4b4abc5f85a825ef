"""A real service in a folder of its own, and a client."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.releases.registry import Registry
from tests.programs import Program
from tests.waiting import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).resolve().parents[2]
Launch = Callable[[Sequence[str], dict[str, str], Path], Program | subprocess.Popen[bytes]]


def launch(command: Sequence[str], environment: dict[str, str], log: Path) -> Program:
    """Start a program of the project at once; see `Program`."""
    return Program(*command, folder=ROOT, environment=environment, output=log)


def launch_anew(command: Sequence[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command as a person would, with an interpreter that imports everything."""
    with open(log, "wb") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Answer:
    status: int
    headers: Any
    body: Any


def call(url: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    """One request; a body is posted as JSON. An error status is an answer too."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return Answer(response.status, response.headers, _read(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, _read(error))


def _read(response: Any) -> Any:
    text = response.read().decode()
    return json.loads(text) if "json" in response.headers.get("Content-Type", "") else text


@dataclass
class Service:
    """A running service and what it wrote."""

    process: subprocess.Popen[bytes] | Program
    url: str
    log: Path

    def get(self, path: str) -> Answer:
        return call(self.url + path)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return call(self.url + path, body, headers)

    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log, all of them JSON; the last one may be on its way yet."""
        written = self.log.read_text()
        return [json.loads(line) for line in written[: written.rfind("\n") + 1].splitlines()]

    def serving(self, version: str) -> set[int]:
        """The workers that said they serve this release."""
        return {line["pid"] for line in self.lines() if line["message"] == f"serving release {version}"}

    def answered(self, request_id: str) -> int:
        """The worker that answered a request."""

        def found() -> int | None:
            return next((line["pid"] for line in self.lines() if line.get("request_id") == request_id), None)

        return int(wait_until(found, f"the log line of request {request_id}"))

    def ready(self) -> bool:
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False


@dataclass
class Shop:
    """A folder with a store and releases, and the environment that points there."""

    environment: dict[str, str]
    folder: Path

    def door(self, script: str, *arguments: str, expect: int = 0) -> str:
        """Run a command; return its output."""
        log = self.folder / f"{script}.log"
        log.unlink(missing_ok=True)
        code = Program(script, *arguments, folder=self.folder, environment=self.environment, output=log).wait()
        said = log.read_text()
        assert code == expect, said
        return said

    def activate_copy(self) -> str:
        """Activate a copy of the active release; return its version."""
        registry = Registry(self.folder / "var" / "releases")
        version = f"99990101T000000Z-{secrets.token_hex(6)}"
        shutil.copytree(registry.folder / self.current, registry.folder / version)
        registry.activate(version)
        return version

    @property
    def current(self) -> str:
        return str(json.loads((self.folder / "var/releases/CURRENT.json").read_text())["version"])


def shop_in(folder: Path) -> Shop:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AISLE_")}
    environment |= {
        "AISLE_VAR": str(folder / "var"),
        "AISLE_WRITE_KEYS": "write-key",
        "AISLE_REFRESH_SECONDS": "0.3",
        "AISLE_CHECK_SECONDS": "0.5",
        "AISLE_BACKGROUND_PRIORITY": "normal",  # other tests would leave the lowest priority no processor
        "AISLE_TUNE_SECONDS": "0",
        "AISLE_SPECTRAL_RANK": "32",
        "AISLE_ALS_FACTORS": "16",
        "AISLE_ALS_ITERATIONS": "3",
        "AISLE_VBMF_SWEEPS": "5",
    }
    return Shop(environment, folder)


def train_shop(folder: Path, ratings: str, *options: str) -> None:
    """Train a shop of these ratings."""
    shop = shop_in(folder)
    (folder / "ratings.csv").write_text(ratings)
    shop.door("data_processing.py", "ratings.csv")
    shop.door("train_model.py", *options)
