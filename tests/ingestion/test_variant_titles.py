"""Titles that differ by colour and size only are variants; others are not."""

from __future__ import annotations

import time

import pytest

from src.ingestion.variant_titles import GuessedGroups, TitledProduct, bare_title


def guess(*titles: str, brand: str | None = None, category: str | None = None) -> dict[str, str | None]:
    """Return title → guessed group."""
    products = [TitledProduct(str(at), title, brand, category, None) for at, title in enumerate(titles)]
    found = dict(GuessedGroups.of(products).changes())
    return {title: found.get(str(at)) for at, title in enumerate(titles)}


@pytest.mark.parametrize(
    "titles",
    [
        ("Cotton Shirt - Red / L", "Cotton Shirt - Light Blue / XL", "Cotton Shirt", "Cotton shirt (navy, S)"),
        ("Nova X 128 GB", "Nova X 256GB", "Nova X 1 TB black"),
        ("Wall Paint Sage 2.5 L", "Wall Paint Terracotta 2.5 L", "Wall Paint White 750 ml"),
        ("PINK REGENCY TEACUP AND SAUCER", "GREEN REGENCY TEACUP AND SAUCER"),
        ("Sneaker Runner Größe 42", "Sneaker Runner Größe 43 weiß", "Sneaker Runner schwarz"),
        ("Chemise lin bleu clair taille 38".replace(" clair", ""), "Chemise lin rouge taille 40"),
        ("Frame 30x40 cm oak", "Frame 40 x 50 cm oak"),
        ("Duvet cover single", "Duvet cover king"),
    ],
)
def test_titles_that_differ_by_colour_and_size_are_one_group(titles: tuple[str, ...]) -> None:
    found = set(guess(*titles).values())
    assert len(found) == 1
    assert None not in found


@pytest.mark.parametrize(
    "titles",
    [
        ("iPhone 12", "iPhone 13"),
        ("Poems", "Poems"),
        ("Red", "Blue"),
        ("Orange juice", "Lime juice", "Cherry juice"),
        ("Red kettle", "Red toaster"),
        ("Light bulb", "Deep bulb"),
        ("Set of 3 cake tins", "Set of 6 cake tins"),
        ("Xbox Series S", "Xbox Series X"),
        ("Children's apron", "Children apron"),
        ("L'Oreal mask", "Oreal mask"),
    ],
)
def test_other_titles_are_none(titles: tuple[str, ...]) -> None:
    assert set(guess(*titles).values()) == {None}


def test_a_word_that_may_be_a_colour_counts_beside_one_that_is() -> None:
    found = guess("Eggshell paint orange", "Eggshell paint lime", "Eggshell paint turquoise")
    assert None not in found.values()


def test_variants_have_one_brand_and_one_category() -> None:
    red, blue = (
        TitledProduct(id_, title, brand, category, None)
        for id_, title, brand, category in (("1", "Ring red", "A", "Toys"), ("2", "Ring blue", "B", "Toys"))
    )
    assert not list(GuessedGroups.of([red, blue]).changes())
    assert not list(GuessedGroups.of([red, blue._replace(brand="a", category="Jewellery")]).changes())
    groups = GuessedGroups.of([red, blue._replace(brand=" a ")])
    assert (groups.n_groups, groups.n_products, groups.example) == (1, 2, ("Ring red", "Ring blue"))


def test_only_changes_are_told() -> None:
    red = TitledProduct("1", "Ring red", None, None, None)
    blue = TitledProduct("2", "Ring blue", None, None, None)
    ((_, group), _) = first = list(GuessedGroups.of([red, blue]).changes())
    assert [id_ for id_, _ in first] == ["1", "2"]
    known = [each._replace(guessed_group=group) for each in (red, blue)]
    assert not list(GuessedGroups.of(known).changes())
    assert list(GuessedGroups.of(known[:1]).changes()) == [("1", None)], "what was alone again is told, too"


def test_a_group_is_named_alike_whatever_was_read_before() -> None:
    one, other = guess("Ring red", "Ring blue"), guess("Mug red", "Mug blue", "Ring blue", "Ring red")
    assert one["Ring red"] == other["Ring blue"]


def test_the_cost_grows_with_the_length_of_a_title_at_most() -> None:
    bare_title("a")
    started = time.process_time()
    for text in ("1" * 100_000, "1 x " * 50_000, "- s" * 60_000, "size " * 40_000, "’s" * 90_000):
        bare_title(text)
    assert time.process_time() - started < 0.5
