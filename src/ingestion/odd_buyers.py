"""Find orders of buyers who are no customers: staff, demonstrations, samples. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping

from src.ingestion.column_names import LINE_KIND
from src.ingestion.column_profile import MANY
from src.ingestion.column_words import plain_letters, tags_in, words_of
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import PAIRS, PURCHASES

_WORDS_OF_STAFF = """
    staff employee employees mitarbeiter mitarbeiterin personal personnel personeel medewerker employe empleado
    dipendente pracownik funcionario anstalld ansatt medarbejder internal intern interne interno demo dummy influencer
    сотрудник 员工 社員 직원
"""
_STAFF = frozenset(plain_letters(_WORDS_OF_STAFF).split())
_MOST_TAGS = 4  # in the example


def staff_notes(
    layout: str, columns: Mapping[str, int], used: Collection[int], first: FirstRows, given: Collection[str]
) -> Iterator[str]:
    """Say that some orders are those of staff and count like all others.

    Args:
        layout: Name of the layout.
        columns: Role → position.
        used: Positions of all columns that are read.
        first: The first rows of the file.
        given: Roles that options tell.

    Yields:
        A sentence with the option that leaves them out.
    """
    if layout not in (PURCHASES, PAIRS) or LINE_KIND in {*columns, *given}:
        return
    for at, profile in enumerate(first.profiles):
        of_staff = [cell for cell in profile.cells if any(map(_names_staff, tags_in(cell)))]
        if at in used or not 0 < len(of_staff) < 0.5 * profile.n_rows or profile.n_rows < MANY:
            continue
        if profile.n_distinct > 0.5 * len(profile.cells) > 0 and len(set(of_staff)) > _MOST_TAGS:
            continue  # texts of which some name staff
        said = [cell for cell in dict.fromkeys(of_staff) if not {",", "="} & set(cell)][:_MOST_TAGS]
        do = f"{first.option(LINE_KIND, at)} --words {shlex.quote(','.join(f'{cell}=none' for cell in said))}"
        n, where = len(of_staff), f"the first {profile.n_rows} rows"
        yield (
            f"{profile.name!r} says {of_staff[0]!r} in {n} of {where}, which count; if these are no customers: "
            f"{do if said else 'take them out of the file'}"
        )
        return


def _names_staff(tag: str) -> bool:
    return not _STAFF.isdisjoint(words_of(tag))
