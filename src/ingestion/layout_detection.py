"""Detect the layout of a file, or take it from options: the role of each column, and what a row means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from src.core.errors import UnclearLayout
from src.ingestion.act_columns import find_act_columns
from src.ingestion.column_inference import InferredColumns, infer_columns_by_cells, is_unknown_header
from src.ingestion.column_names import (
    CATEGORY,
    DESCRIPTION,
    INVOICE,
    KIND,
    LANGUAGE,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    TIME,
    TITLE,
    USER,
    VALUE,
    columns_option,
    is_filled,
    is_number,
)
from src.ingestion.column_profile import ColumnProfile, looks_like_time, numbers_rows, profile_columns
from src.ingestion.column_reading import KnownIds, find_unknown_codes, read_columns
from src.ingestion.csv_rows import CsvRows, describe_separator
from src.ingestion.embedded_json import find_embedded
from src.ingestion.event_kind_names import kind_of_file
from src.ingestion.first_rows import FirstRows
from src.ingestion.grouped_reports import column_of_groups
from src.ingestion.impressions import find_impressions
from src.ingestion.layout import (
    CLICKS,
    EVENTS,
    GENRE_NAMES,
    GENRES,
    LISTS,
    PAIRS,
    PRODUCTS,
    PURCHASES,
    RATINGS,
    Hints,
    Layout,
    Table,
)
from src.ingestion.layout_choice import (
    FIRST_GENRE,
    are_counts,
    choose_columns_by_position,
    choose_layout_by_cells,
    find_given_columns,
    rank_readings,
    swapped_note,
)
from src.ingestion.mail_users import spellings_note, two_spellings
from src.ingestion.month_columns import find_month_columns
from src.ingestion.nobody import nobody_by_words, zeros_for_nobody
from src.ingestion.notations import (
    encoding_notes,
    find_cents,
    find_decimal,
    find_kind,
    find_language,
    find_prices_of_lines,
    find_rating_scale,
    find_time,
    find_words,
    kind_notes,
    quantity_notes,
)
from src.ingestion.numbered_columns import Numbered, find_numbered
from src.ingestion.parsing import (
    as_texts,
)
from src.ingestion.proposed_columns import advice_of
from src.ingestion.rated_groups import find_rated_groups
from src.ingestion.rating_scales import SHARES, WORDED, are_shares, rating_of
from src.ingestion.reshaped_rows import ReshapedRows, RowMaker
from src.ingestion.role_columns import RoleColumn
from src.ingestion.row_shapes import reshape
from src.ingestion.stacked_tables import refuse_two_tables
from src.ingestion.stock_views import sells_below_zero, stock_note
from src.ingestion.table_files import FlatRows, NamedRows, OpenedRows, open_rows
from src.ingestion.unnamed_columns import columns_by_cells
from src.ingestion.url_products import find_url_products
from src.ingestion.wide_tables import Wide, find_wide
from src.ingestion.worded_ratings import are_graded, are_words, words_note

AnyRows: TypeAlias = FlatRows | ReshapedRows

_REQUIRED = {RATINGS: (VALUE,), EVENTS: (KIND,), CLICKS: (PURCHASED,)}
_MULTILINE_ROLES = (TITLE, DESCRIPTION, CATEGORY)
_HALF, _MOST_IDS = 0.5, 0.9
_FEW_IDS = 3
_FEW_ROWS = 2  # of a catalogue that may be remarks
_UNNAMED = re.compile(r"(Unnamed: \d+)?")  # what data frames write, and read, above the numbers of their rows
_SENTENCE = re.compile(r"\S+( +\S+){3,}[.:!?]|\S+( +\S+){7,}")


def open_table(path: Path, hints: Hints | None = None, known: KnownIds | None = None) -> Table:
    """Open a file and detect how it is read.

    Args:
        path: The file.
        hints: What options say about it; None for nothing.
        known: Which product ids the store has; None if that is not known.

    Returns:
        The file with its layout.

    Raises:
        UnusableFile: The file is missing, empty, cannot be read, or no line is a row.
        UnclearLayout: Its columns could not be told, or contradict the hints.
    """
    hints = hints or Hints()
    opened = open_rows(path, hints)
    refuse_two_tables(opened)
    try:
        table = _table_of(path, opened, hints, known)
        if table.layout.name == PRODUCTS and hints.layout is None and PRODUCT not in hints.columns:
            _refuse_remarks(table, opened)
    except UnclearLayout as error:  # another sheet may hold the table
        refuse_two_tables(opened, is_unclear=True)
        notes = "".join(f" {note[0].upper()}{note[1:]}." for note in opened.rows.file.notes())
        raise UnclearLayout(f"{error.found}{notes}", error.expected) from None
    return table


def _refuse_remarks(table: Table, opened: OpenedRows) -> None:
    """Raise UnclearLayout if a catalogue of one or two rows has sentences or dates for ids, as instructions have."""
    ids = [row[at] for row in opened.sample if (at := table.layout.columns[PRODUCT]) < len(row)]
    if isinstance(table.rows, CsvRows) and len(opened.sample) <= _FEW_ROWS and any(map(_is_remark, ids)):
        raise UnclearLayout(
            f"{table.path}: its {'rows are' if len(ids) > 1 else 'row is'} {', '.join(map(repr, ids))[:120]}, which "
            "looks like remarks and not like products.",
            "Expected a catalogue with an id in each row; give the file or sheet that has it, or, if these are "
            "products: --layout products",
        )


def _is_remark(cell: str) -> bool:
    return bool(_SENTENCE.fullmatch(cell.strip())) or (looks_like_time(cell.strip()) and not is_number(cell))


def _table_of(path: Path, opened: OpenedRows, hints: Hints, known: KnownIds | None) -> Table:
    """Return the table of an opened file."""
    groups = column_of_groups([opened.names] if opened.names is not None else opened.sample)
    if groups is not None and USER not in hints.columns:
        raise UnclearLayout(
            f"{path}: its column {groups!r} has customers, documents and products below each other: a grouped report.",
            "Expected a row for each product, with its customer and day beside it: export the report as a flat list, "
            "without groups, and with the customer, the document and the product in columns of their own.",
        )
    if opened.names is not None:
        return _table_with_names(NamedRows(opened.rows, opened.names, opened.sample, opened.nested), hints, known)
    rows = opened.rows
    if not isinstance(rows, CsvRows):
        raise TypeError("only text has no names of columns")
    if rows.width is None and hints.layout not in (None, LISTS):
        raise UnclearLayout(
            f"{path}: its lines are numbers with blanks between, of different lengths.",
            "Expected rows of one width; take --layout away, or name what stands between fields with --separator.",
        )
    if rows.width is None or hints.layout == LISTS:
        separator = rows.separator if hints.separator else " "
        return Table(path, replace(rows, width=None, separator=separator), _lists_layout(path, hints))
    return _table_without_header(rows, opened.sample, hints)


def _table_with_names(named: NamedRows, hints: Hints, known: KnownIds | None) -> Table:
    """Return the table of a file whose columns have names."""
    path = named.rows.file.path
    rows, names, sample, profiles, wide = _narrowed(named, hints)
    names, profiles = _numbered_names(names, profiles)
    given = find_given_columns(hints, names, len(names), path)
    first = FirstRows(profiles, sample)
    reading = read_columns(first, given, hints, known)
    if reading is None or (reading.layout != PRODUCTS and USER not in reading.columns):
        raise UnclearLayout(f"{path}: its columns are {', '.join(names)[:300]}.", advice_of(first, given))
    is_settled = hints.layout is not None or hints.kind is not None or KIND in (*given.columns, *given.ignored)
    if not is_settled and (found := find_unknown_codes(reading, profiles)):
        raise UnclearLayout(
            f"{path}: {found[0]!r} has the codes {', '.join(found[1])}, and what they mean is not known.",
            f"Say a kind of event for each: {columns_option({KIND: names.index(found[0])}, names)} --words "
            f"{','.join(f'{code}=view' for code in found[1])}; if the column says something else: --columns kind=",
        )
    unused = tuple(column for at, column in enumerate(names) if column and at not in reading.used)
    notes = [*([wide.note(named.names)] if wide else []), *reading.notes]
    if wide:
        layout = Layout(reading.layout, dict(reading.columns), tuple(names), unused, account=reading.fates)
        whole = ReshapedRows(rows, wide=wide)
        if isinstance(wide, Numbered):  # its cells may have several named values
            reshaped, layout = reshape(rows, layout, sample, reading, notes)
            whole = replace(reshaped, wide=wide) if isinstance(reshaped, ReshapedRows) else whole
        return _with_notations(whole, layout, notes, hints, named.sample)
    if isinstance(rows, CsvRows):
        several = {at for at in range(len(names)) if any("\n" in row[at] for row in sample)}
        rows = replace(rows, single=tuple(at for at in _single_line(dict(reading.columns)) if at not in several))
    else:  # only the used columns are read
        used = sorted({*reading.used, *reading.group})
        reading = reading.moved({at: i for i, at in enumerate(used)})
        names = [names[at] for at in used]
        rows, sample = replace(rows, names=tuple(names)), [[row[at] for at in used] for row in sample]
    columns, fallbacks = dict(reading.columns), dict(reading.fallbacks)
    layout = Layout(
        reading.layout, columns, tuple(names), unused, fallbacks=fallbacks, account=reading.fates,
        nobody=reading.nobody, no_ids=reading.no_ids,
    )  # fmt: skip
    reshaped, layout = reshape(rows, layout, sample, reading, notes)
    return _with_notations(reshaped, layout, notes, hints, sample)


def _row_maker(named: NamedRows, profiles: Sequence[ColumnProfile], hints: Hints) -> RowMaker | None:
    """Return what makes several rows of one, or objects into columns; None for an ordinary table."""
    if hints.layout == PRODUCTS:
        return None
    is_open = {PRODUCT, KIND}.isdisjoint(hints.columns)
    found: RowMaker | None = (find_numbered(profiles) or find_act_columns(profiles, named.sample)) if is_open else None
    found = found or (find_impressions(profiles) if is_open else None)
    found = found or (find_rated_groups(profiles) or find_url_products(profiles, named.sample) if is_open else None)
    found = found or find_month_columns(profiles, hints.columns, named.rows.file.path.name)
    found = found or find_wide(profiles, hints.columns)
    return found or find_embedded(named.names, named.sample, named.rows.file.path)


class _Narrowed(NamedTuple):
    """A file whose columns have names, and the names, first rows and profiles of the columns that are read."""

    rows: FlatRows
    names: list[str]
    sample: list[list[str]]
    profiles: list[ColumnProfile]
    wide: RowMaker | None


def _narrowed(named: NamedRows, hints: Hints) -> _Narrowed:
    """Return the columns of a file; where each is a product or a kind of event, those of the rows made of them."""
    profiles = profile_columns(named.names, named.sample, named.nested)
    wide = _row_maker(named, profiles, hints)
    if wide is None:
        return _Narrowed(named.rows, named.names, named.sample, profiles, None)
    rows = named.rows if isinstance(named.rows, CsvRows) else replace(named.rows, names=tuple(named.names))
    if hints.layout == PURCHASES and isinstance(wide, Wide) and wide.value == VALUE:
        wide = replace(wide, value=QUANTITY)
    names = wide.names(named.names)
    sample = [as_texts(row) for each in named.sample for row in wide.rows_of(each)]
    return _Narrowed(rows, names, sample, profile_columns(names, sample), wide)


def _numbered_names(names: Sequence[str], profiles: Sequence[ColumnProfile]) -> tuple[list[str], list[ColumnProfile]]:
    """Call filled columns without a name by their numbers, so that messages tell them apart; empty those of rows."""
    profiles = [
        replace(profile, cells=()) if _UNNAMED.fullmatch(name) and numbers_rows(profile) else profile
        for name, profile in zip(names, profiles, strict=True)
    ]
    found = [
        f"column {at + 1}" if not name and profile.cells else name
        for at, (name, profile) in enumerate(zip(names, profiles, strict=True))
    ]
    renamed = [
        profile if profile.name == name else replace(profile, name=name)
        for name, profile in zip(found, profiles, strict=True)
    ]
    return found, renamed


def _single_line(columns: dict[str, int]) -> tuple[int, ...]:
    """Return positions of the columns whose cells have no line breaks."""
    return tuple(at for role, at in columns.items() if role not in _MULTILINE_ROLES)


def _table_without_header(rows: CsvRows, sample: list[list[str]], hints: Hints) -> Table:
    """Return the table of a delimited file without a header."""
    path, width = rows.file.path, rows.width or 1
    heads = [row[0] for row in sample if is_filled(row) and not any(map(str.strip, row[1:]))]
    if width > 1 and len(heads) > 1 and sample[0][0] == heads[0] and len(set(heads)) == len(heads) < len(sample):
        raise UnclearLayout(
            f"{path}: lines such as {heads[0]!r} and {heads[1]!r} stand alone, above the rows that belong to them.",
            f"Expected rows of {width + 1} fields: write what such a line says into each row below it, take the line "
            "out, and give the file a line with names, such as product_id,user_id,rating,timestamp.",
        )
    if impressions := _numbered_impressions(rows, sample, hints):
        return _table_with_names(*impressions, None)
    name = hints.layout or choose_layout_by_cells(rows, sample)
    given = find_given_columns(hints, (), width, path)
    whole = [row for row in sample if len(row) == width]
    if (
        name is None
        and not given.columns
        and not is_unknown_header(sample)
        and (found := infer_columns_by_cells(whole))
    ):
        return _inferred_table(rows, found, whole, hints)
    if name is None and not given.columns:
        shown = rows.separator.join(sample[0])[:120]
        raise UnclearLayout(
            f"{path}: the first line is {shown!r} ({width} fields with {describe_separator(rows.separator)}).",
            "Expected a header that names user and product (such as user_id,product_id,rating,timestamp), or "
            "lines of user,product,rating,unix time without one. Name the columns in the first line"
            f"{columns_by_cells(whole)}",
        )
    name = name or _layout_of_given(given.columns)
    if name == GENRES:
        return _genres_table(rows, width, hints)
    if not given.columns and hints.layout is None and is_unknown_header(sample):
        raise UnclearLayout(
            f"{path}: its columns seem to be {rows.separator.join(sample[0])[:120]}, and what they mean is not known.",
            "Say it by their numbers: --columns user=1,product=2,rating=3,time=4",
        )
    columns = choose_columns_by_position(name, sample, width, given.columns, given.ignored)
    if PRODUCT not in columns or (name != PRODUCTS and USER not in columns):
        raise UnclearLayout(
            f"{path}: it has no header, so the layout {name} needs numbers of columns;",
            "expected for instance --columns user=1,product=2,rating=3",
        )
    notes = [] if given.columns or name == PRODUCTS else [swapped_note(columns)]
    rows = replace(rows, single=_single_line(columns))
    return _with_notations(rows, Layout(name, columns), notes, hints, whole)


def _numbered_impressions(rows: CsvRows, sample: list[list[str]], hints: Hints) -> tuple[NamedRows, Hints] | None:
    """Return a file without a header whose lists of impressions have a user beside them, its columns numbered."""
    whole = [row for row in sample if len(row) == rows.width]
    names = [f"column {at + 1}" for at in range(rows.width or 0)]
    profiles = profile_columns(names, whole)
    found = find_impressions(profiles) if {PRODUCT, KIND}.isdisjoint(hints.columns) else None
    if found is None:
        return None
    users = [at for at, each in enumerate(profiles) if at != found.at and each.ids >= _MOST_IDS and each.repeated > 0.0]
    if USER not in hints.columns and len(users) != 1:
        return None
    columns = dict(hints.columns) if USER in hints.columns else {**hints.columns, USER: str(users[0] + 1)}
    return NamedRows(rows, names, whole), replace(hints, columns=columns)


def _inferred_table(rows: CsvRows, found: InferredColumns, whole: list[list[str]], hints: Hints) -> Table:
    """Return the table of a file without a header whose columns were found by their cells."""
    columns = {role: at for role, at in found.columns.items() if hints.columns.get(role) != ""}
    name = EVENTS if KIND in columns else PURCHASES if INVOICE in columns else PAIRS
    layout = Layout(name, columns, fallbacks=found.fallbacks)
    notes = [f"no header: columns were told by their cells; to say it otherwise: {columns_option(columns)}"]
    for at in found.numbers:
        rated = {USER: columns[USER], PRODUCT: columns[PRODUCT], VALUE: at}
        options = f"are ratings: --layout ratings {columns_option(rated)}"
        if are_counts([row[at] for row in whole]) or name == PURCHASES:
            counted = EVENTS if name == EVENTS else PURCHASES
            options = f"say how many or how often: --layout {counted} {columns_option(columns | {QUANTITY: at})}"
        notes.append(f"column {at + 1} has numbers such as {whole[0][at]!r} and is not used; if they {options}")
    return _with_notations(replace(rows, single=_single_line(columns)), layout, notes, hints, whole)


def _genres_table(rows: CsvRows, width: int, hints: Hints) -> Table:
    """Return the table of MovieLens' u.item."""
    expected = FIRST_GENRE + len(GENRE_NAMES)
    if width != expected:
        raise UnclearLayout(
            f"{rows.file.path}: it has {width} fields with {describe_separator(rows.separator)}.",
            f"Expected MovieLens' {expected} with bars; take --layout away, or name another.",
        )
    return _with_notations(rows, Layout(GENRES, {PRODUCT: 0, TITLE: 1, CATEGORY: FIRST_GENRE}), [], hints, [])


def _layout_of_given(columns: dict[str, int]) -> str:
    """Return the layout of rows that have columns of these roles."""
    roles = {role: [RoleColumn(at, 1.0, True, 1.0)] for role, at in columns.items()}
    readings = rank_readings(roles, [])
    return readings[0].layout if readings else PRODUCTS


def _lists_layout(path: Path, hints: Hints) -> Layout:
    kind = hints.kind or kind_of_file(path)
    return Layout(LISTS, {USER: 0, PRODUCT: 1}, kind=kind, notes=tuple(kind_notes(hints, kind)))


def _with_notations(rows: AnyRows, layout: Layout, notes: list[str], hints: Hints, sample: list[list[str]]) -> Table:
    """Return the table, with the notation of times and numbers detected from the first rows.

    Args:
        rows: The reader.
        layout: How its rows are read.
        notes: Notes so far.
        hints: What options say.
        sample: First rows of the file, not reshaped.
    """
    _require_columns(rows.file.path, layout)
    shaped = [as_texts(row) for row in rows.reshape(sample)] if isinstance(rows, ReshapedRows) else sample
    texts = {role: [row[at].strip() for row in shaped] for role, at in layout.columns.items()}
    worded = layout.name == RATINGS and are_words(texts[VALUE])
    if layout.name == RATINGS:
        scale = SHARES if are_shares(texts[VALUE]) else WORDED if are_graded(texts[VALUE]) else None
        notes += [words_note(texts[VALUE])] if scale == WORDED else []
        hints = replace(hints, scale=hints.scale or scale)
        texts[VALUE] = [rating_of(text, worded=worded) for text in texts[VALUE]]
    kind = find_kind(rows.file.path, layout, shaped, hints, notes)
    decimal = find_decimal(texts, sample, hints, notes)
    time = find_time(rows, layout, texts.get(TIME, []), decimal, hints, notes)
    ratings = find_rating_scale(layout, texts, decimal, kind, hints, notes)
    cents = find_cents(layout, texts, hints, notes)
    of_lines = find_prices_of_lines(layout, texts, hints, notes)
    notes += quantity_notes(layout, texts)
    notes += [*encoding_notes(rows, texts, hints), *rows.file.notes()]
    language = find_language(texts[LANGUAGE], hints, notes) if LANGUAGE in texts else None
    words = find_words(layout, texts, hints, notes)
    of_stock = sells_below_zero(layout, texts, words)
    notes += [stock_note(layout)] if of_stock else []
    users = texts.get(USER, []) if layout.has_events else []
    nobody = layout.nobody | zeros_for_nobody(users) | nobody_by_words(texts, words.given)
    spellings = two_spellings(users)
    notes += [spellings_note(spellings)] if spellings else []
    found = replace(
        layout,
        mails=spellings is not None,
        time=time,
        decimal=decimal,
        kind=kind,
        unrated=ratings.unrated,
        no_rating=ratings.no_rating,
        worded=worded,
        language=language,
        nobody=nobody,
        ids=hints.ids,
        words=words,
        scale=ratings.scale,
        cents=cents,
        of_lines=of_lines,
        of_stock=of_stock,
        notes=tuple(notes),
    )
    return Table(rows.file.path, _wanted_language_last(rows, found), found)


def _require_columns(path: Path, layout: Layout) -> None:
    """Raise UnclearLayout if a column is missing without which the layout means nothing."""
    for role in _REQUIRED.get(layout.name, ()):
        if role not in layout.columns:
            raise UnclearLayout(
                f"{path}: the layout {layout.name} needs a column for {role}, and none was found.",
                f"Name it: --columns {role}=COLUMN, or choose another layout.",
            )


def _wanted_language_last(rows: AnyRows, layout: Layout) -> AnyRows:
    """Return the rows so that one of the default language does not replace one of the wanted language."""
    if not layout.language or layout.has_events:
        return rows
    later = (layout.columns[LANGUAGE], layout.language)
    return replace(rows, later=later) if isinstance(rows, ReshapedRows) else ReshapedRows(rows, later=later)
