"""Map ids to row numbers and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from src.core.domain import IntArray


class Vocabulary:
    """Ids and their row numbers: id ↔ idx, in both directions, over three arrays that can be memory-mapped.

    A dict of four million ids would cost every worker some 500 MB; these arrays are shared by all of them.
    blob: uint8, the ids' UTF-8 bytes end to end. offsets: int64[n + 1]. order: int32[n], row numbers sorted by id.
    """

    def __init__(self, blob: IntArray, offsets: IntArray, order: IntArray) -> None:
        self._blob, self._offsets, self._order = blob, offsets, order

    @classmethod
    def of(cls, ids: Sequence[str]) -> Vocabulary:
        """A vocabulary in which ids[i] has the row number i. The ids must be distinct."""
        import pyarrow as pa  # not on top: 70 MB that a process which only serves does not need
        import pyarrow.compute as pc

        packed = pa.array(ids, type=pa.large_binary())
        if not len(packed):
            return cls(np.zeros(0, np.uint8), np.zeros(1, np.int64), np.zeros(0, np.int32))
        _, offset_buffer, blob_buffer = packed.buffers()
        offsets = np.frombuffer(offset_buffer, np.int64)[: len(packed) + 1]
        blob = np.frombuffer(blob_buffer, np.uint8) if blob_buffer is not None else np.zeros(0, np.uint8)
        order = pc.sort_indices(packed).to_numpy().astype(np.int32)
        return cls(blob[: offsets[-1]], offsets, order)

    def __len__(self) -> int:
        return len(self._order)

    def id_of(self, idx: int) -> str:
        """The id of a row number."""
        return self._bytes_of(idx).decode()

    def ids_of(self, idx: Iterable[int]) -> list[str]:
        """The ids of row numbers, in their order."""
        return [self.id_of(i) for i in idx]

    def idx_of(self, id_: str) -> int | None:
        """The row number of an id; None for an id that is not here. Binary search: no dict in memory."""
        wanted = id_.encode("utf-8", "surrogatepass")
        place = self._place_of(wanted)
        if place < len(self._order) and self._bytes_of(self._order[place]) == wanted:
            return int(self._order[place])
        return None

    def finder(self) -> Callable[[Sequence[str]], IntArray]:
        """What says int64[n], the row numbers of n ids, -1 where one is not here: idx_of, but quick for very many.

        It holds a table of all ids, so drop it when it is done; of ids too long for one it asks idx_of.
        """
        lengths = np.diff(self._offsets)
        width = int(lengths.max(initial=0))
        if not width or width * len(self) > _MOST_BYTES:
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
        """int64[len(ids)]: the row number of every id; -1 where it is not here."""
        rows = (self.idx_of(id_) for id_ in ids)
        return np.fromiter((-1 if row is None else row for row in rows), np.int64, len(ids))

    def rows_in(self, other: Vocabulary, idx: IntArray | None = None) -> IntArray:
        """int64[len(self)], or [len(idx)]: the row numbers of all ids, or of those at idx, in another vocabulary; -1
        where it does not know them. Each is looked up once.
        """
        if idx is None:
            return other.rows_of(self.ids_of(range(len(self))))
        distinct, place = np.unique(idx, return_inverse=True)
        return other.rows_of(self.ids_of(distinct.tolist()))[place]

    def neighbours(self, id_: str, n: int) -> list[str]:
        """Up to n ids on either side of where this one stands, or would stand, when sorted: those that begin alike."""
        place = self._place_of(id_.encode("utf-8", "surrogatepass"))
        return self.ids_of(self._order[max(place - n, 0) : place + n])

    def starting_with(self, prefix: str) -> IntArray:
        """int32[m]: the row numbers of the ids that begin with a text, in the order of their ids."""
        wanted = prefix.encode("utf-8", "surrogatepass")
        return self._order[self._place_of(wanted) : self._place_of(wanted + b"\xff")]  # a byte that no UTF-8 has

    def _place_of(self, wanted: bytes) -> int:
        """How many ids are sorted before this one."""
        low, high = 0, len(self._order)
        while low < high:
            middle = (low + high) // 2
            if self._bytes_of(self._order[middle]) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def _bytes_of(self, idx: int) -> bytes:
        return self._blob[self._offsets[idx] : self._offsets[idx + 1]].tobytes()

    def save(self, folder: Path) -> None:
        """Write blob.npy, offsets.npy and order.npy into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in (("blob", self._blob), ("offsets", self._offsets), ("order", self._order)):
            np.save(folder / f"{name}.npy", array, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Map what `save` wrote; nothing is read into memory."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS))


_ARRAYS = ("blob", "offsets", "order")


_MOST_BYTES = 1 << 27
"""Of the table of a finder."""
