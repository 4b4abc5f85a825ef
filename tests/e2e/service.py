"""A real service in a folder of its own, and how to talk to it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


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
        with urllib.request.urlopen(request, timeout=30) as response:
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

    process: subprocess.Popen[bytes]
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
        """Run one of the commands; its output."""
        done = subprocess.run(
            [sys.executable, str(ROOT / script), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def current(self) -> str:
        return str(json.loads((self.folder / "var/releases/CURRENT.json").read_text())["version"])
