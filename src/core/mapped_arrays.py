"""Map arrays from .npy files, and arrays that are set aside from the memory of the process."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

_aside: WeakSet[mmap.mmap] = WeakSet()
"""The files of arrays that are set aside, as long as these are used."""


def mapped(path: Path) -> npt.NDArray[Any]:
    """Map a .npy file without Python objects: pages are read when they are touched, and shared by all processes.

    Returns:
        A plain view of the mapping: indexing an np.memmap costs some microseconds more each time.
    """
    # As text: numpy looks up every folder of a Path for links, a third of the time of mapping a small array.
    return np.asarray(np.load(str(path), mmap_mode="r", allow_pickle=False))


def save_arrays(owner: object, names: Iterable[str], folder: Path) -> None:
    """Write attributes as NAME.npy, one file each.

    Args:
        owner: whose attributes they are, arrays without Python objects.
        names: of the attributes.
        folder: where to; it is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        np.save(folder / f"{name}.npy", getattr(owner, name), allow_pickle=False)


def mapped_arrays(folder: Path, names: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Map what `save_arrays` wrote; see `mapped`.

    Args:
        folder: where it was written.
        names: of the attributes.

    Returns:
        Name → array.
    """
    return {name: mapped(folder / f"{name}.npy") for name in names}


def set_aside(array: npt.NDArray[Any], folder: Path) -> npt.NDArray[Any]:
    """Write an array to a file without a name, and map it: it takes no private memory, and few pages once it is read.

    Args:
        array: One without Python objects.
        folder: On a disk with room for it; made if it is missing.

    Returns:
        The same numbers, which cannot be written. The file is gone with them, however the process ends.
    """
    if not array.nbytes:
        return array
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(prefix=".work-", dir=folder) as file:
        np.ascontiguousarray(array).tofile(file)
        file.flush()
        pages = mmap.mmap(file.fileno(), array.nbytes, access=mmap.ACCESS_READ)
    _aside.add(pages)
    return np.frombuffer(pages, array.dtype).reshape(array.shape)


def leave_pages() -> None:
    """Take the pages of all arrays that are set aside out of this process, where the system can.

    Pages that were touched count as memory of the process until then. They stay in the system's cache as long as it
    has room, from where the next one to touch them has them back.
    """
    for pages in list(_aside):
        if hasattr(pages, "madvise"):
            pages.madvise(mmap.MADV_DONTNEED)
