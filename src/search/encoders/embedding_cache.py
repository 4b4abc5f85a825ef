"""Cache embeddings on disk, so that only changed texts are encoded again.

AISLE_VAR/embeddings/<encoder's checksum>/kept.npy has a row for each text, its sha256 and its vector, sorted by sha256;
kept.sha256 is its checksum. A file whose checksum does not match is ignored. A long encoding is saved every minute, so
that a training that was ended continues where it stopped.
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
from src.core.mapped_arrays import mapped
from src.core.progress import Reporter
from src.search.encoders.registry import Encoder

_AT_ONCE = 2_048
_SECONDS_UNWRITTEN = 60.0
_HOUR = 3_600.0
_FILE, _PROOF = "kept.npy", "kept.sha256"
_MOST_UNUSED = 2.0
"""Unused vectors are kept until there are this many times as many as texts in use."""


@dataclass(frozen=True)
class EncodedTexts:
    """Embeddings of n texts.

    Attributes:
        vectors: float16[n, dimension], rows of length 1 or zeros.
        n_new: number of texts that were not in the cache.
    """

    vectors: FloatArray
    n_new: int


def encode_texts(encoder: Encoder, texts: Sequence[str], folder: Path, reporter: Reporter) -> EncodedTexts:
    """Embed texts, with the cache where it can be read and written.

    Args:
        encoder: embeds what is not in the cache.
        texts: n texts.
        folder: of the caches of all encoders.

    Returns:
        One vector for each text.
    """
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
    """Return the cached keys, ascending, and their vectors, mapped; both empty if the file is unusable."""
    try:
        with open(folder / _FILE, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest == (folder / _PROOF).read_text(encoding="ascii"):
            rows = mapped(folder / _FILE)
            return rows["key"], rows["vector"]
    except (OSError, ValueError, EOFError):
        pass  # no file, or an unusable one
    return np.zeros(0, "S32"), np.zeros((0, dimension), np.float16)


def _write(folder: Path, keys: FloatArray, vectors: FloatArray) -> None:
    """Replace the cache file; a failure is ignored."""
    rows = np.empty(len(keys), [("key", "S32"), ("vector", np.float16, vectors.shape[1:])])
    order = np.argsort(keys)
    rows["key"], rows["vector"] = keys[order], vectors[order]
    token = secrets.token_hex(4)
    temporary = [folder / f".{token}.{name}" for name in (_FILE, _PROOF)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned_files(folder)
        np.save(temporary[0], rows, allow_pickle=False)
        with open(temporary[0], "rb") as file:
            temporary[1].write_text(hashlib.file_digest(file, "sha256").hexdigest(), encoding="ascii")
        for made, name in zip(temporary, (_FILE, _PROOF), strict=True):
            os.replace(made, folder / name)
    except OSError:
        with suppress(OSError):
            for made in temporary:
                made.unlink(missing_ok=True)


def _remove_abandoned_files(folder: Path) -> None:
    """Remove temporary files of killed processes; a file that is being written is younger than an hour."""
    for left in folder.glob(".*"):
        if time.time() - left.stat().st_mtime > _HOUR:
            left.unlink(missing_ok=True)
