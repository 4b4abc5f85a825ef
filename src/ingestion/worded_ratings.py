"""Read ratings that are words: "strongly agree", "sehr gut", "not recommended", "true". Pure."""

from __future__ import annotations

from collections.abc import Sequence

from src.ingestion.column_words import words_of

_MOST_SHOWN = 8
_GRADES = {
    2: """excellent outstanding perfect amazing awesome superb hervorragend ausgezeichnet exzellent parfait excelente
        ottimo eccellente otimo perfekt perfetto perfecto""",
    1: """good agree satisfied happy likely like useful gut zu zufrieden wahrscheinlich bon bien accord satisfait bueno
        acuerdo satisfecho buono bene accordo soddisfatto bom concordo satisfeito goed eens tevreden""",
    0: """neutral average ok okay medium fair neither soso mittel mittelmassig mittelmaessig befriedigend teils
        durchschnittlich moyen neutre regular medio neutro gemiddeld neutraal""",
    -1: """bad poor disagree dissatisfied unsatisfied unhappy unlikely dislike weak schlecht unzufrieden ausreichend
        unwahrscheinlich mauvais insatisfait malo desacuerdo insatisfecho cattivo disaccordo insoddisfatto ruim discordo
        insatisfeito slecht oneens ontevreden""",
    -2: """terrible awful horrible worst mangelhaft ungenugend ungenuegend furchtbar schrecklich katastrophal pessimo
        pesimo""",
}
_GRADE_OF = {word: grade for grade, words in _GRADES.items() for word in words.split()}
_WORDS_OF_MORE = """
    very strongly extremely completely totally highly absolutely sehr voll vollig stark aeusserst ausserst gar uberhaupt
    tres fortement tout fait totalement muy totalmente molto muito zeer helemaal
"""
_MORE = frozenset(_WORDS_OF_MORE.split())
_OTHERS = """
    somewhat slightly rather fairly quite mostly eher ziemlich meist teilweise plutot bastante abbastanza vrij
    i stimme trifft ich d en de je suis teils so and und or nor ni weder noch
"""
_NOT = frozenset({"not", "no", "nicht", "pas", "non", "nao", "niet"})
_KNOWN = frozenset({*_GRADE_OF, *_MORE, *_NOT, *_OTHERS.split()})
_THUMBS = {"👍": "5", "👎": "1", "❤": "5", "♥": "5", "💔": "1", "thumbs up": "5", "thumbs down": "1"}
_FACES = {
    **dict.fromkeys("😍🤩🥰😀😃😄😁😆", "5"),
    **dict.fromkeys("🙂😊☺", "4"),
    **dict.fromkeys("😐😑😶", "3"),
    **dict.fromkeys("🙁☹😕😞", "2"),
    **dict.fromkeys("😡😠🤬😤🤮😢😭", "1"),
}
_VARIANTS = dict.fromkeys((0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)))  # of presentation, and colours of skin
_VOTES = {"true": "1", "false": "0", "recommended": "1", "not recommended": "0"}
_WORDS_OF_VOTES = """
    vote votes voted upvote upvoted recommend recommends recommended recommendation like liked thumb thumbs empfohlen
    empfehlung weiterempfehlung recommande recomendado consigliato
"""
_NAMES_OF_VOTES = frozenset(_WORDS_OF_VOTES.split())


def rating_in_words(text: str) -> str | None:
    """Return the rating from 1 to 5 that words faces or thumbs say, 1 and 0 for "true" and "false"; else None."""
    if sign := thumb_of(text) or _FACES.get(_plain_sign(text)):
        return sign
    if vote := _VOTES.get(text.lower()):
        return vote
    words = words_of(text)
    found = [_GRADE_OF[word] for word in words if word in _GRADE_OF]
    if not found or not _KNOWN.issuperset(words):
        return None
    grade = 0 if 0 in found or min(found) < 0 < max(found) else found[-1]
    grade = max(-2, min(2, grade * (2 if _MORE & {*words} else 1)))
    return str(3 + (-grade if _NOT & {*words} else grade))


def thumb_of(text: str) -> str | None:
    """Return "5" for a thumb up or a heart, "1" for a thumb down or a broken heart; None for all other texts.

    Args:
        text: The cell.
    """
    return _THUMBS.get(_plain_sign(text).lower().replace("_", " "))


def _plain_sign(text: str) -> str:
    return text.strip(" :").translate(_VARIANTS)


def are_words(texts: Sequence[str]) -> bool:
    """Return whether most ratings are words."""
    return 2 * sum(rating_in_words(text) is not None for text in texts) > len(texts)


def are_graded(texts: Sequence[str]) -> bool:
    """Return whether most ratings are words on a scale from 1 to 5, and no votes."""
    return are_words([text if text.lower() not in _VOTES else "" for text in texts])


def words_note(texts: Sequence[str]) -> str:
    """Return what is said of ratings in words, for people."""
    found = {text: grade for text in texts if (grade := rating_in_words(text))}
    shown = ", ".join(
        f"{text!r} {grade}" for text, grade in sorted(found.items(), key=lambda each: each[1])[:_MOST_SHOWN]
    )
    return f"ratings are words and were read from 1 to 5: {shown}; if they are no ratings: --columns rating="


def is_scale_of_words(cells: set[str]) -> bool:
    """Return whether these different cells are worded ratings, good ones and bad ones."""
    found = {rating_in_words(cell) if cell.lower() not in _VOTES and not thumb_of(cell) else None for cell in cells}
    return None not in found and len(found) > 2 and min(map(str, found)) < "3" < max(map(str, found))


def are_votes(name: str, cells: set[str]) -> bool:
    """Return whether a column has a yes or no to each product, as its name says: "voted_up", "recommended".

    Args:
        name: The column's name.
        cells: Its different cells.

    Returns:
        False where only one answer stands.
    """
    if {thumb_of(cell) for cell in cells} == {"1", "5"}:
        return True
    given = {cell.lower() for cell in cells}
    return (
        len(given) == 2
        and (given == {"0", "1"} or given <= _VOTES.keys())
        and not _NAMES_OF_VOTES.isdisjoint(words_of(name))
    )
