"""MiniLM's arithmetic on small random weights, beside the formulas written out for one token at a time."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from src.core.domain import FloatArray
from src.core.errors import ReleaseError
from src.search.encoders import minilm_encoder
from src.search.encoders.minilm_encoder import MiniLm

LAYERS, HEADS, SIZE, INNER = 2, 12, 24, 36
WORDS = ["[UNK]", "washing", "machine", "washer", "bicycle", "red"]


def random_weights() -> dict[str, FloatArray]:
    rng = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), SIZE),
        "embeddings.position_embeddings.weight": (128, SIZE),
        "embeddings.token_type_embeddings.weight": (2, SIZE),
    }
    names = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        names += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
        square = ("self.query", "self.key", "self.value", "output.dense")
        shapes |= {f"{name}.attention.{part}.weight": (SIZE, SIZE) for part in square}
        shapes |= {f"{name}.attention.{part}.bias": (SIZE,) for part in square}
        shapes |= {f"{name}.intermediate.dense.weight": (INNER, SIZE), f"{name}.intermediate.dense.bias": (INNER,)}
        shapes |= {f"{name}.output.dense.weight": (SIZE, INNER), f"{name}.output.dense.bias": (SIZE,)}
    shapes |= {f"{name}.{part}": (SIZE,) for name in names for part in ("weight", "bias")}
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of small weights that is laid out as the real one."""
    folder = tmp_path / "small_minilm" / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("", encoding="utf-8")
    header, numbers = {}, b""
    for name, tensor in random_weights().items():
        end = len(numbers) + tensor.nbytes
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(numbers), end]}
        numbers += tensor.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    weights = folder / "model.safetensors"
    weights.write_bytes(len(text).to_bytes(8, "little") + text + numbers)
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("small_minilm", None)
    for name, value in {"_PACKAGE": "small_minilm", "_LAYERS": LAYERS}.items():
        monkeypatch.setattr(minilm_encoder, name, value)
    monkeypatch.setattr(minilm_encoder, "_OFFICIAL", hashlib.sha256(weights.read_bytes()).hexdigest())
    return weights


def opened() -> MiniLm:
    return minilm_encoder.open_encoder("minilm", 64, False)


def normal(row: FloatArray, weights: dict[str, FloatArray], name: str) -> FloatArray:
    scaled = (row - row.mean()) / math.sqrt(row.var() + 1e-12)
    return np.asarray(scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"])


def linear(row: FloatArray, weights: dict[str, FloatArray], name: str) -> FloatArray:
    return np.asarray(weights[f"{name}.weight"] @ row + weights[f"{name}.bias"])


def by_the_formulas(ids: list[int]) -> FloatArray:
    """Return the vector of a text, computed token by token and head by head."""
    w = random_weights()
    rows = [
        w["embeddings.word_embeddings.weight"][each]
        + w["embeddings.position_embeddings.weight"][place]
        + w["embeddings.token_type_embeddings.weight"][0]
        for place, each in enumerate(ids)
    ]
    rows = [normal(row, w, "embeddings.LayerNorm") for row in rows]
    wide = SIZE // HEADS
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        q, k, v = ([linear(r, w, f"{name}.attention.self.{p}") for r in rows] for p in ("query", "key", "value"))
        seen = []
        for query in q:
            heads = []
            for head in range(HEADS):
                part = slice(head * wide, (head + 1) * wide)
                match = np.array([math.exp(query[part] @ key[part] / math.sqrt(wide)) for key in k])
                heads.append(sum(m * value[part] for m, value in zip(match / match.sum(), v, strict=True)))
            seen.append(np.concatenate(heads))
        part_name = f"{name}.attention.output"
        rows = [
            normal(row + linear(each, w, f"{part_name}.dense"), w, f"{part_name}.LayerNorm")
            for row, each in zip(rows, seen, strict=True)
        ]
        inner = [linear(row, w, f"{name}.intermediate.dense") for row in rows]
        gelu = [np.array([x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in row.tolist()]) for row in inner]
        rows = [
            normal(row + linear(each, w, f"{name}.output.dense"), w, f"{name}.output.LayerNorm")
            for row, each in zip(rows, gelu, strict=True)
        ]
    mean = np.mean(rows, axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


@pytest.mark.usefixtures("package")
def test_a_vector_is_what_the_formulas_give() -> None:
    texts = ["washing machine", "red bicycle", "washer", "", "red washing machine washer"]
    vectors = opened().encode(texts)
    for text, vector in zip(texts, vectors, strict=True):
        ids = [WORDS.index(word) for word in text.split()]
        assert vector == pytest.approx(by_the_formulas(ids) if ids else np.zeros(SIZE), abs=1e-4)


@pytest.mark.usefixtures("package")
def test_a_long_text_is_cut() -> None:
    encoder = opened()
    assert encoder.encode(["red " * 500])[0] == pytest.approx(encoder.encode(["red " * 128])[0], abs=1e-5)


def test_other_weights_than_the_published_ones_are_refused(package: Path) -> None:
    data = bytearray(package.read_bytes())
    data[-1] ^= 1
    package.write_bytes(bytes(data))
    with pytest.raises(ReleaseError, match="the published weights"):
        opened()
