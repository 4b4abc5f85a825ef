"""Read rows of JSON: one object a line, or documents of many lines."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from src.core.errors import UnusableFile
from src.ingestion.input_files import MAX_LINE, InputFile, refuse_many_columns, sampled, with_last
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, Rejection, RejectionCode

_SAMPLE_ROWS = 200
_NAME_SAMPLE_ROWS = 20_000  # rows searched for fields, since a rare one may come late
BATCH_ROWS = 20_000
_MAX_SHOWN = 500  # characters of a line that is too long, in the file of rejected rows
_BATCH_CHARACTERS = 4_000_000
_MAX_PYTHON = 100_000  # characters of a line in Python's notation


@dataclass(frozen=True)
class JsonLinesRows:
    """A file of one JSON object a line; Python's notation, in which some public catalogues come, is read too.

    Attributes:
        file: The file.
        names: Fields to read: a row has one cell for each, None where it is missing.
    """

    file: InputFile
    names: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the format for people."""
        return "JSON lines"

    def is_one_a_line(self) -> bool:
        """Whether the first line is an object."""
        return any(parse_object(line) is not None for _, line in itertools.islice(self.numbered_lines(), 1))

    def field_names(self) -> list[str]:
        """Return the fields of the first objects, each once, in order of appearance."""
        objects = (parse_object(line) for _, line in self.numbered_lines())
        names: dict[str, None] = {}
        for value in itertools.islice((value for value in objects if value is not None), _NAME_SAMPLE_ROWS):
            names.update((name, None) for name in value if isinstance(name, str))
            refuse_many_columns(self.file.path, len(names))
        return list(names)

    def sample(self) -> list[list[Any]]:
        """Return the cells of `names` in the first rows."""
        objects = ((parse_object(line), len(line) + len(self.names)) for _, line in self.numbered_lines())
        first = sampled(((value, size) for value, size in objects if value is not None), _SAMPLE_ROWS)
        return [[value.get(name) for name in self.names] for value in first]

    def blocks(self) -> Iterator[RawBlock]:
        """Yield all lines that are not blank."""
        for part in _batches(self.numbered_lines()):
            lines, texts, broken = [], [], []
            rows: list[Sequence[object]] = []
            for number, line in part:
                value = parse_object(line)
                if value is None:
                    code = RejectionCode.LINE_TOO_LONG if len(line) > MAX_LINE else RejectionCode.NO_JSON_OBJECT
                    broken.append(
                        RejectedRow(number, Rejection(code), [line[:_MAX_SHOWN] if len(line) > MAX_LINE else line])
                    )
                    continue
                lines.append(number)
                rows.append([value.get(name) for name in self.names])
                texts.append(line)
            yield RawBlock(lines, rows, broken, texts)

    def numbered_lines(self) -> Iterator[tuple[int, str]]:
        """Yield the number and the text of each line, or object, that is not blank."""
        number = 0
        for block in self.file.line_blocks():
            for line in block:
                number += 1
                text = line.strip()
                if text:
                    yield number, text


def _batches(numbered: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield up to BATCH_ROWS lines at a time, at most one of them beyond _BATCH_CHARACTERS."""
    part, size = [], 0
    for number, line in numbered:
        part.append((number, line))
        size += len(line)
        if len(part) >= BATCH_ROWS or size > _BATCH_CHARACTERS:
            yield part
            part, size = [], 0
    if part:
        yield part


class JsonDocumentRows(JsonLinesRows):
    """A file of JSON objects over several lines, one after the other or in a list."""

    @override
    def numbered_lines(self) -> Iterator[tuple[int, str]]:
        """Yield line number and text of each object; text that is no object comes line by line."""
        text, number, in_vain = "", 1, 0
        for block, last in with_last(self.file.line_blocks()):
            text += "".join(f"{line}\n" for line in block)
            at = 0
            while (start := _BETWEEN.match(text, at).end()) < len(text):  # type: ignore[union-attr]
                end = _end_of_value(text, start) if in_vain < _MAX_IN_VAIN else None
                if end is None:
                    if not last and len(text) - start <= MAX_LINE and in_vain < _MAX_IN_VAIN:
                        break  # the next block may complete it
                    in_vain += min(len(text) - start, MAX_LINE)
                    end = text.find("\n", start)
                number += text.count("\n", at, start)
                yield number, text[start:end]
                number += text.count("\n", start, end)
                at = end
            text = text[at:]
            self._refuse_long_line(block, number)

    def _refuse_long_line(self, block: list[str], number: int) -> None:
        """Raise UnusableFile if a line was truncated, since the objects after that place are lost.

        Args:
            block: Lines of the file.
            number: About where they are.
        """
        if any(len(line) > MAX_LINE for line in block):
            raise UnusableFile(
                f"{self.file.path}: near line {number:,} it has a line of more than {MAX_LINE:,} characters. Expected "
                "JSON with one object a line; write it so, for instance with jq -c '.[]', and load that."
            )


_BETWEEN = re.compile(r"[\s,\[\]]*")
_MAX_IN_VAIN = 32 * MAX_LINE
"""After so many characters of unusable JSON have been read, the rest of the file is taken line by line."""


def _end_of_value(text: str, start: int) -> int | None:
    """Return where the JSON value that begins at `start` ends; None if it is none, or not complete.

    Args:
        text: Any text.
        start: Position of the value's first character.
    """
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def parse_object(line: str) -> dict[str, Any] | None:
    """Return the object; None if the line is none."""
    if len(line) > MAX_LINE:
        return None
    # Python's notation takes hundreds of bytes of memory a character.
    for read in (json.loads, ast.literal_eval) if len(line) <= _MAX_PYTHON else (json.loads,):
        try:
            value = read(line)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return value if isinstance(value, dict) else None
    return None
