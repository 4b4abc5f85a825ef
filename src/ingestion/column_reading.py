"""Read the columns of a file with a header: choose layout and columns together, and say what is not used. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from src.core.domain import EventKind
from src.ingestion.column_account import ColumnFate, account_for
from src.ingestion.column_looks import LOOK, find_by_look, listed_by_look, tests_by_look, title_by_look
from src.ingestion.column_names import (
    CANCELLED,
    DESCRIPTION,
    GROUP,
    IMAGE,
    INVOICE,
    KIND,
    LISTED,
    ON_SALE,
    PRODUCT,
    QUANTITY,
    SALE_PRICE,
    STATE,
    TEST,
    TIME,
    TITLE,
    USER,
    VALUE,
    candidates,
    normalize_name,
)
from src.ingestion.column_profile import ColumnProfile, profile_columns
from src.ingestion.column_roles import find_code, find_roles, find_user_by_look
from src.ingestion.column_vocabulary import FILLER, ID_WORD, PRODUCT_WORD
from src.ingestion.column_words import classes_of, has_id_word, is_excluded, role_by_words
from src.ingestion.consistent_columns import are_few_titles, prefer_consistent
from src.ingestion.control_columns import is_control
from src.ingestion.counted_rows import counted_rows
from src.ingestion.customer_columns import find_shared_ids, prefer_customers
from src.ingestion.date_parts import find_date_parts
from src.ingestion.event_kind_names import kind_of
from src.ingestion.extra_lines import extra_notes
from src.ingestion.first_rows import FirstRows
from src.ingestion.hidden_charges import charge_notes
from src.ingestion.layout import EVENTS, PAIRS, PRODUCTS, PURCHASES, RATINGS, Hints
from src.ingestion.layout_choice import (
    NEAR,
    UNUSED_ROLES,
    ColumnChoice,
    GivenColumns,
    Reading,
    choose_columns,
    rank_readings,
)
from src.ingestion.missed_columns import missed_notes
from src.ingestion.missing_times import missing_time_notes
from src.ingestion.odd_buyers import staff_notes
from src.ingestion.order_states import OrderState, order_state
from src.ingestion.period_columns import period_notes
from src.ingestion.person_ratings import drop_ratings_of_persons
from src.ingestion.placeholder_ids import find_placeholder, prefer_finer
from src.ingestion.product_attributes import drop_attributes_of_rows, drop_names_of_persons
from src.ingestion.refund_columns import refund_notes
from src.ingestion.rival_columns import rival_note
from src.ingestion.role_columns import RoleColumn, Roles, free_columns
from src.ingestion.row_evidence import evidence_notes
from src.ingestion.titled_events import take_titled_events
from src.ingestion.unused_columns import has_undone, says_on_sale, says_state, unused_notes

KnownIds = Callable[[Collection[str]], Collection[str]]
"""Of these product ids, returns those that the store has."""

_EVENT_ROLES = (USER, PRODUCT, VALUE, KIND, QUANTITY, TIME, INVOICE, STATE, TEST)
_SURE = {USER: 0.45, PRODUCT: 0.65, TIME: 0.4, IMAGE: 0.4, STATE: 0.4, CANCELLED: 0.3}
"""Role with fallbacks → the least confidence in a column that may fill its gaps."""
_WITHOUT_VALUE = frozenset({EventKind.VIEW.value, EventKind.CLICK.value, EventKind.CART.value})
_MOST_CODES = 10
_FEW_KNOWN, _ALL_KNOWN = 0.1, 0.9  # shares of the ids of a column that the store has
_SEVERAL_IDS, _LONG_ID = 5, 3
_REPEATS = 0.1  # share of rows whose id stands in an earlier row, from which it is no id of single products
_MOST_RATINGS, _HIGHEST_RATING = 21, 10  # different ratings; on scales such as 0.5 to 5 and 0 to 10


@dataclass(frozen=True)
class ColumnReading:
    """How the columns of a file are read.

    Attributes:
        layout: A key of LAYOUTS.
        columns: Role → position.
        fallbacks: Role → positions whose cells are taken where that of the role is empty.
        notes: What was ambiguous or stays unused, for people.
        group: Positions of the id of the group that a row belongs to, if it has no role of its own.
        day: Positions of year, month and day where no column has the whole time; else ().
        fates: What becomes of each column.
        nobody: Ids of users that stand for nobody.
        no_ids: Cells that mean none in a column of ids of products.
    """

    layout: str
    columns: Mapping[str, int]
    fallbacks: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...]
    group: tuple[int, ...] = ()
    day: tuple[int, ...] = ()
    fates: tuple[ColumnFate, ...] = ()
    nobody: frozenset[str] = frozenset()
    no_ids: frozenset[str] = frozenset()

    @property
    def used(self) -> set[int]:
        """Positions of all columns that are read."""
        return {*self.columns.values(), *self.day, *(at for others in self.fallbacks.values() for at in others)}

    def moved(self, position: Mapping[int, int]) -> ColumnReading:
        """Return the reading for rows in which columns stand at other positions."""
        return replace(
            self,
            columns={role: position[at] for role, at in self.columns.items()},
            fallbacks={role: tuple(position[at] for at in others) for role, others in self.fallbacks.items()},
            group=tuple(position[at] for at in self.group),
            day=tuple(position[at] for at in self.day),
        )


def read_columns(first: FirstRows, given: GivenColumns, hints: Hints, known: KnownIds | None) -> ColumnReading | None:
    """Choose the layout that names and cells fit best, and its columns.

    Args:
        first: The first rows, with a profile of each column.
        given: What options say about the columns.
        hints: What options say about the file.
        known: Which product ids the store has; None if that is not known.

    Returns:
        The reading; None if no layout fits.
    """
    roles = find_roles(first.profiles, given.columns, given.ignored)
    settled_roles = {*given.columns, *given.ignored}
    drop_names_of_persons(roles, first, settled_roles)
    is_open = hints.layout != PRODUCTS and USER in roles and PRODUCT not in settled_roles
    placeholder = find_placeholder(roles, first) if is_open else None
    if placeholder is not None:
        first = placeholder.taken_out(first)
        prefer_finer(roles, placeholder, first)
    profiles = first.profiles
    titled = take_titled_events(roles, first, settled_roles) if hints.layout != PRODUCTS else []
    looks = find_by_look(roles, profiles, given)
    if TEST not in {*roles, *settled_roles} and USER in roles and {INVOICE, QUANTITY} & roles.keys():
        roles |= tests_by_look(profiles, {column.at for columns in roles.values() for column in columns})
    if known is not None and PRODUCT not in given.columns:
        looks |= _prefer_known(roles, profiles, known, given.columns.values())
    preferred = [*titled, *prefer_customers(roles, first, settled_roles)]
    preferred += prefer_consistent(roles, first, settled_roles)
    preferred += drop_ratings_of_persons(roles, first, settled_roles)
    readings = rank_readings(roles, profiles)
    if hints.layout is not None:
        readings = [Reading(hints.layout, 0.0)]
    if not readings or PRODUCT not in roles or readings[0].layout not in UNUSED_ROLES:
        return None
    layout = readings[0].layout
    roles = _settled(layout, roles, first, given)
    if layout != PRODUCTS and PRODUCT in roles:
        preferred += drop_attributes_of_rows(roles, roles[PRODUCT][0].at, first, settled_roles)
    columns, notes = _chosen(layout, roles, profiles, given)
    if PRODUCT not in columns:
        return None
    settled = {role for role in columns if role in given.columns}
    by_look = {role for role in columns if role not in settled and (role in looks or _is_unnamed(role, roles))}
    said = by_look if layout != PRODUCTS else by_look & looks
    notes += [_look_note(role, profiles[columns[role]].name) for role in _EVENT_ROLES if role in said]
    found = _reading_of(layout, columns, roles, profiles, given)
    if placeholder is not None and columns[PRODUCT] == placeholder.at and layout != PRODUCTS:
        fallbacks = {**found.fallbacks, PRODUCT: (placeholder.beside,)}
        found = replace(found, no_ids=frozenset([placeholder.text]), fallbacks=fallbacks)
        notes.append(placeholder.note(first))
    if layout != PRODUCTS and USER in columns and USER not in settled_roles:
        others = [column.at for column in roles[USER] if column.confidence >= _SURE[USER]]
        if shared := find_shared_ids(first, columns[USER], others):
            beside = (shared.people, *(at for at in found.fallbacks.get(USER, ()) if at != shared.people))
            found = replace(found, nobody=shared.ids, fallbacks={**found.fallbacks, USER: beside})
            notes.append(shared.note(columns[USER], first))
    reasons = {at: _reason(role, settled, by_look) for role, at in columns.items()}
    found = replace(found, fates=account_for(first, columns, found.used, reasons, has_events=layout != PRODUCTS))
    notes += preferred if layout != PRODUCTS else []
    notes += _gap_notes(found, first)
    notes += _other_ids(found, first) if PRODUCT not in given.columns else []
    notes += _near_reading(readings, columns, notes)
    notes += rival_note(layout, columns, found.used, roles, first, settled)
    notes += evidence_notes(layout, columns, first, settled)
    is_of_events = layout != PRODUCTS
    counted = counted_rows(layout, columns, found.fallbacks, first, hints.kind, hints.words) if is_of_events else first
    notes += refund_notes(layout, columns, first)
    notes += charge_notes(layout, columns, counted, settled)
    notes += extra_notes(layout, columns, counted, settled)
    notes += staff_notes(layout, columns, found.used, first, settled)
    notes += missed_notes(layout, columns, found.used, first, {*settled, *given.ignored})
    if TIME not in given.ignored and not found.day:
        notes += missing_time_notes(layout, columns, found.used, first)
    notes += period_notes(layout, columns, found.used, first)
    is_grouped = GROUP in columns or bool(found.group)
    notes += unused_notes(layout, columns, found.fates, first, given.ignored, counted, is_grouped=is_grouped)
    return replace(found, notes=tuple(notes))


def _look_note(role: str, name: str) -> str:
    other = f"for another: --columns {role}=COLUMN" if role in (USER, PRODUCT) else f"for none: --columns {role}="
    return f"{name!r} was taken for the {role} by its look; {other}"


def _reason(role: str, settled: Collection[str], by_look: Collection[str]) -> str:
    return "by --columns" if role in settled else "by its look" if role in by_look else "by its name"


def _reading_of(
    layout: str, columns: dict[str, int], roles: Roles, profiles: Sequence[ColumnProfile], given: GivenColumns
) -> ColumnReading:
    """Return the reading with what completes its columns: others for gaps, the day in parts, the group."""
    needs_day = layout != PRODUCTS and TIME not in {*columns, *given.ignored}
    return ColumnReading(
        layout,
        columns,
        _fallbacks(layout, columns, roles, profiles, given),
        (),
        _group_of(layout, columns, profiles, roles[PRODUCT]),
        find_date_parts(profiles, columns.values()) if needs_day else (),
    )


def _gap_notes(reading: ColumnReading, first: FirstRows) -> list[str]:
    """Say from which columns gaps of ids and times are filled, and which dates of payment are missing."""
    names = [profile.name for profile in first.profiles]
    notes = []
    for role, others in reading.fallbacks.items():
        if role == PRODUCT and reading.no_ids:
            continue
        if role in (USER, PRODUCT, TIME) and others and first.profiles[reading.columns[role]].filled < 1.0:
            name, beside = names[reading.columns[role]], " or ".join(repr(names[at]) for at in others)
            notes.append(
                f"where {name!r} is empty, {beside} was taken for the {role}; for none: "
                f"{first.option(role, reading.columns[role])}"
            )
    if reading.layout not in (PURCHASES, PAIRS) or TIME not in reading.columns:
        return notes
    dated = [row for row in first.rows if row[reading.columns[TIME]].strip()]
    for at, profile in enumerate(first.profiles):
        is_done = profile.times >= 0.9 and order_state(profile.name) is OrderState.DONE
        lacking = sum(not row[at].strip() for row in dated) if is_done and at != reading.columns[TIME] else 0
        if 0 < lacking < len(dated):
            notes.append(f"{profile.name!r} is empty in {lacking} of the first {len(dated)} orders: they count too")
    return notes


def _is_unnamed(role: str, roles: Roles) -> bool:
    return bool(roles.get(role)) and not roles[role][0].is_named


def _settled(layout: str, roles: Roles, first: FirstRows, given: GivenColumns) -> Roles:
    """Return the roles as the layout needs them: ids, titles and flags of a catalogue, products of events."""
    profiles = first.profiles
    if USER in roles and PRODUCT not in given.columns:
        roles = _without_row_numbers(roles, profiles, layout)
    if layout != PRODUCTS or PRODUCT not in roles:
        return roles
    if PRODUCT not in given.columns:
        _prefer_unique(roles[PRODUCT], profiles)
        _prefer_ids_of_parents(roles, profiles)
        if TITLE not in {*roles, *given.ignored}:
            _prefer_code(roles, profiles)

    def taken() -> set[int]:
        return {column.at for columns in roles.values() for column in columns}

    if not {LISTED} & {*given.columns, *given.ignored}:
        busy = {
            columns[0].at for role, columns in roles.items() if role not in (*UNUSED_ROLES[PRODUCTS], STATE, LISTED)
        }
        controls = [at for at, profile in enumerate(profiles) if at not in busy and is_control(profile)]
        free_columns(roles, controls)
        roles |= {LISTED: [RoleColumn(controls[0], LOOK, False, 1.0), *roles.get(LISTED, ())]} if controls else {}
    if not {LISTED, STATE} & {*roles, *given.ignored}:
        roles |= listed_by_look(profiles, taken())
    if SALE_PRICE in roles and not {ON_SALE} & {*roles, *given.ignored}:
        busy = {each.at for role, found in roles.items() if role not in UNUSED_ROLES[PRODUCTS] for each in found}
        on_sale = [at for at, each in enumerate(profiles) if at not in busy and says_on_sale(each)]
        roles |= {ON_SALE: [RoleColumn(at, LOOK, False, profiles[at].filled) for at in on_sale[:1]]} if on_sale else {}
    n_products = profiles[roles[PRODUCT][0].at].n_distinct
    if TITLE not in given.columns:
        few = [
            each.at for each in roles.get(TITLE, ()) if are_few_titles(each, profiles[each.at].n_distinct, n_products)
        ]
        free_columns(roles, [at for at in few if profiles[at].cells])
    if not {TITLE, DESCRIPTION} & {*roles, *given.ignored}:
        named = [column for column in roles[PRODUCT][1:] if _has_words(profiles[column.at])]
        roles |= {TITLE: named[:1]} if named else title_by_look(_of_parents(roles, first), taken())
    if TITLE in roles and TITLE not in given.columns:
        _prefer_telling_title(roles[TITLE], profiles)
    if STATE in roles and STATE not in given.columns:
        roles[STATE] = [column for column in roles[STATE] if says_state(profiles[column.at])]
    return roles


def _of_parents(roles: Roles, first: FirstRows) -> Sequence[ColumnProfile]:
    """Return what the columns are in rows that name no parent, if some do: variants may have no titles of their own."""
    group = roles[GROUP][0].at if GROUP in roles else None
    rows = [row for row in first.rows if group is not None and not row[group].strip()]
    nested = [profile.nested for profile in first.profiles]
    return profile_columns(first.names, rows, nested) if rows else first.profiles


def _chosen(layout: str, roles: Roles, profiles: Sequence[ColumnProfile], given: GivenColumns) -> ColumnChoice:
    """Return the column of each role that the layout uses, and notes on others."""
    positions = {role: [column.at for column in columns] for role, columns in roles.items() if columns}
    if TITLE in given.ignored and layout not in (PRODUCTS, RATINGS):
        positions.pop(DESCRIPTION, None)  # it would become the title
    if layout == EVENTS and {VALUE, KIND} <= roles.keys() and VALUE not in given.columns and _is_money(roles, profiles):
        del positions[VALUE]
    columns, notes = choose_columns(layout, positions, profiles, given.columns)
    if layout == EVENTS and {VALUE, KIND} <= columns.keys() and VALUE not in given.columns:
        kinds = {kind_of(cell) for cell in set(profiles[columns[KIND]].cells)} - {""}
        if kinds and kinds <= _WITHOUT_VALUE:
            rated = profiles[columns.pop(VALUE)].name
            notes.append(
                f"{rated!r} stands beside clicks or views, which have no rating: not used; if each row is a "
                "rating: --layout ratings"
            )
    if layout in (PURCHASES, EVENTS) and PRODUCT in columns and TITLE not in {*columns, *given.ignored}:
        columns |= _title_among(roles[PRODUCT], columns, profiles)
    return ColumnChoice(columns, notes)


def find_unknown_codes(reading: ColumnReading, profiles: Sequence[ColumnProfile]) -> tuple[str, list[str]] | None:
    """Find a column that is named like kinds of events and has codes, whose meaning nobody can tell.

    Args:
        reading: How the columns are read.
        profiles: One a column.

    Returns:
        Its name and its codes; None if there is none.
    """
    if reading.layout == PRODUCTS:
        return None
    for at, profile in enumerate(profiles):
        named = candidates([profile.meaning]).keys() & {KIND} or (role_by_words(profile.meaning) or ("", 0))[0] == KIND
        codes = sorted(set(profile.cells), key=lambda cell: (len(cell), cell))
        is_enumeration = 1 < len(codes) <= _MOST_CODES and profile.integers == 1.0 and profile.repeated
        if named and is_enumeration and at not in reading.used:
            return profile.name, codes
    return None


def _is_money(roles: Roles, profiles: Sequence[ColumnProfile]) -> bool:
    """Whether the values of a log without ratings are what was paid rather than how many."""
    value, kinds = profiles[roles[VALUE][0].at], profiles[roles[KIND][0].at]
    if any(kind_of(cell) == EventKind.RATING for cell in set(kinds.cells)):
        return False
    return QUANTITY in roles or value.share(lambda cell: cell.isdecimal() or cell.endswith(".0")) < 0.9


def _prefer_known(roles: Roles, profiles: Sequence[ColumnProfile], known: KnownIds, fixed: Collection[int]) -> set[str]:
    """Put the column whose ids the store has first, whatever it is called, where another one was first and has none.

    Args:
        roles: Role → its possible columns; changed.
        profiles: One a column.
        known: Which product ids the store has.
        fixed: Positions of columns that options name.

    Returns:
        The product, if its column was found by its cells alone.
    """
    columns = roles.get(PRODUCT, [])
    shares = {}
    for column in columns:
        ids = set(profiles[column.at].cells)
        shares[column.at] = len(known(ids)) / len(ids) if ids else 0.0
    best = max(columns, key=lambda column: shares[column.at], default=None)
    if columns and shares[columns[0].at] >= _FEW_KNOWN:
        return set()
    if best is not None and shares[best.at] >= 0.5:
        columns.remove(best)
        columns.insert(0, best)
        return set()
    busy = {*fixed, *shares, *(column.at for role in (USER, TIME) for column in roles.get(role, ())[:1])}
    of_products = [
        at
        for at, profile in enumerate(profiles)
        if at not in busy and _may_be_known(profile) and len(known(ids := set(profile.cells))) >= _ALL_KNOWN * len(ids)
    ]
    if len(of_products) != 1:
        return set()
    free_columns(roles, of_products)
    found = [RoleColumn(at, 1.0, False, profiles[at].filled) for at in of_products]
    roles[PRODUCT] = [*found, *roles.get(PRODUCT, [])]
    return {PRODUCT}


def _may_be_known(profile: ColumnProfile) -> bool:
    """Whether cells are ids that no quantity, place or rating could be by chance."""
    is_long = profile.share(lambda cell: len(cell) >= _LONG_ID or not cell.isdecimal()) >= _ALL_KNOWN
    return profile.ids >= _ALL_KNOWN and profile.n_distinct >= _SEVERAL_IDS and is_long


def _prefer_unique(columns: list[RoleColumn], profiles: Sequence[ColumnProfile]) -> None:
    """Put the id of variants first, where the first column repeats: it is that of their group."""
    if profiles[columns[0].at].repeated < _REPEATS:
        return
    for column in columns[1:]:
        profile = profiles[column.at]
        if profile.filled == 1.0 and profile.repeated < 0.02 and profile.ids >= 0.9:
            columns.remove(column)
            columns.insert(0, column)
            return


def _prefer_ids_of_parents(roles: Roles, profiles: Sequence[ColumnProfile]) -> None:
    """Put the id first by which variants name their parents."""
    if GROUP not in roles:
        return
    parents = set(profiles[roles[GROUP][0].at].cells)
    fixed = {columns[0].at for role, columns in roles.items() if role != PRODUCT}
    if not parents or parents & set(profiles[roles[PRODUCT][0].at].cells):
        return
    for at, profile in enumerate(profiles):
        is_unique = profile.filled == 1.0 and profile.repeated == 0.0 and profile.ids >= 0.9
        if at not in fixed and is_unique and parents <= set(profile.cells):
            others = [column for column in roles[PRODUCT] if column.at != at]
            roles[PRODUCT] = [RoleColumn(at, LOOK, False, 1.0), *others]
            return


def _prefer_telling_title(columns: list[RoleColumn], profiles: Sequence[ColumnProfile]) -> None:
    """Put another title first, where the first one has a few short words: the size or colour of a variant."""
    first = profiles[columns[0].at]
    for column in columns[1:]:
        profile = profiles[column.at]
        if first.is_enumeration and profile.filled >= 0.5 and profile.n_distinct >= 2 * first.n_distinct:
            columns.remove(column)
            columns.insert(0, column)
            return


def _prefer_code(roles: Roles, profiles: Sequence[ColumnProfile]) -> None:
    """Take a catalogue's "item" of several words for the title, where another column has a code of each product."""
    first, *others = roles[PRODUCT]
    if profiles[first.at].share(lambda cell: " " in cell) < 0.3 or profiles[first.at].nested:
        return
    code = find_code(profiles, {column.at for columns in roles.values() for column in columns})
    others += [RoleColumn(code, LOOK, False, 1.0)] if code is not None else []
    for column in others:
        profile = profiles[column.at]
        if profile.filled == 1.0 and profile.repeated < 0.02 and profile.ids >= 0.9:
            roles[TITLE] = [first]
            roles[PRODUCT] = [column, *(other for other in others if other is not column)]
            return


def _without_row_numbers(roles: Roles, profiles: Sequence[ColumnProfile], layout: str) -> Roles:
    """Return the roles without a product that is only called "id", which numbers the rows of a file of events."""
    if layout == PRODUCTS or PRODUCT not in roles:
        return roles
    named = [
        column
        for column in roles[PRODUCT]
        if normalize_name(profiles[column.at].name) != "id" or profiles[column.at].repeated >= _REPEATS
    ]
    return {**roles, PRODUCT: named} if named else {role: at for role, at in roles.items() if role != PRODUCT}


def _title_among(
    products: Sequence[RoleColumn], columns: Mapping[str, int], profiles: Sequence[ColumnProfile]
) -> dict[str, int]:
    """Return the column "item" or "article" as the title, where ids stand in another column and it has words."""
    for column in products:
        profile = profiles[column.at]
        if column.at not in columns.values() and profile.filled >= 0.5 and _has_words(profile):
            return {TITLE: column.at}
    return {}


def _has_words(profile: ColumnProfile) -> bool:
    return profile.share(lambda cell: " " in cell) >= 0.3 and profile.integers < 0.1


def _fallbacks(
    layout: str, columns: Mapping[str, int], roles: Roles, profiles: Sequence[ColumnProfile], given: GivenColumns
) -> dict[str, tuple[int, ...]]:
    """Return role → columns to take where its own is empty, for ids and times with gaps."""
    found = {}
    for role in _SURE:
        if role not in columns or role in given.columns:
            continue
        if role not in (STATE, CANCELLED) and profiles[columns[role]].filled == 1.0:
            continue
        others = tuple(
            column.at
            for column in roles[role]
            if column.at not in columns.values() and profiles[column.at].cells
            if column.confidence >= _SURE[role] or (role == STATE and has_undone(profiles[column.at]))
        )
        if others:
            found[role] = others
    if USER in columns and USER not in found and USER not in given.columns and profiles[columns[USER]].filled < 0.5:
        taken = {*columns.values(), *(column.at for each in roles.values() for column in each)}
        at = find_user_by_look(profiles, taken)
        found |= {USER: (at,)} if at is not None and layout in (EVENTS, RATINGS) else {}
    listed = tuple(column.at for column in roles.get(LISTED, ()) if column.at not in columns.values())
    return found | ({LISTED: listed} if listed and layout == PRODUCTS and LISTED not in given.columns else {})


def _group_of(
    layout: str, columns: Mapping[str, int], profiles: Sequence[ColumnProfile], others: Sequence[RoleColumn]
) -> tuple[int, ...]:
    """Return the column that tells which rows of a catalogue are variants of one thing: a handle, or another id.

    Args:
        layout: Name of the layout.
        columns: Role → position.
        profiles: One a column.
        others: Columns that could be the product's id too.
    """
    if layout != PRODUCTS or GROUP in columns:
        return ()
    handles = [at for at, profile in enumerate(profiles) if normalize_name(profile.name) == "handle"]
    free = [column.at for column in others if column.at not in columns.values()]
    # Beside the id of a variant, an id of nothing in particular that repeats is that of its product.
    free += [at for at, profile in enumerate(profiles) if at not in columns.values() and _is_bare_id(profile.name)]
    return (
        tuple(at for at in handles if at != columns[PRODUCT]) or tuple(at for at in free if _groups(profiles[at]))[:1]
    )


def _is_bare_id(name: str) -> bool:
    return ID_WORD in classes_of(name) and set(classes_of(name)) <= {ID_WORD, FILLER, PRODUCT_WORD}


def _groups(profile: ColumnProfile) -> bool:
    """Whether the ids of a column, such as a "product code" beside an "article id", repeat as those of groups do."""
    return profile.ids >= 0.9 and profile.filled >= 0.5 and 0.1 <= profile.repeated <= 0.95 and profile.n_distinct > 1


def _other_ids(reading: ColumnReading, first: FirstRows) -> list[str]:
    """Return a note on an unused column with another id of each product that was bought, as a catalogue may have it."""
    product = first.profiles[reading.columns[PRODUCT]]
    if reading.layout == PRODUCTS or product.repeated == 0.0 or product.filled < 1.0:
        return []
    for at, profile in enumerate(first.profiles):
        is_id = has_id_word(profile.meaning) and profile.ids >= 0.9 and profile.filled == 1.0 and profile.numbers >= 0.9
        if at in reading.used or not is_id or is_excluded(profile.meaning) or profile.n_distinct != product.n_distinct:
            continue
        is_known = (role_by_words(profile.meaning) or (PRODUCT,))[0] != PRODUCT
        if not is_known and len(set(zip(product.cells, profile.cells, strict=True))) == product.n_distinct:
            return [f"{profile.name!r} has another id of each product; to take it: {first.option(PRODUCT, at)}"]
    return []


def _near_reading(readings: Sequence[Reading], columns: Mapping[str, int], notes: Sequence[str]) -> list[str]:
    """Return a note on the second best reading, if it is near and no other note names it."""
    if len(readings) < 2 or readings[0].score - readings[1].score >= NEAR:
        return []
    second = readings[1].layout
    if second == PAIRS or any(f"--layout {second}" in note for note in notes):
        return []
    return [f"it could also be read as {second}: --layout {second}"]
