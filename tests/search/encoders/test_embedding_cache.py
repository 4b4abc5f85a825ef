"""Only texts that changed are encoded again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import FloatArray
from src.core.progress import Silent
from src.search.encoders import embedding_cache
from src.search.encoders.embedding_cache import encode_texts
from tests.search.small_index import Letters

TEXTS = ["a dog", "an ox", "", "a dog"]


def test_every_different_text_is_encoded_once(tmp_path: Path) -> None:
    encoder = Letters()
    made = encode_texts(encoder, TEXTS, tmp_path, Silent())
    assert sorted(encoder.read) == ["", "a dog", "an ox"]
    assert made.n_new == 3
    assert np.array_equal(made.vectors, Letters().encode(TEXTS).astype(np.float16))


def test_a_second_time_encodes_nothing(tmp_path: Path) -> None:
    first = encode_texts(Letters(), TEXTS, tmp_path, Silent())
    encoder = Letters()
    again = encode_texts(encoder, TEXTS, tmp_path, Silent())
    assert encoder.read == []
    assert again.n_new == 0
    assert np.array_equal(again.vectors, first.vectors)


def test_only_what_changed_is_encoded_again(tmp_path: Path) -> None:
    encode_texts(Letters(), TEXTS, tmp_path, Silent())
    encoder = Letters()
    made = encode_texts(encoder, ["a dog", "a cow", "an ox"], tmp_path, Silent())
    assert encoder.read == ["a cow"]
    assert np.array_equal(made.vectors, Letters().encode(["a dog", "a cow", "an ox"]).astype(np.float16))


def test_another_encoder_begins_anew(tmp_path: Path) -> None:
    encode_texts(Letters(), TEXTS, tmp_path, Silent())
    other = Letters()
    other.checksum = "d" * 64
    encode_texts(other, TEXTS, tmp_path, Silent())
    assert len(other.read) == 3


def test_vectors_of_removed_texts_are_dropped_eventually(tmp_path: Path) -> None:
    encode_texts(Letters(), [f"old {number}" for number in range(50)], tmp_path, Silent())
    encode_texts(Letters(), ["new"], tmp_path, Silent())
    encoder = Letters()
    encode_texts(encoder, ["old 1", "new"], tmp_path, Silent())
    assert encoder.read == ["old 1"]


def damage(file: Path, how: str) -> None:
    held = bytearray(file.read_bytes())
    if how == "cut":
        held = held[:40]
    elif how == "one bit":
        held[-3] ^= 4
    elif how == "garbage":
        held = bytearray(b"\x00garbage" * 9)
    file.unlink()
    if how != "gone":
        file.write_bytes(held)


@pytest.mark.parametrize("how", ["cut", "one bit", "garbage", "gone"])
@pytest.mark.parametrize("name", ["kept.npy", "kept.sha256"])
def test_a_file_that_was_damaged_only_costs_time(tmp_path: Path, name: str, how: str) -> None:
    encode_texts(Letters(), TEXTS, tmp_path, Silent())
    [file] = tmp_path.rglob(name)
    damage(file, how)
    made = encode_texts(Letters(), TEXTS, tmp_path, Silent())
    assert made.n_new == 3
    assert np.array_equal(made.vectors, Letters().encode(TEXTS).astype(np.float16))
    assert encode_texts(Letters(), TEXTS, tmp_path, Silent()).n_new == 0


@pytest.mark.parametrize("name", ["kept.npy", "kept.sha256"])
def test_of_two_that_write_at_once_no_text_gets_the_vector_of_another(tmp_path: Path, name: str) -> None:
    """Both writers have the same number of texts, and one file of each remains."""
    one, other = tmp_path / "one", tmp_path / "other"
    encode_texts(Letters(), ["a dog", "an ox"], one, Silent())
    encode_texts(Letters(), ["a cow", "one emu"], other, Silent())
    [mine], [its] = one.rglob(name), other.rglob(name)
    mine.write_bytes(its.read_bytes())
    for texts in (["a dog", "an ox"], ["a cow", "one emu"]):
        made = encode_texts(Letters(), texts, one, Silent())
        assert np.array_equal(made.vectors, Letters().encode(texts).astype(np.float16))


class Killed(Letters):
    """An encoder that is killed at the third part of the texts."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        if len(self.read) >= 4:
            raise KeyboardInterrupt
        return super().encode(texts)


def test_an_encoding_that_was_ended_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "_AT_ONCE", 2)
    monkeypatch.setattr(embedding_cache, "_SECONDS_UNWRITTEN", 0.0)
    texts = [f"text {number}" for number in range(7)]
    with pytest.raises(KeyboardInterrupt):
        encode_texts(Killed(), texts, tmp_path, Silent())
    encoder = Letters()
    made = encode_texts(encoder, texts, tmp_path, Silent())
    assert len(encoder.read) == 3
    assert np.array_equal(made.vectors, Letters().encode(texts).astype(np.float16))


def test_what_a_killed_training_left_half_written_is_removed(tmp_path: Path) -> None:
    encode_texts(Letters(), TEXTS, tmp_path, Silent())
    [folder] = tmp_path.iterdir()
    left = folder / ".1.kept.npy"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    encode_texts(Letters(), ["another"], tmp_path, Silent())
    assert sorted(path.name for path in folder.iterdir()) == ["kept.npy", "kept.sha256"]


def test_a_folder_that_cannot_be_written_is_only_slower(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert encode_texts(Letters(), TEXTS, tmp_path / "file", Silent()).n_new == 3


def test_no_text_at_all_is_no_vector(tmp_path: Path) -> None:
    assert encode_texts(Letters(), [], tmp_path, Silent()).vectors.shape == (0, 3)
