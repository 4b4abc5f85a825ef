"""Settle which of the columns that fit a role comes first, as the columns beside them say. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from src.ingestion.column_fit import fit_of_amount
from src.ingestion.column_names import (
    BRAND,
    CLOCK,
    IMAGE,
    INVOICE,
    NOT_SENT,
    PRICE,
    PRODUCT,
    QUANTITY,
    REFUNDED,
    RETURNED,
    STATE,
    TIME,
    TITLE,
    USER,
    VALUE,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_vocabulary import USER_WORD
from src.ingestion.column_words import (
    classes_of,
    image_size,
    is_act_of_sale,
    is_excluded,
    names_a_visit,
    names_unknown_id,
    plain_letters,
    words_of,
)
from src.ingestion.role_columns import RoleColumn, Roles, free_columns
from src.ingestion.written_dates import written_date

_HALF_FULL = 0.5
_EPOCH_DIGITS = 10
_LONGEST_DAY = len("31 de septiembre de 2026")
_CLOCK_NUMBER = re.compile(r"(?:[01]?\d|2[0-3])\.?[0-5]\d(?:\.?[0-5]\d)?")  # 905, 1405, 14.05, 140530
_PADDED_CLOCK = re.compile(r"(?:[01]\d|2[0-3])\.[0-5]\d(?:\.[0-5]\d)?")
_WORDS_OF_AUTHORS = "author autor auteur autore autora verfasser schrijver forfatter forfattare kirjoittaja автор"
_AUTHORS = frozenset(_WORDS_OF_AUTHORS.split())
_MAKERS = frozenset(["artist", "artists", "artiste", "artista", "kunstler", "interpret", "interprete"])
_COLLECTIONS = frozenset(["album", "albums", "series"])
_WORDS_WITHOUT_TAXES = "excl excluded excluding ex ht netto net 税抜 sem sans without ohne exkl uden utan bez"
_WITHOUT_TAXES = frozenset(_WORDS_WITHOUT_TAXES.split())
_EXACT_TIME = 0.35  # how much a time with a clock is preferred to a day


def settle_roles(
    roles: Roles, profiles: Sequence[ColumnProfile], given: Mapping[str, int], ignored: Collection[str]
) -> None:
    """Order the columns of each role, the best first, and take those out that others make meaningless.

    Args:
        roles: Role → its possible columns; changed.
        profiles: One a column.
        given: Role → position, as options give it.
        ignored: Roles that have no column.
    """
    for role, columns in roles.items():
        exact_times = [at for at, profile in enumerate(profiles) if role == TIME and not _is_day_only(profile)]
        columns.sort(key=lambda column: -_preference(column) - (_EXACT_TIME if column.at in exact_times else 0.0))
    if USER in roles and USER not in given:  # who comes again is told by the visitor, not by the visit
        roles[USER].sort(key=lambda c: c.filled >= _HALF_FULL and names_a_visit(profiles[c.at].name))
    if PRICE in roles and PRICE not in given:  # customers pay what is with taxes
        roles[PRICE].sort(key=lambda c: _is_without_taxes(profiles[c.at].name))
    if STATE in roles and STATE not in given:  # words say what codes beside them mean
        roles[STATE].sort(key=lambda c: profiles[c.at].numbers >= _HALF_FULL)
    if IMAGE in roles and IMAGE not in given:
        roles[IMAGE].sort(key=lambda c: (c.filled < _HALF_FULL, -image_size(profiles[c.at].name)))
    if TITLE in roles and TITLE not in given and _names_maker(profiles[roles[TITLE][0].at].meaning):
        roles[TITLE].sort(key=lambda c: _rank_of_work(profiles[c.at].name))
    if BRAND in roles and USER not in {*roles, *ignored}:
        _settle_author(roles, profiles)
    if PRODUCT in roles and PRODUCT not in given:
        _settle_products(roles, profiles)
    _settle_clock(roles, profiles, ignored, given.values())
    _settle_units(roles, profiles, {*given, *ignored}, given.values())


def _settle_author(roles: Roles, profiles: Sequence[ColumnProfile]) -> None:
    """Take the author for the user, where ratings stand beside it and nothing else names a user: she wrote them.

    The id of an author ("author.steamid") is enough where rows have times and nothing describes a product.
    Where no product is rated twice, she wrote the product: a catalogue of books has an average rating of each.
    """
    authors = [column for column in roles[BRAND] if not _AUTHORS.isdisjoint(words_of(profiles[column.at].meaning))]
    if VALUE not in roles:
        is_log = TIME in roles and {TITLE, PRICE}.isdisjoint(roles)
        authors = [each for each in authors if is_log and names_unknown_id(words_of(profiles[each.at].meaning)[-1])]
    fields = {at for column in authors for at in fields_of(column.at, profiles)}
    rated = next((profiles[column.at] for column in roles.get(PRODUCT, ()) if column.at not in fields), None)
    if authors and not (rated and len(rated.cells) >= MANY and rated.n_distinct == len(rated.cells)):
        roles[USER] = [replace(column, is_named=False) for column in authors]
        roles[BRAND] = [column for column in roles[BRAND] if column not in authors]
        if not roles[BRAND]:
            del roles[BRAND]


def _settle_products(roles: Roles, profiles: Sequence[ColumnProfile]) -> None:
    """Drop products that are fields of the user, and prefer a track to its album, and both to their artist."""
    if USER in roles:
        fields = fields_of(roles[USER][0].at, profiles)
        roles[PRODUCT] = [column for column in roles[PRODUCT] if column.at not in fields]
    if any(_names_maker(profiles[column.at].meaning) for column in roles[PRODUCT][:1]):
        roles[PRODUCT].sort(key=lambda column: _rank_of_work(profiles[column.at].name))
    if not roles[PRODUCT]:
        del roles[PRODUCT]


def _names_maker(name: str) -> bool:
    return not _MAKERS.isdisjoint(words_of(name))


def _rank_of_work(name: str) -> int:
    words = set(words_of(name))
    return 2 if not _MAKERS.isdisjoint(words) else 1 if not _COLLECTIONS.isdisjoint(words) else 0


def fields_of(user: int, profiles: Sequence[ColumnProfile]) -> set[int]:
    """Return the columns of the object that holds the user, such as "author.games" beside "author.id".

    Args:
        user: Position of the user.
        profiles: One a column.
    """
    whole, point, _ = profiles[user].name.rpartition(".")
    last = whole.rpartition(".")[2]
    if not point or (_AUTHORS.isdisjoint(words_of(last)) and USER_WORD not in classes_of(last)):
        return set()
    return {at for at, profile in enumerate(profiles) if at != user and profile.name.startswith(f"{whole}.")}


def _settle_units(
    roles: Roles, profiles: Sequence[ColumnProfile], settled: Collection[str], given: Collection[int]
) -> None:
    """Take a column of few pieces that is called "ordered" for the quantity, and "returned" beside it for its returns.

    Args:
        roles: Role → columns; changed.
        profiles: One a column.
        settled: Roles that options tell.
        given: Positions of columns that options name.
    """
    if QUANTITY not in {*roles, *settled} and {USER, INVOICE} & roles.keys():
        acts = [at for at, each in enumerate(profiles) if _names_units(each.meaning) and at not in given]
        pieces = [at for at in acts if fit_of_amount(profiles[at]) and profiles[at].share(is_counted) >= _HALF_FULL]
        pieces = [at for at in pieces if set(profiles[at].cells) - {"0", "1", "0.0", "1.0"}]  # flags
        free_columns(roles, pieces)
        roles |= {QUANTITY: [RoleColumn(at, 0.5, False, profiles[at].filled) for at in pieces]} if pieces else {}
    if RETURNED in roles and {QUANTITY, RETURNED}.isdisjoint(settled) and QUANTITY not in roles:
        back = profiles[roles[RETURNED][0].at]
        if back.filled == 1.0 == back.share(is_counted):  # a file of returns: each row has some
            roles[QUANTITY] = roles.pop(RETURNED)
    if len(roles.get(RETURNED, ())) > 1 and {RETURNED, NOT_SENT}.isdisjoint({*settled, *(roles.keys() - {RETURNED})}):
        roles[NOT_SENT] = [roles[RETURNED].pop()]  # cancelled pieces beside those that came back
    if {QUANTITY, REFUNDED} <= roles.keys() and not {RETURNED, REFUNDED} & {*settled, *(roles.keys() - {REFUNDED})}:
        sold, back = profiles[roles[QUANTITY][0].at], profiles[roles[REFUNDED][0].at]
        if _are_returns(sold, back):
            roles[RETURNED] = roles.pop(REFUNDED)[:1]


def _names_units(name: str) -> bool:
    """Whether a name says that something was sold, or is the sign of a number alone, as data frames have it."""
    return is_act_of_sale(name) or words_of(name) == ["n"]


def _is_without_taxes(name: str) -> bool:
    return not _WITHOUT_TAXES.isdisjoint(re.split(r"[\W_]+", plain_letters(name)))


def is_counted(cell: str) -> bool:
    """Whether a cell is a whole number of at least one, as pieces are."""
    return (whole := cell.removesuffix(".0")).isdecimal() and whole != "0"


def _are_returns(sold: ColumnProfile, back: ColumnProfile) -> bool:
    """Whether each cell of a column is no more than the pieces that were sold, so that it counts pieces too."""
    if min(sold.filled, back.filled) < 1.0 or min(sold.integers, back.integers) < 1.0 or len(back.cells) < MANY:
        return False
    pairs = [(float(out), float(again)) for out, again in zip(sold.cells, back.cells, strict=True)]
    return any(again for _, again in pairs) and all(0.0 <= again <= out for out, again in pairs)


def _preference(column: RoleColumn) -> float:
    """Return how much a column is preferred for its role: a column that is mostly empty comes after a full one."""
    return column.confidence * (1.0 if column.filled >= _HALF_FULL else 0.1 + column.filled)


def _settle_clock(
    roles: Roles, profiles: Sequence[ColumnProfile], ignored: Collection[str], given: Collection[int]
) -> None:
    """Take a column of times of day for the clock of the day beside it, and drop it where no day stands beside it.

    Args:
        roles: Role → columns; changed.
        profiles: One a column.
        ignored: Roles that have no column.
        given: Positions of columns that options name.
    """
    free = [at for at, profile in enumerate(profiles) if profile.cells and not is_excluded(profile.meaning)]
    clocks = [at for at in free if profiles[at].clocks >= _HALF_FULL]
    named = [column for column in roles.pop(CLOCK, []) if column.at in clocks]
    roles[TIME] = [column for column in roles.get(TIME, []) if column.at not in clocks]
    if not roles[TIME]:
        del roles[TIME]
        return
    if CLOCK in ignored or not _is_day_only(profiles[roles[TIME][0].at]):
        return
    of_times = [at for at in free if at != roles[TIME][0].at and TIME in classes_of(profiles[at].meaning)]
    clocks = clocks or [at for at in of_times if profiles[at].share(_is_clock_number) >= 0.95 > profiles[at].years]
    beside = {roles[TIME][0].at - 1, roles[TIME][0].at + 1}.difference(given)
    clocks = clocks or [at for at in free if at in beside and _are_padded_clocks(profiles[at])]
    if clocks:
        at = named[0].at if named else clocks[0]
        roles[CLOCK] = [RoleColumn(at, 1.0, bool(named), profiles[at].filled)]
        roles[TIME] = [column for column in roles[TIME] if column.at != at]


def _is_clock_number(cell: str) -> bool:
    return _CLOCK_NUMBER.fullmatch(cell) is not None


def _are_padded_clocks(profile: ColumnProfile) -> bool:
    """Whether all cells are as 08.05 and 17.40: prices have no zero before their units, and more than 59 hundredths."""
    is_whole = len(profile.cells) >= MANY and profile.share(_PADDED_CLOCK.fullmatch) == 1.0
    return is_whole and any(cell.startswith("0") and not cell.startswith("00") for cell in profile.cells)


def _is_day_only(profile: ColumnProfile) -> bool:
    return profile.share(lambda cell: ":" not in cell and _is_short(cell) and not _is_epoch(cell)) >= _HALF_FULL


def _is_short(cell: str) -> bool:
    """Whether nothing stands beside the day; the names of months, unlike those of zones, are no capitals."""
    return len(cell) <= len("31. 12. 2026") or (written_date(cell) != "" and len(cell) <= _LONGEST_DAY)


def _is_epoch(cell: str) -> bool:
    return cell.isdecimal() and len(cell) >= _EPOCH_DIGITS
