"""Check API keys: for writing, for the admin, and for reading if one is set. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Literal

from flask import Response, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint

from app.problem_json import problem
from app.security.public_access import CALLS
from src.core.settings import HASHED, Settings, listed


class Role(StrEnum):
    """The right that a route needs."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    PUBLIC = "public"


SETTINGS = {
    Role.PUBLIC: "AISLE_PUBLIC_KEYS",
    Role.READ: "AISLE_READ_KEYS",
    Role.WRITE: "AISLE_WRITE_KEYS",
    Role.ADMIN: "AISLE_ADMIN_KEYS",
}
_LOGIN = 'Basic realm="Aisle: any name, and a key as the password", charset="UTF-8"'


LONG_KEY = 20
"""Characters from which on a key cannot be guessed by trying; `generate_key` makes 32."""


class Keys:
    """The hashed keys of every role. A key of ADMIN is also one of WRITE, and that one of READ."""

    def __init__(self, settings: Settings) -> None:
        admin, write, read = (_hashes(keys) for keys in (settings.admin_keys, settings.write_keys, settings.read_keys))
        self._reading_is_open = not read
        self._accepted = {Role.ADMIN: admin, Role.WRITE: write + admin, Role.READ: read + write + admin}
        self._accepted[Role.PUBLIC] = _hashes(settings.public_keys)
        self._names = [entry.rpartition("=")[::2] for entry in listed(settings.key_names)]

    def needs_key(self, role: Role) -> bool:
        """Return whether a request of this role is refused without a key."""
        return role is not Role.OPEN and not (role is Role.READ and self._reading_is_open)

    def refusal(self, role: Role) -> Response | None:
        """Return the answer that refuses the current request; None if its key is of this role."""
        if (public := self._as_public()) is not None:
            return public or None
        if not self.needs_key(role):
            return None
        setting = SETTINGS[role]
        if not self.are_set(role):
            return problem(
                403,
                "Forbidden",
                f"this call needs a key, and none is set. Set {setting} to one of your choice, or make keys with "
                "python run.py --make-keys and set it to what the file holds; then start again.",
            )
        given = _given() or _given_by_browser(role)
        if given is not None and self.accepts(role, given):
            g.client = f"key:{hashlib.sha256(_hash(given)).hexdigest()[:16]}"
            g.key_name = self.name_of(given)
            return None
        found = "no key was sent" if given is None else "the key that was sent is not accepted"
        answer = problem(
            401, "Unauthorized", f"{found}. Expected a key of {setting} in the header 'Authorization: Bearer KEY'."
        )
        answer.headers["WWW-Authenticate"] = "Bearer"
        if _is_page(role):
            answer.headers.add("WWW-Authenticate", _LOGIN)
        return answer

    def _as_public(self) -> Response | Literal[False] | None:
        """Return False if a public key lets the request in, its refusal if not, None for a request without one."""
        given = _given() or request.args.get("key")
        if not self._accepted[Role.PUBLIC] or given is None or not self._is_accepted(Role.PUBLIC, given):
            return None
        if request.endpoint not in CALLS:
            return problem(403, "Forbidden", "this key is a public one: it asks for lists and tells of events only.")
        g.is_public, g.client = True, f"key:{hashlib.sha256(_hash(given)).hexdigest()[:16]}:{request.remote_addr}"
        return False

    def are_set(self, role: Role) -> bool:
        """Return whether any key of this role is set."""
        return bool(self._accepted[role])

    def accepts(self, role: Role, key: str) -> bool:
        """Return whether a key is one of a role; set g.wrong_key if it is not, for the limit of wrong keys."""
        if self._is_accepted(role, key):
            return True
        g.wrong_key = True
        return False

    def name_of(self, key: str) -> str:
        """Return the name of a key by AISLE_KEY_NAMES, or else "key" and the first digits of its hash."""
        digits = _hash(key).hex()
        return next((name for name, prefix in self._names if digits.startswith(prefix)), f"key {digits[:8]}")

    def may_read(self) -> bool:
        """Whether the current request may see what needs the role READ, by the key in its header or in its form."""
        basic = request.authorization
        key = _given() or (basic.password if basic is not None and basic.type == "basic" else None)
        is_let_in = not self.needs_key(Role.READ) or g.get("typed_key_accepted", False)
        return is_let_in or (key is not None and self._is_accepted(Role.READ, key))

    def admits_reader(self, authorization: str) -> bool:
        """Whether a request with this header may read and is no guess of a key, so that no limit need look at it.

        Args:
            authorization: The header Authorization; "" without one.

        Returns:
            True if reading needs no key, or the key is right and long.
        """
        return not self.needs_key(Role.READ) or (
            (key := _bearer(authorization)) is not None and len(key) >= LONG_KEY and self._is_accepted(Role.READ, key)
        )

    def knows_long(self, key: str | None) -> bool:
        """Whether a key is right for some role and too long to be guessed, see LONG_KEY."""
        return key is not None and len(key) >= LONG_KEY and any(self._is_accepted(role, key) for role in self._accepted)

    def _is_accepted(self, role: Role, key: str) -> bool:
        hashed, accepted = _hash(key), False
        for known in self._accepted[role]:  # every one, so that the time taken does not tell which one it was
            accepted |= hmac.compare_digest(hashed, known)
        return accepted


class AccessControl:
    """Decide whether a request may go on, by its key and the role of its endpoint.

    Attributes:
        keys: The accepted keys.
    """

    def __init__(self, keys: Keys, roles: Mapping[str, Role]) -> None:
        self.keys = keys
        self._roles = roles

    def role_of(self, endpoint: str) -> Role:
        """Return the role that an endpoint needs: OPEN for static files, READ for an endpoint without an entry."""
        return Role.OPEN if endpoint.rpartition(".")[2] == "static" else self._roles.get(endpoint, Role.READ)

    def refusal(self) -> Response | None:
        """Return the error answer for the current request; None if it may go on."""
        if request.endpoint is None or request.method == "OPTIONS":
            return None
        return self.keys.refusal(self.role_of(request.endpoint))


def address() -> str:
    """Return the key of rate limits per address."""
    return f"address:{request.remote_addr or 'unknown'}"


def client() -> str:
    """Return the key of rate limits per client: the API key that was accepted, else the address."""
    return g.get("client") or address()


def sent_key() -> str | None:
    """The key that comes with the request: in its header, or typed into the form of a page."""
    return _given() or _password() or (None if is_call() else request.form.get("key"))


def sends_key() -> bool:
    """Return whether the request comes with a key, right or wrong."""
    return "Authorization" in request.headers


def _given() -> str | None:
    return _bearer(request.headers.get("Authorization", ""))


def _bearer(authorization: str) -> str | None:
    kind, _, key = authorization.partition(" ")
    return key.strip() if kind.lower() == "bearer" and key.strip() else None


def _given_by_browser(role: Role) -> str | None:
    """Return the password of HTTP basic authentication; None for a request that is not for a page.

    A browser sends the password with every request that any page triggers, so it counts only for reading pages.
    """
    return _password() if _is_page(role) else None


def _password() -> str | None:
    given = request.authorization
    return (given.password or None) if given is not None and given.type == "basic" else None


def _is_page(role: Role) -> bool:
    return role is Role.READ and request.method in ("GET", "HEAD") and not is_call()


def is_call() -> bool:
    """Return whether the request is for a call of /openapi.json, not for a page or a file."""
    return isinstance(current_app.blueprints.get(request.blueprint or ""), APIBlueprint)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _hashes(keys: str) -> list[bytes]:
    return [bytes.fromhex(key.removeprefix(HASHED)) if key.startswith(HASHED) else _hash(key) for key in listed(keys)]


def hashed_key(key: str) -> str:
    """Return the hash of a key as a setting takes it: `sha256:` and 64 hexadecimal digits."""
    return HASHED + _hash(key).hex()


def generate_key(folder: Path, role: Role) -> Path:
    """Create the file with the key of a role, unless it exists; return its path. Only its owner can read it."""
    return write_secret_once(folder / f"{role}.key")


def write_secret_once(path: Path) -> Path:
    """Create a file with a random secret that only its owner can read, unless it exists; return its path.

    Processes that do so at the same time all find the same secret in it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
            with suppress(FileExistsError):
                os.link(temporary, path)  # unlike a rename it never replaces a file
        finally:
            os.unlink(temporary)
    return path
