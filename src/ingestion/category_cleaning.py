"""Read the category of a product: a path of names, or alternative names. Pure; never raises."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from src.core.domain import CATEGORY_LIST, CATEGORY_PATH
from src.ingestion.text_cleaning import clean_text, first_alt_text, has_value, iter_texts, list_items, normalize_cell

CATEGORY_NAME_LIMIT, CATEGORY_NAMES_LIMIT = 100, 20  # characters of a name, names of a category

_PATH_SIGN = re.compile(r"\s*(?:-{0,3}>+|={1,3}>+|›|»|→)\s*")
_SENTENCE = re.compile(r"(?:\S+\s+){3,}\S*[.!]")


def clean_category(cell: object, main: object, mended: Counter[str]) -> str | None:
    """Return a path or alternative names, joined by the separators of the domain; else the main category.

    Args:
        cell: The raw cell of the category.
        main: The raw cell of the main category.
        mended: An unusable cell, or an unusable part of one, is counted here.

    Returns:
        The category; None if there is none.
    """
    has_cell = left_out = False
    category = None
    for value in (normalize_cell(cell), normalize_cell(main)):
        if value is None or category:
            continue
        has_cell = True
        names, separator, is_complete = _category_names(value)
        left_out = left_out or not is_complete
        if len(names) > CATEGORY_NAMES_LIMIT:
            names, left_out = names[:CATEGORY_NAMES_LIMIT], True
        category = separator.join(names)
    if category:
        if left_out:
            mended["what is no name left out of category"] += 1
        return category
    if has_cell and (left_out or has_value(cell) or has_value(main)):
        mended["category is no name: left empty"] += 1
    return None


class _CategoryNames(NamedTuple):
    """Names of a category, their separator, and whether nothing was left out."""

    names: list[str]
    separator: str
    is_complete: bool


def _category_names(cell: object) -> _CategoryNames:
    """Return the names of a category; of several paths those of the first of the longest."""
    items = list_items(cell)
    if any(isinstance(normalize_cell(item), list) for item in items):
        paths = [_path(list(iter_texts(item))) for item in items]
    else:
        texts = list(iter_texts(items))
        if len(texts) == 1:
            # The text is cleaned as a whole first: its markup may stand between the names.
            texts = [part for part in _one_line(texts[0]).split("|") if part.strip()] or texts
            if len(texts) == 1:
                texts = _several_paths(texts[0])
            paths = [_path([part]) for part in texts]
            if len(paths) > 1 and all(len(path) < 2 for path, _ in paths):
                names = list(dict.fromkeys(name for path, _ in paths for name in path))
                return _CategoryNames(names, CATEGORY_LIST, all(is_whole for _, is_whole in paths))
        elif any(_PATH_SIGN.search(_one_line(text)) for text in texts):
            paths = [_path([text]) for text in texts]
        else:
            paths = [_path(texts)]
    if not paths:
        return _CategoryNames([], CATEGORY_PATH, False)
    names, is_whole = max(paths, key=lambda path: len(path[0]))
    return _CategoryNames(names, CATEGORY_PATH, is_whole)


_ROOTS = ("default category", "root catalog", "root", "home")  # names that shops give to the top of all categories


def _several_paths(text: str) -> list[str]:
    """Return the paths of "A > B, C" and of "Root/A/B,Root/C", each with ">" between its names; else the text alone."""
    parts = [part.strip() for part in text.split(",")]
    if _PATH_SIGN.search(text):
        return parts if len(parts) > 1 and all(part and part[0].isupper() for part in parts) else [text]
    names = [[name.strip() for name in part.split("/")] for part in parts]
    is_path = len(names[0]) > 1 and (
        names[0][0].lower() in _ROOTS or (len(parts) > 1 and len({n[0] for n in names}) == 1)
    )
    if not is_path and not (len(parts) == 1 and len(names[0]) > 2 and " / " not in text):
        return [text]
    kept = [[name for at, name in enumerate(each) if at or name.lower() not in _ROOTS] for each in names]
    return [" > ".join(each) for each in kept if each] or [text]


def _one_line(raw: str) -> str:
    return clean_text(raw).text or first_alt_text(raw)


def _path(texts: list[str]) -> tuple[list[str], bool]:
    """Return the names of a path from wide to narrow, and whether nothing was left out.

    Scrapes append a product's features to its path, so the path ends before the first text that is no name.
    """
    names: list[str] = []
    is_whole = True
    for raw in texts:
        for name in _PATH_SIGN.split(_one_line(raw)):
            name = name.replace("|", "/").replace("<", " ").strip()
            if len(name) > CATEGORY_NAME_LIMIT or _SENTENCE.fullmatch(name) or (not name and "<" in raw):
                is_whole = False
                if names:
                    return names, is_whole
            elif normalize_cell(name) is not None and (not names or names[-1].casefold() != name.casefold()):
                names.append(name)
    return names, is_whole
