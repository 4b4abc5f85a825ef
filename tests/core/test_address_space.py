"""Limits of the address space, which are looked at before the libraries that need it."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from src.core import address_space
from src.core.address_space import address_space_note, check_training_space, is_memory_shortage
from src.core.errors import LimitReached

ROOT = Path(__file__).resolve().parents[2]
MIB = 2**20


@pytest.mark.parametrize("door", ["data_processing.py", "train_model.py", "evaluate_model.py", "run.py"])
@pytest.mark.parametrize("mib", [300, 450])
def test_a_program_whose_libraries_get_too_little_says_so_in_one_line(door: str, mib: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / door), "--make-keys"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (mib * MIB, mib * MIB)),
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: this process may take {mib} MiB of address space (ulimit -v). Expected ")
    assert "ulimit -v unlimited" in line


def test_a_training_needs_more_than_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_space, "_limit_mib", lambda: 2_000)
    address_space.require_address_space()
    with pytest.raises(LimitReached, match=r"may take 2,000 MiB .*a training needs"):
        check_training_space()


def test_without_a_limit_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_space, "_limit_mib", lambda: None)
    address_space.require_address_space()
    check_training_space()
    assert address_space_note() == ""


def test_buffers_that_were_reserved_are_there_when_no_memory_is_left(tmp_path: Path) -> None:
    code = """
import resource
import numpy as np
from scipy.linalg import lapack
from src.core.address_space import reserve_blas_buffers
reserve_blas_buffers(2)
square = np.eye(100, dtype=np.float32)
size = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (size * 1024 + 2**20, resource.RLIM_INFINITY))
print(lapack.strtrs(square, square)[1])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize(
    ("error", "always"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (ImportError("x.so: failed to map segment from shared object"), False),
        (RuntimeError("can't start new thread"), False),
    ],
)
def test_a_shortage_is_known_by_what_libraries_make_of_it(
    error: Exception, always: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address_space, "_limit_mib", lambda: None)
    assert is_memory_shortage(error) == always
    monkeypatch.setattr(address_space, "_limit_mib", lambda: 9_999)
    assert is_memory_shortage(error)
    assert not is_memory_shortage(RuntimeError("something else"))
