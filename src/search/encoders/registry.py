"""Encoders: texts to vectors that lie near each other where the texts mean the same. A table of the known ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from src.core.domain import FloatArray
from src.search.encoders import sentence_transformer, wordllama_encoder

WORDLLAMA, MINILM = "wordllama", "minilm"


class Encoder(Protocol):
    """Turns texts into vectors. The same text gives the same vector in every process that has the same checksum."""

    @property
    def name(self) -> str:
        """What AISLE_ENCODER calls it: a row of ENCODERS, or the name or path of a sentence-transformers model."""
        ...

    @property
    def checksum(self) -> str:
        """sha256 in hex over all that shapes its vectors: never compare vectors of encoders with different ones."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """float32[len(texts), dimension], every row of length 1; zeros for a text in which it finds nothing."""
        ...


class OpenEncoder(Protocol):
    """Opens an encoder, or raises NotReady that says what is missing. batch: texts at once. download: whether what is
    not on this machine may be fetched.
    """

    def __call__(self, name: str, batch: int, download: bool) -> Encoder: ...


ENCODERS: dict[str, OpenEncoder] = {WORDLLAMA: wordllama_encoder.open_encoder, MINILM: sentence_transformer.open_minilm}


def open_encoder(name: str, *, batch: int = 64, download: bool = False) -> Encoder:
    """The encoder of this name; one that is no row of ENCODERS is taken for a sentence-transformers model.

    Raises NotReady where its library or its weights are not here.
    """
    return ENCODERS.get(name, sentence_transformer.open_model)(name, batch, download)
