"""An exploration that is kept, so that whoever shows its figures need not count."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from src.core.errors import AisleError
from src.exploration.profile_types import DataProfile


@dataclass(frozen=True)
class SavedProfile:
    """Figures, and when they no longer hold.

    titles: of the products that the figures name. changed_at: the store's, before it was read. seconds: what reading
    and counting took. remarks: what the figures mean for the models.
    """

    figures: DataProfile
    titles: dict[str, str] = field(default_factory=dict)
    changed_at: int | None = None
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """As JSON, whole or not at all. Raises AisleError."""
        write_whole(path, _adapter().dump_json(self).decode("utf-8"))

    @classmethod
    def read(cls, path: Path) -> SavedProfile | None:
        """What `write` wrote; None if nothing is there, or nothing that this version can read. Raises no error."""
        try:
            return _adapter().validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None


@cache
def _adapter() -> TypeAdapter[SavedProfile]:
    return TypeAdapter(SavedProfile)


def write_whole(path: Path, text: str) -> None:
    """Write a report, whole or not at all. Raises AisleError."""
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
