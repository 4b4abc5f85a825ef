"""Map arrays from .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def mapped(path: Path) -> npt.NDArray[Any]:
    """Map an array from a file: pages are read when they are touched, and shared by all processes.

    Args:
        path: A .npy file without Python objects.

    Returns:
        A plain view of the mapping: indexing an np.memmap costs some microseconds more each time.
    """
    # As text: numpy looks up every folder of a Path for links, a third of the time of mapping a small array.
    return np.asarray(np.load(str(path), mmap_mode="r", allow_pickle=False))
