"""Work that waits for whoever asks for a list."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LEAST = 19


def lower_priority(pid: int | None = None) -> None:
    """Let a process (None: this one) have a processor only while nobody else wants it.

    Linux may share processors out between sessions first (CONFIG_SCHED_AUTOGROUP, sched(7)): then niceness counts
    inside a session only, and a process that leads one must lower its session, too; one in a terminal does not.
    """
    pid = os.getpid() if pid is None else pid
    with suppress(OSError):  # it may have ended
        os.setpriority(os.PRIO_PROCESS, pid, _LEAST)
        if hasattr(os, "SCHED_IDLE"):  # gives a processor up at once, and not at the end of its slice
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(_LEAST), encoding="ascii")
