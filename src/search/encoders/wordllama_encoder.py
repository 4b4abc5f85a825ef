"""The default encoder: the mean of wordllama's static token vectors. Works offline, without torch.

The weights and the tokenizer are read out of the installed library. All workers map the same 16 MB, where the library's
own loader copies 33 MB into each and turns on logging for the whole program. A text's vector equals the library's
`embed(text.lower(), norm=True)`: titles are written in any case, queries in lower case.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray
from src.core.errors import NotReady

_WEIGHTS, _TOKENIZER = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"
_TEXTS_AT_ONCE = 2_048
_LONGEST = 5_000  # characters
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class WordLlama:
    """The encoder over mapped weights.

    Attributes:
        name: its name in AISLE_ENCODER.
        checksum: hex sha256 over everything that shapes its vectors.
        table: float16[n_tokens, dimension], mapped.
        tokenizer_file: of the tokenizers library.
    """

    name: str
    checksum: str
    table: FloatArray
    tokenizer_file: Path

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.table.shape[1])

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32[len(texts), dimension], rows of length 1; zeros for a text without any token."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            part = [text[:_LONGEST].lower() for text in texts[start : start + _TEXTS_AT_ONCE]]
            vectors[start : start + len(part)] = self._summed(part)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(np.divide(vectors, length, out=vectors, where=length > 0))

    def _summed(self, texts: list[str]) -> FloatArray:
        """Return float32[len(texts), dimension], the sum of the vectors of each text's tokens."""
        if len(texts) == 1:  # a query needs no threads
            encodings = [self.tokenizer.encode(texts[0], add_special_tokens=False)]
        else:
            encodings = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        tokens = [encoding.ids for encoding in encodings]
        ids = np.fromiter(chain.from_iterable(tokens), np.int32)
        np.minimum(ids, len(self.table) - 1, out=ids)
        if len(texts) == 1:
            return np.asarray(self.table[ids].astype(np.float32).sum(axis=0, keepdims=True))
        pointers = np.cumsum([0, *map(len, tokens)])
        shape = (len(texts), len(self.table))
        return np.asarray(csr_matrix((np.ones(len(ids), np.float32), ids, pointers), shape=shape) @ self._wide)

    @cached_property
    def tokenizer(self) -> Any:
        """Of the tokenizers library. It takes 16 MB, so a process that only checks the encoder does not open it."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _wide(self) -> FloatArray:
        """The table as float32, for encoding a whole catalogue."""
        return np.asarray(self.table, dtype=np.float32)


def open_encoder(name: str, batch: int, download: bool) -> WordLlama:
    """Map the weights of the installed library.

    Args:
        name: of the encoder.
        batch: not used.
        download: not used, as the library contains its weights.

    Returns:
        The opened encoder.

    Raises:
        NotReady: without the library.
    """
    found = importlib.util.find_spec("wordllama")
    folder = Path(found.origin).parent if found and found.origin else None
    if folder is None or not all((folder / part).is_file() for part in (_WEIGHTS, _TOKENIZER)):
        raise NotReady(
            "the encoder wordllama is not here, or not as expected: run pip install -r requirements.lock, or set "
            "AISLE_ENCODER to another encoder"
        )
    digest = hashlib.sha256(b"lower case, mean of tokens\n")
    for part in (_WEIGHTS, _TOKENIZER):
        with open(folder / part, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return WordLlama(name, digest.hexdigest(), _table(folder / _WEIGHTS), folder / _TOKENIZER)


def _table(path: Path) -> FloatArray:
    """Map the only tensor of a safetensors file: 8 bytes with the length of a JSON header, the header, the numbers."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))[_TENSOR]
    if header["dtype"] != "F16":
        raise NotReady(f"{path}: numbers of type {header['dtype']} were found; expected F16: install wordllama 0.4")
    start = 8 + length + header["data_offsets"][0]
    return np.memmap(path, np.float16, "r", start, tuple(header["shape"]))
