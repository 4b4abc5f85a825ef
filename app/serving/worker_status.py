"""Tell which release each worker serves: one small file for each, touched as long as the worker lives."""

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
"""A worker that has not touched its file for this many refreshes, or this time, counts as gone."""


class WorkerFiles:
    """The folder var/workers, with a file for every worker of every host that shares it.

    Errors of writing are ignored, because lists can be served all the same.
    """

    def __init__(self, folder: Path, refresh_seconds: float, now: Callable[[], float] = time.time) -> None:
        self._folder, self._now = folder, now
        self._alive_seconds = max(_LEAST_SECONDS, _LOOKS * refresh_seconds)
        self._written: dict[str, Any] | None = None

    def announce(self, release: str | None, problem: str | None) -> None:
        """Write which release this process serves, or touch the file if that has not changed.

        Args:
            release: version; None without one.
            problem: what is wrong with it; None if nothing is.
        """
        state = {"host": socket.gethostname(), "pid": os.getpid(), "release": release, "note": problem or ""}
        if self._written is not None and state.items() <= self._written.items():
            with suppress(OSError):
                os.utime(self._path())
            return
        document = {**state, "since": int(self._now())}
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = self._path().with_suffix(f".{os.getpid()}.tmp")
            temporary.write_text(json.dumps(document), encoding="utf-8")
            os.replace(temporary, self._path())
            self._written = document

    def leave(self) -> None:
        """Remove the file of this process."""
        with suppress(OSError):
            self._path().unlink(missing_ok=True)
        self._written = None

    def alive(self) -> list[dict[str, Any]]:
        """Return host, pid, release, since (UTC seconds) and note of every live worker; remove files of others."""
        workers = []
        for path in sorted(self._folder.glob("*.json")):
            with suppress(OSError, ValueError):
                if path.stat().st_mtime < time.time() - self._alive_seconds:
                    path.unlink(missing_ok=True)
                else:
                    workers.append(json.loads(path.read_text(encoding="utf-8")))
        return workers

    def _path(self) -> Path:
        return self._folder / f"{socket.gethostname()}-{os.getpid()}.json"
