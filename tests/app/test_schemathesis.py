"""The whole description, against the service: schemathesis sends what it allows and what it forbids, and looks at
every answer with all of its checks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

from src.store import Store
from tests.curl import trained_at_once

EXAMPLES_OF_EACH_CALL = 15
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@pytest.fixture
def address(flask_app: Flask, trained_store: Store) -> Iterator[str]:
    """Where the application answers over a real connection, until the end of the test."""
    flask_app.extensions["aisle"].start = trained_at_once(trained_store)
    server = make_server("127.0.0.1", 0, flask_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
