"""Products, lists and ratings in words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.texts import phrases_in
from app.views.product_cards import card_of, named, prediction_of, recommended, remembered
from src.core.domain import (
    ComponentScore,
    Event,
    EventKind,
    Explanation,
    PredictedRating,
    Product,
    Reason,
    Recommendation,
)
from src.models.settings import read_settings

T = phrases_in("en", read_settings(currency="€"))
MUG = Product("m", title="Mug", category="Home > Kitchen", price=1234.5, image_url="https://shop.example/m.png")
POT = Product("t", title="Teapot", category="Home > Kitchen")


@pytest.fixture(autouse=True)
def in_a_request(shared_app: Flask) -> Iterator[None]:
    with shared_app.test_request_context():
        yield


def test_a_card_shows_the_known_fields() -> None:
    card = card_of(MUG, T)
    assert (card.name, card.category, card.initial, card.price) == ("Mug", "Kitchen", "K", "€1,234.50")
    assert card.picture == "https://shop.example/m.png"
    assert card.tint == card_of(POT, T).tint


def test_a_card_of_a_bare_id_shows_the_id_and_leads_to_its_page() -> None:
    card = card_of(Product("a/b c"), T)
    assert (card.name, card.category, card.initial, card.price, card.picture) == ("a/b c", "", "A", "", "")
    assert len({card_of(Product(f"B00{n}"), T).tint for n in range(100)}) == 12, "ids that begin alike differ in colour"
    assert card.href == "/shop/products/a/b%20c"
    assert card_of(Product("--"), T).initial == "·"


@pytest.mark.parametrize("title", [None, "", "  ", "\u3000"])
def test_a_title_of_blanks_is_none_so_that_every_card_has_a_name_to_click(title: str | None) -> None:
    assert card_of(Product("p1", title=title), T).name == "p1"


@pytest.mark.parametrize("address", ["http://shop.example/m.png", "javascript:alert(1)", "//x/y.png", ""])
def test_only_pictures_that_the_browser_may_load_are_shown(address: str) -> None:
    assert card_of(Product("m", image_url=address), T).picture == ""


def test_a_currency_of_letters_keeps_its_distance() -> None:
    def written(language: str, currency: str) -> str:
        return phrases_in(language, read_settings(currency=currency)).money(1234.5)

    assert written("en", "EUR") == "EUR\u00a01,234.50"
    assert written("en", "") == "1,234.50"
    assert written("de", "€") == "1.234,50\u00a0€"


def explained(because: tuple[Reason, ...], *opinions: ComponentScore, filled_by: str | None = None) -> Recommendation:
    return Recommendation("m", 1.0, "blend", filled_by, Explanation(opinions, because))


def test_a_place_on_a_list_names_the_history_product_with_the_largest_share() -> None:
    item = explained((Reason("t", 0.5), Reason("x", 0.1)), ComponentScore("als", 1, 1, 1))
    assert named([item]) == {"m", "t"}
    history = [Event("u", "t", EventKind.PURCHASE), Event("u", "t", EventKind.VIEW)]
    (card,) = recommended([item], history, {"m": MUG, "t": POT}, T)
    assert card.because == 'Because they bought <b dir="auto">Teapot</b>'


def test_a_product_recommended_because_of_itself_is_explained_so() -> None:
    (card,) = recommended([explained((Reason("m", 0.5),))], [Event("u", "m", EventKind.VIEW)], {"m": MUG}, T)
    assert card.because == "Because they viewed it before"


def test_without_such_a_product_the_largest_score_term_is_named() -> None:
    (card,) = recommended([explained((), ComponentScore("text", 1, 1, 1))], [], {}, T)
    assert card.because == "Similar to their products"
    (card,) = recommended([explained((Reason("t", 1),), filled_by="popularity")], [], {}, T)
    assert card.because == "Bestseller"
    (card,) = recommended([Recommendation("m", 1.0, "popularity")], [], {}, T)
    assert card.because == "Bestseller"


def test_a_history_shows_the_newest_first_each_product_once() -> None:
    events = [
        Event("u", "m", EventKind.RATING, 4.0, 86_400),
        Event("u", "t", EventKind.PURCHASE, 2.0, 2 * 86_400),
        Event("u", "m", EventKind.VIEW),
    ]
    cards = remembered(events, {"m": MUG, "t": POT}, T, 10)
    assert [(card.name, card.note) for card in cards] == [
        ("Mug", "viewed"),
        ("Teapot", "bought 2, 3 Jan 1970"),
    ]
    assert [card.name for card in remembered(events, {"m": MUG}, T, 1)] == ["Mug"]
    assert remembered(events[:1], {}, T, 5)[0].note == "rated 4, 2 Jan 1970"


@pytest.mark.parametrize(
    ("of_user", "of_product", "level", "words"),
    [
        (0, 0, 0, "Neither this customer nor this product"),
        (0, 21, 0, "21 ratings of the product. The customer has rated nothing"),
        (3, 0, 0, "3 ratings by the customer. Nobody has rated the product"),
        (1, 21, 1, "21 ratings of the product and 1 by the customer"),
        (14, 1_212, 2, "1,212 ratings of the product and 14 by the customer"),
    ],
)
def test_the_confidence_of_a_rating_follows_from_its_numbers_of_ratings(
    of_user: int, of_product: int, level: int, words: str
) -> None:
    rated = PredictedRating(4.23, of_user > 0, of_product > 0, of_user, of_product, "vbmf")
    said = prediction_of(rated, (1.0, 5.0), 0.76, T)
    assert said is not None
    assert (said.level, said.rating, said.out_of) == (level, "4.2", "5")
    assert said.share == pytest.approx(4.23 / 5)
    assert words in said.rests_on
    assert "±0.8 stars" in said.off_by


def test_without_a_rating_model_no_rating_is_shown() -> None:
    rated = PredictedRating(3.0, False, False, 0, 0, "vbmf")
    assert prediction_of(rated, (1.0, 5.0), None, T) is None


def test_a_scale_with_negative_ratings_fills_its_share_of_stars() -> None:
    rated = PredictedRating(0.0, True, True, 3, 3, "svd")
    said = prediction_of(rated, (-10.0, 10.0), None, T)
    assert said is not None
    assert said.share == 0.5
    assert said.off_by == ""
