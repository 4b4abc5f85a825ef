"""Map arrays from .npy files, and arrays that are set aside from the memory of the process."""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

_aside: WeakSet[_Aside] = WeakSet()
"""The files of arrays that are set aside, as long as these are used."""
_lock = threading.Lock()
"""Of _aside, which cannot be gone through while another thread sets an array aside."""


def mapped(path: Path) -> npt.NDArray[Any]:
    """Map a .npy file without Python objects: pages are read when they are touched, and shared by all processes.

    Returns:
        A plain view of the mapping: indexing an np.memmap costs some microseconds more each time.
    """
    # As text: numpy looks up every folder of a Path for links, a third of the time of mapping a small array.
    return np.asarray(np.load(str(path), mmap_mode="r", allow_pickle=False))


def save_arrays(owner: object, names: Iterable[str], folder: Path) -> None:
    """Write attributes as NAME.npy, one file each. The file of one that is set aside gets that name instead.

    Args:
        owner: whose attributes they are, arrays without Python objects.
        names: of the attributes.
        folder: where to; it is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path, array = folder / f"{name}.npy", getattr(owner, name)
        if not any(pages.is_named(path) for pages in _all_aside() if pages.holds(array)):
            np.save(path, array, allow_pickle=False)


def mapped_arrays(folder: Path, names: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Map what `save_arrays` wrote; see `mapped`.

    Args:
        folder: where it was written.
        names: of the attributes.

    Returns:
        Name → array.
    """
    return {name: mapped(folder / f"{name}.npy") for name in names}


class _Aside(mmap.mmap):
    """The mapping of a .npy file without a name, which it can get while the mapping is used."""

    _handle: int
    _array: weakref.ref[npt.NDArray[Any]]

    @classmethod
    def of(cls, array: npt.NDArray[Any], folder: Path) -> npt.NDArray[Any]:
        """Write a C-ordered array to the folder, and return it mapped."""
        with _without_name(folder) as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            pages = cls(file.fileno(), 0, access=mmap.ACCESS_READ)
            pages._handle = os.dup(file.fileno())
        weakref.finalize(pages, os.close, pages._handle)
        with _lock:
            _aside.add(pages)
        mapping = np.frombuffer(pages, array.dtype, offset=len(pages) - array.nbytes).reshape(array.shape)
        pages._array = weakref.ref(mapping)
        return mapping

    def holds(self, array: npt.NDArray[Any]) -> bool:
        """Return whether the array is the one of this file, and no part of it."""
        return self._array() is array

    def is_named(self, path: Path) -> bool:
        """Name the file, where the system can and it has no name yet; return whether it did."""
        if os.fstat(self._handle).st_nlink:  # no two releases share a file
            return False
        with suppress(OSError, NotImplementedError):
            # open(2), O_TMPFILE. Without src_dir_fd Python calls link(2), which would link the entry in /proc.
            os.link(f"/proc/self/fd/{self._handle}", path, src_dir_fd=self._handle, follow_symlinks=True)
            return True
        return False


def _without_name(folder: Path) -> IO[bytes]:
    """Open a file without a name, which it can get later where the system can."""
    if hasattr(os, "O_TMPFILE"):
        with suppress(OSError):
            return open(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666), "w+b")
    return tempfile.TemporaryFile(prefix=".work-", dir=folder)


def set_aside(array: npt.NDArray[Any], folder: Path) -> npt.NDArray[Any]:
    """Write an array to a file without a name, and map it: it takes no private memory, and few pages once it is read.

    Args:
        array: One without Python objects.
        folder: On a disk with room for it; made if it is missing.

    Returns:
        The same numbers, which cannot be written. The file is gone with them, however the process ends, unless
        `save_arrays` gave it a name: it is not written again then.
    """
    if not array.nbytes:
        return array
    folder.mkdir(parents=True, exist_ok=True)
    return _Aside.of(np.ascontiguousarray(array), folder)


def _all_aside() -> list[_Aside]:
    with _lock:
        return list(_aside)


def leave_pages() -> None:
    """Take the pages of all arrays that are set aside out of this process, where the system can.

    Pages that were touched count as memory of the process until then. They stay in the system's cache as long as it
    has room, from where the next one to touch them has them back.
    """
    for pages in _all_aside():
        if hasattr(pages, "madvise"):
            pages.madvise(mmap.MADV_DONTNEED)
