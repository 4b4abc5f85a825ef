"""A real service: Gunicorn with its workers, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from service import Launch, Service, Shop, free_port, launch, shop_in, train_shop

from tests.waiting import wait_until

MakeFolderOnce = Callable[[str, Callable[[Path], object]], Path]
RATINGS = "".join(
    f"U{user:05d},P{(user * 7 + step * 3) % 40:05d},{1 + (user + step) % 5}.0,{1_400_000_000 + user * 999 + step}\n"
    for user in range(60)
    for step in range(8)
)


@pytest.fixture
def new_shop(tmp_path: Path) -> Shop:
    """An empty shop."""
    return shop_in(tmp_path)


@pytest.fixture(scope="session")
def tiny_var(make_folder_once: MakeFolderOnce, trained_var: Path) -> Path:
    """The var folder of a shop that trains in a few seconds. `trained_var` has compiled the kernels."""
    return make_folder_once("e2e-tiny", lambda folder: train_shop(folder, RATINGS)) / "var"


@pytest.fixture
def tiny_shop(new_shop: Shop, tiny_var: Path) -> Shop:
    """A shop that trains in a few seconds."""
    shutil.copytree(tiny_var, new_shop.folder / "var")
    return new_shop


@pytest.fixture
def shop(new_shop: Shop, trained_var: Path) -> Shop:
    """A small shop with a catalogue, trained."""
    shutil.copytree(trained_var, new_shop.folder / "var")
    return new_shop


@pytest.fixture
def serve(shop: Shop) -> Iterator[Callable[..., Service]]:
    """Start a service over the shop: (command, launch, variables); it is ended with everything that it started."""
    services: list[Service] = []

    def start(*command: str, launch: Launch = launch, **environment: str) -> Service:
        port = int(environment.get("PORT") or free_port())
        log = shop.folder / f"service-{port}.log"
        process = launch(command, shop.environment | {"PORT": str(port)} | environment, log)
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
