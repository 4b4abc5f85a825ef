"""The shop that the browser looks at: its key, its address, and the server of a shop's own page."""

from __future__ import annotations

import functools
import http.server
from pathlib import Path
from typing import NamedTuple

from src.releases.registry import Registry

KEY = "admin-key-of-the-browser"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class FreePort:
    """A server of the example of a shop's own page; its origin is a setting of the shop that it asks."""

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(EXAMPLES))
    )
    port = server.server_port


class Shop(NamedTuple):
    """A shop that is served: its address and its releases."""

    address: str
    registry: Registry
