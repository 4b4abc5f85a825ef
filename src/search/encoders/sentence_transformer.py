"""Encoders of sentence-transformers: slower and more accurate than the default.

The library and torch are optional, and are imported when an encoder is opened. Nothing is downloaded unless
AISLE_ENCODER_DOWNLOAD allows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.core.domain import FloatArray
from src.core.errors import NotReady


@dataclass(frozen=True)
class SentenceEncoder:
    """An encoder of sentence-transformers.

    Attributes:
        name: its name in AISLE_ENCODER.
        checksum: hex sha256 over everything that shapes its vectors.
        dimension: length of a vector.
        model: a SentenceTransformer on the CPU.
        batch: texts to encode at once.
    """

    name: str
    checksum: str
    dimension: int
    model: Any
    batch: int

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32[len(texts), dimension], rows of length 1; zeros for blank texts."""
        if not len(texts):
            return np.zeros((0, self.dimension), np.float32)
        found = self.model.encode(
            list(texts), batch_size=self.batch, normalize_embeddings=True, show_progress_bar=False
        )
        vectors = np.asarray(found, dtype=np.float32)
        vectors[[not text.strip() for text in texts]] = 0
        return vectors


def open_model(name: str, batch: int, download: bool) -> SentenceEncoder:
    """Open a sentence-transformers model.

    Args:
        name: name or path of the model.
        batch: texts to encode at once.
        download: whether weights that are not on this machine may be fetched.

    Returns:
        The opened encoder.

    Raises:
        NotReady: the library or the model is not on this machine.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise NotReady(
            f"the encoder {name!r} needs sentence-transformers, which was not loaded ({error}): run pip install "
            "'sentence-transformers>=5,<7', or set AISLE_ENCODER=wordllama"
        ) from None
    try:
        model = SentenceTransformer(name, device="cpu", local_files_only=not download)
    except (OSError, ValueError) as error:
        raise NotReady(
            f"the encoder {name!r} is not on this machine ({str(error).splitlines()[0][:160]}). Set AISLE_ENCODER to "
            "the folder of a model, or AISLE_ENCODER_DOWNLOAD=true to fetch it once"
        ) from None
    dimension = model.get_embedding_dimension()
    return SentenceEncoder(name, _checksum(model), int(dimension), model, batch)


def _checksum(model: Any) -> str:
    """Return a checksum over all weights, the tokenizer and the length at which texts are cut."""
    digest = hashlib.sha256(f"{model.max_seq_length}\n".encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.cpu().numpy()).tobytes())
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    digest.update(repr(model.tokenizer).encode() if backend is None else backend.to_str().encode())
    return digest.hexdigest()
