"""Write the rejected rows of a file, with line number and reason, to a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from src.ingestion.rejections import RejectedRow

_NAME_BYTES = 200  # file systems take 255


class RejectedRowsFile:
    """Rejected rows of one file as CSV (line, reason, fields …); a context manager.

    The file is created with the first row, and that of an earlier load is removed.
    """

    def __init__(self, folder: Path, source: Path) -> None:
        """Choose the path of the CSV file.

        Args:
            folder: its folder, which is created if necessary.
            source: the file that is loaded; its name and that of its folder make the name.
        """
        name = f"{source.resolve().parent.name}-{source.name}".encode()[-_NAME_BYTES:].decode(errors="ignore")
        self.path = folder / f"{name}.rejects.csv"
        self._file: IO[str] | None = None

    def __enter__(self) -> RejectedRowsFile:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, rows: Sequence[RejectedRow]) -> None:
        """Add rows."""
        if not rows:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # surrogateescape writes bytes that are not UTF-8 unchanged.
            self._file = open(  # noqa: SIM115 (closed in __exit__)
                self.path, "w", encoding="utf-8", errors="surrogateescape", newline=""
            )
            csv.writer(self._file).writerow(["line", "reason", "fields"])
        csv.writer(self._file).writerows([row.line, row.reason, *row.fields] for row in rows)
