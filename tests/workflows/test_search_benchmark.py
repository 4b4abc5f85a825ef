"""The benchmark of search: python evaluate_model.py --search JUDGEMENTS --products FILE."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from src.core.errors import InputError, UnusableFile
from src.core.progress import Silent
from src.core.settings import Settings
from src.evaluation.known_item_report import KnownItemReport
from src.evaluation.search_evaluation import SearchReport
from src.interactions.vocabulary import Vocabulary
from src.workflows.search_benchmark import SearchBenchmarkRequest, read_judgements, run_search_benchmark

ITEMS = Vocabulary.of(["a", "b", "c"])
ICECAT = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "icecat-search"


def written(folder: Path, text: str) -> Path:
    path = folder / "judgements.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("header", ["query,docid,rating", "Query;Product_ID;Grade", "q\titem id\tlabel"])
def test_judgements_are_read_with_any_known_column_names(tmp_path: Path, header: str) -> None:
    sign = next(each for each in ",;\t" if each in header)
    rows = ["usb hub", "a", "3"], ["usb hub", "b", "0"], ["mouse", "c", "1"]
    text = "\n".join([header, *(sign.join(row) for row in rows)])
    judged, left_out = read_judgements(written(tmp_path, text), ITEMS)
    assert judged.queries == ["usb hub", "mouse"]
    assert judged.grades == [{0: 3.0, 1: 0.0}, {2: 1.0}]
    assert left_out == []


def test_judgements_that_cannot_be_measured_are_left_out_and_reported(tmp_path: Path) -> None:
    text = "query,docid,rating\nx,a,2\nx,zz,3\nx,b,much\nx,c,-1\nnothing,a,0\n"
    judged, left_out = read_judgements(written(tmp_path, text), ITEMS)
    assert judged.queries == ["x"]
    assert judged.grades == [{0: 2.0}]
    assert [line.split()[0] for line in left_out] == ["1", "2", "1"]


@pytest.mark.parametrize("text", ["", "a,b,c\nx,a,1\n", "query,docid,rating\n", "query,docid,rating\nx,a,0\n"])
def test_a_file_without_a_usable_judgement_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnusableFile, match="xpected"):
        read_judgements(written(tmp_path, text), ITEMS)


def test_incomplete_options_are_refused() -> None:
    assert SearchBenchmarkRequest.from_options({"search": None, "products": None}) is None
    with pytest.raises(InputError, match="Expected both"):
        SearchBenchmarkRequest.from_options({"search": Path("x")})
    with pytest.raises(InputError, match="--train"):
        SearchBenchmarkRequest.from_options({"search": Path("x"), "products": Path("y"), "train": Path("z")})


def test_search_over_a_file_of_products_is_measured(settings: Settings, tmp_path: Path) -> None:
    words = ["lamp", "desk", "chair", "vase", "stove", "spoon"]
    products = tmp_path / "products.jsonl"
    rows = [{"id": f"{w}{n}", "title": f"{w} model {n}", "price": n + 1} for w in words for n in range(5)]
    products.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    judgements = "query,docid,rating\n" + "".join(f"{w},{w}{n},{n % 4}\n" for w in words for n in range(5))
    report = run_search_benchmark(settings, SearchBenchmarkRequest(written(tmp_path, judgements), products), Silent())
    assert isinstance(report, SearchReport)
    assert list(report.ndcg)[:2] == ["keywords", "wordllama"]
    assert {"fused", "ranked"} <= set(report.ndcg)
    assert report.ndcg["fused"].mean() > 0.3
    assert report.n_products == 30


def test_without_judgements_queries_are_made_from_the_products(settings: Settings, tmp_path: Path) -> None:
    products = tmp_path / "products.jsonl"
    rows = [
        {"id": f"{w}{n}", "title": f"{c} {w} WX-{n}00{at}", "category": f"{c} goods", "price": n + 1}
        for at, w in enumerate(("lamp", "desk", "chair", "vase", "stove", "spoon"))
        for n, c in enumerate(("copper", "maple", "marble", "velvet", "bamboo"))
    ]
    products.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    report = run_search_benchmark(settings, SearchBenchmarkRequest(None, products), Silent())
    assert isinstance(report, KnownItemReport)
    assert {"fragment", "typing error", "part number", "plural", "joined words", "category"} <= set(report.ndcg)
    document = report.to_json()
    assert document["by_kind"]["part number"]["fused"] > 0.9  # type: ignore[index,call-overload]
    assert document["answered_nonsense"] < 0.5  # type: ignore[operator]
    assert report.table()[-1][0] == "mean of all kinds"
    assert "beside the better single one" in " ".join(report.sentences())
    (tmp_path / "one.jsonl").write_text('{"id": "a", "title": "Lamp"}\n{"id": "b", "title": "Desk"}', encoding="utf-8")
    with pytest.raises(UnusableFile, match="fewer than two words"):
        run_search_benchmark(settings, SearchBenchmarkRequest(None, tmp_path / "one.jsonl"), Silent())


@pytest.mark.skipif(not ICECAT.is_dir(), reason="../shared/data/icecat-search is not here")
def test_fused_search_of_real_electronics_is_far_better_than_meaning_alone(settings: Settings) -> None:
    job = SearchBenchmarkRequest(ICECAT / "judgements.csv", ICECAT / "products.jsonl.gz")
    report = run_search_benchmark(settings, job, Silent())
    assert isinstance(report, SearchReport)
    means = {name: float(its.mean()) for name, its in report.ndcg.items()}
    assert means["fused"] > 0.74
    assert means["fused"] > means["wordllama"] + 0.1
    assert means["fused"] > means["keywords"] - 0.01
