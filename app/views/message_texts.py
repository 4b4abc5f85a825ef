"""Recorded messages in words, and English texts of programs as quotations."""

from __future__ import annotations

from markupsafe import Markup

from app.texts.phrases import Phrases
from app.views.rejection_texts import rejection_text
from src.core.messages import Message

_DIGITS = 4
_GROUPS = {"model": "model", "noun": "unit"}


def message_text(said: str, t: Phrases) -> str:
    """Return a recorded message in words; another text, which a program wrote, as a quotation."""
    if not isinstance(said, Message) or said.code not in t.texts:
        return quoted(said, t)
    return t(said.code, **{name: written(name, value, t) for name, value in said.values.items()})


def subject_text(subject: str, t: Phrases) -> str:
    """Return what a change was about in words: a recorded message, or an id, which stays as it is."""
    return message_text(subject, t) if isinstance(subject, Message) else subject


def refusal_text(error: Exception, t: Phrases) -> str:
    """Return why something was refused, in words.

    Args:
        error: what was raised: with a recorded message, a text of the page, or what a program wrote, which is quoted.
    """
    said = error.args[0] if error.args and isinstance(error.args[0], Message | Markup) else str(error)
    return message_text(said, t)


def quoted(text: str, t: Phrases) -> str:
    """Mark what a program wrote as English in a page of another language, so that it is read and translated as that.

    Args:
        text: what it wrote, such as the message of an error; one that was put into words stays as it is.
    """
    if isinstance(text, Markup) or t.language == "en" or not text:
        return text
    return Markup('<q lang="en">{}</q>').format(text)


def unmarked(text: str) -> str:
    """Return a text of a page for an answer that is no page: without tags and escapes."""
    return text.striptags() if isinstance(text, Markup) else text


def written(name: str, value: object, t: Phrases) -> object:
    """Write a value of a message or a check as the language does.

    Args:
        name: its name, which tells what it is.
        value: the value.

    Returns:
        The value, for a placeholder.
    """
    if isinstance(value, Message):
        return message_text(value, t)
    if isinstance(value, str):
        return rejection_text(value, t) if name == "rejection" else t.named(_GROUPS.get(name, ""), value)
    assert isinstance(value, int | float)
    if name.startswith("share"):
        return t.percent(value)
    if name.endswith("_at"):
        return t.moment(value)
    if name.endswith("size"):
        return t.size(value)
    return t.number(value) if isinstance(value, int) else t.axis(round(value, _DIGITS))
