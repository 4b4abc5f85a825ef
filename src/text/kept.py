"""Vectors that were made before: only texts that changed are encoded again.

AISLE_VAR/embeddings/<encoder's checksum>/ holds keys.npy, the sha256 of texts in order, and vectors.npy beside it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.domain import FloatArray
from src.progress import Reporter
from src.text.encoders import Encoder

_AT_ONCE = 8_192
_MOST_UNUSED = 2.0
"""Times the texts in use: vectors of texts that nobody has any more are kept until there are so many."""


@dataclass(frozen=True)
class Encoded:
    """vectors: float16[n, dimension], rows of length 1 or zeros. n_new: how many texts were encoded for it."""

    vectors: FloatArray
    n_new: int


def encoded(encoder: Encoder, texts: Sequence[str], folder: Path, reporter: Reporter) -> Encoded:
    """The vectors of texts, those encoded before from disk. What cannot be read or written is only slower."""
    folder = folder / encoder.checksum[:32]
    keys = np.array([hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32] for text in texts], dtype="S32")
    wanted, first, place = np.unique(keys, return_index=True, return_inverse=True)
    known, kept = _read(folder, encoder.dimension)
    at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    here = known[at] == wanted if len(known) else np.zeros(len(wanted), np.bool_)
    vectors = np.zeros((len(wanted), encoder.dimension), np.float16)
    vectors[here] = kept[at[here]]
    missing = np.flatnonzero(~here)
    for start in range(0, len(missing), _AT_ONCE):
        rows = missing[start : start + _AT_ONCE]
        vectors[rows] = encoder.encode([texts[first[row]] for row in rows]).astype(np.float16)
        reporter.advance(min(start + _AT_ONCE, len(missing)), len(missing))
    if len(missing):
        unused = ~np.isin(known, wanted)
        if unused.sum() > _MOST_UNUSED * len(wanted):
            unused[:] = False
        _write(folder, np.concatenate([wanted, known[unused]]), np.concatenate([vectors, kept[unused]]))
    return Encoded(vectors[place], len(missing))


def _read(folder: Path, dimension: int) -> tuple[FloatArray, FloatArray]:
    nothing = np.zeros(0, "S32"), np.zeros((0, dimension), np.float16)
    try:
        keys = np.load(folder / "keys.npy", allow_pickle=False)
        vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return nothing
    if keys.dtype != "S32" or vectors.dtype != np.float16 or vectors.shape != (len(keys), dimension):
        return nothing  # a writing that was interrupted
    return keys, vectors


def _write(folder: Path, keys: FloatArray, vectors: FloatArray) -> None:
    """Replace both files; whoever comes between them finds two lengths that do not go together, and encodes."""
    order = np.argsort(keys)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in (("vectors", vectors[order]), ("keys", keys[order])):
            temporary = folder / f".{name}.{os.getpid()}.npy"
            np.save(temporary, array, allow_pickle=False)
            os.replace(temporary, folder / f"{name}.npy")
    except OSError:
        return
