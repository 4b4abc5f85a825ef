"""Measure search on judged queries: python evaluate_model.py --search JUDGEMENTS --products FILE."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from src.core.errors import AisleError, InputError, UnusableFile
from src.core.ids import clean_id
from src.core.progress import Reporter
from src.core.settings import Settings
from src.evaluation.search_evaluation import EncodedSearch, Judged, SearchReport, measure_search
from src.ingestion.column_names import normalize_name
from src.ingestion.input_files import InputFile
from src.interactions.vocabulary import Vocabulary
from src.search.catalogue_text import CatalogueText
from src.search.encoders.embedding_cache import encode_texts
from src.search.encoders.registry import ENCODERS
from src.search.index import EncodedBy, SearchIndex, build_search_index
from src.search.vector_index import build_vector_index
from src.workflows.embed_catalogue import encoder_of, vector_weight_of
from src.workflows.ingest import products_of

_QUERY = ("query", "text", "search", "searchterm", "q")
_PRODUCT = ("docid", "productid", "itemid", "product", "item", "id", "asin", "sku")
_GRADE = ("rating", "grade", "relevance", "judgement", "judgment", "label", "score")


@dataclass(frozen=True)
class SearchBenchmarkRequest:
    """judgements: rows of query, product, grade. products: a file as data_processing.py reads it."""

    judgements: Path
    products: Path

    @classmethod
    def asked_for(cls, options: Mapping[str, Any]) -> SearchBenchmarkRequest | None:
        """The job that options of a command line ask for; None if none. Raises InputError for half of one."""
        judgements, products = options.get("search"), options.get("products")
        if judgements is None and products is None:
            return None
        if judgements is None or products is None:
            given, missing = ("--products", "--search") if judgements is None else ("--search", "--products")
            raise InputError(f"{given} came without {missing}. Expected both: --search JUDGEMENTS --products FILE")
        others = [
            f"--{name}" for name in ("train", "test", "valid", "release", "model") if options.get(name) is not None
        ]
        if others:
            raise InputError(f"--search came together with {', '.join(others)}. Measure one thing at a time.")
        return cls(judgements, products)


def run_search_benchmark(settings: Settings, job: SearchBenchmarkRequest, reporter: Reporter) -> SearchReport:
    """NDCG@10 of words, of each encoder that is here, of both fused, and of the learned ranking; nothing is served of
    it. Raises UnusableFile, NotReady.
    """
    catalogue = CatalogueText.of(products_of(settings, job.products, reporter))
    items = Vocabulary.of(catalogue.ids)
    judged, left_out = read_judgements(job.judgements, items)
    reporter.step(f"making the search over {len(catalogue):,} products")
    words = build_search_index(catalogue, None, None)
    searches: dict[str, EncodedSearch] = {}
    for name in dict.fromkeys((settings.encoder, *ENCODERS)):
        try:
            searches[name] = _encoded(settings, name, catalogue, words, judged, reporter)
        except AisleError as error:
            if name == settings.encoder:
                raise
            left_out.append(f"{name} was not measured: {error}")
    report = measure_search(searches, settings.encoder, judged, seed=settings.seed, reporter=reporter)
    return replace(report, left_out=left_out)


def _encoded(
    settings: Settings, name: str, catalogue: CatalogueText, words: SearchIndex, judged: Judged, reporter: Reporter
) -> EncodedSearch:
    encoder = encoder_of(settings, name)
    reporter.step(f"encoding {len(catalogue):,} products with {name}")
    vectors = encode_texts(encoder, catalogue.passages(), settings.embeddings_dir, reporter).vectors
    by = EncodedBy(name, encoder.checksum, encoder.dimension)
    weight = vector_weight_of(name)
    search = replace(words, vectors=build_vector_index(vectors), encoded_by=by, vector_weight=weight)
    return EncodedSearch(search, encoder.encode(judged.queries))


def read_judgements(path: Path, items: Vocabulary) -> tuple[Judged, list[str]]:
    """(what was judged, what was left out of it and why): a table with a header that names query, product and grade.

    Queries without any relevant product have no NDCG, and products that are not in the file can be found by nobody.
    Raises UnusableFile.
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
    telling = {query: its for query, its in grades.items() if max(its.values()) > 0}
    if not telling:
        raise UnusableFile(
            f"{path}: none of its {len(grades):,} queries has a relevant product that is known. Expected rows of "
            "query, product and a grade from 0 on, of products in --products; check both files."
        )
    left_out = []
    if unknown:
        left_out.append(f"{unknown:,} judgements are of products that the file of products does not have")
    if wrong:
        left_out.append(f"{wrong:,} rows have no query, or a grade that is no number from 0 on")
    if len(telling) < len(grades):
        left_out.append(f"{len(grades) - len(telling):,} queries have no relevant product, and so no NDCG")
    return Judged(list(telling), list(telling.values())), left_out


def _rows(path: Path) -> Iterator[tuple[str, str, float | None]]:
    if not path.is_file():
        raise UnusableFile(f"{path}: no such file. Expected rows of query, product, grade; check --search.")
    lines = [line for block in InputFile(path).line_blocks() for line in block if line.strip()]
    header = lines[0] if lines else ""
    sign = max(",;\t", key=header.count)
    names = [normalize_name(name) for name in next(csv.reader([header], delimiter=sign), [])]
    places = [
        next((names.index(name) for name in known if name in names), None) for known in (_QUERY, _PRODUCT, _GRADE)
    ]
    if None in places:
        raise UnusableFile(
            f"{path}: its first line is {header[:80]!r}; expected a header with a query, a product and a grade, "
            "such as query,docid,rating"
        )
    query, product, grade = (place for place in places if place is not None)
    for row in csv.reader(lines[1:], delimiter=sign):
        if len(row) > max(query, product, grade):
            yield " ".join(row[query].split()), row[product], _number(row[grade])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number <= 30 else None
