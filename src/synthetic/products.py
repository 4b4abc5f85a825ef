"""Generate the products of the synthetic shop."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from faker import Faker

from src.core.domain import FloatArray, IntArray, Product
from src.synthetic.vocabulary_words import BRAND_ENDINGS, CATEGORIES, CLOSINGS

BRANDS_PER_MAKER = 10
THEMES_PER_CATEGORY = 3
TASTE_SIZE = 4
THEMES = [theme for category in CATEGORIES for theme in category.themes]


def numbered_ids(letter: str, n: int) -> list[str]:
    """Return n ids of equal length.

    Args:
        letter: First character of each id.
        n: Number of ids.

    Returns:
        The ids, such as P00001, P00002 …
    """
    width = max(5, len(str(n)))
    return [f"{letter}{number:0{width}d}" for number in range(1, n + 1)]


def count_earlier(*keys: IntArray) -> IntArray:
    """Return int[n]: how many equal rows of keys come before each row."""
    frame = pd.DataFrame(dict(enumerate(keys)))
    return frame.groupby(list(frame.columns)).cumcount().to_numpy()


def _make_brands(seed: int) -> list[str]:
    """Return BRANDS_PER_MAKER invented names for each group of makers, group after group."""
    fake = Faker("en_US")
    fake.seed_instance(seed)
    n_brands = BRANDS_PER_MAKER * len({category.makers for category in CATEGORIES})
    return [fake.unique.last_name() + fake.random_element(BRAND_ENDINGS) for _ in range(n_brands)]


class _ProductDraws(NamedTuple):
    """Random draws for n products, one row a product.

    theme, brand: int[n]. words: int[n, 3], noun, adjective and variant of the theme. level, noise: float[n], factors on
    the noun's price. ending: float[n], subtracted from it. stock: int[n]. sentences: int[n, 3], two features of the
    theme (the second relative to the first) and a closing.
    """

    theme: IntArray
    brand: IntArray
    words: IntArray
    level: FloatArray
    noise: FloatArray
    ending: FloatArray
    stock: IntArray
    sentences: IntArray


class Assortment(NamedTuple):
    """Products, and of each its theme, its brand, and its style: float[n, TASTE_SIZE], rows of length 1."""

    products: list[Product]
    theme: IntArray
    brand: IntArray
    style: FloatArray


def make_products(rng: np.random.Generator, n: int, seed: int) -> Assortment:
    """Generate products.

    Args:
        rng: Source of randomness.
        n: Number of products.
        seed: Seed of the brands' names.

    Returns:
        The products, with the properties by which users choose them.
    """
    brands = _make_brands(seed)
    draws = _draw_products(rng, n, len(brands))
    products = _describe_products(draws, brands)
    return Assortment(products, draws.theme, draws.brand, _draw_style(rng, draws, len(brands)))


def _draw_products(rng: np.random.Generator, n: int, n_brands: int) -> _ProductDraws:
    brand_level = np.exp(rng.normal(0.0, 0.3, n_brands))
    makers = list(dict.fromkeys(category.makers for category in CATEGORIES))
    maker_by_theme = np.repeat([makers.index(category.makers) for category in CATEGORIES], THEMES_PER_CATEGORY)
    theme = rng.permutation(len(THEMES))[np.arange(n) % len(THEMES)]
    brand = maker_by_theme[theme] * BRANDS_PER_MAKER + rng.integers(BRANDS_PER_MAKER, size=n)
    sizes = np.array([(len(t.nouns), len(t.adjectives), len(t.variants)) for t in THEMES])[theme]
    words = rng.integers(sizes)
    for _ in range(10):
        is_taken = count_earlier(theme, brand, *words.T) > 0
        words[is_taken] = rng.integers(sizes[is_taken])
    noise = np.exp(rng.normal(0.0, 0.15, n))
    ending = rng.choice([0.01, 0.01, 0.05, 0.51], size=n)
    stock = np.where(rng.random(n) < 0.02, 0, rng.negative_binomial(2, 0.04, n) + 1)
    # Drawn as arrays: scalar draws in the loop over products would take most of its time.
    sentences = [rng.integers(3, size=n), rng.integers(1, 3, size=n), rng.integers(len(CLOSINGS), size=n)]
    return _ProductDraws(theme, brand, words, brand_level[brand], noise, ending, stock, np.stack(sentences, axis=1))


def _describe_products(draws: _ProductDraws, brands: list[str]) -> list[Product]:
    """Return the products with titles, descriptions and prices; equal titles are numbered."""
    products, same_title = [], Counter[str]()
    for row, product_id in enumerate(numbered_ids("P", len(draws.theme))):
        theme, maker = THEMES[draws.theme[row]], brands[draws.brand[row]]
        noun, price = list(theme.nouns.items())[draws.words[row, 0]]
        adjective, variant = theme.adjectives[draws.words[row, 1]], theme.variants[draws.words[row, 2]]
        title = f"{maker} {_capitalised(adjective)} {_capitalised(noun)} {variant}"
        same_title[title] += 1
        first, second, closing = draws.sentences[row].tolist()
        sentences = (theme.features[first], theme.features[(first + second) % 3], CLOSINGS[closing])
        rounded = max(2.0, round(price * draws.level[row] * draws.noise[row]))
        products.append(
            Product(
                product_id,
                title=title if same_title[title] == 1 else f"{title}, Series {same_title[title]}",
                description=f"{_capitalised(noun)} by {maker}, made for {theme.use}. {' '.join(sentences)}",
                category=CATEGORIES[draws.theme[row] // THEMES_PER_CATEGORY].name,
                price=round(rounded - float(draws.ending[row]), 2),
                stock=int(draws.stock[row]),
                made_up=True,
            )
        )
    return products


def _draw_style(rng: np.random.Generator, draws: _ProductDraws, n_brands: int) -> FloatArray:
    """Return float[n, TASTE_SIZE]. Style follows brand and adjective, so that a text model can learn it too."""
    n_adjectives = max(len(t.adjectives) for t in THEMES)
    adjective = draws.theme * n_adjectives + draws.words[:, 1]
    by_adjective = rng.normal(size=(len(THEMES) * n_adjectives, TASTE_SIZE))[adjective]
    by_brand = rng.normal(size=(n_brands, TASTE_SIZE))[draws.brand]
    style: FloatArray = by_brand + by_adjective + 0.6 * rng.normal(size=(len(adjective), TASTE_SIZE))
    style /= np.linalg.norm(style, axis=1, keepdims=True)
    return style


def _capitalised(words: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in words.split())
