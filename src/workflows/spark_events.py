"""Events in Spark: a session, the events of the store or of parquet parts, and their ids as row numbers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import make_url

from src.core.domain import NO_TIME
from src.core.errors import AisleError, ConfigError, NoData
from src.core.progress import Reporter
from src.core.settings import Settings
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.vocabulary import Vocabulary
from src.store import Store
from src.workflows.export import export_parts

_READ_AT_ONCE = 32
_JDBC_FETCH = 50_000
_EVENTS_OF_A_PART, _FEWEST_PARTS, _MOST_PARTS = 200_000, 4, 2_000
_COLUMNS = ("user_id", "product_id", "kind", "value", "at")


@contextmanager
def spark_session(settings: Settings) -> Iterator[Any]:
    """Open a session of AISLE_SPARK_MASTER, and end it after the `with` block.

    Args:
        settings: The master, the folder and the driver for PostgreSQL.

    Yields:
        pyspark's session.

    Raises:
        ConfigError: pyspark or Java is missing.
        AisleError: The master does not answer.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError(
            f"--engine spark needs pyspark ({error}). Expected it installed beside Java 17: "
            "pip install -r requirements-spark.txt"
        ) from None
    if shutil.which("java") is None:
        raise ConfigError("--engine spark needs Java, and there is no command java. Expected Java 17 or later.")
    builder = SparkSession.builder.master(settings.spark_master).appName("aisle-training")
    for name, value in {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.jars": str(settings.jdbc_jar) if settings.jdbc_jar.exists() else "",
    }.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:  # of Java, by way of py4j
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"Spark does not start at {settings.spark_master} ({reason}). Expected local[*] or spark://HOST:PORT of a "
            "master of the same version; check AISLE_SPARK_MASTER."
        ) from None
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    except PySparkException as error:
        raise AisleError(
            f"Spark ended the training ({str(error).strip().splitlines()[0][:300]}). Expected executors with enough "
            f"memory, and a folder that all of them see, AISLE_SPARK_FOLDER; see their logs."
        ) from None
    finally:
        with suppress(Exception):  # a signal to all processes ends the JVM, too; what ended the training is raised
            session.stop()


@dataclass(frozen=True)
class SparkEvents:
    """Events with row numbers, as parquet in a folder that all executors see.

    Attributes:
        session: pyspark's.
        folder: Where everything is written.
        users: Ids of the users; row numbers by the order of ids.
        items: Ids of the products.
        n_events: How many there are.
        n_timed: How many of them have a time.
        newest_at: UTC seconds of the newest one; NO_TIME without times.
    """

    session: Any
    folder: Path
    users: Vocabulary
    items: Vocabulary
    n_events: int
    n_timed: int
    newest_at: int

    @property
    def frame(self) -> Any:
        """user_idx, item_idx, kind (index of KIND_ORDER), value, at (NO_TIME where unknown)."""
        return self.session.read.parquet(str(self.folder / "events"))

    def of_users(self, chosen: Any) -> TrainingData:
        """Return the events of the users in a frame with a column user_idx."""
        target = self.folder / "sample"
        self.frame.join(chosen, "user_idx", "left_semi").write.mode("overwrite").parquet(str(target))
        table = pq.read_table(target)
        columns = {name: table.column(name).to_numpy() for name in ("user_idx", "item_idx", "kind", "value", "at")}
        order = np.lexsort((columns["item_idx"], columns["user_idx"], columns["at"]))
        user, item, kind, value, at = (columns[name][order] for name in columns)
        rows = (user.astype(np.int32), item.astype(np.int32), value.astype(np.float32), at.astype(np.int64))
        return TrainingData(Interactions(self.users, self.items, *rows), kind.astype(np.int8))


def read_events(settings: Settings, store: Store, data: Path | None, session: Any, reporter: Reporter) -> SparkEvents:
    """Read all events and number their users and products, by jobs.

    From PostgreSQL they are read by JDBC, in parts by their number; another store is exported to parquet first.

    Args:
        settings: The folder, and the driver for PostgreSQL.
        data: A folder of parquet parts, as --export writes them, in place of the store; None for the store.
        session: pyspark's.

    Returns:
        The events.

    Raises:
        NoData: There are none.
    """
    folder = (Path(settings.spark_folder) if settings.spark_folder else settings.var / "spark") / "training"
    shutil.rmtree(folder, ignore_errors=True)  # of a training that was killed
    folder.mkdir(parents=True, exist_ok=True)
    session.sparkContext.setCheckpointDir(str(folder / "checkpoints"))
    reporter.step("Spark: reading events")
    raw = _of_parts(session, data) if data else _of_store(settings, store, session, folder)
    reporter.step("Spark: numbering users and products")
    (users, user_ids), (items, item_ids) = (
        _numbered(session, raw, name, folder / f"{name}s") for name in ("user_id", "product_id")
    )
    numbered = (
        raw.join(users.withColumnRenamed("idx", "user_idx"), "user_id")
        .join(items.withColumnRenamed("idx", "item_idx"), "product_id")
        .select("user_idx", "item_idx", "kind", "value", "at")
    )
    numbered.write.mode("overwrite").parquet(str(folder / "events"))
    written = session.read.parquet(str(folder / "events"))
    n, n_timed, newest = written.selectExpr("count(*)", f"count_if(at > {NO_TIME})", "max(at)").first()
    if not n:
        raise NoData("the store holds no events: load some with python data_processing.py FILE")
    return SparkEvents(session, folder, user_ids, item_ids, n, n_timed, newest)


def _of_store(settings: Settings, store: Store, session: Any, folder: Path) -> Any:
    url, parts = make_url(settings.store_url), folder / "store"
    if url.get_backend_name() != "postgresql" or not settings.jdbc_jar.exists():
        export_parts(store, parts)
        return _of_parts(session, parts)
    where = f"jdbc:postgresql://{url.host or '127.0.0.1'}:{url.port or 5432}/{url.database}"
    to = {"url": where, "driver": "org.postgresql.Driver", "user": url.username or "postgres"}
    to |= {"password": url.password or "", "fetchsize": str(_JDBC_FETCH)}
    asked = "(SELECT min(number) AS low, max(number) AS high FROM events) AS bounds"
    bounds = session.read.format("jdbc").options(**to, dbtable=asked).load().first()
    events = session.read.format("jdbc").options(**to, dbtable="events")
    if bounds.low is not None:
        events = events.option("partitionColumn", "number").option("numPartitions", _READ_AT_ONCE)
        events = events.option("lowerBound", bounds.low).option("upperBound", bounds.high + 1)
    events.load().select(*_COLUMNS).write.parquet(str(parts))  # the jobs that follow read them more than once
    return _of_parts(session, parts)


def _of_parts(session: Any, folder: Path) -> Any:
    """Read what --export FILE.parquet, or `export_parts`, wrote."""
    frame = session.read.parquet(str(folder))
    _divide(session, frame.count())
    value = "value" if "value" in frame.columns else "rating"
    kind = "kind" if "kind" in frame.columns else "'rating'"
    at = "at" if "at" in frame.columns else "unix_timestamp(timestamp)"
    cases = " ".join(f"WHEN '{kind.value}' THEN {number}" for number, kind in enumerate(KIND_ORDER))
    return frame.selectExpr(
        "user_id",
        "product_id",
        f"CAST(CASE {kind} {cases} END AS TINYINT) AS kind",
        f"CAST({value} AS FLOAT) AS value",
        f"CAST(coalesce({at}, {NO_TIME}) AS BIGINT) AS at",
    )


def _divide(session: Any, n_events: int) -> None:
    """Let jobs divide so many events into parts of a size that pays for starting a task."""
    session.conf.set(
        "spark.sql.shuffle.partitions", min(max(n_events // _EVENTS_OF_A_PART, _FEWEST_PARTS), _MOST_PARTS)
    )


def _numbered(session: Any, events: Any, name: str, folder: Path) -> tuple[Any, Vocabulary]:
    """Number the distinct values of a column from 0 on, in their order, in this process, which needs them all."""
    events.select(name).distinct().write.mode("overwrite").parquet(f"{folder}-distinct")
    ids = pq.read_table(f"{folder}-distinct").cast(pa.schema([(name, pa.large_string())])).sort_by(name)
    numbered = ids.append_column("idx", pa.array(np.arange(len(ids), dtype=np.int32)))
    folder.mkdir()
    pq.write_table(numbered, folder / "numbered.parquet")
    return session.read.parquet(str(folder)), Vocabulary.packed(ids.column(name).combine_chunks())


def arrays_of(frame: Any, folder: Path, size: int, types: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns of a frame with a column idx as arrays; 0 where no row is.

    Args:
        frame: pyspark's.
        folder: Where they are written.
        size: Length of the arrays.
        types: Column → type of its array.

    Returns:
        Column → array.
    """
    frame.select("idx", *types).write.mode("overwrite").parquet(str(folder))
    table = pq.read_table(folder)
    arrays = {name: np.zeros(size, dtype) for name, dtype in types.items()}
    for name, array in arrays.items():
        array[table.column("idx").to_numpy()] = table.column(name).to_numpy()
    return arrays
