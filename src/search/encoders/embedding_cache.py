"""Vectors that were made before: only texts that changed are encoded again.

AISLE_VAR/embeddings/<encoder's checksum>/kept.npy has a row for each text, its sha256 and its vector, in the order of
the former; kept.sha256 proves it. A file that is not what it was when it was written, or of which two trainings wrote
one part each, is as good as none. A long encoding is written every minute: one that is ended goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.core.domain import FloatArray
from src.core.progress import Reporter
from src.search.encoders.registry import Encoder

_AT_ONCE = 2_048
_SECONDS_UNWRITTEN = 60.0
_HOUR = 3_600.0
_FILE, _PROOF = "kept.npy", "kept.sha256"
_MOST_UNUSED = 2.0
"""Times the texts in use: vectors of texts that nobody has any more are kept until there are so many."""


@dataclass(frozen=True)
class EncodedTexts:
    """vectors: float16[n, dimension], rows of length 1 or zeros. n_new: how many texts were encoded for it."""

    vectors: FloatArray
    n_new: int


def encode_texts(encoder: Encoder, texts: Sequence[str], folder: Path, reporter: Reporter) -> EncodedTexts:
    """The vectors of texts, those encoded before from disk. What cannot be read or written is only slower."""
    folder = folder / encoder.checksum[:32]
    keys = np.array([hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32] for text in texts], dtype="S32")
    wanted, first, place = np.unique(keys, return_index=True, return_inverse=True)
    known, kept = _read(folder, encoder.dimension)
    at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    here = known[at] == wanted if len(known) else np.zeros(len(wanted), np.bool_)
    vectors = np.zeros((len(wanted), encoder.dimension), np.float16)
    vectors[here] = kept[at[here]]
    missing, written = np.flatnonzero(~here), time.monotonic()
    for start in range(0, len(missing), _AT_ONCE):
        rows = missing[start : start + _AT_ONCE]
        vectors[rows] = encoder.encode([texts[first[row]] for row in rows]).astype(np.float16)
        here[rows] = True
        reporter.advance(min(start + _AT_ONCE, len(missing)), len(missing))
        if here.all() or time.monotonic() - written > _SECONDS_UNWRITTEN:
            unused = ~np.isin(known, wanted)
            if unused.sum() > _MOST_UNUSED * len(wanted):
                unused[:] = False
            _write(folder, np.concatenate([wanted[here], known[unused]]), np.concatenate([vectors[here], kept[unused]]))
            written = time.monotonic()
    return EncodedTexts(vectors[place], len(missing))


def _read(folder: Path, dimension: int) -> tuple[FloatArray, FloatArray]:
    """(keys in ascending order, their vectors, mapped)."""
    try:
        with open(folder / _FILE, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest == (folder / _PROOF).read_text(encoding="ascii"):
            rows = np.load(folder / _FILE, mmap_mode="r", allow_pickle=False)
            return rows["key"], rows["vector"]
    except (OSError, ValueError, EOFError):
        pass  # nothing is there, or nothing that can be used
    return np.zeros(0, "S32"), np.zeros((0, dimension), np.float16)


def _write(folder: Path, keys: FloatArray, vectors: FloatArray) -> None:
    rows = np.empty(len(keys), [("key", "S32"), ("vector", np.float16, vectors.shape[1:])])
    order = np.argsort(keys)
    rows["key"], rows["vector"] = keys[order], vectors[order]
    mine = secrets.token_hex(4)
    temporary = [folder / f".{mine}.{name}" for name in (_FILE, _PROOF)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_what_killed_ones_left(folder)
        np.save(temporary[0], rows, allow_pickle=False)
        with open(temporary[0], "rb") as file:
            temporary[1].write_text(hashlib.file_digest(file, "sha256").hexdigest(), encoding="ascii")
        for made, name in zip(temporary, (_FILE, _PROOF), strict=True):
            os.replace(made, folder / name)
    except OSError:
        with suppress(OSError):
            for made in temporary:
                made.unlink(missing_ok=True)


def _remove_what_killed_ones_left(folder: Path) -> None:
    """A file that is still being written is younger than an hour."""
    for left in folder.glob(".*"):
        if time.time() - left.stat().st_mtime > _HOUR:
            left.unlink(missing_ok=True)
