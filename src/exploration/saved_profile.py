"""Store the profile of the data, so that the dashboard shows it without counting."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from src.core.errors import AisleError
from src.core.messages import from_record, to_record
from src.exploration.profile_types import DataProfile


@dataclass(frozen=True)
class SavedProfile:
    """A profile with what the dashboard shows beside it.

    Attributes:
        figures: The profile.
        titles: Product id → title, for products that the profile names.
        changed_at: When the store was last changed before it was read (its own stamp); None if never.
        seconds: Duration of reading and counting.
        remarks: What the figures mean for the models, in sentences.
    """

    figures: DataProfile
    titles: dict[str, str] = field(default_factory=dict)
    changed_at: int | None = None
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write it as JSON, atomically. Raises AisleError if the file cannot be written."""
        kept = replace(self, remarks=tuple(map(to_record, self.remarks)))
        write_atomically(path, _adapter().dump_json(kept).decode("utf-8"))

    @classmethod
    def read(cls, path: Path) -> SavedProfile | None:
        """Read what `write` wrote; None if there is no file, or none that this version can read. Never raises."""
        try:
            kept = _adapter().validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None
        return replace(kept, remarks=tuple(map(from_record, kept.remarks)))


@cache
def _adapter() -> TypeAdapter[SavedProfile]:
    return TypeAdapter(SavedProfile)


def write_atomically(path: Path, text: str) -> None:
    """Write a report atomically; its folder is made. Raises AisleError if it cannot be written."""
    temporary = path.parent / f".{path.name}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8", errors="replace")
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise AisleError(
            f"{path} could not be written ({error.strerror}). Expected a folder that can be written and has space; "
            "name another file with --explore FILE."
        ) from None
