"""Tell ratings that a shop gives to its customers from those that customers give to products. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from src.ingestion.column_names import USER, VALUE
from src.ingestion.column_vocabulary import USER_WORD
from src.ingestion.column_words import classes_of
from src.ingestion.consistent_columns import share_single
from src.ingestion.first_rows import FirstRows
from src.ingestion.role_columns import Roles, free_columns

_MOST = 0.9  # of the users with several rows; a rating may be given anew


def drop_ratings_of_persons(roles: Roles, first: FirstRows, settled: Collection[str]) -> Iterator[str]:
    """Take columns out of the ratings that are called after users and have one value for each: a "member rating".

    Args:
        roles: Role → its possible columns; changed.
        first: The first rows of the file.
        settled: Roles that options give or rule out.

    Yields:
        A sentence with an option for each column.
    """
    if USER not in roles or VALUE not in roles or VALUE in settled:
        return
    user = roles[USER][0].at
    for at in [column.at for column in roles[VALUE]]:
        is_named = USER_WORD in classes_of(first.profiles[at].name)
        if at != user and is_named and share_single(first, user, at) >= _MOST:
            free_columns(roles, [at])
            yield (
                f"{first.profiles[at].name!r} is the same in all rows of one user, so that it rates users and no "
                f"products, and was not taken for the rating; to take it: {first.option(VALUE, at)}"
            )
