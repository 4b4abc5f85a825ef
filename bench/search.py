"""Measure search over 20,000, 200,000 and 1,000,000 products: python -m bench.search [--sizes N,N] [--json FILE]

Titles are made of words of the synthetic shop, so that many are similar. It prints titles/s of the installed encoders;
for each size the time to build, memory, milliseconds of the vector search and of the fused search, and recall@10 of the
vector search against exact search. Searches use one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from src.core.domain import FloatArray, Product
from src.core.errors import AisleError
from src.core.progress import Silent
from src.search.catalogue_text import CatalogueText
from src.search.encoders.embedding_cache import EncodedTexts, encode_texts
from src.search.encoders.registry import ENCODERS, WORDLLAMA, Encoder, open_encoder
from src.search.index import EncodedBy, SearchIndex, build_search_index
from src.search.meaning import embed_products, measure_noise
from src.synthetic.shop import make_shop

WARMING = 300
QUERIES = 2 * WARMING
"""The second half warms the page cache; the first half is measured."""
EXACT_QUERIES = 100
_TITLES_BY_ENCODER = {WORDLLAMA: 20_000}
_FEW_TITLES = 400


def make_products(n: int, seed: int = 7) -> list[Product]:
    """Make products whose titles mix words of the synthetic shop's titles, with a part number each.

    Args:
        n: number of products.
        seed: of the choices.

    Returns:
        n products.
    """
    shop = make_shop().products
    rng = np.random.default_rng(seed)
    words = [(product.title or "").split() for product in shop]
    products = []
    picks = rng.integers(0, len(shop), (n, 2))
    numbers = rng.integers(0, 10**6, n)
    for at, (one, other) in enumerate(picks.tolist()):
        title = words[one][: 2 + at % 3] + words[other][-3:] + [f"{chr(65 + at % 26)}{numbers[at]}"]
        source = shop[one]
        products.append(Product(f"{at:07d}", " ".join(title), source.description, source.category, None, source.price))
    return products


def titles_per_second(encoder: Encoder, titles: list[str]) -> float:
    encoder.encode(titles[:20])
    started = time.perf_counter()
    encoder.encode(titles)
    return len(titles) / (time.perf_counter() - started)


def resident_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def percentiles(seconds: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(np.array(seconds) * 1e3, [50, 99])
    return {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}


def queries_of(catalogue: CatalogueText, rng: np.random.Generator) -> list[str]:
    """Make queries of two to four words of a title, one in five misspelt.

    Args:
        catalogue: titles.
        rng: of the choices.

    Returns:
        QUERIES texts.
    """
    queries = []
    for row in rng.integers(0, len(catalogue), QUERIES).tolist():
        words = catalogue.title[row].split()[:-1]
        chosen = [words[at] for at in sorted(rng.choice(len(words), min(len(words), int(rng.integers(2, 5))), False))]
        if rng.random() < 0.2 and len(chosen[-1]) > 4:
            chosen[-1] = chosen[-1][:2] + chosen[-1][3:]
        queries.append(" ".join(chosen))
    return queries


def exact_top10(rows: FloatArray, vectors: FloatArray) -> list[set[int]]:
    """Find the ten best rows of each query by comparing it with all rows.

    Args:
        rows: float[n_products, d].
        vectors: float[n_queries, d].

    Returns:
        Row numbers, a set for each query.
    """
    best_score = np.full((len(vectors), 10), -np.inf, np.float32)
    best_item = np.zeros((len(vectors), 10), np.int64)
    for start in range(0, len(rows), 50_000):
        score = vectors @ rows[start : start + 50_000].astype(np.float32).T
        top = np.argpartition(-score, 10, axis=1)[:, :10]
        score = np.concatenate([best_score, np.take_along_axis(score, top, axis=1)], axis=1)
        item = np.concatenate([best_item, top + start], axis=1)
        best = np.argsort(-score, axis=1, kind="stable")[:, :10]
        best_score, best_item = np.take_along_axis(score, best, axis=1), np.take_along_axis(item, best, axis=1)
    return [set(row.tolist()) for row in best_item]


def measure(n: int, encoder: Encoder, folder: Path) -> dict[str, Any]:
    """Encode, build and search a catalogue.

    Args:
        n: number of products.
        encoder: of titles and queries.
        folder: an empty folder.

    Returns:
        Figures by name.
    """
    catalogue = CatalogueText.of(make_products(n))
    started = time.perf_counter()
    encoded: list[EncodedTexts] = []

    def encode(texts: Sequence[str]) -> FloatArray:
        encoded.append(encode_texts(encoder, texts, folder / "vectors", Silent()))
        return encoded[-1].vectors

    vectors = embed_products(encode, catalogue)
    encode_seconds = time.perf_counter() - started
    started = time.perf_counter()
    embed_products(encode, catalogue)
    again_seconds = time.perf_counter() - started
    faiss.omp_set_num_threads(os.cpu_count() or 1)  # loading a smaller index has set one thread
    started = time.perf_counter()
    encoded_by = EncodedBy(encoder.name, encoder.checksum, encoder.dimension)
    built = build_search_index(catalogue, vectors, encoded_by, measure_noise(encoder.encode, vectors))
    build_seconds = time.perf_counter() - started
    built.save(folder / str(n))
    queries = queries_of(catalogue, np.random.default_rng(3))
    truth = exact_top10(vectors, encoder.encode(queries[:EXACT_QUERIES]))
    figures = {
        "products": n,
        "encode_seconds": round(encode_seconds, 2),
        "restart_encoded": encoded[-1].n_new,
        "restart_seconds": round(again_seconds, 2),
        "build_seconds": round(build_seconds, 2),
    }
    del built, vectors, catalogue
    with threadpool_limits(1):  # as in a worker
        return {**figures, **search_figures(encoder, folder / str(n), queries, truth)}


def search_figures(encoder: Encoder, folder: Path, queries: list[str], truth: list[set[int]]) -> dict[str, Any]:
    """Measure searches as in a worker: a memory-mapped, warm index and one thread.

    Args:
        encoder: of the queries.
        folder: of the index.
        queries: the first WARMING are measured, after the others.
        truth: exact results of the first EXACT_QUERIES.

    Returns:
        Figures by name.
    """
    before = resident_mib()
    started = time.perf_counter()
    search = SearchIndex.load(folder)
    load_seconds = time.perf_counter() - started
    assert search.vectors is not None
    for text in queries[WARMING:]:
        search.search(text, encoder.encode([text])[0], 10)
    queries = queries[:WARMING]
    vector_part, fused, encoding = [], [], []
    results: list[set[int]] = []
    for at, text in enumerate(queries):
        started = time.perf_counter()
        vector = encoder.encode([text])[0]
        encoding.append(time.perf_counter() - started)
        started = time.perf_counter()
        nearest = search.vectors.nearest(vector, 10)
        vector_part.append(time.perf_counter() - started)
        search.search(text, vector, 10)
        fused.append(time.perf_counter() - started - vector_part[-1])
        if at < EXACT_QUERIES:
            results.append(set(nearest.tolist()))
    recall = recall_with_ties(search, encoder.encode(queries[:EXACT_QUERIES]), truth, results)
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "index": "exact" if search.vectors.exact else "inverted lists",
        "load_seconds": round(load_seconds, 3),
        "disk_mib": round(disk / 2**20, 1),
        "resident_mib": round(resident_mib() - before, 1),
        "recall_at_10": round(recall, 4),
        "vector": percentiles(vector_part),
        "fused": percentiles([a + b for a, b in zip(fused, encoding, strict=True)]),
    }


def recall_with_ties(search: SearchIndex, vectors: FloatArray, truth: list[set[int]], results: list[set[int]]) -> float:
    """Compute recall@10; a result as similar as the tenth counts as a hit, as titles repeat.

    Args:
        search: the index.
        vectors: float[n_queries, d].
        truth: exact results by query.
        results: results of the index by query.

    Returns:
        The mean over queries.
    """
    assert search.vectors is not None
    shares = []
    for vector, best, retrieved in zip(vectors, truth, results, strict=False):
        lowest = search.vectors.similarity(vector, np.array(sorted(best))).min()
        score = search.vectors.similarity(vector, np.array(sorted(retrieved)))
        shares.append(min(int((score >= lowest - 1e-4).sum()), 10) / 10)
    return float(np.mean(shares))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="20000,200000,1000000")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    document: dict[str, Any] = {"titles_per_second": {}, "sizes": []}
    titles = [product.title or "" for product in make_products(20_000)]
    for name in ENCODERS:
        try:
            encoder = open_encoder(name)
        except AisleError as error:
            print(f"{name}: not measured: {error}")
            continue
        speed = titles_per_second(encoder, titles[: _TITLES_BY_ENCODER.get(name, _FEW_TITLES)])
        document["titles_per_second"][name] = round(speed)
        print(f"{name}: {speed:,.0f} titles/s")
    encoder = open_encoder(WORDLLAMA)
    for size in (int(part) for part in arguments.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            row = measure(size, encoder, Path(folder))
        document["sizes"].append(row)
        print(json.dumps(row), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
