"""What each worker serves, for everybody to read: a small file a worker, touched as long as it lives."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_LEAST_SECONDS, _LOOKS = 10.0, 5
"""A worker that has not looked for a new release so many times is gone."""


class WorkerFiles:
    """The folder var/workers, one file for every worker of every host that shares it.

    What cannot be written is not worth an error: lists are served all the same.
    """

    def __init__(self, folder: Path, refresh_seconds: float, now: Callable[[], float] = time.time) -> None:
        self._folder, self._now = folder, now
        self._alive_seconds = max(_LEAST_SECONDS, _LOOKS * refresh_seconds)
        self._said: dict[str, Any] | None = None

    def announce(self, release: str | None, note: str) -> None:
        """Say which release this process serves; note: what is wrong with that."""
        if self._said is None or (self._said["release"], self._said["note"], self._said["pid"]) != (
            release,
            note,
            os.getpid(),
        ):
            since = int(self._now())
            said = {"host": socket.gethostname(), "pid": os.getpid(), "release": release, "since": since, "note": note}
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                temporary = self._path().with_suffix(f".{os.getpid()}.tmp")
                temporary.write_text(json.dumps(said), encoding="utf-8")
                os.replace(temporary, self._path())
                self._said = said
            return
        with suppress(OSError):
            os.utime(self._path())

    def leave(self) -> None:
        """This process serves no more."""
        with suppress(OSError):
            self._path().unlink(missing_ok=True)
        self._said = None

    def alive(self) -> list[dict[str, Any]]:
        """host, pid, release, since (UTC seconds) and note of every worker that lives."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            with suppress(OSError, ValueError):
                if path.stat().st_mtime < time.time() - self._alive_seconds:
                    path.unlink(missing_ok=True)
                else:
                    found.append(json.loads(path.read_text(encoding="utf-8")))
        return found

    def _path(self) -> Path:
        return self._folder / f"{socket.gethostname()}-{os.getpid()}.json"
