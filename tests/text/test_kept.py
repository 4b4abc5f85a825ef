"""Only texts that changed are encoded again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.progress import Silent
from src.text.kept import encoded
from tests.text.shelf import Letters

TEXTS = ["a dog", "an ox", "", "a dog"]


def test_every_different_text_is_encoded_once(tmp_path: Path) -> None:
    encoder = Letters()
    made = encoded(encoder, TEXTS, tmp_path, Silent())
    assert sorted(encoder.read) == ["", "a dog", "an ox"]
    assert made.n_new == 3
    assert np.array_equal(made.vectors, Letters().encode(TEXTS).astype(np.float16))


def test_a_second_time_encodes_nothing(tmp_path: Path) -> None:
    first = encoded(Letters(), TEXTS, tmp_path, Silent())
    encoder = Letters()
    again = encoded(encoder, TEXTS, tmp_path, Silent())
    assert encoder.read == []
    assert again.n_new == 0
    assert np.array_equal(again.vectors, first.vectors)


def test_only_what_changed_is_encoded_again(tmp_path: Path) -> None:
    encoded(Letters(), TEXTS, tmp_path, Silent())
    encoder = Letters()
    made = encoded(encoder, ["a dog", "a cow", "an ox"], tmp_path, Silent())
    assert encoder.read == ["a cow"]
    assert np.array_equal(made.vectors, Letters().encode(["a dog", "a cow", "an ox"]).astype(np.float16))


def test_another_encoder_begins_anew(tmp_path: Path) -> None:
    encoded(Letters(), TEXTS, tmp_path, Silent())
    other = Letters()
    other.checksum = "d" * 64
    encoded(other, TEXTS, tmp_path, Silent())
    assert len(other.read) == 3


def test_texts_that_nobody_has_any_more_are_dropped_in_the_end(tmp_path: Path) -> None:
    encoded(Letters(), [f"old {number}" for number in range(50)], tmp_path, Silent())
    encoded(Letters(), ["new"], tmp_path, Silent())
    encoder = Letters()
    encoded(encoder, ["old 1", "new"], tmp_path, Silent())
    assert encoder.read == ["old 1"]


@pytest.mark.parametrize("name", ["keys.npy", "vectors.npy"])
def test_a_file_that_was_cut_only_costs_time(tmp_path: Path, name: str) -> None:
    encoded(Letters(), TEXTS, tmp_path, Silent())
    [file] = tmp_path.rglob(name)
    file.write_bytes(file.read_bytes()[:100])
    made = encoded(Letters(), TEXTS, tmp_path, Silent())
    assert made.n_new == 3
    assert np.array_equal(made.vectors, Letters().encode(TEXTS).astype(np.float16))


def test_no_text_at_all_is_no_vector(tmp_path: Path) -> None:
    assert encoded(Letters(), [], tmp_path, Silent()).vectors.shape == (0, 3)
