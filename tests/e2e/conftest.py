"""A real service: Gunicorn with its workers, in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from service import ROOT, Service, Shop, free_port, wait_until


@pytest.fixture
def new_shop(tmp_path: Path) -> Shop:
    """A shop without anything yet."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AISLE_")}
    environment |= {
        "AISLE_VAR": str(tmp_path / "var"),
        "AISLE_WRITE_KEYS": "write-key",
        "AISLE_REFRESH_SECONDS": "0.3",
        "AISLE_CHECK_SECONDS": "0.5",
        "AISLE_TUNE_SECONDS": "0",
        "AISLE_SPECTRAL_RANK": "32",
        "AISLE_ALS_FACTORS": "16",
        "AISLE_ALS_ITERATIONS": "3",
        "AISLE_VBMF_SWEEPS": "5",
    }
    return Shop(environment, tmp_path)


@pytest.fixture
def shop(new_shop: Shop) -> Shop:
    """A small made-up shop, trained."""
    new_shop.door("data_processing.py")
    new_shop.door("train_model.py")
    return new_shop


@pytest.fixture
def serve(shop: Shop) -> Iterator[Callable[..., Service]]:
    """Start a service over the shop; it is ended with everything that it started."""
    services: list[Service] = []

    def start(*command: str, **environment: str) -> Service:
        port = int(environment.get("PORT") or free_port())
        log = shop.folder / f"service-{port}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=shop.environment | {"PORT": str(port)} | environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        service = Service(process, f"http://127.0.0.1:{port}", log)
        services.append(service)
        wait_until(service.ready, f"the service; its log: {log.read_text()}")
        return service

    yield start
    for service in services:
        service.process.terminate()
        try:
            service.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(service.process.pid, signal.SIGKILL)
            service.process.wait()
