"""A lock that at most one process holds at a time, and the owner that it names."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from typing import Protocol


@dataclass(frozen=True)
class LockOwner:
    """The process that holds a lock.

    Attributes:
        host: name of its host; "unknown", or the text that was read, where that names no process.
        pid: its process id on that host; None if it is not known.
        trigger: what started its training ("command", "night", "api" or "drift"); "" if it does not train.
    """

    host: str
    pid: int | None = None
    trigger: str = ""

    @classmethod
    def this_process(cls, trigger: str = "") -> LockOwner:
        """Return the running process."""
        return cls(socket.gethostname(), os.getpid(), trigger)

    @classmethod
    def parse(cls, text: str) -> LockOwner:
        """Read an owner from what `to_json` or `str` gave; earlier versions wrote the latter into lock files."""
        try:
            fields = json.loads(text)
            return cls(
                str(fields["host"]), None if fields["pid"] is None else int(fields["pid"]), str(fields["trigger"])
            )
        except (ValueError, TypeError, KeyError):
            process, _, trigger = text.partition(" ")
            host, _, pid = process.rpartition(":")
            return cls(host, int(pid), trigger) if host and pid.isdecimal() else cls(text or "unknown")

    def to_json(self) -> str:
        """Return what `parse` reads."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        """Return "host:pid trigger" without the parts that are not known."""
        process = self.host if self.pid is None else f"{self.host}:{self.pid}"
        return f"{process} {self.trigger}".rstrip()

    @property
    def pid_here(self) -> int | None:
        """The process id if the process is of this host, else None."""
        return self.pid if self.host == socket.gethostname() else None


class Lock(Protocol):
    """Held by at most one process at a time; free again when that process ends, however it ends."""

    def acquire(self, owner: LockOwner) -> bool:
        """Take the lock and name its owner; return whether this object holds it now, or held it already."""
        ...

    def release(self) -> None:
        """Release the lock if this object holds it."""
        ...

    @property
    def held(self) -> bool:
        """Whether this object still holds the lock, which it may have lost without being told."""
        ...

    def owner(self) -> LockOwner | None:
        """Return the process that holds the lock; None if it is free."""
        ...
