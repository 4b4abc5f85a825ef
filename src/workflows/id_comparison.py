"""Compare the product ids of a loaded file with those that the store knows from the other kind of file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from src.core.number_format import percent
from src.core.records import Load
from src.ingestion.column_names import PRODUCT
from src.ingestion.column_profile import profile_columns
from src.ingestion.data_checks import Check, check_of
from src.ingestion.id_matching import IdMapping, Mismatch, explain, map_by_rows
from src.ingestion.layout import Hints
from src.ingestion.layout_detection import open_table
from src.ingestion.parsing import as_texts
from src.ingestion.table_files import named_rows
from src.store import Store

_SAMPLED = 300
_LEAST = 0.2  # share of products that must meet
_FEW = 2  # products from which a share says something
_UNIQUE = 0.9


class IdComparison:
    """Compares ids before and after a load, since a catalogue may come before the events or after them."""

    def __init__(self, store: Store, path: Path, name: str) -> None:
        """Note what the store has before the load.

        Args:
            path: The file; a catalogue is looked for beside it.
            name: What a command calls it.
        """
        self._store, self._path, self._name = store, path, name
        self._n_before = store.products.count()
        self._undescribed_before = store.products.count_undescribed()
        self._described_before = store.products.sample_ids(_SAMPLED, described=True)
        self._ids: list[str] = []
        self._unknown: list[str] = []

    def look_up(self, ids: Sequence[str]) -> None:
        """Note which of the file's first products are described, before the file describes them itself."""
        self._ids = list(ids)
        self._unknown = sorted(set(ids) - self._store.products.described_among(ids))

    def check(self, load: Load, *, has_events: bool) -> Check | None:
        """Check that the catalogue and the events know enough of each other's products.

        Args:
            load: The figures of the load.
            has_events: Whether the file has events rather than products.

        Returns:
            The check; None where only one of the two is stored.
        """
        products = self._store.products
        if has_events:
            if not self._described_before or len(self._ids) < _FEW:
                return None
            share, unknown = 1 - len(self._unknown) / len(self._ids), self._unknown
            found = f"the catalogue has {percent(share)} of the products of these events"
            found += f" (about {round(load.n_events * (1 - share)):,} of {load.n_events:,} events have no description)"
        else:
            before, left = self._undescribed_before, products.count_undescribed()
            unknown = products.sample_ids(_SAMPLED, described=False)
            if before < _FEW:  # the events described their products themselves
                before, left = self._n_before, products.count() - load.n_products
                unknown = self._described_before
                if before < _FEW or self._newest_catalogue() or self._store.events.is_empty():
                    return None
            share = max(0.0, 1 - left / before)
            found = f"the catalogue has {percent(share)} of the {before:,} products of stored events"
        others = products.sample_ids(_SAMPLED, described=True) if has_events else self._ids
        mismatch = Mismatch("", [], False)
        if share < _LEAST:
            mismatch = explain(unknown, others, products.described_among)
        advice = self._advice(mismatch, unknown, others, has_events)
        return check_of("ids of the catalogue", share >= _LEAST, found, f"at least {percent(_LEAST)}", advice)

    def _advice(self, mismatch: Mismatch, unknown: Sequence[str], others: Sequence[str], has_events: bool) -> str:
        """Return the likely cause with examples, and the command that maps the ids."""
        shown = ", ".join(f"{old} ↔ {new}" for old, new in mismatch.pairs)
        if not shown:
            shown = f"events: {', '.join(unknown[:3])} – catalogue: {', '.join(others[:3])}"
        other = self._newest_catalogue() if has_events else None
        command = f"python data_processing.py {shlex.quote(self._name)}"
        if mismatch.is_mapped and has_events and other:
            advice = f"to give these events the ids of the catalogue: {command} --ids-from {shlex.quote(other)}"
        elif mismatch.is_mapped and not has_events and "zeros" in mismatch.cause:
            advice = f"to take zeros away on both sides: {command} --ids strip-zeros"
        elif has_events and other:
            advice = f"if {other} has both ids of each product: {command} --ids-from {shlex.quote(other)}"
        else:
            advice = "if another column of the file has the same ids: --columns product=COLUMN"
        return f"{mismatch.cause} ({shown}); {advice}"

    def _newest_catalogue(self) -> str | None:
        """Return the path of the catalogue that was loaded last, as far as it is known."""
        loads = [load for load in self._store.runs.loads(50) if load.n_products and not load.n_events]
        if not loads:
            return None
        name = max(loads, key=lambda load: load.loaded_at).file
        beside = self._path.parent / name
        return str(beside) if beside.exists() else name


def mapping_from(path: Path) -> IdMapping:
    """Return a mapping from the ids in a catalogue, or in a table of several ids of each product.

    Args:
        path: The file. An id in any of its columns leads to the product's own id, and so does an id that differs
            only in zeros at its beginning, case, blanks and dashes.

    Raises:
        UnusableFile: It is no catalogue.
    """
    hints = Hints(layout="products")
    table = open_table(path, hints)
    named = named_rows(path, hints)
    if named is None:
        at = table.layout.columns[PRODUCT]
        rows = ([as_texts(row)[at]] for block in table.rows.blocks() for row in block.rows)
        return IdMapping(map_by_rows(rows, 0))
    name = table.layout.names[table.layout.columns[PRODUCT]]
    own = named.names.index(name)
    profiles = profile_columns(named.names, named.sample, named.nested)
    columns = [
        at
        for at, profile in enumerate(profiles)
        if at == own or (profile.ids >= _UNIQUE and profile.repeated <= 1 - _UNIQUE and profile.cells)
    ]
    texts = (as_texts([row[at] for at in (own, *columns)]) for block in named.rows.blocks() for row in block.rows)
    return IdMapping(map_by_rows((row for row in texts if row[0]), 0))
