"""What a source of growing data has given: the highest value of a column, kept with the load that brought it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from src.core.errors import InputError

TIME, NUMBER = "time", "number"
_LATE = re.compile(r"(\d+)([smhd]?)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_USUAL_LATE = "1d"


@dataclass(frozen=True)
class Since:
    """Options of an incremental load.

    Attributes:
        column: The column that tells what is new.
        late: How far below the mark rows are read again: "2d", "6h", "1000"; None for a day, and 0 for numbers.
        from_start: Whether everything is read, whatever was loaded before.
    """

    column: str
    late: str | None = None
    from_start: bool = False

    def __post_init__(self) -> None:
        if self.late is not None and not _LATE.fullmatch(self.late):
            raise InputError(
                f"--late: found {self.late!r}; expected a time such as 2d, 6h or 30m, or, for a column of numbers, a "
                "number"
            )

    def begin(self, mark: Mark) -> Any:
        """Return the value from which rows are read: the mark itself, too, as rows with its value may have come since.

        Args:
            mark: That of the last load.

        Returns:
            A datetime in UTC, or a Decimal.

        Raises:
            InputError: The option does not go with the column.
        """
        number, unit = _LATE.fullmatch(self.late or (_USUAL_LATE if mark.kind == TIME else "0")).groups()  # type: ignore[union-attr]
        if bool(unit) != (mark.kind == TIME):
            raise InputError(
                f"--late: found {self.late!r} for {self.column!r}, a column of {mark.kind}s; expected "
                f"{'a time such as 2d or 6h' if mark.kind == TIME else 'a number such as 1000'}"
            )
        late = int(number)
        return mark.parsed() - (dt.timedelta(seconds=late * _SECONDS[unit]) if unit else late)


@dataclass(frozen=True)
class Mark:
    """A value of the column. A time is never later than the load: one in the future would hide what comes till then.

    Attributes:
        kind: "time" or "number".
        value: An ISO time in UTC, or a decimal number.
    """

    kind: str
    value: str

    @classmethod
    def of(cls, value: Any) -> Mark:
        """Return the mark of a date, a time (without a zone: UTC) or a number."""
        if isinstance(value, dt.datetime):
            zoned = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
            return cls(TIME, zoned.astimezone(dt.UTC).isoformat())
        if isinstance(value, dt.date):
            return cls(TIME, dt.datetime.combine(value, dt.time(), dt.UTC).isoformat())
        return cls(NUMBER, str(Decimal(str(value))))

    def parsed(self) -> Any:
        """Return it as a datetime in UTC, or a Decimal."""
        return dt.datetime.fromisoformat(self.value) if self.kind == TIME else Decimal(self.value)


@dataclass(frozen=True)
class Watermark:
    """What a load noted of its source.

    Attributes:
        column: The column.
        kind: "time" or "number".
        value: The highest value that was loaded.
        after: The value from which rows were read; "" for all of them.
        n_missing: Rows without a value, which were left out.
        n_future: Rows with a time later than the load.
        reading: How the first load read the columns, as a mapping keeps it.
    """

    column: str
    kind: str
    value: str
    after: str = ""
    n_missing: int = 0
    n_future: int = 0
    reading: dict[str, Any] = field(default_factory=dict)

    @property
    def mark(self) -> Mark:
        """The highest value that was loaded."""
        return Mark(self.kind, self.value)

    def to_json(self) -> dict[str, Any]:
        """Return it as a load's record keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any], column: str) -> Watermark | None:
        """Read what a record keeps.

        Args:
            document: What `to_json` returned.
            column: The column that is asked for.

        Returns:
            The note; None where it is of another column, or cannot be read.
        """
        try:
            found = cls(**document)
            found.mark.parsed()
        except (TypeError, ValueError, InvalidOperation):
            return None
        return found if found.column == column else None
