"""One number for all that a trained model is made of: the proof that it did not change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from types import FunctionType
from typing import Any

import numpy as np
from scipy.sparse import issparse


def checksum(model: object) -> str:
    """sha256 in hex over every array, number and text of an object and of what it holds, in a fixed order.

    Equal for equal content in whatever process, unlike a hash. Objects must not hold each other in a circle.
    """
    digest = hashlib.sha256()
    _feed(digest, model)
    return digest.hexdigest()


def _feed(digest: Any, thing: Any) -> None:
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        _say(digest, "array", thing.dtype.str, *thing.shape)
        digest.update(np.ascontiguousarray(thing).data if thing.size else b"")
    elif issparse(thing):
        rows = thing.tocsr()
        _feed_all(digest, "sparse", [rows.shape, rows.data, rows.indices, rows.indptr])
    elif thing is None or isinstance(thing, (bool, int, float, str, bytes, np.generic, Enum, PurePath)):
        _say(digest, type(thing).__name__, repr(thing))
    elif isinstance(thing, (type, FunctionType)):
        _say(digest, "name", thing.__module__, thing.__qualname__)
    elif isinstance(thing, Mapping):
        _feed_all(digest, "mapping", sorted(thing.items(), key=lambda entry: repr(entry[0])))
    elif isinstance(thing, Set):
        _feed_all(digest, "set", sorted(thing, key=repr))
    elif isinstance(thing, (list, tuple, np.ndarray)):
        _feed_all(digest, "sequence", list(thing))
    elif is_dataclass(thing):
        held = {field.name: getattr(thing, field.name) for field in fields(thing)}
        _feed_all(digest, type(thing).__qualname__, [held])
    else:  # what it would be copied from: its attributes, or the text of a library's model
        _feed_all(digest, type(thing).__qualname__, [thing.__getstate__()])


def _feed_all(digest: Any, what: str, things: list[Any]) -> None:
    _say(digest, what, len(things))
    for thing in things:
        _feed(digest, thing)


def _say(digest: Any, *words: object) -> None:
    """Words with their lengths, so that no two different ones run together into the same bytes."""
    for word in words:
        encoded = str(word).encode()
        digest.update(f"{len(encoded)}:".encode() + encoded)
