"""Map ids to row numbers and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import IntArray
from src.core.mapped_arrays import mapped

_ARRAYS = ("blob", "offsets", "order")
_MAX_TABLE_BYTES = 1 << 27
_MOST_MET = 4_096


class Vocabulary:
    """Ids and their row numbers, in three arrays that can be memory-mapped.

    A dict of four million ids would cost every worker some 500 MB; all workers share these arrays.

    Args:
        blob: uint8, the UTF-8 bytes of all ids end to end.
        offsets: int64[n + 1], where each id begins in blob.
        order: int32[n], row numbers sorted by id.
    """

    def __init__(self, blob: IntArray, offsets: IntArray, order: IntArray) -> None:
        self._blob, self._offsets, self._order = blob, offsets, order
        # For single ids: an element or slice of a memoryview costs a third of an array's.
        self._bytes, self._begins, self._sorted = (
            np.ascontiguousarray(array).data for array in (self._blob, self._offsets, self._order)
        )
        # Ids that were looked up lately, and rows whose ids were wanted: most requests name the same products.
        self._met: dict[str, int] = {}
        self._named: dict[int, str] = {}

    @classmethod
    def of(cls, ids: Sequence[str]) -> Vocabulary:
        """Return a vocabulary in which ids[i] has row number i. The ids must be distinct."""
        import pyarrow as pa  # not at the top: serving does not need its 70 MB

        return cls.packed(pa.array(ids, type=pa.large_binary()))

    @classmethod
    def packed(cls, ids: Any, sorted_rows: IntArray | None = None) -> Vocabulary:
        """Return the same as `of`.

        Args:
            ids: pyarrow's binary array of UTF-8.
            sorted_rows: int32[n], see the property; None to sort the ids.

        Returns:
            The vocabulary.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        packed = ids.cast(pa.large_binary())
        if not len(packed):
            return cls(np.zeros(0, np.uint8), np.zeros(1, np.int64), np.zeros(0, np.int32))
        _, offset_buffer, blob_buffer = packed.buffers()
        offsets = np.frombuffer(offset_buffer, np.int64)[: len(packed) + 1]
        blob = np.frombuffer(blob_buffer, np.uint8) if blob_buffer is not None else np.zeros(0, np.uint8)
        if sorted_rows is None:
            sorted_rows = pc.sort_indices(packed).to_numpy().astype(np.int32)
        return cls(blob[: offsets[-1]], offsets, sorted_rows)

    def __len__(self) -> int:
        return len(self._order)

    def id_of(self, idx: int) -> str:
        """Return the id of a row number."""
        return self._bytes_of(idx).decode()

    def ids_of(self, idx: Iterable[int]) -> list[str]:
        """Return the ids of row numbers, in the same order."""
        blob, begins = self._bytes, self._begins
        return [str(blob[begins[i] : begins[i + 1]], "utf-8") for i in idx]

    def names_of(self, idx: Sequence[int]) -> list[str]:
        """Return the same as `ids_of` for few row numbers, and remember them: lists name the same products."""
        try:
            return [self._named[i] for i in idx]
        except KeyError:
            ids = self.ids_of(idx)
        if len(self._named) >= _MOST_MET:
            self._named.clear()
        self._named.update(zip(idx, ids, strict=True))
        return ids

    def idx_of(self, id_: str) -> int | None:
        """Return the row number of an id, by binary search; None for an unknown id."""
        if (met := self._met.get(id_)) is not None:
            return met
        wanted = id_.encode("utf-8", "surrogatepass")
        place = self._place_of(wanted)
        if place < len(self._order) and self._bytes_of(idx := self._sorted[place]) == wanted:
            if len(self._met) >= _MOST_MET:
                self._met.clear()
            self._met[id_] = idx
            return idx
        return None

    @property
    def blob(self) -> IntArray:
        """The UTF-8 bytes of all ids end to end, uint8, in the order of the row numbers."""
        return self._blob

    @property
    def sorted_rows(self) -> IntArray:
        """int32[n], the row numbers sorted by id."""
        return self._order

    def bounds_of(self, idx: IntArray) -> tuple[IntArray, IntArray]:
        """Return where the ids of row numbers begin and end in `blob`."""
        return self._offsets[idx], self._offsets[idx + 1]

    def rows_at(self, places: IntArray) -> IntArray:
        """Return the row numbers of the ids that hold these places of `blob`."""
        return np.searchsorted(self._offsets, places, side="right") - 1

    def finder(self) -> Callable[[Sequence[str]], IntArray]:
        """Return a function like `rows_of` that is fast for many ids.

        It holds a table of all ids until it is deleted. Where the ids are too long for a table it is `rows_of` itself.
        """
        lengths = np.diff(self._offsets)
        width = int(lengths.max(initial=0))
        if not width or width * len(self) > _MAX_TABLE_BYTES:
            return self.rows_of
        table = np.zeros((len(self), width), np.uint8)
        table[np.arange(width) < lengths[:, None]] = self._blob
        known, order = table[self._order].view(f"S{width}").ravel(), np.asarray(self._order, np.int64)

        def find(ids: Sequence[str]) -> IntArray:
            wanted = np.array([id_.encode("utf-8", "surrogatepass") for id_ in ids], np.bytes_)
            place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            return np.where(known[place] == wanted, order[place], -1)

        return find

    def rows_of(self, ids: Sequence[str]) -> IntArray:
        """Return int64[len(ids)], the row number of each id; -1 for an unknown id."""
        return np.array(self.row_numbers(ids), np.int64)

    def row_numbers(self, ids: Sequence[str]) -> list[int]:
        """Return the same as `rows_of` as a list, which costs less where there are few ids."""
        rows = list(map(self._met.get, ids))
        if None in rows:
            found = ((self.idx_of(id_) if row is None else row) for id_, row in zip(ids, rows, strict=True))
            return [-1 if row is None else row for row in found]
        return rows  # type: ignore[return-value]  # mypy does not see that None is not in it

    def rows_in(self, other: Vocabulary, idx: IntArray | None = None) -> IntArray:
        """Translate row numbers into those of another vocabulary. Each distinct id is looked up once.

        Args:
            other: the other vocabulary.
            idx: int[n], row numbers here; None for all.

        Returns:
            int64[n], row numbers there; -1 for ids that it does not hold.
        """
        if idx is None:
            return other.rows_of(self.ids_of(range(len(self))))
        distinct, place = np.unique(idx, return_inverse=True)
        return other.rows_of(self.ids_of(distinct.tolist()))[place]

    def neighbours(self, id_: str, n: int) -> list[str]:
        """Return the ids around a position in alphabetical order, which begin alike.

        Args:
            id_: the position; it need not be in the vocabulary.
            n: number of ids on either side.

        Returns:
            Up to 2 n ids, sorted.
        """
        place = self._place_of(id_.encode("utf-8", "surrogatepass"))
        return self.ids_of(self._order[max(place - n, 0) : place + n])

    def starting_with(self, prefix: str) -> IntArray:
        """Return int32[m], the row numbers of the ids that begin with a prefix, sorted by id."""
        wanted = prefix.encode("utf-8", "surrogatepass")
        return self._order[
            self._place_of(wanted) : self._place_of(wanted + b"\xff")
        ]  # a byte that does not occur in UTF-8

    def _place_of(self, wanted: bytes) -> int:
        """Return how many ids sort before this one."""
        low, high = 0, len(self._order)
        blob, begins, row_at = self._bytes, self._begins, self._sorted
        while low < high:
            middle = (low + high) // 2
            idx = row_at[middle]
            if blob[begins[idx] : begins[idx + 1]].tobytes() < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def _bytes_of(self, idx: int) -> bytes:
        return self._bytes[self._begins[idx] : self._begins[idx + 1]].tobytes()

    def save(self, folder: Path) -> None:
        """Write blob.npy, offsets.npy and order.npy into the folder, which is created."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in (("blob", self._blob), ("offsets", self._offsets), ("order", self._order)):
            np.save(folder / f"{name}.npy", array, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Memory-map the files that `save` wrote."""
        return cls(*(mapped(folder / f"{name}.npy") for name in _ARRAYS))
