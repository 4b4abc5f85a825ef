"""Read how far the pages of a parquet file unpack, by the header of each page: that is how much memory is taken.

The metadata at the end of the file may say anything. A page header is a struct of Thrift's compact protocol:
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

_HEADER_BYTES = 1 << 16
"""Statistics of a page may hold two values; a longer header is refused."""
_UNPACKED_SIZE, _PACKED_SIZE = 2, 3
_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12
_DEEPEST = 8


def unpacked_page_bytes(source: IO[bytes], chunk: Any) -> int:
    """Return the bytes that all pages of a column of a row group unpack to, as their headers say.

    Args:
        source: The file; its position is moved.
        chunk: The metadata of the column, pyarrow's ColumnChunkMetaData.

    Returns:
        The sum over its pages.

    Raises:
        ValueError: A header cannot be read.
    """
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        at = min(at, chunk.dictionary_page_offset)
    end = at + chunk.total_compressed_size
    return sum(_page_sizes(source, at, end))


def _page_sizes(source: IO[bytes], at: int, end: int) -> Iterator[int]:
    while at < end:
        source.seek(at)
        header = _Compact(source.read(min(_HEADER_BYTES, end - at)))
        fields = header.struct()
        packed, unpacked = fields.get(_PACKED_SIZE), fields.get(_UNPACKED_SIZE)
        if packed is None or unpacked is None or packed < 0 or unpacked < 0:
            raise ValueError("a page header has no sizes")
        yield unpacked
        at += header.at + packed


class _Compact:
    """Reads one struct; only its whole numbers are kept."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self, depth: int = 0) -> dict[int, int]:
        """Return the whole numbers among the fields, by their ids. Raises ValueError."""
        fields: dict[int, int] = {}
        name = 0
        while kind := self._byte():
            name = name + (kind >> 4) if kind >> 4 else self._number()
            if (value := self._value(kind & 0xF, depth)) is not None:
                fields[name] = value
        return fields

    def _value(self, kind: int, depth: int) -> int | None:
        if kind in _INTEGERS:
            return self._number()
        if kind in _LISTS:
            size = self._byte()
            element, n = size & 0xF, size >> 4 if size >> 4 != 0xF else self._unsigned()
            for _ in range(n):
                self._value(_BYTE if element in _BOOLEANS else element, depth + 1)
        elif kind == _STRUCT and depth < _DEEPEST:
            self.struct(depth + 1)
        elif kind in (_BYTE, _DOUBLE, _BINARY):
            n_bytes = {_BYTE: 1, _DOUBLE: 8}.get(kind) or self._unsigned()
            self.at += n_bytes
        elif kind not in _BOOLEANS:
            raise ValueError(f"a page header has a field of kind {kind}")
        return None

    def _number(self) -> int:
        """Return a zigzag number."""
        unsigned = self._unsigned()
        return (unsigned >> 1) ^ -(unsigned & 1)

    def _unsigned(self) -> int:
        found = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
        raise ValueError("a page header has a number that never ends")

    def _byte(self) -> int:
        if self.at >= len(self.data):
            raise ValueError("a page header never ends")
        self.at += 1
        return self.data[self.at - 1]
