import ctypes
import threading
from pathlib import Path

import numpy as np
import pytest

from src.core.progress import Silent
from src.workflows.resource_usage import PhaseMeter, give_back_freed


def test_phases_name_what_went_on_beside_them() -> None:
    meter = PhaseMeter(Silent())
    meter.step("one")
    with meter.beside("a short one"):
        pass
    with meter.beside("a long one"):
        meter.step("WARNING: a remark is no phase")
        meter.step("two")
        meter.step("three")
    meter.step("four")
    names = [phase.name for phase in meter.end()]
    assert names == [
        "one; beside it a short one; beside it a long one",
        "two; beside it a long one",
        "three; beside it a long one",
        "four",
    ]


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc")
def test_memory_that_a_thread_has_freed_is_given_back() -> None:
    kept: list[np.ndarray] = []

    def work() -> None:
        arrays = [np.ones(12_000) for _ in range(600)]  # of 94 KiB, from the heap of the thread
        kept.append(arrays[-1])  # at its end

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before = resident_kib()
    give_back_freed()
    assert before - resident_kib() > 30_000


def resident_kib() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0])
