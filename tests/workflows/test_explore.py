"""The page of statistics about the store: complete, in one file, and safe for any text of the catalogue."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch, Product
from src.core.errors import AisleError, NoData
from src.core.progress import Silent
from src.core.records import Load
from src.core.settings import Settings
from src.store import Store
from src.workflows.explore import explore_store

EVIL = '<script>alert("x")</script>&\'<img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += " "

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def put(store: Store, *rows: tuple[str, str, str, float, int]) -> None:
    users, products, kinds, values, times = (list(column) for column in zip(*rows, strict=True))
    marks = ["" if kind == "rating" else f"{n}" for n, kind in enumerate(kinds)]
    store.events.add(EventBatch(users, products, kinds, np.array(values), np.array(times, np.int64), marks))


def explored(settings: Settings, store: Store) -> Page:
    path = explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    page.text = re.sub(r"\s+", " ", page.text)
    return page


def test_the_page_is_written_to_the_given_path(
    trained_settings: Settings, trained_store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "folder" / "page.html"
    assert explore_store(trained_settings, trained_store, path, Silent()) == path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [found.name for found in path.parent.iterdir()] == ["page.html"]


def test_the_page_needs_no_other_file(trained_settings: Settings, trained_store: Store) -> None:
    page = explored(trained_settings, trained_store)
    assert {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "base"} == set()
    addresses = [value for _, attrs in page.tags for name, value in attrs.items() if name in ("src", "href", "action")]
    assert addresses == ["data:,"]
    html = (trained_settings.reports_dir / "exploration.html").read_text(encoding="utf-8")
    assert re.findall(r"url\(|@import|https?://", html) == []


def test_the_page_has_all_figures_of_a_shop(trained_settings: Settings, trained_store: Store) -> None:
    page = explored(trained_settings, trained_store)
    here = trained_store.summary()
    for said in (
        "What it means for the models", f"{here.n_events:,}", "Most clicked and viewed", "Most bought", "Most rated",
        "put into the cart", "How they are distributed", "Events by week", "Users by their number of events",
        "Preferences by category", "possible ones are filled", "No file was loaded",
    ):  # fmt: skip
        assert said in page.text


def test_every_table_has_headers_and_every_picture_has_a_text(trained_settings: Settings, trained_store: Store) -> None:
    page = explored(trained_settings, trained_store)
    headers = [attrs for tag, attrs in page.tags if tag == "th"]
    assert headers
    assert all(attrs.get("scope") in ("col", "row") for attrs in headers)
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(pictures) == 2
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in pictures)


def test_markup_in_the_catalogue_is_shown_as_text(settings: Settings, store: Store) -> None:
    store.products.add([Product("<b>p</b>", title=EVIL, category=EVIL)])
    put(store, ("a", "<b>p</b>", "purchase", 1.0, NO_TIME), ("a", "<b>p</b>", "click", 1.0, NO_TIME))
    store.runs.save_load(Load("1", "f", "l", 1, 2, 1, 1, 1, 0, rejected={EVIL: 1}, mended={EVIL: 1}))
    page = explored(settings, store)
    assert {tag for tag, _ in page.tags} & {"script", "img", "b"} == set()
    assert page.text.count(EVIL) == 6  # two lists, a category, a remark, and both tables of loads
    assert "<b>p</b>" in page.text


def test_a_very_long_title_is_cut(settings: Settings, store: Store) -> None:
    store.products.add([Product("p", title="x" * 5_000)])
    put(store, ("a", "p", "purchase", 1.0, 1))
    page = explored(settings, store)
    assert "x" * 100 in page.text
    assert "x" * 200 not in page.text


@pytest.mark.parametrize("kind", ["rating", "purchase", "cart", "view", "click"])
@pytest.mark.parametrize("at", [NO_TIME, 0, 1_700_000_000])
def test_one_event_of_any_kind_makes_a_page(settings: Settings, store: Store, kind: str, at: int) -> None:
    put(store, ("a", "p", kind, 3.0, at))
    page = explored(settings, store)
    assert "Few events, 1 in all" in page.text
    assert ("No event has a time" in page.text) == (at == NO_TIME)
    assert "nan" not in page.text


def test_conversion_is_shown_in_total_and_for_each_product(settings: Settings, store: Store) -> None:
    put(
        store,
        *((f"u{n}", "p", "view", 1.0, 1) for n in range(8)),
        *((f"u{n}", "p", "cart", 1.0, 2) for n in range(3)),
        ("u0", "p", "purchase", 1.0, 3),
    )
    page = explored(settings, store)
    assert "clicked or viewed 8 100.0 %" in page.text
    assert "and put into the cart 3 37.5 %" in page.text
    assert "and bought 1 12.5 %" in page.text
    assert "p 8 8 37.5 % 12.5 %" in page.text


def test_rejected_and_repaired_rows_are_shown_with_their_reasons(settings: Settings, store: Store) -> None:
    put(store, ("a", "p", "rating", 3.0, int(time.time())))
    loaded = Load(
        "1", "f.csv", "ratings", 1, 200, 150, 150, 150, 0, rejected={"missing field": 50}, mended={"price": 7}
    )
    store.runs.save_load(loaded)
    page = explored(settings, store)
    assert "200 rows of 1 file" in page.text
    assert "missing field 50 25.0 %" in page.text
    assert "price 7" in page.text
    assert "25 % of the rows read were rejected" in page.text


def test_an_empty_store_has_no_page(settings: Settings, store: Store, tmp_path: Path) -> None:
    with pytest.raises(NoData, match=r"data_processing\.py"):
        explore_store(settings, store, tmp_path / "page.html", Silent())
    assert not (tmp_path / "page.html").exists()


def test_an_error_of_writing_says_what_to_do_and_leaves_the_old_page(
    trained_settings: Settings, trained_store: Store, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "page.html"
    in_the_way.mkdir()
    (in_the_way / "old").write_text("old")
    for path in (in_the_way, in_the_way / "old" / "page.html"):
        with pytest.raises(AisleError, match=r"could not be written \(.+\)\. Expected .+ --explore FILE"):
            explore_store(trained_settings, trained_store, path, Silent())
    assert sorted(found.name for found in tmp_path.rglob("*") if trained_settings.var not in found.parents) == [
        "old",
        "page.html",
        "trained_var",
    ]


def test_exploring_writes_nothing_into_the_store(trained_settings: Settings, trained_store: Store) -> None:
    before = trained_store.summary(), trained_store.runs.loads(9), trained_store.runs.newest(9)
    explored(trained_settings, trained_store)
    assert (trained_store.summary(), trained_store.runs.loads(9), trained_store.runs.newest(9)) == before
