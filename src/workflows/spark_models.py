"""Jobs of Spark over the events before a time, and the models that their results make.

What is as long as the events stays in Spark; what comes back is as long as the catalogue, or one number for a user. The
formulas are those of the models: `event_weights`, `normalization`, `item_graph`, `popularity`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

from src.core.domain import DAY, NO_TIME, EventKind, FloatArray, IntArray
from src.core.progress import Reporter
from src.interactions.event_weights import KIND_NUMBER, KIND_ORDER, Weighting
from src.models import ALS, AUTOENCODER, CO_OCCURRENCE, ITEM_GRAPH, POPULARITY, TRENDING
from src.models.als import Als, AlsParams, fit_histories
from src.models.autoencoder import Autoencoder, AutoencoderParams, Gram, fit_autoencoder, most_popular
from src.models.co_occurrence import CoOccurrence, CoOccurrenceParams, fit_co_occurrence
from src.models.item_graph import ItemGraph, ItemGraphParams, fit_item_graph, pairs_per_item
from src.models.normalization import LONGEST_HISTORY, NormalizedHistories
from src.models.popularity import Popularity, PopularityParams, popularity_of
from src.models.sparse_rows import Pairs
from src.workflows.spark_events import SparkEvents, arrays_of

NAMES = (POPULARITY, TRENDING, CO_OCCURRENCE, ITEM_GRAPH, AUTOENCODER, ALS)
"""The models that Spark trains, co-occurrence only where its histories fit into this process."""
_OF_HISTORIES = (CO_OCCURRENCE, ITEM_GRAPH, AUTOENCODER)
_CHECKPOINT_INTERVAL = 5
_BLOCK_ROWS = 512
_BYTES_OF_A_PAIR = 32
"""Of ALS and of co-occurrence: columns that are read, and the matrix by users and by products."""


@dataclass(frozen=True)
class SparkJobs:
    """Jobs over the events before a time.

    Attributes:
        events: The events.
        before: UTC seconds; None for all events.
        weighting: Of events.
        n_items: Products of the catalogue, those without events last.
        params: Name → parameters of the models that may be asked for.
    """

    events: SparkEvents
    before: int | None
    weighting: Weighting
    n_items: int
    params: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where the results of these jobs are written."""
        return self.events.folder / f"before-{self.before or 'the-end'}"

    @property
    def frame(self) -> Any:
        """The events before the time."""
        frame = self.events.frame
        return frame if self.before is None else frame.where(f"at < {self.before}")

    @cached_property
    def newest_at(self) -> int:
        """UTC seconds of the newest of them."""
        newest: int | None = self.frame.selectExpr("max(at)").first()[0]
        return NO_TIME if newest is None else newest

    @cached_property
    def half_lives(self) -> tuple[float, ...]:
        """0 and the half-lives, in days, by which models let the histories fade; see TrainingData.decayed_histories."""
        asked = {getattr(self.params.get(name), "half_life_days", 0.0) for name in _OF_HISTORIES}
        return (0.0, *sorted(asked - {0.0}))

    def _columns_of(self, half_life_days: float) -> tuple[str, str, str]:
        """Return the columns of `histories` and `by_item` by a half-life: weight, user_degree and degree."""
        at = self.half_lives.index(half_life_days)
        return f"weight_{at}", f"user_degree_{at}", f"degree_{at}"

    def _weight(self) -> str:
        """Return SQL of an event's weight without decay; see Weighting.of_events."""
        rule = self.weighting
        cases = " ".join(f"WHEN {at} THEN {rule.kinds.get(kind.value, 0.0)!r}D" for at, kind in enumerate(KIND_ORDER))
        weight = f"(CASE kind {cases} END)"
        if rule.lowest_rating == 1:
            return weight
        height = f"least(greatest((value - {rule.rating_min}) / {rule.rating_max - rule.rating_min}, 0), 1)"
        share = f"({rule.lowest_rating} + {1 - rule.lowest_rating} * {height})"
        return f"({weight} * IF(kind = {KIND_NUMBER[EventKind.RATING]}, {share}, 1))"

    @cached_property
    def histories(self) -> Any:
        """One row for each pair of a user and a product whose combined weight, 1 - Π(1 - w), is above 0.

        Columns: user_idx, item_idx, length (pairs of the user); for each half-life weight and user_degree (sum of the
        user's weights, at least 1). The events are divided by users once, and nothing that follows moves them again.
        """
        share, of_user = "1D", "OVER (PARTITION BY user_idx)"
        frame = self.frame.repartition("user_idx")
        if self.weighting.half_life_days:
            frame = frame.selectExpr("*", f"max(at) {of_user} AS newest")
            share = _decay("newest", self.weighting.half_life_days)
        columns = [self._columns_of(days) for days in self.half_lives]
        fading = [f"{self._weight()} * {share} * {_decay(self.newest_at, days)}" for days in self.half_lives]
        weights = [f"{each} AS {weight}" for each, (weight, _, _) in zip(fading, columns, strict=True)]
        frame = frame.selectExpr("user_idx", "item_idx", *weights).where("weight_0 > 0")
        # ln(0) is null in Spark: a weight of 1 makes the pair's weight 1.
        rest = "IF(max({0}) >= 1, 1D, -expm1(sum(log1p(-least({0}, 0.9999999D)))))"
        combined = [_expr(rest.format(weight)).alias(weight) for weight, _, _ in columns]
        pairs = frame.groupBy("user_idx", "item_idx").agg(*combined).where("weight_0 > 0")
        degrees = [f"greatest(sum({weight}) {of_user}, 1D) AS {degree}" for weight, degree, _ in columns]
        kept = pairs.selectExpr("*", f"CAST(count(*) {of_user} AS INT) AS length", *degrees)
        kept.write.mode("overwrite").parquet(str(self.folder / "histories"))
        return self.events.session.read.parquet(str(self.folder / "histories"))

    def _of_items(self, frame: Any, name: str, **types: Any) -> dict[str, Any]:
        return arrays_of(frame.withColumnRenamed("item_idx", "idx"), self.folder / name, self.n_items, types)

    @cached_property
    def _by_item(self) -> dict[str, Any]:
        """Arrays as long as the catalogue: users, and for each half-life degree; also written to the folder "items"."""
        columns = [self._columns_of(days) for days in self.half_lives]
        sums = [_expr(f"greatest(sum({weight}), 1D)").alias(degree) for weight, _, degree in columns]
        counted = self.histories.groupBy("item_idx").agg(_expr("count(*)").alias("users"), *sums)
        return self._of_items(counted, "items", users=np.int64, **{degree: np.float32 for _, _, degree in columns})

    @property
    def users_by_item(self) -> IntArray:
        """int64[n_items], the number of users of each product, whose events have a weight."""
        users: IntArray = self._by_item["users"]
        return users

    def degree(self, half_life_days: float) -> FloatArray:
        """Return float32[n_items], the sum of the weights of each product's histories, at least 1."""
        degree: FloatArray = np.maximum(self._by_item[self._columns_of(half_life_days)[2]], 1)
        return degree

    def normalized(self, params: ItemGraphParams | AutoencoderParams) -> tuple[Any, NormalizedHistories]:
        """Normalise the histories, see normalize_histories.

        Args:
            params: The exponents and the half-life.

        Returns:
            Of those of two products and more a frame of user_idx, item_idx, value, length; the diagonal and degrees.
        """
        weight, user_degree, item_degree = self._columns_of(params.half_life_days)
        degree = self.degree(params.half_life_days)
        degrees = self.events.session.read.parquet(str(self.folder / "items"))
        degrees = degrees.selectExpr("idx AS item_idx", item_degree)
        powers = f"power({user_degree}, {-params.user_exponent}D) * power({item_degree}, {-params.item_exponent}D)"
        frame = self.histories.join(_broadcast(degrees), "item_idx")
        frame = frame.selectExpr("user_idx", "item_idx", f"{weight} * {powers} AS value", "length")
        squares = frame.groupBy("item_idx").agg(_expr("sum(value * value)").alias("diagonal"))
        none = csr_matrix((0, self.n_items), dtype=np.float32)
        diagonal = self._of_items(squares, "diagonal", diagonal=np.float32)["diagonal"]
        return frame.where(f"length > 1 AND length <= {LONGEST_HISTORY}"), NormalizedHistories(none, diagonal, degree)

    def _pairs(self, frame: Any, name: str) -> Any:
        """Write item_idx < other and value, the sum over users of the product of their values, and return it."""
        other = frame.selectExpr("user_idx", "item_idx AS other", "value AS other_value")
        both = frame.join(other, "user_idx").where("item_idx < other")
        pairs = both.groupBy("item_idx", "other").agg(_expr("sum(value * other_value)").alias("value"))
        pairs.write.mode("overwrite").parquet(str(self.folder / name))
        return self.events.session.read.parquet(str(self.folder / name))

    def _read(self, name: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield columns of what was written, a part at a time."""
        for part in pq.ParquetDataset(self.folder / name).fragments:
            for rows in part.to_batches(columns=list(columns)):
                yield tuple(rows.column(column).to_numpy() for column in columns)

    def item_graph(self) -> ItemGraph:
        """Return the item graph: pairs are counted and the strongest chosen by jobs, the regressions are made here."""
        params: ItemGraphParams = self.params[ITEM_GRAPH]
        frame, normalized = self.normalized(params)
        pairs = self._pairs(frame, "pairs")
        pairs = pairs.unionByName(pairs.selectExpr("other AS item_idx", "item_idx AS other", "value"))
        per_item = pairs_per_item(self.n_items)
        ranked = pairs.selectExpr(
            "*", "row_number() OVER (PARTITION BY item_idx ORDER BY value DESC, other) - 1 AS place"
        ).where(f"place < {per_item}")
        ranked.write.mode("overwrite").parquet(str(self.folder / "strongest"))
        item = np.full((self.n_items, per_item), -1, np.int32)
        value = np.zeros(item.shape, np.float32)
        for row, place, other, strength in self._read("strongest", "item_idx", "place", "other", "value"):
            item[row, place], value[row, place] = other, strength
        return fit_item_graph(normalized, Pairs.of_table(item, value), params)

    def autoencoder(self) -> Autoencoder:
        """Return the autoencoder: the Gram matrix of the most popular products is made by a job, its inverse here."""
        params: AutoencoderParams = self.params[AUTOENCODER]
        frame, normalized = self.normalized(params)
        item = most_popular(normalized, self._sizes[0], params.products)
        chosen = pa.table({"item_idx": item.astype(np.int32), "place": np.arange(len(item), dtype=np.int32)})
        pq.write_table(chosen, self.folder / "chosen.parquet")
        places = _broadcast(self.events.session.read.parquet(str(self.folder / "chosen.parquet")))
        self._pairs(frame.join(places, "item_idx").selectExpr("user_idx", "place AS item_idx", "value"), "gram")
        matrix = np.diag(normalized.diagonal[item])
        for one, other, value in self._read("gram", "item_idx", "other", "value"):
            matrix[one, other] = matrix[other, one] = value
        return fit_autoencoder(normalized, Gram(item, matrix), params)

    @property
    def _known(self) -> Any:
        """The histories that relate products: of two and more."""
        return self.histories.where("length > 1")

    @cached_property
    def _sizes(self) -> tuple[int, int]:
        """The number of pairs of `_known`, and of its users."""
        n_pairs, n_users = self._known.selectExpr("count(*)", "CAST(round(sum(1D / length)) AS LONG)").first()
        return n_pairs, n_users or 0

    def bytes_here(self, factors: int) -> int:
        """Return the memory that models of all histories of two products and more take in this process."""
        n_pairs, n_users = self._sizes
        return n_users * factors * 4 + n_pairs * _BYTES_OF_A_PAIR

    def _known_here(self, half_life_days: float = 0.0) -> csr_matrix:
        """Return CSR [m, n_items], the weights of `_known` by a half-life."""
        columns = ["user_idx", "item_idx", self._columns_of(half_life_days)[0]]
        table = pq.read_table(self.folder / "histories", columns=columns, filters=[("length", ">", 1)])
        user, item, weight = (table.column(name).to_numpy() for name in columns)
        present = np.zeros(len(self.events.users), bool)
        present[user] = True
        row = np.cumsum(present, dtype=np.int32) - 1
        shape = (max(self._sizes[1], 1), self.n_items)
        return csr_matrix((weight.astype(np.float32), (row[user], item)), shape=shape)

    def co_occurrence(self, seed: int) -> CoOccurrence:
        """Return the model, which holds the histories themselves.

        Args:
            seed: Of the sample of the users of products with very many.
        """
        params: CoOccurrenceParams = self.params[CO_OCCURRENCE]
        known = self._known_here(params.half_life_days)
        kept = known[np.diff(known.indptr) <= LONGEST_HISTORY]
        degree = self.degree(params.half_life_days)
        return fit_co_occurrence(NormalizedHistories(kept, np.zeros(0, np.float32), degree), params, seed)

    def als(self, seed: int, *, here: bool, start: Als | None = None) -> Als:
        """Return the factors of the products; those of a user are folded in when a list is asked for.

        A pass of MLlib solves a system of f equations for each user.

        Args:
            seed: Of the starting factors.
            here: Whether they are found in this process, of the histories of two products and more.
            start: Trained before of a part of the events, to continue if it has the same parameters; MLlib begins anew.
        """
        params: AlsParams = self.params[ALS]
        if here:
            continued = start if start is not None and start.params == params else None
            return fit_histories(self._known_here(), params, seed=seed, start=continued)
        n_pairs, n_users = self._sizes
        known = self._known.withColumnRenamed("weight_0", "weight")
        return self._als_of_mllib(known, n_pairs / max(n_users, 1), params, seed)

    def _als_of_mllib(self, known: Any, mean: float, params: AlsParams, seed: int) -> Als:
        """Return MLlib's factors of the products.

        MLlib multiplies λ by the number of products of a user, so λ is divided by the mean of these.

        Args:
            known: The histories of two products and more: user_idx, item_idx, weight.
            mean: Length of these.
            params: Its parameters, whose exponents MLlib does not have.
            seed: Of the starting factors.
        """
        from pyspark.ml.recommendation import ALS as MllibAls

        session = self.events.session
        n_blocks = max(session.sparkContext.defaultParallelism, int(session.conf.get("spark.sql.shuffle.partitions")))
        trainer = MllibAls(
            rank=min(params.factors, self.n_items), maxIter=params.iterations, implicitPrefs=True, alpha=params.alpha,
            regParam=params.regularization / max(mean, 1.0), userCol="user_idx", itemCol="item_idx", ratingCol="weight",
            seed=seed, checkpointInterval=_CHECKPOINT_INTERVAL, numUserBlocks=n_blocks, numItemBlocks=n_blocks,
            blockSize=_BLOCK_ROWS, intermediateStorageLevel="MEMORY_AND_DISK", finalStorageLevel="MEMORY_AND_DISK",
        )  # fmt: skip
        factors = np.zeros((self.n_items, trainer.getRank()), np.float32)
        if mean:
            trainer.fit(known).itemFactors.write.mode("overwrite").parquet(str(self.folder / "factors"))
            table = pq.read_table(self.folder / "factors")
            values = table.column("features").combine_chunks().values.to_numpy().reshape(len(table), -1)
            factors[table.column("id").to_numpy()] = values
        ridge = params.regularization * np.eye(factors.shape[1], dtype=np.float32)
        plain = replace(params, user_exponent=0.0, item_exponent=0.0)
        gram = (factors.T @ factors + ridge).astype(np.float32)
        return Als(plain, factors, gram, np.ones(self.n_items, np.float32), 1.0)

    def popularity(self, name: str, groups: IntArray | None) -> Popularity:
        """Return popularity, or trending where its parameters decay.

        Args:
            name: Of the model.
            groups: The leaders of the products, see `popularity_of`; None for none.
        """
        params: PopularityParams = self.params[name]
        weight = f"{self._weight()} * {_decay(self.newest_at, params.half_life_days)}"
        by_item = self.frame.groupBy("item_idx").agg(_expr(f"sum({weight})").alias("amount"))
        amount = self._of_items(by_item, "amount", amount=np.float32)["amount"]
        rated = self._rated
        return popularity_of(params, amount.astype(np.float64), rated["total"], rated["n"], rated["by_user"], groups)

    @cached_property
    def _rated(self) -> dict[str, Any]:
        """Arrays of the ratings: total of the values and n by product, by_user their number by user."""
        ratings = self.frame.where(f"kind = {KIND_NUMBER[EventKind.RATING]}")
        by_item = ratings.groupBy("item_idx").agg(_expr("sum(value)").alias("total"), _expr("count(*)").alias("n"))
        by_user = ratings.groupBy("user_idx").agg(_expr("count(*)").alias("by_user"))
        by_user = by_user.withColumnRenamed("user_idx", "idx")
        of_users = arrays_of(by_user, self.folder / "rated", len(self.events.users), {"by_user": np.int32})
        return self._of_items(by_item, "ratings", total=np.float64, n=np.int32) | of_users

    def models(
        self,
        names: Collection[str],
        seed: int,
        groups: IntArray | None,
        reporter: Reporter,
        *,
        here: bool,
        start: Als | None = None,
    ) -> dict[str, Any]:
        """Train models.

        Args:
            names: Some of NAMES.
            seed: Of ALS and co-occurrence.
            groups: int[n_items], see `popularity_of`; None for none.
            here: Whether this process may hold `bytes_here`; else MLlib trains ALS.
            start: ALS that was trained before of a part of the events, to continue.

        Returns:
            Name → model.
        """
        trainers: dict[str, Callable[[], Any]] = {
            POPULARITY: lambda: self.popularity(POPULARITY, groups),
            TRENDING: lambda: self.popularity(TRENDING, groups),
            ITEM_GRAPH: self.item_graph,
            AUTOENCODER: self.autoencoder,
            ALS: lambda: self.als(seed, here=here, start=start),
            CO_OCCURRENCE: lambda: self.co_occurrence(seed),
        }
        trained = {}
        for name in (each for each in trainers if each in names):
            reporter.step(f"Spark: training {name}")
            trained[name] = trainers[name]()
        return trained


def _decay(newest: Any, half_life_days: float) -> str:
    """Return SQL of `decay` of event_weights. newest: SQL of the seconds from which an event's age is counted."""
    if not half_life_days:
        return "1D"
    return f"IF(at = {NO_TIME}, 1D, power(0.5D, ({newest} - at) / {half_life_days * DAY}D))"


def _expr(sql: str) -> Any:
    from pyspark.sql import functions as f

    return f.expr(sql)


def _broadcast(frame: Any) -> Any:
    from pyspark.sql import functions as f

    return f.broadcast(frame)
