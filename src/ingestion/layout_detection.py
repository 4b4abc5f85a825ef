"""Tell a file's layout by looking at it, or as told: which column is what, and what a row means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from src.core.domain import EventKind
from src.core.errors import UnclearLayout, UnusableFile
from src.ingestion import csv_rows
from src.ingestion.column_inference import infer_columns, is_swapped, is_unknown_header
from src.ingestion.column_names import (
    CATALOGUE_ROLES,
    CATEGORY,
    DESCRIPTION,
    INVOICE,
    KIND,
    PRICE,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    STOCK,
    TIME,
    TITLE,
    USER,
    VALUE,
    WITHDRAWN,
    candidates,
    is_filled,
    is_number,
    position_of,
    surely_of_the_product,
)
from src.ingestion.csv_rows import HEADER_ROWS, CsvRows, between_fields
from src.ingestion.input_files import InputFile
from src.ingestion.json_parquet_rows import JsonDocumentRows, JsonLinesRows, ParquetRows
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
from src.ingestion.parsing import DAYS_AND_MONTHS, EPOCH_FROM, as_texts, decimal_of, is_nothing, time_format

_FIRST_GENRE = 5
_NEEDED = {RATINGS: (VALUE,), EVENTS: (KIND,), CLICKS: (PURCHASED,)}
_OVER_LINES = (TITLE, DESCRIPTION, CATEGORY)
_NO_HEADER = {RATINGS: (USER, PRODUCT, VALUE, TIME), PAIRS: (USER, PRODUCT, TIME), PRODUCTS: (PRODUCT, TITLE, CATEGORY)}
_DAY_SAMPLE_BLOCKS = 200


def open_table(path: Path, hints: Hints | None = None) -> Table:
    """Look at a file and say how it is to be read. Raises UnusableFile with what was found and what was expected."""
    hints = hints or Hints()
    file = InputFile(path, hints.encoding)
    if file.is_parquet:
        return _named(ParquetRows(file), ParquetRows(file).field_names(), hints)
    first = next((line.strip() for block in file.line_blocks() for line in block if line.strip()), "")
    if not first:
        raise UnusableFile(
            f"{path}: the file is empty. Expected one rating, purchase, event or product a line. "
            "Give another file, or none to use what lies in data/."
        )
    if first.startswith(("{", "[")):
        objects = JsonLinesRows(file) if JsonLinesRows(file).is_one_a_line() else JsonDocumentRows(file)
        return _named(objects, objects.field_names(), hints)
    said = re.fullmatch("sep=(.)", first)  # Excel's own line
    rows = csv_rows.detect(file, hints.separator or (said and said[1]))
    sample = [row for row in rows.sample() if is_filled(row)]
    if not sample:
        raise UnusableFile(
            f"{path}: the first line is {first[:120]!r}, and no line is a row. Expected one rating, purchase, event or "
            "product a line; mend its quotes, or give another file."
        )
    if rows.width is None and hints.layout not in (None, LISTS):
        raise UnclearLayout(
            f"{path}: its lines are numbers with blanks between, of different lengths.",
            "Expected rows of one width; take --layout away, or name what stands between fields with --separator.",
        )
    if rows.width is None or hints.layout == LISTS:
        separator = rows.separator if hints.separator else " "
        return Table(path, replace(rows, width=None, separator=separator), _lists(hints))
    for at, row in enumerate(sample[:HEADER_ROWS]):
        names = [name.strip() for name in row]
        if _is_header(names, hints, is_first=at == 0):
            rows, names = _as_wide_as(names, replace(rows, header=at + 1))
            return _named(rows, names, hints)
    return _without_header(rows, sample, hints)


def _is_header(names: Sequence[str], hints: Hints, *, is_first: bool) -> bool:
    """Whether a row names columns: it has names that are known, or that somebody has told of. Further down it must
    have more of them.
    """
    known = candidates(names)
    if known and not any(is_number(name) for name in names) and (is_first or (PRODUCT in known and len(known) > 1)):
        return True
    told = [column for column in hints.columns.values() if column and not column.isdecimal()]
    return any(position_of(column, names, 0) is not None for column in told)


def _as_wide_as(names: list[str], rows: CsvRows) -> tuple[CsvRows, list[str]]:
    """The header decides how wide a row is, but for separators at its end."""
    while len(names) > (rows.width or 1) and not names[-1]:
        names = names[:-1]
    return replace(rows, width=len(names)), names


def _named(rows: CsvRows | JsonLinesRows | ParquetRows, names: list[str], hints: Hints) -> Table:
    """A file whose columns have names."""
    path = rows.file.path
    told, ignored = _told(hints, names, len(names), path)
    free = {role: [at for at in places if at not in told.values()] for role, places in candidates(names).items()}
    found = {role: places for role, places in free.items() if places and role not in ignored}
    found |= {role: [at] for role, at in told.items()}
    likely = infer_columns(names, _sample_of_all(rows, names), found, ignored)
    found |= likely
    name = hints.layout or _meaning(found)
    if name is None or PRODUCT not in found or (name != PRODUCTS and USER not in found):
        shown = ", ".join(names)[:300]
        raise UnclearLayout(
            f"{path}: its columns are {shown}.",
            "Expected a user and a product (and a rating, a quantity, a time, a kind of event), "
            "or a product with a title, a price …; say which is which: "
            "--columns user=NAME,product=NAME,rating=NAME,time=NAME; if it is a catalogue: --layout products",
        )
    if name not in _UNUSED:
        raise UnclearLayout(
            f"{path}: its columns have names, and the layout {name} has none.",
            f"Expected one of {', '.join(_UNUSED)}; take --layout away, or name another.",
        )
    if TITLE in ignored and name not in (PRODUCTS, RATINGS):
        found.pop(DESCRIPTION, None)  # it would be the title
    columns, notes = _chosen(name, found, names, told)
    notes += [
        f"{names[places[0]]!r} was taken for the {role} by its look; for none: --columns {role}="
        for role, places in likely.items()
        if role in columns
    ]
    unused = tuple(each for at, each in enumerate(names) if each and at not in columns.values())
    if isinstance(rows, CsvRows):
        single = tuple(at for role, at in columns.items() if role not in _OVER_LINES)
        return _finished(replace(rows, single=single), Layout(name, columns, tuple(names), unused), notes, hints)
    wanted = list(dict.fromkeys(columns.values()))
    rows = replace(rows, names=tuple(names[at] for at in wanted))
    columns = {role: wanted.index(at) for role, at in columns.items()}
    return _finished(rows, Layout(name, columns, rows.names, unused), notes, hints)


def _sample_of_all(rows: CsvRows | JsonLinesRows | ParquetRows, names: Sequence[str]) -> list[list[str]]:
    """The first rows with all their cells, as texts."""
    if isinstance(rows, CsvRows):
        return [row for row in rows.sample()[rows.header :] if len(row) == len(names)]
    return [as_texts(row) for row in replace(rows, names=tuple(names)).sample()]


def _meaning(found: Mapping[str, object]) -> str | None:
    """What rows with these columns are."""
    if PRODUCT not in found:
        return None
    if USER not in found:
        # Orders whose customers could not be told would pass for a catalogue, and all of them be lost.
        has_orders = {INVOICE, KIND} & found.keys() or (TIME in found and {QUANTITY, VALUE} & found.keys())
        return PRODUCTS if any(role in found for role in CATALOGUE_ROLES) and not has_orders else None
    if KIND in found:
        return EVENTS
    if VALUE in found:
        return RATINGS
    if PURCHASED in found:
        return CLICKS
    return PURCHASES if QUANTITY in found or INVOICE in found else PAIRS


_UNUSED = {
    RATINGS: {KIND, PURCHASED, QUANTITY, INVOICE},
    PURCHASES: {KIND, PURCHASED, VALUE},
    EVENTS: {PURCHASED},
    CLICKS: {KIND, VALUE, QUANTITY},
    PAIRS: {KIND, PURCHASED, VALUE, QUANTITY},
    PRODUCTS: {USER, VALUE, TIME, KIND, PURCHASED, INVOICE, QUANTITY},
}


def _chosen(
    name: str, found: Mapping[str, Sequence[int]], names: Sequence[str], told: Mapping[str, int]
) -> tuple[dict[str, int], list[str]]:
    """(role → column, what else could have been chosen)."""
    found = dict(found)
    if name in (PURCHASES, EVENTS, CLICKS, PAIRS) and TITLE not in found and DESCRIPTION in found:
        found[TITLE] = found.pop(DESCRIPTION)  # an invoice's line is described in a few words
    notes = []
    if name == PRODUCTS and STOCK not in found and QUANTITY in found:
        found[STOCK] = found[QUANTITY]
    if name != PRODUCTS:  # an order that is archived, a basket's stock: said of the row, not of the product
        found = {role: places for role, places in found.items() if role in told or role not in (STOCK, WITHDRAWN)}
    if name == RATINGS:
        found = {
            role: places
            for role, places in found.items()
            if role in told or role not in CATALOGUE_ROLES or surely_of_the_product(names[places[0]])
        }
        if QUANTITY in found or INVOICE in found:
            notes.append("each row was taken for a rating; if it is a purchase: --layout purchases")
    columns = {role: places[0] for role, places in found.items() if role not in _UNUSED[name]}
    for role, places in found.items():
        others = [names[at] for at in places[1:] if at not in columns.values()]
        if role in (USER, PRODUCT, VALUE, TIME) and role in columns and others:
            notes.append(
                f"{names[places[0]]!r} was taken for the {role}; to take another: --columns {role}={others[0]}"
            )
    return columns, notes


def _without_header(rows: CsvRows, sample: list[list[str]], hints: Hints) -> Table:
    path, width = rows.file.path, rows.width or 1
    name = hints.layout or _meaning_without_header(rows, sample)
    told, ignored = _told(hints, (), width, path)
    if name is None and not told:
        shown = rows.separator.join(sample[0])[:120]
        raise UnclearLayout(
            f"{path}: the first line is {shown!r} ({width} fields with {between_fields(rows.separator)}).",
            "Expected a header that names user, product and rating (such as user_id,product_id,rating,timestamp), "
            "or lines of user,product,rating,unix time without one. Name the columns in the first line, or by their "
            "numbers: --columns user=1,product=2,rating=3,time=4",
        )
    if name is None:
        name = _meaning(told) or PRODUCTS
    if name == GENRES:
        if width != _FIRST_GENRE + len(GENRE_NAMES):
            raise UnclearLayout(
                f"{path}: it has {width} fields with {between_fields(rows.separator)}.",
                f"Expected MovieLens' {_FIRST_GENRE + len(GENRE_NAMES)} with bars; "
                "take --layout away, or name another.",
            )
        columns = {PRODUCT: 0, TITLE: 1, CATEGORY: _FIRST_GENRE}
        return _finished(rows, Layout(GENRES, columns), [], hints)
    usual = {role: at for at, role in enumerate(_NO_HEADER.get(name, ())[:width])}
    if name == RATINGS or not told:  # what was told of it completes what is usual
        usual = {role: at for role, at in usual.items() if role not in ignored and at not in told.values()}
        columns = {**usual, **told}
    else:
        columns = told
    if name == RATINGS and not told and is_swapped(sample):
        columns[USER], columns[PRODUCT] = columns[PRODUCT], columns[USER]
    if not told and hints.layout is None and is_unknown_header(sample):
        raise UnclearLayout(
            f"{path}: its columns seem to be {rows.separator.join(sample[0])[:120]}, and what they mean is not known.",
            "Say it by their numbers: --columns user=1,product=2,rating=3,time=4",
        )
    if PRODUCT not in columns or (name != PRODUCTS and USER not in columns):
        raise UnclearLayout(
            f"{path}: it has no header, so the layout {name} needs numbers of columns;",
            "expected for instance --columns user=1,product=2,rating=3",
        )
    notes = (
        []
        if told or name == PRODUCTS
        else [
            "if users and products are the other way round: "
            + f"--columns user={columns[PRODUCT] + 1},product={columns[USER] + 1}"
            + (",rating=3" if VALUE in columns else "")
            + (",time=4" if TIME in columns and VALUE in columns else "")
        ]
    )
    single = tuple(at for role, at in columns.items() if role not in _OVER_LINES)
    return _finished(replace(rows, single=single), Layout(name, columns), notes, hints)


def _meaning_without_header(rows: CsvRows, sample: list[list[str]]) -> str | None:
    width, whole = rows.width, [row for row in sample if len(row) == rows.width]
    if rows.separator == "|" and width == _FIRST_GENRE + len(GENRE_NAMES):
        return GENRES if all(set(row[_FIRST_GENRE:]) <= {"0", "1"} for row in whole) else None
    if rows.separator == "::" and width == 3 and not any(is_number(row[2]) for row in whole):
        return PRODUCTS
    # Voted over the first rows, so that a bad row at the top does not hide the layout.
    if width in (3, 4) and 2 * sum(is_number(row[2]) for row in whole) > len(whole):
        timed = [row for row in whole if width == 3 or not row[3].strip() or _may_be_a_time(row[3])]
        return RATINGS if 2 * len(timed) > len(whole) else None
    return None


def _may_be_a_time(text: str) -> bool:
    if is_number(text):
        return float(text.replace(",", ".")) >= EPOCH_FROM
    return re.search(r"\d", text) is not None and re.search(r"[-/.:]", text) is not None


def _lists(hints: Hints) -> Layout:
    kind = hints.kind or EventKind.PURCHASE
    return Layout(LISTS, {USER: 0, PRODUCT: 1}, kind=kind, notes=_kind_note(hints, kind))


def _kind_note(hints: Hints, kind: EventKind) -> tuple[str, ...]:
    return () if hints.kind else (f"each was taken for a {kind.value}; if it is another kind of event: --kind view",)


def _told(hints: Hints, names: Sequence[str], width: int, path: Path) -> tuple[dict[str, int], list[str]]:
    """(role → position, roles that have no column), as somebody said."""
    found, ignored = {}, []
    for role, column in hints.columns.items():
        if not column:
            ignored.append(role)
            continue
        at = position_of(column, names, width)
        if at is None:
            shown = ", ".join(names)[:300] or f"1 to {width}"
            raise UnclearLayout(
                f"{path}: it has no column {column!r} for the {role};", f"expected one of {shown}. Mend --columns."
            )
        found[role] = at
    return found, ignored


def _finished(rows: CsvRows | JsonLinesRows | ParquetRows, layout: Layout, notes: list[str], hints: Hints) -> Table:
    """Look into the cells: how times and numbers are written."""
    for role in _NEEDED.get(layout.name, ()):
        if role not in layout.columns:
            raise UnclearLayout(
                f"{rows.file.path}: the layout {layout.name} needs a column for {role}, and none was found.",
                f"Name it: --columns {role}=COLUMN, or choose another layout.",
            )
    sample = [row for row in rows.sample() if not isinstance(rows, CsvRows) or len(row) == rows.width]
    sample = sample[rows.header :] if isinstance(rows, CsvRows) else sample
    texts = {role: as_texts([row[at] for row in sample]) for role, at in layout.columns.items()}
    kind = hints.kind or EventKind.PURCHASE
    if layout.name == PAIRS:
        notes += _kind_note(hints, kind)
    decimal = decimal_of([text for role in (VALUE, QUANTITY, PRICE) for text in texts.get(role, [])])
    # Where numbers are written with commas, days are written before months.
    is_european = decimal == "," or (isinstance(rows, CsvRows) and rows.separator == ";")
    time, doubtful = time_format(texts.get(TIME, []), hints.day_first, is_european)
    if doubtful and (day_first := _day_first(rows, layout.columns[TIME])) is not None:
        time, doubtful = time_format(texts[TIME], day_first)
    notes += time.notes(texts.get(TIME, []))
    if doubtful:
        read = "day" if time.patterns[0].startswith("%d") else "month"
        other = "month" if read == "day" else "day"
        notes.append(f"dates such as {texts[TIME][0]!r} were read {read} first; the other way: --dates {other}-first")
    return Table(rows.file.path, rows, replace(layout, time=time, decimal=decimal, kind=kind, notes=tuple(notes)))


def _day_first(rows: CsvRows | JsonLinesRows | ParquetRows, column: int) -> bool | None:
    """Whether days are written before months, by the first day above the 12th; None if there is none."""
    with suppress(UnusableFile):  # a file that breaks off is loaded up to there
        for _, block in zip(range(_DAY_SAMPLE_BLOCKS), rows.blocks(), strict=False):
            texts = [text for text in set(as_texts([row[column] for row in block.rows])) if not is_nothing(text)]
            time, doubtful = time_format(texts)
            # A block may hold times of another kind, or nothing but mistakes.
            if not doubtful and time.patterns[0] in DAYS_AND_MONTHS and time.seconds(texts)[1].any():
                return time.patterns[0].startswith("%d")
    return None
