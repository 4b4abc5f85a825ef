"""The form of an example of a call, and the names that stand in the examples."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from app.security.api_keys import Role

RELEASE, OLDER = "20261127T000212Z-e64728e0", "20261126T000154Z-9bccd32b"
ASKED = "4b1f0c77d2a94e5f8c60a1b2"
RUN, RUNNING, FINDING = "5f0c2a9d41be", "c81e07b5a2f4", "9d3b60c1fe27"
_AT = "localhost:5000"
_NO_BODY: Any = object()
_KEYS = {Role.WRITE: "var/keys/write.key", Role.ADMIN: "var/keys/admin.key"}


@dataclass(frozen=True)
class Example:
    """A request and its answer.

    Attributes:
        title: What it shows.
        answer: The body of the answer.
        body: The body of the request; none by default.
        query: The query string; None without one.
        path: Values of the variables in the path; None without any.
        status: HTTP status of the answer.
        kind: Media type of the answer.
    """

    title: str
    answer: Any
    body: Any = _NO_BODY
    query: Mapping[str, Any] | None = None
    path: Mapping[str, str] | None = None
    status: int = 200
    kind: str = "application/json"

    @property
    def has_body(self) -> bool:
        """Whether the request has a body."""
        return self.body is not _NO_BODY

    def address(self, template: str) -> str:
        """Return the path and query of the request, given a path such as /runs/{run_id}."""
        names = {name: quote(value, safe="") for name, value in (self.path or {}).items()}
        return template.format(**names) + (f"?{urlencode(self.query)}" if self.query else "")

    def curl(self, call: str, role: Role, shop: str = "") -> str:
        """Return the shell command that sends the request.

        Args:
            call: The method and the path, such as GET /runs/{run_id}.
            role: The role of the call; READ and OPEN send no key.
            shop: The shop that is asked, of several in one service; "" where there is one.

        Returns:
            A curl command, in several lines.
        """
        method, template = call.split(" ", 1)
        other = "" if method == ("POST" if self.has_body else "GET") else f" -X {method}"
        parts = [f"curl -s{other} {shlex.quote(_AT + (f'/t/{shop}' if shop else '') + self.address(template))}"]
        if role in _KEYS:
            key = _KEYS[role].replace("/", f"/tenants/{shop}/", 1) if shop else _KEYS[role]
            parts.append(f'-H "Authorization: Bearer $(cat {key})"')
        if self.has_body:
            parts.append(f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(self.body))}")
        return " \\\n  ".join(parts)
