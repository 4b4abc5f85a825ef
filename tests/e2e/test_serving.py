"""The service, started as in production."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from service import ROOT, Service, Shop, call, free_port, launch_anew

from src.releases.registry import Registry
from tests.forked import run_script
from tests.programs import GUNICORN
from tests.waiting import wait_until

INSTALLED = str(Path(sys.executable).parent / GUNICORN)
Serve = Callable[..., Service]


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "run.py"),
        (INSTALLED, "-c", "gunicorn.conf.py", "run:app"),
    ],
    ids=["python run.py", "gunicorn -c gunicorn.conf.py run:app"],
)
def test_every_way_to_start_it_serves_lists_at_the_port(serve: Serve, shop: Shop, command: tuple[str, ...]) -> None:
    service = serve(*command, launch=launch_anew)
    answer = service.post("/recommend", {"user_id": "U00001"})
    assert answer.status == 200
    assert len(answer.body) == len(set(answer.body)) == 10
    assert answer.headers["X-Release"] == shop.current
    assert "Bestsellers" in service.get("/").body


def test_a_real_server_takes_no_path_from_a_header_and_refuses_a_cut_body(serve: Serve) -> None:
    service = serve(GUNICORN, "--workers", "1", "run:app", AISLE_SCHEDULER="off")
    for name in ("SCRIPT_NAME", "Script-Name", "PATH_INFO"):
        assert call(f"{service.url}/healthz", headers={name: "/elsewhere"}).status == 200
    stored = service.get("/status").body["database"]["by_kind"]
    body = b'{"user_id": "cut", "product_id": "P1", "kind": "click"}'
    head = (
        f"POST /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer write-key\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body) + 5}\r\n\r\n"
    )
    port = int(service.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(head.encode() + body)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(65_536).split(b"\r\n")[0].split()[1] == b"400"
    assert service.get("/status").body["database"]["by_kind"] == stored


def test_without_a_release_lists_say_which_command_helps(serve: Serve, shop: Shop) -> None:
    Registry(shop.folder / "var/releases").deactivate()
    service = serve(GUNICORN, "--workers", "1", "run:app", AISLE_SCHEDULER="off")
    answer = service.post("/recommend", {"user_id": "U00001"})
    assert answer.status == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "python train_model.py" in answer.body["detail"]
    assert service.get("/healthz").status == 200
    assert service.get("/readyz").status == 503


def test_a_wrong_setting_is_one_clear_line(shop: Shop) -> None:
    shop.environment["AISLE_TIMEZONE"] = "Mars/Olympus"
    done = run_script(ROOT / "run.py", folder=shop.folder, environment=shop.environment)
    assert done.returncode == 2
    assert "AISLE_TIMEZONE" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["without gunicorn.conf.py", "with --preload"])
def test_a_server_without_our_configuration_starts_its_background_threads(
    serve: Serve, shop: Shop, options: tuple[str, ...]
) -> None:
    empty = shop.folder / "empty.py"
    empty.write_text("")
    port = free_port()
    command = (INSTALLED, "-c", str(empty), "-b", f"127.0.0.1:{port}", "--workers", "2", *options, "run:app")
    service = serve(*command, launch=launch_anew, PORT=str(port))
    wait_until(lambda: service.get("/status").body["scheduler"]["leader"], "a leader")
    new = shop.activate_copy()
    wait_until(lambda: service.get("/recommend?user_id=U1").headers["X-Release"] == new, "the new release")
    for _ in range(20):
        assert service.get("/recommend?user_id=U1").status == 200
