"""Guess from titles which products are variants of one thing: titles that differ by colour and size only. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from src.ingestion.column_words import plain_letters

_SURE_COLOUR_WORDS = """
    black white red blue green yellow pink purple grey gray brown beige navy ivory turquoise teal magenta cyan
    maroon khaki indigo violet crimson scarlet burgundy taupe charcoal mauve fuchsia lilac aqua ecru ochre
    terracotta tan multicolor multicolour multicoloured transparent anthracite schwarz weiss rot blau grun gruen
    gelb rosa lila grau braun turkis tuerkis violett anthrazit dunkelblau hellblau dunkelgrun hellgrun
    dunkelgrau hellgrau dunkelrot noir noire blanc blanche rouge bleu bleue vert verte jaune gris grise marron
    negro negra blanco blanca rojo roja azul verde amarillo amarilla morado gris nero nera bianco bianca rosso
    rossa giallo gialla grigio grigia marrone zwart wit rood blauw groen geel grijs bruin paars roze czarny
    bialy czerwony niebieski zielony zolty szary
"""
_SURE_COLOURS = frozenset(_SURE_COLOUR_WORDS.split())
"""Words that name a colour and hardly anything else."""
_LOOSE_COLOUR_WORDS = """
    orange gold golden silver bronze copper cream rose olive mint lavender coral peach plum cherry lime lemon
    mustard sand stone slate sage amber ruby emerald sapphire pearl chocolate coffee mocha camel chestnut rust
    wine berry apricot salmon champagne graphite onyx ebony denim sky ocean midnight forest snow smoke ash
    natural clear silber kupfer creme oliv or argent dore oro plata naranja arancione oranje goud zilver
"""
_LOOSE_COLOURS = frozenset(_LOOSE_COLOUR_WORDS.split())
"""Words that name a colour among other things: they count beside titles with a sure colour or a size."""
_SHADES_WORDS = "light dark pale bright deep neon matt matte metallic pastel royal hot baby hell dunkel"
_SHADES = frozenset(_SHADES_WORDS.split())
"""Words that belong to the colour behind them."""
_SIZE_WORDS = """
    small medium large xlarge xxlarge single double queen king klein mittel gross petit moyen grand pequeno
    mediano grande piccolo medio groot xs xl xxs xxl xxxl xxxxl 2xl 3xl 4xl 5xl
"""
_SIZES = frozenset(_SIZE_WORDS.split())
_DROPPED_WORDS = "and und et y e in en with colour color farbe couleur size groesse grosse gr taille talla"
_DROPPED = frozenset(_DROPPED_WORDS.split())
"""Words that join colours and sizes to a title; they tell no things apart."""

_UNITS = "ml|cl|dl|l|ltr|liters?|litres?|liter|g|gr|kg|mg|oz|lbs?|mm|cm|m|km|inch(?:es)?|in|ft|yd|kb|mb|gb|tb|pack|pk"
_NUMBER = r"\d{1,6}(?:[.,]\d{1,3})?"
_MEASURES = re.compile(
    rf"(?<![\w.,]){_NUMBER}(?: ?x ?{_NUMBER}){{1,2}}(?: ?(?:{_UNITS}))?(?!\w)"  # 30 x 40 cm
    rf"|(?<![\w.,]){_NUMBER} ?-?(?:{_UNITS})(?!\w)"  # 128 GB
    rf"|(?<![\w.,]){_NUMBER} ?[\"″”]"
    rf"|(?<!\w)(?:size|groesse|grosse|gr|taille|talla|taglia|maat|eu|uk|us)\.? ?{_NUMBER}(?!\w)"  # size 42
    rf"|(?<!\w)pack of {_NUMBER}(?!\w)"
)
_LETTER = re.compile(r"(?:(?<=[-/(,|])|(?<=[-/(,|] ))[sml](?= ?(?:[-/),|]|$))|(?<= )[sml]$")
"""One of the sizes S, M and L, behind a sign or at the end."""
_POSSESSIVE = re.compile(r"['’]s\b")
_WORD = re.compile(r"[^\W_]+(?:\.[^\W_]+)*")
_LONGEST = 200
_NAMED = 60


class BareTitle(NamedTuple):
    """A title without colours and sizes.

    Attributes:
        words: what is left of it; "" if nothing is.
        is_sure: whether a colour or size was taken out that is hardly anything else.
    """

    words: str
    is_sure: bool


def bare_title(title: str) -> BareTitle:
    """Take colours, sizes, measures and the numbers of a pack out of a title.

    Args:
        title: as the catalogue has it.

    Returns:
        The other words, in their order, without case, accents and signs.
    """
    text = _POSSESSIVE.sub("", plain_letters(title[:_LONGEST]).strip())
    text, n_measures = _MEASURES.subn(" | ", text)
    text, n_letters = _LETTER.subn(" | ", text)
    words = _WORD.findall(text)
    kept: list[str] = []
    n_sure, taken = n_measures + n_letters, False
    for word in reversed(words):
        is_sure, is_loose = word in _SURE_COLOURS or word in _SIZES, word in _LOOSE_COLOURS
        if not (is_sure or is_loose or word in _DROPPED or (word in _SHADES and taken)):
            kept.append(word)
        taken, n_sure = is_sure or is_loose, n_sure + is_sure
    is_name = any(len(word) > 1 and not word.isdecimal() for word in kept)
    return BareTitle(" ".join(reversed(kept)) if is_name else "", bool(n_sure))


class TitledProduct(NamedTuple):
    """What tells the guessed group of a product."""

    product_id: str
    title: str
    brand: str | None
    category: str | None
    guessed_group: str | None


@dataclass
class _Family:
    """Products of one brand and category whose titles are equal without colours and sizes."""

    name: str
    n: int = 0
    title: str = ""
    other: str = ""
    is_sure: bool = False

    def add(self, title: str, bare: BareTitle) -> None:
        self.n += 1
        self.title = self.title or title
        self.other = self.other or (title if title != self.title else "")
        self.is_sure = self.is_sure or bare.is_sure

    @property
    def is_group(self) -> bool:
        return bool(self.other) and self.is_sure


@dataclass
class GuessedGroups:
    """The groups that the titles of a catalogue tell.

    Attributes:
        n_products: in groups.
        n_groups: their number.
        example: two titles of the largest group.
    """

    n_products: int = 0
    n_groups: int = 0
    example: tuple[str, ...] = ()
    _families: dict[bytes, _Family] = field(default_factory=dict, repr=False)
    _rows: list[tuple[str, bytes, str | None]] = field(default_factory=list, repr=False)

    @classmethod
    def of(cls, products: Iterable[TitledProduct]) -> GuessedGroups:
        """Guess the groups of a catalogue.

        Args:
            products: all products of a catalogue that belong to no group of its own.

        Returns:
            The groups: products of one brand and category with different titles that are equal without colours and
            sizes, where one of these is hardly anything else.
        """
        guessed = cls()
        for each in products:
            bare = bare_title(each.title)
            if bare.words:
                guessed._add(each, bare)
        groups = [family for family in guessed._families.values() if family.is_group]
        guessed.n_groups, guessed.n_products = len(groups), sum(family.n for family in groups)
        guessed.example = guessed._titles_of_largest(groups)
        return guessed

    def _add(self, product: TitledProduct, bare: BareTitle) -> None:
        told = "\0".join((bare.words, *(" ".join((text or "").lower().split()) for text in product[2:4])))
        key = blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        family = self._families.get(key)
        if family is None:
            family = self._families[key] = _Family(f"title: {bare.words[:_NAMED]} ({key[:4].hex()})")
        family.add(product.title, bare)
        self._rows.append((product.product_id, key, product.guessed_group))

    @staticmethod
    def _titles_of_largest(groups: list[_Family]) -> tuple[str, ...]:
        largest = max(groups, key=lambda family: family.n, default=None)
        return () if largest is None else (largest.title, largest.other)

    def changes(self) -> Iterator[tuple[str, str | None]]:
        """Yield the ids of products whose guessed group is another one than before, and that group."""
        for product_id, key, before in self._rows:
            family = self._families[key]
            now = family.name if family.is_group else None
            if now != before:
                yield product_id, now
