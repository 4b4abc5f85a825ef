"""Encoders embed texts so that texts of similar meaning get similar vectors. ENCODERS lists the known ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from src.core.domain import FloatArray
from src.search.encoders import minilm_encoder, sentence_transformer, wordllama_encoder

WORDLLAMA, MINILM = "wordllama", "minilm"


class Encoder(Protocol):
    """Embeds texts. Encoders with equal checksums give equal vectors for equal texts."""

    @property
    def name(self) -> str:
        """The name in AISLE_ENCODER: a key of ENCODERS, or the name or path of a sentence-transformers model."""
        ...

    @property
    def checksum(self) -> str:
        """Hex sha256 over everything that shapes its vectors; vectors of different checksums must not be compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32[len(texts), dimension], rows of length 1; zeros for a text without any token."""
        ...


class OpenEncoder(Protocol):
    """Opens an encoder, or raises NotReady that tells what is missing."""

    def __call__(self, name: str, batch: int, download: bool) -> Encoder:
        """Open an encoder.

        Args:
            name: of the encoder.
            batch: texts to encode at once.
            download: whether weights that are not on this machine may be fetched.

        Returns:
            The opened encoder.
        """
        ...


ENCODERS: dict[str, OpenEncoder] = {WORDLLAMA: wordllama_encoder.open_encoder, MINILM: minilm_encoder.open_encoder}


def open_encoder(name: str, *, batch: int = 64, download: bool = False) -> Encoder:
    """Open an encoder. Raises NotReady if its library or its weights are missing.

    Args:
        name: a key of ENCODERS; any other is the name or path of a sentence-transformers model.
        batch: texts to encode at once.
        download: whether weights that are not on this machine may be fetched.

    Returns:
        The opened encoder.
    """
    return ENCODERS.get(name, sentence_transformer.open_model)(name, batch, download)
