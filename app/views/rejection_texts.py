"""Reasons for rejecting rows of a file, in words. Loads are counted by the English sentence of a reason."""

from __future__ import annotations

from functools import cache

from app.texts.phrases import Phrases
from src.ingestion.rejections import Rejection, RejectionCode


def rejection_text(sentence: str, t: Phrases) -> str:
    """Put the reason of rejected rows into words.

    Args:
        sentence: the reason as loads count it; one of another version is returned as it is.
    """
    rejection = _rejection_of(sentence)
    if rejection is None:
        return sentence
    return t(f"reject.{rejection.code.name.lower()}", what=t.named("column", rejection.detail))


@cache
def _rejection_of(sentence: str) -> Rejection | None:
    """Return the rejection whose sentence this is; one without a place for a detail before one with."""
    for code in sorted(RejectionCode, key=lambda code: "{}" in code):
        before, place, after = code.value.partition("{}")
        if not place:
            if sentence == before:
                return Rejection(code)
        elif sentence.startswith(before) and sentence.endswith(after) and len(sentence) > len(before) + len(after):
            return Rejection(code, sentence[len(before) : len(sentence) - len(after)])
    return None
