"""Serve static files from memory: compressed once at the start, with addresses that change when they do.

Pages are compressed as they are answered.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request

_YEAR = 31_536_000
_SHORT_SECONDS = 300
"""How long aisle.js is kept: the shop's pages name it without a fingerprint."""
_PAGES = ("text/html", "application/json")
_LEAST_BYTES = 1_000
_ENDPOINTS = ("pages.", "docs.", "dashboard.", "actions.")


@dataclass(frozen=True)
class Asset:
    """A file: its bytes, the same gzipped, its type, and a fingerprint of its content."""

    content: bytes
    gzipped: bytes
    kind: str
    fingerprint: str

    @classmethod
    def of(cls, path: Path) -> Asset:
        """Read a file."""
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return cls(content, gzip.compress(content, 9, mtime=0), kind, hashlib.sha256(content).hexdigest()[:12])


def serve_assets(app: Flask) -> None:
    """Serve the static files of an application from memory, and compress its pages."""
    assert app.static_folder is not None
    assets = {path.name: Asset.of(path) for path in sorted(Path(app.static_folder).iterdir()) if path.is_file()}

    def add_fingerprint(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and (asset := assets.get(str(values.get("filename")))) is not None:
            values.setdefault("v", asset.fingerprint)

    def static_file(filename: str) -> Response:
        asset = assets.get(filename)
        if asset is None:
            abort(404)
        response = Response(asset.content, content_type=_typed(asset.kind))
        seconds = _YEAR if request.args.get("v") == asset.fingerprint else _SHORT_SECONDS
        response.headers["Cache-Control"] = f"public, max-age={seconds}" + (", immutable" if seconds == _YEAR else "")
        response.headers["Vary"] = "Accept-Encoding"
        response.set_etag(asset.fingerprint)
        if request.accept_encodings["gzip"] and len(asset.gzipped) < len(asset.content):
            response.set_data(asset.gzipped)
            response.headers["Content-Encoding"] = "gzip"
        response.make_conditional(request)
        return response

    app.url_defaults(add_fingerprint)
    app.view_functions["static"] = static_file
    app.after_request(_compressed)


def _typed(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith("javascript") else kind


def _compressed(response: Response) -> Response:
    """Compress the answer of a page; calls of programs are answered as they are, which costs them nothing."""
    if not (request.endpoint or "").startswith(_ENDPOINTS) or response.mimetype not in _PAGES:
        return response
    response.vary.add("Accept-Encoding")
    response.vary.add("Accept-Language")
    if response.direct_passthrough or not request.accept_encodings["gzip"] or "Content-Encoding" in response.headers:
        return response
    content = response.get_data()
    if len(content) >= _LEAST_BYTES:
        response.set_data(gzip.compress(content, 5))
        response.headers["Content-Encoding"] = "gzip"
    return response
