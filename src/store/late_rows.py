"""Rows of people that are written from a queue, perhaps after the people were erased."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from src.core.erasures import Erasures, ListedErasures
from src.core.errors import ErasuresAway
from src.store.change_marks import UNDONE, erasures_done, note_erasures
from src.store.database import Database
from src.store.person_store import PersonStore

_log = logging.getLogger(__name__)


class LateRows:
    """Erases what was written of people from a queue after they had been erased.

    An erasure sets the store's number of erasures to UNDONE before it deletes: rows that are written while the number
    is the known one are deleted by the erasures that follow, so that the list is read only after a change.

    Args:
        erasures: The list.
        database: Where the rows are written.
    """

    def __init__(self, erasures: Erasures, database: Database) -> None:
        self._erasures, self._database = erasures, database
        self._known, self._listed = UNDONE, ListedErasures()

    def written(self, rows: Iterable[tuple[str, int]]) -> None:
        """Erase people of whom rows were just written, and who were erased after what these tell.

        If the list cannot be read, the store is marked, so that all erasures are repeated when it can.

        Args:
            rows: (id, UTC seconds of what it tells).

        Raises:
            StoreError: The store does not answer.
        """
        done = erasures_done(self._database)
        if done == UNDONE or done != self._known:
            try:
                self._listed, self._known = self._erasures.read(), done
            except ErasuresAway as error:
                _log.warning("%s", error)
                note_erasures(self._database, UNDONE)
                return
        PersonStore(self._database).erase_all(self._listed.undone(rows))
