"""Who may do what: keys for writing and for the admin, and for reading if wanted. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from enum import StrEnum
from pathlib import Path

from flask import Response, request

from app.problems import problem
from src.config import Settings


class Role(StrEnum):
    """What a call needs."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


_SETTING = {Role.READ: "AISLE_READ_KEYS", Role.WRITE: "AISLE_WRITE_KEYS", Role.ADMIN: "AISLE_ADMIN_KEYS"}


class Keys:
    """The keys of every role, hashed. An admin may write, and whoever may write may read."""

    def __init__(self, settings: Settings) -> None:
        admin, write, read = (_hashes(keys) for keys in (settings.admin_keys, settings.write_keys, settings.read_keys))
        self._reading_is_open = not read
        self._accepted = {Role.ADMIN: admin, Role.WRITE: write + admin, Role.READ: read + write + admin}

    def refusal(self, role: Role) -> Response | None:
        """The answer for a request that may not do this; None if it may."""
        if role is Role.OPEN or (role is Role.READ and self._reading_is_open):
            return None
        setting = _SETTING[role]
        if not self._accepted[role]:
            return problem(
                403,
                "Forbidden",
                f"this call needs a key, and none is set. Set {setting} to one of your choice and start again.",
            )
        given = _given()
        if given is not None and any(hmac.compare_digest(_hash(given), known) for known in self._accepted[role]):
            return None
        found = "no key was sent" if given is None else "the key that was sent is not accepted"
        answer = problem(
            401, "Unauthorized", f"{found}. Expected a key of {setting} in the header 'Authorization: Bearer KEY'."
        )
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def _given() -> str | None:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" and key.strip() else None


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _hashes(keys: str) -> list[bytes]:
    return [_hash(key.strip()) for key in keys.split(",") if key.strip()]


def made_key(folder: Path, role: Role) -> Path:
    """The file with this role's key, readable by its owner only; made with a random key if it is not there."""
    path = folder / f"{role}.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
    return path
