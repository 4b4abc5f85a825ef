"""Lower the priority of background work, so that requests are answered first."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LOWEST = 19


def lower_priority(pid: int | None = None) -> None:
    """Give a process the lowest priority; pid: None for this one.

    Linux may distribute processors among sessions first (CONFIG_SCHED_AUTOGROUP, sched(7)). Niceness then counts
    inside a session only, so the priority of a session is lowered, too, unless the process shares it with a terminal.
    """
    pid = os.getpid() if pid is None else pid
    with suppress(OSError):  # the process may have ended
        os.setpriority(os.PRIO_PROCESS, pid, _LOWEST)
        if hasattr(os, "SCHED_IDLE"):  # yields a processor at once, not at the end of its time slice
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(_LOWEST), encoding="ascii")
