"""All texts of the pages: one catalogue for each language, and how it writes numbers, dates and money."""

from __future__ import annotations

from collections.abc import Mapping

from flask import current_app, g, has_request_context, request

from app.texts.english import ENGLISH
from app.texts.german import GERMAN
from app.texts.phrases import ENGLISH_STYLE, GERMAN_STYLE, Phrases, Style
from src.core.settings import Settings

LANGUAGES: Mapping[str, tuple[Mapping[str, str], Style]] = {
    "en": (ENGLISH, ENGLISH_STYLE),
    "de": (GERMAN, GERMAN_STYLE),
}
"""Language → its catalogue and its style. A further language is one more file, and a row here."""
_SETTINGS = "aisle_texts_settings"


def set_up_texts(app: object, settings: Settings) -> None:
    """Remember the settings that the texts of an application depend on: language, time zone and currency."""
    app.extensions[_SETTINGS] = settings  # type: ignore[attr-defined]


def phrases_in(language: str, settings: Settings) -> Phrases:
    """Return the texts of a language, a key of LANGUAGES, with the time zone and the currency of the settings."""
    texts, style = LANGUAGES[language]
    return Phrases(language, texts, style, settings.zone, settings.currency)


def current_phrases() -> Phrases:
    """Return the texts for the current request: AISLE_LANGUAGE, or else the language that the browser prefers."""
    found: Phrases | None = g.get("phrases") if has_request_context() else None
    if found is None:
        settings: Settings = current_app.extensions[_SETTINGS]
        wished = request.accept_languages.best_match(LANGUAGES, "en") if has_request_context() else "en"
        found = phrases_in(settings.language or wished, settings)
        if has_request_context():
            g.phrases = found
    return found
