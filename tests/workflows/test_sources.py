"""Loading from object stores, folders of parquet parts and queries of PostgreSQL, all of it or what is new."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import fsspec
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import make_url

from src.core.errors import AisleError, InputError, UnusableFile
from src.core.progress import Silent
from src.core.settings import Settings
from src.ingestion.layout import Hints
from src.store import Store
from src.workflows.export import export
from src.workflows.ingest import load_files
from src.workflows.preview import preview_source
from src.workflows.sources import Source, source_of
from src.workflows.watermarks import Since
from tests.releases.s3_server import s3_server
from tests.workflows.stored import events_of, write

DAY_ONE = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
Row = tuple[str, str, float, dt.datetime | None]
SINCE = Since("changed")


def rows(first: int, last: int, day: int = 0) -> list[Row]:
    """One purchase an hour, from the hour `first` of a day on."""
    begin = DAY_ONE + dt.timedelta(days=day)
    return [(f"u{n % 7}", f"p{n % 5}", 1.0 + n % 3, begin + dt.timedelta(hours=n)) for n in range(first, last)]


def table_of(found: Sequence[Row]) -> pa.Table:
    users, products, quantities, times = map(list, zip(*found, strict=True))
    columns = {"customer": users, "sku": products, "quantity": quantities, "bought_at": times, "changed": times}
    return pa.table(columns)


def part(folder: str, name: str, found: Sequence[Row]) -> None:
    with fsspec.open(f"{folder}/{name}", "wb") as file:
        pq.write_table(table_of(found), file)


def run(
    settings: Settings, store: Store, name: str, since: Since | None = None, hints: Hints | None = None
) -> list[str]:
    return [*load_files(settings, store, [source_of(name)], Silent(), hints, since)]


def stored(lines: Sequence[str]) -> str:
    """The line that counts events."""
    return next(line for line in lines if " stored, " in line).strip()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as monkeypatch, s3_server(monkeypatch):
        yield "s3://aisle"


@pytest.fixture
def parts(tmp_path: Path) -> str:
    (tmp_path / "purchases").mkdir()
    return str(tmp_path / "purchases")


@pytest.fixture
def warehouse(postgresql: str) -> Iterator[str]:
    """The URL of a database with an empty table of orders, whose user has a password."""
    url = make_url(postgresql).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop")
        connection.execute(
            "CREATE TABLE shop.orders (number serial, customer text, sku text, quantity float, "
            "bought_at timestamptz, changed timestamptz)"
        )
        yield url.set(password="hush/word").render_as_string(hide_password=False)
        connection.execute("DROP SCHEMA shop CASCADE")


def order(warehouse: str, found: Sequence[Row]) -> None:
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.cursor().executemany(
            "INSERT INTO shop.orders (customer, sku, quantity, bought_at, changed) VALUES (%s, %s, %s, %s, %s)",
            [(*row, row[3]) for row in found],
        )


def test_a_file_in_an_object_store_loads_as_one_on_disk(
    settings: Settings, store: Store, s3: str, tmp_path: Path
) -> None:
    text = "user,product,rating,time\nu,p,5,7\nu,q,bad,8\nv,p,3,9\n"
    with fsspec.open(f"{s3}/files/ratings.csv", "w") as file:
        file.write(text)
    lines = run(settings, store, f"{s3}/files/ratings.csv")
    local = [*load_files(settings, store, [write(tmp_path / "ratings.csv", text)], Silent())]
    assert lines[0].startswith(f"{s3}/files/ratings.csv: ratings, text with commas")
    kept = [line for line in local[1:] if "stored" not in line and "rejects" not in line and "ids" not in line]
    assert [line for line in lines if line in kept] == kept
    assert [row[:2] for row in events_of(store)] == [("u", "p"), ("v", "p")]
    assert f"{s3}/files/ratings.csv" in {load.file for load in store.runs.loads(2)}


@pytest.mark.parametrize("name", ["nothing.csv", "nothing/"])
def test_what_is_not_there_is_said_with_its_url(settings: Settings, store: Store, s3: str, name: str) -> None:
    with pytest.raises(UnusableFile, match=rf"s3://aisle/{name}: there is no such file"):
        run(settings, store, f"{s3}/{name}")


def test_an_object_that_cannot_be_read_as_a_table_is_named_by_its_url(
    settings: Settings, store: Store, s3: str
) -> None:
    with fsspec.open(f"{s3}/files/odd.csv", "w") as file:
        file.write("colour,weather\nred,fine\nblue,wet\n")
    with pytest.raises(UnusableFile, match=r"^s3://aisle/files/odd.csv: the first line is 'colour,weather'"):
        run(settings, store, f"{s3}/files/odd.csv")


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_parts_are_one_table_and_only_what_is_new_is_read(
    settings: Settings, store: Store, place: str, parts: str, request: pytest.FixtureRequest
) -> None:
    parts = parts if place == "folder" else f"{request.getfixturevalue('s3')}/purchases"
    part(parts, "1.parquet", rows(0, 40))
    part(parts, "_temporary/2.parquet", rows(200, 210))
    assert stored(run(settings, store, parts, SINCE)).startswith("40 events: 40 stored")
    part(parts, "2.parquet", rows(0, 6, day=4))
    lines = run(settings, store, parts, SINCE)
    # The last day of the 40 hours is read again, and what was stored stays single.
    assert stored(lines).startswith("31 events: 6 stored, 25 repeated")
    assert "next load begins at 2026-05-05T17:00:00+00:00" in "".join(lines)
    assert stored(run(settings, store, parts, Since("changed", "0h"))).startswith("1 events: 0 stored")
    assert stored(run(settings, store, parts, Since("changed", from_start=True))).startswith("46 events: 0 stored")
    assert len(events_of(store)) == 46


def test_rows_that_came_late_and_rows_with_the_same_value_are_found(
    settings: Settings, store: Store, parts: str
) -> None:
    part(parts, "1.parquet", rows(0, 40))
    run(settings, store, parts, SINCE)
    late, tie, too_late = DAY_ONE + dt.timedelta(hours=30), rows(39, 40)[0][3], DAY_ONE - dt.timedelta(days=9)
    part(parts, "2.parquet", [("new", "p1", 1.0, late), ("new", "p2", 1.0, tie), ("new", "p3", 1.0, too_late)])
    run(settings, store, parts, SINCE)
    assert {row[1] for row in events_of(store) if row[0] == "new"} == {"p1", "p2"}
    run(settings, store, parts, Since("changed", "30d"))
    assert {row[1] for row in events_of(store) if row[0] == "new"} == {"p1", "p2", "p3"}


def test_rows_without_a_value_and_with_times_to_come_are_counted_aloud(
    settings: Settings, store: Store, parts: str
) -> None:
    future = dt.datetime.now(dt.UTC) + dt.timedelta(days=400)
    part(parts, "1.parquet", [*rows(0, 20), ("v", "p", 1.0, None), ("w", "p", 1.0, future)])
    lines = "".join(run(settings, store, parts, SINCE))
    assert "1 rows of the source have no 'changed'" in lines
    assert "1 rows have a 'changed' later than now" in lines
    mark = dt.datetime.fromisoformat(store.runs.loads(1)[0].since["value"])
    assert mark <= dt.datetime.now(dt.UTC)  # what comes till then is not hidden


def test_a_load_that_was_interrupted_is_repeated(
    settings: Settings, store: Store, parts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    part(parts, "1.parquet", rows(0, 40))
    with monkeypatch.context() as broken:
        broken.setattr(type(store.events), "add", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(settings, store, parts, SINCE)
    assert store.runs.loads(1) == []
    assert stored(run(settings, store, parts, SINCE)).startswith("40 events: 40 stored")


def test_a_nights_few_rows_are_read_as_the_first_load_was(settings: Settings, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "ratings"
    folder.mkdir()

    def ratings(name: str, first: int, values: Sequence[float]) -> None:
        n = range(first, first + len(values))
        times = [DAY_ONE + dt.timedelta(days=at) for at in n]
        columns = {"a": [f"u{at % 9}" for at in n], "b": [f"p{at}" for at in n], "rating": [*values], "at": times}
        pq.write_table(pa.table(columns), folder / name)

    told = Hints(columns={"user": "a", "product": "b"})
    ratings("1.parquet", 0, [float(1 + at % 10) for at in range(60)])
    run(settings, store, str(folder), Since("at"), told)
    ratings("2.parquet", 100, [2.0, 4.0, 1.0])  # alone they look like ratings from 1 to 5
    run(settings, store, str(folder), Since("at"))
    values = {row[1]: row[3] for row in events_of(store)}
    assert values["p100"] == pytest.approx(1 + (2 - 1) * 4 / 9)
    pq.write_table(pa.table({"a": ["u1"], "c": ["p1"], "rating": [3.0], "at": [DAY_ONE + dt.timedelta(days=300)]}),
                   folder / "3.parquet")  # fmt: skip
    with pytest.raises(UnusableFile, match=r"not those of its last load \(gone: none; new: c\).*--no-mapping"):
        run(settings, store, str(folder), Since("at"))


def test_folders_by_day_are_columns_and_tell_what_is_new(settings: Settings, store: Store, tmp_path: Path) -> None:
    for day in ("2026-05-01", "2026-05-02", "2026-05-09"):
        folder = tmp_path / "clicks" / f"day={day}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"user_id": ["u", day], "product_id": ["p", "q"]}), folder / "part-0.parquet")
    lines = run(settings, store, str(tmp_path / "clicks"), Since("day"), Hints(columns={"time": "day"}))
    assert stored(lines).startswith("6 events: 6 stored")
    assert store.runs.loads(1)[0].since["value"] == "2026-05-09T00:00:00+00:00"
    lines = run(settings, store, str(tmp_path / "clicks"), Since("day"))
    assert stored(lines).startswith("2 events: 0 stored")


@pytest.mark.parametrize(
    ("column", "late", "said"),
    [
        ("nothing", None, "no column 'nothing'. Expected one of: customer, sku, quantity, bought_at, changed"),
        ("sku", None, "which does not tell what is newer"),
        ("quantity", "2d", "expected a number such as 1000"),
        ("changed", "7", "expected a time such as 2d"),
        ("changed", "soon", "expected a time such as 2d, 6h"),
    ],
)
def test_a_column_that_does_not_tell_what_is_new_is_refused(
    settings: Settings, store: Store, tmp_path: Path, column: str, late: str | None, said: str
) -> None:
    (tmp_path / "parts").mkdir()
    part(str(tmp_path / "parts"), "1.parquet", rows(0, 20))
    with pytest.raises(InputError, match=said):  # noqa: PT012 - the second load looks at --late
        run(settings, store, str(tmp_path / "parts"), Since(column))
        run(settings, store, str(tmp_path / "parts"), Since(column, late))


def test_a_text_file_has_no_types_to_compare(settings: Settings, store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="load this file whole, without --since"):
        run(settings, store, str(write(tmp_path / "r.csv", "user,product,rating\nu,p,5\n")), SINCE)


def test_parts_of_several_writers_are_one_table(settings: Settings, store: Store, parts: str) -> None:
    """Some write texts as dictionaries, or times with another zone and unit."""
    part(parts, "1.parquet", rows(0, 40))
    run(settings, store, parts, SINCE)
    for number, unit in ((2, "us"), (3, "ns")):
        table = table_of(rows(36 + 2 * number, 38 + 2 * number))
        at = table.schema.get_field_index("changed")
        table = table.set_column(at, "changed", table["changed"].cast(pa.timestamp(unit, "Europe/Berlin")))
        table = table.set_column(0, "customer", table["customer"].dictionary_encode())
        pq.write_table(table, f"{parts}/{number}.parquet")
    lines = run(settings, store, parts, SINCE)
    assert stored(lines).startswith("29 events: 4 stored, 25 repeated")
    assert len(events_of(store)) == 44


def test_parts_of_different_tables_are_refused(settings: Settings, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    pq.write_table(pa.table({"user": ["u"], "product": ["p"]}), folder / "1.parquet")
    pq.write_table(pa.table({"user": [1.5], "product": [["p"]]}), folder / "2.parquet")
    with pytest.raises(UnusableFile, match=r"cannot be read as one table \(2\.parquet: "):
        run(settings, store, str(folder))
    (folder / "2.parquet").write_text("half a file")
    with pytest.raises(UnusableFile, match=r"cannot be read as one table \(2\.parquet: "):
        run(settings, store, str(folder))


def test_a_query_is_read_as_a_file_is_and_then_only_what_is_new(
    settings: Settings, store: Store, warehouse: str
) -> None:
    order(warehouse, rows(0, 40))
    query = f"{warehouse}?query=SELECT customer, sku, quantity, bought_at, changed FROM shop.orders -- all"
    lines = run(settings, store, query, SINCE)
    assert stored(lines).startswith("40 events: 40 stored")
    assert lines[0].startswith("postgresql://127.0.0.1")
    order(warehouse, [*rows(0, 6, day=4), ("v", "p", 1.0, None)])
    lines = run(settings, store, query, SINCE)
    assert stored(lines).startswith("31 events: 6 stored, 25 repeated")
    assert "1 rows of the source have no 'changed'" in "".join(lines)
    assert len(events_of(store)) == 46


def test_a_table_is_read_by_its_numbers(settings: Settings, store: Store, warehouse: str) -> None:
    order(warehouse, rows(0, 30))
    assert stored(run(settings, store, f"{warehouse}?query=shop.orders", Since("number"))).startswith("30 events: 30")
    order(warehouse, rows(50, 52))
    lines = run(settings, store, f"{warehouse}?query=shop.orders", Since("number"))
    assert stored(lines).startswith("3 events: 2 stored, 1 repeated")
    lines = run(settings, store, f"{warehouse}?query=shop.orders", Since("number", "10"))
    assert stored(lines).startswith("11 events: 0 stored")
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("DELETE FROM shop.orders")
    lines = run(settings, store, f"{warehouse}?query=shop.orders", Since("number"))
    assert lines == [f"{source_of(f'{warehouse}?query=shop.orders').label}: nothing is new since number 32"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("query", "since", "kind", "said"),
    [
        ("SELECT * FROM shop.nothing", None, UnusableFile, "PostgreSQL refuses it .*does not exist"),
        ("WITH gone AS (DELETE FROM shop.orders RETURNING *) SELECT * FROM gone", None, UnusableFile, "refuses it"),
        ("SELECT nextval('shop.orders_number_seq') AS n", None, UnusableFile, "read-only"),
        ("shop.orders", None, UnusableFile, "it has no row"),
        ("shop.orders", Since("sku"), InputError, "sku::timestamptz"),
        ("shop.orders", Since("nothing"), InputError, "Expected one of: number, customer"),
    ],
)
def test_a_query_that_does_not_serve_is_refused_and_nothing_is_written(
    settings: Settings, store: Store, warehouse: str, query: str, since: Since | None, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        run(settings, store, f"{warehouse}?query={query}", since)


def test_a_password_is_in_no_line_no_record_and_no_error(
    settings: Settings, store: Store, warehouse: str, caplog: pytest.LogCaptureFixture
) -> None:
    order(warehouse, rows(0, 30))
    said = [
        repr(source_of(f"{warehouse}?query=shop.orders")),
        *run(settings, store, f"{warehouse}?query=shop.orders", SINCE),
    ]
    away = make_url(warehouse).set(port=1).render_as_string(hide_password=False)
    broken = warehouse.replace("hush%2Fword", "hush/word")
    for name in (f"{away}?query=shop.orders", f"{broken}?query=shop.orders", f"{warehouse}?query=nothing.at_all"):
        with pytest.raises(AisleError) as error:
            run(settings, store, name)
        said.append(str(error.value))
    with pytest.raises(InputError) as none:
        source_of(warehouse)
    said += [str(none.value), repr(store.runs.loads(9)), caplog.text, *map(str, settings.var.rglob("*"))]
    text = "\n".join(said)
    assert "hush" not in text, text
    assert len(said) > 10


def test_a_preview_shows_a_source_and_stores_nothing(settings: Settings, store: Store, warehouse: str) -> None:
    order(warehouse, rows(0, 30))
    source = source_of(f"{warehouse}?query=shop.orders")
    assert isinstance(source, Source)
    lines = [*preview_source(settings, source, 2, Hints())]
    assert lines[0].startswith(f"{source.label}: purchases, text with commas")
    assert "nothing was stored" in lines[-1]
    assert events_of(store) == []


def test_two_loads_give_what_one_gives(
    settings: Settings, store: Store, tmp_path: Path, opened: Callable[[Settings], Store]
) -> None:
    """Purchases that are equal in all that is stored are told apart within one load, and so are not doubled by two."""
    folder = tmp_path / "parts"
    folder.mkdir()
    part(str(folder), "1.parquet", [*rows(0, 30), *rows(20, 30)])
    run(settings, store, str(folder), SINCE)
    part(str(folder), "2.parquet", rows(28, 50))
    run(settings, store, str(folder), SINCE)
    whole = settings.model_copy(update={"var": tmp_path / "whole"})
    at_once = opened(whole)
    run(whole, at_once, str(folder))
    for each, target in ((store, tmp_path / "one.csv"), (at_once, tmp_path / "other.csv")):
        export(settings, each, target)
    one, other = ((tmp_path / name).read_text().splitlines() for name in ("one.csv", "other.csv"))
    assert sorted(one) == sorted(other)
