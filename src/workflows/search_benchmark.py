"""Benchmark search: python evaluate_model.py [--search JUDGEMENTS] --products FILE.

Without judgements it is measured on queries that are made from the catalogue.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from src.core.errors import AisleError, InputError, UnusableFile
from src.core.ids import clean_id
from src.core.progress import Reporter
from src.core.settings import Settings
from src.evaluation.known_item_report import KnownItemReport, measure_known_items
from src.evaluation.known_items import BY_CATEGORY, make_known_items, without_categories
from src.evaluation.search_evaluation import EncodedSearch, Judged, SearchReport, measure_search
from src.ingestion.column_names import normalize_name
from src.ingestion.input_files import InputFile
from src.interactions.vocabulary import Vocabulary
from src.search.catalogue_text import CatalogueText
from src.search.encoders.registry import ENCODERS
from src.search.index import EncodedBy, SearchIndex, build_search_index
from src.search.vector_index import build_vector_index
from src.workflows.embed_catalogue import embedded_by, encoder_of
from src.workflows.ingest import products_of

_PER_KIND = 60
"""Queries of each kind that are made from a catalogue."""
_QUERY = ("query", "text", "search", "searchterm", "q")
_PRODUCT = ("docid", "productid", "itemid", "product", "item", "id", "asin", "sku")
_GRADE = ("rating", "grade", "relevance", "judgement", "judgment", "label", "score")


@dataclass(frozen=True)
class SearchBenchmarkRequest:
    """The files of a search benchmark.

    Attributes:
        judgements: rows of query, product, grade; None to make queries from the catalogue.
        products: the catalogue, as data_processing.py reads it.
    """

    judgements: Path | None
    products: Path

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> SearchBenchmarkRequest | None:
        """Return the benchmark that command-line options ask for; None if none. Raises InputError for wrong ones."""
        judgements, products = options.get("search"), options.get("products")
        if judgements is None and products is None:
            return None
        if products is None:
            raise InputError("--search came without --products. Expected both: --search JUDGEMENTS --products FILE")
        others = [
            f"--{name}" for name in ("train", "test", "valid", "release", "model") if options.get(name) is not None
        ]
        if others:
            raise InputError(
                f"--products came together with {', '.join(others)}. Expected one alone: leave the other out."
            )
        return cls(judgements, products)


def run_search_benchmark(
    settings: Settings, job: SearchBenchmarkRequest, reporter: Reporter
) -> SearchReport | KnownItemReport:
    """Measure NDCG@10 of keywords, of each installed encoder, of both fused, and of the search re-ranker.

    Without judgements: of keywords, of the encoder in use and of both fused, on queries made from the catalogue.

    Returns:
        The report; `left_out` names encoders and judgements that were not used, and why.

    Raises:
        UnusableFile: a file cannot be used.
        NotReady: AISLE_ENCODER is not installed.
    """
    catalogue = CatalogueText.of(products_of(settings, job.products, reporter))
    if job.judgements is None:
        return _measure_known_items(settings, catalogue, reporter)
    items = Vocabulary.of(catalogue.ids)
    judged, left_out = read_judgements(job.judgements, items)
    reporter.step(f"making the search over {len(catalogue):,} products")
    keywords = build_search_index(catalogue, None, None)
    searches: dict[str, EncodedSearch] = {}
    for name in dict.fromkeys((settings.encoder, *ENCODERS)):
        try:
            searches[name] = _encoded(settings, name, catalogue, keywords, judged, reporter)
        except AisleError as error:
            if name == settings.encoder:
                raise
            left_out.append(f"{name} was not measured: {error}")
    report = measure_search(searches, settings.encoder, judged, seed=settings.seed, reporter=reporter)
    return replace(report, left_out=left_out)


def _encoded(
    settings: Settings, name: str, catalogue: CatalogueText, keywords: SearchIndex, judged: Judged, reporter: Reporter
) -> EncodedSearch:
    encoder = encoder_of(settings, name)
    vectors, noise = embedded_by(settings, encoder, catalogue, reporter)
    by = EncodedBy(name, encoder.checksum, encoder.dimension)
    search = replace(keywords, vectors=build_vector_index(vectors), encoded_by=by, noise=noise)
    return EncodedSearch(search, encoder.encode(judged.queries))


def _measure_known_items(settings: Settings, catalogue: CatalogueText, reporter: Reporter) -> KnownItemReport:
    encoder = encoder_of(settings)
    by = EncodedBy(encoder.name, encoder.checksum, encoder.dimension)

    def made(of: CatalogueText) -> SearchIndex:
        vectors, noise = embedded_by(settings, encoder, of, reporter)
        return build_search_index(of, vectors, by, noise)

    reporter.step("making queries from the catalogue")
    judged = make_known_items(catalogue, _PER_KIND, settings.seed)
    if not judged:
        raise UnusableFile(
            "no query can be made from these products, whose titles have fewer than two words. Expected a catalogue of "
            "titles such as 'Washing machine 8 kg'."
        )
    whole, named = made(catalogue), any(kind in judged for kind in BY_CATEGORY)
    bare = made(without_categories(catalogue)) if named else whole

    def made_for(kind: str, queries: Judged) -> EncodedSearch:
        return EncodedSearch(bare if kind in BY_CATEGORY else whole, encoder.encode(queries.queries))

    reporter.step(f"searching for {sum(map(len, judged.values()))} queries")
    return measure_known_items(judged, made_for, encoder.name)


def read_judgements(path: Path, items: Vocabulary) -> tuple[Judged, list[str]]:
    """Read a table with a header that names query, product and grade.

    Queries without a relevant product are left out, as they have no NDCG; so are products that are not in `items`, as
    no search can return them.

    Args:
        path: the table, as CSV.
        items: ids of the products that can be found.

    Returns:
        The judgements, and sentences that say what was left out and why.

    Raises:
        UnusableFile: the file is missing or has no such header, or no query is left.
    """
    grades: dict[str, dict[int, float]] = {}
    unknown = wrong = 0
    for query, product_id, grade in _rows(path):
        item = items.idx_of(clean_id(product_id))
        if item is None:
            unknown += 1
        elif grade is None or not query:
            wrong += 1
        else:
            grades.setdefault(query, {})[item] = grade
    useful = {query: by_item for query, by_item in grades.items() if max(by_item.values()) > 0}
    if not useful:
        raise UnusableFile(
            f"{path}: none of its {len(grades):,} queries has a relevant product that is known. Expected rows of "
            "query, product and a grade from 0 on, of products in --products; check both files."
        )
    left_out = []
    if unknown:
        left_out.append(f"{unknown:,} judgements are of products that the file of products does not have")
    if wrong:
        left_out.append(f"{wrong:,} rows have no query, or a grade that is no number from 0 on")
    if len(useful) < len(grades):
        left_out.append(f"{len(grades) - len(useful):,} queries have no relevant product, and so no NDCG")
    return Judged(list(useful), list(useful.values())), left_out


class _Row(NamedTuple):
    """A row of the table; grade: None for text that is no grade."""

    query: str
    product_id: str
    grade: float | None


def _rows(path: Path) -> Iterator[_Row]:
    """Read the table. Raises UnusableFile."""
    if not path.is_file():
        raise UnusableFile(f"{path}: no such file. Expected rows of query, product, grade; check --search.")
    lines = [line for block in InputFile(path).line_blocks() for line in block if line.strip()]
    header = lines[0] if lines else ""
    separator = max(",;\t", key=header.count)
    names = [normalize_name(name) for name in next(csv.reader([header], delimiter=separator), [])]
    columns = [
        next((names.index(name) for name in known if name in names), None) for known in (_QUERY, _PRODUCT, _GRADE)
    ]
    if None in columns:
        raise UnusableFile(
            f"{path}: its first line is {header[:80]!r}; expected a header with a query, a product and a grade, "
            "such as query,docid,rating"
        )
    query, product, grade = (column for column in columns if column is not None)
    for row in csv.reader(lines[1:], delimiter=separator):
        if len(row) > max(query, product, grade):
            yield _Row(" ".join(row[query].split()), row[product], _grade(row[grade]))


def _grade(text: str) -> float | None:
    """Return a grade from 0 to 30; None for other text."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number <= 30 else None
