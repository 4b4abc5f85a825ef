"""A hash over everything that a trained model consists of, to tell whether it changed."""

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
    """Return sha256 in hex over every array, number and text of an object and its attributes, in a fixed order.

    Equal for equal content in every process, unlike `hash`. Objects must not refer to each other in a circle.
    """
    digest = hashlib.sha256()
    _feed(digest, model)
    return digest.hexdigest()


def _feed(digest: Any, thing: Any) -> None:
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        _write(digest, "array", thing.dtype.str, *thing.shape)
        digest.update(np.ascontiguousarray(thing).data if thing.size else b"")
    elif issparse(thing):
        rows = thing.tocsr()
        _feed_all(digest, "sparse", [rows.shape, rows.data, rows.indices, rows.indptr])
    elif thing is None or isinstance(thing, (bool, int, float, str, bytes, np.generic, Enum, PurePath)):
        _write(digest, type(thing).__name__, repr(thing))
    elif isinstance(thing, (type, FunctionType)):
        _write(digest, "name", thing.__module__, thing.__qualname__)
    elif isinstance(thing, Mapping):
        _feed_all(digest, "mapping", sorted(thing.items(), key=lambda entry: repr(entry[0])))
    elif isinstance(thing, Set):
        _feed_all(digest, "set", sorted(thing, key=repr))
    elif isinstance(thing, (list, tuple, np.ndarray)):
        _feed_all(digest, "sequence", list(thing))
    elif is_dataclass(thing):
        attributes = {field.name: getattr(thing, field.name) for field in fields(thing)}
        _feed_all(digest, type(thing).__qualname__, [attributes])
    else:  # the state that a copy is made from: attributes, or the text of a library's model
        _feed_all(digest, type(thing).__qualname__, [thing.__getstate__()])


def _feed_all(digest: Any, kind: str, things: list[Any]) -> None:
    _write(digest, kind, len(things))
    for thing in things:
        _feed(digest, thing)


def _write(digest: Any, *words: object) -> None:
    """Add words with their lengths, so that different words never give the same bytes."""
    for word in words:
        encoded = str(word).encode()
        digest.update(f"{len(encoded)}:".encode() + encoded)
