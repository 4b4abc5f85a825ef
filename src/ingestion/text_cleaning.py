"""Read a raw cell of any file format as a list, or as one line of text without markup."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from html.entities import html5
from html.parser import HTMLParser
from typing import NamedTuple

import numpy as np
from typing_extensions import override

from src.ingestion.raw_rows import EMPTY_TEXTS

_EMPTY_CELLS = EMPTY_TEXTS | {"<na>", "-", "–", "—", "[]", "{}"}
_MAX_EMPTY_LENGTH = max(map(len, _EMPTY_CELLS))
_MAX_ITEMS = 1_000  # items read of one list
_MAX_LITERAL_LENGTH = 50_000  # characters of a list written as text

_LITERAL_START = re.compile(r"\s*[\[{][\s\[{]*[\"'\]}]")
_INVALID_ESCAPE = re.compile(r"\\(?![\\'\"nrt])")

_MAX_RAW_LENGTH = 200_000  # characters read of one text, so that no text holds up a load
_MAX_ROUNDS = 4  # exports escape text that is escaped already: &amp;amp;lt;

_INLINE_NAMES = """
    a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u
    var wbr
"""
_BLOCK_NAMES = """
    address area article aside audio base blockquote body br button canvas caption center col colgroup dd details dialog
    dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html
    iframe img input label legend li link main map menu meta nav noscript object ol optgroup option p param picture pre
    script section select source style summary svg table tbody td template textarea tfoot th thead time title tr track
    ul video
"""
_INLINE, _BLOCK = frozenset(_INLINE_NAMES.split()), frozenset(_BLOCK_NAMES.split())
_CODE_TAGS = ("script", "style")

# A "<" opens a tag only before a name of HTML, a closing name, a prefixed name or an attribute: "<3" and "5 <6" stay.
_TAG = re.compile(
    rf"</?(?:{'|'.join(sorted(_INLINE | _BLOCK))})(?=[\s/>]|$)|</[a-z][^\s<>/]*\s*>|<[a-z]\w*:\w+(?=[\s/>])"
    r"|<[a-z][\w-]*\s+[\w:-]+\s*=\s*[\"']",
    re.IGNORECASE,
)
_SURELY_UNCLOSED = re.compile(r"</?(?:script|style)(?=[\s/]|$)|<[a-z][\w:-]*\s+[\w:-]+\s*=", re.IGNORECASE)
_TAIL_OF_TAG = re.compile(r"[^<>]*[\"']\s*/>")
_DECLARATION = re.compile(
    r"<!--.*?(?:-->|\Z)|<!doctype\b[^>]*(?:>|\Z)|<!\[(?!CDATA)[^>]*(?:>|\Z)|<\?(?:xml|php)\b.*?(?:\?>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|(\w{1,32}));")
# Control characters other than blanks, lone surrogates, and the byte order mark.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
_NEEDS_CLEANING = re.compile(r"[<>&{(=]|  ")

_CSS_RULE = re.compile(
    r"\s*(?:/\*.*?(?:\*/|\Z)"
    r"|@(?:media|import|charset|font-face|(?:-\w+-)?keyframes|supports|page)\b[^{};]{0,300}(?:;|\{|\Z)"
    r"|(?:[.#][-_a-zA-Z]|[*:\[]|(?:a|b|body|button|div|em|h[1-6]|html|i|img|input|li|ol|p|span|table|td|th|tr|ul)(?![\w-]))"
    r"[^{}]{0,500}\{\s*(?:(?:[-\w]+\s*:[^{}]*)?(?:\}|\Z)|[-\w]*\Z)"
    r"|\})",
    re.DOTALL,
)
_SCRIPT = re.compile(
    r"\s*(?:(?:var|let|const)\s+[\w$]+\s*=|[!(;]*\s*function\s*[\w$]*\s*\([\w\s,$]*\)\s*\{|\(\s*\)\s*=>"
    r"|(?:window|document|jQuery|amznJQ|P)\.[\w.]+\s*[(=]|\$\(\s*(?:document|function|[\"'])"
    r"|if\s*\(\s*(?:typeof|window|document|!)|try\s*\{|//\s*<!\[CDATA)"
)


def normalize_cell(cell: object) -> object:
    """Return the cell as None (unknown), stripped text, bool, int, float (no NaN), list or dict.

    Cells of other types are returned unchanged; no role accepts them.
    """
    if cell is None:
        return None
    if type(cell) is not str and isinstance(cell, np.generic | np.ndarray):
        cell = cell.tolist()
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str):
        text = cell.strip()
        return None if len(text) <= _MAX_EMPTY_LENGTH and text.lower() in _EMPTY_CELLS else text
    if isinstance(cell, Decimal):
        cell = float(cell) if not cell.is_snan() else None
    if isinstance(cell, float):
        return None if math.isnan(cell) else cell
    if isinstance(cell, tuple | set | frozenset):
        cell = list(cell)
    if (isinstance(cell, list | dict) and not cell) or type(cell).__name__ in ("NAType", "NaTType"):
        return None
    return cell


def cell_text(cell: object) -> str | None:
    """Return a normalized cell as text; None if it is neither text nor a number."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and math.isfinite(cell):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) < 10**18:
        return str(cell)
    return None


def list_items(cell: object) -> list[object]:
    """Return the items of a list, also of one written as text in JSON or Python notation; else [cell]."""
    cell = _parse_literal(cell)
    return cell[:_MAX_ITEMS] if isinstance(cell, list) else [cell]


def _parse_literal(cell: object) -> object:
    """Return the list or dict that a text spells out; the cell itself if it spells out none."""
    if not isinstance(cell, str) or len(cell) > _MAX_LITERAL_LENGTH or not _LITERAL_START.match(cell):
        return cell
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        if _INVALID_ESCAPE.search(cell):  # Python warns about it
            return cell
        try:
            value = ast.literal_eval(cell)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return cell
    return value if isinstance(value, list | dict) else cell


def has_value(cell: object) -> bool:
    """Whether a raw cell, or any item of a list in it, is known."""
    return any(normalize_cell(item) is not None for item in list_items(normalize_cell(cell)))


def iter_texts(cell: object) -> Iterator[str]:
    """Yield every text and number of a cell as text, through nested lists; of a dict, its "name"."""
    stack, n_seen = [cell], 0
    while stack and n_seen < _MAX_ITEMS:
        n_seen += 1
        value = _parse_literal(normalize_cell(stack.pop()))
        if isinstance(value, list):
            stack.extend(reversed(value[:_MAX_ITEMS]))
        elif isinstance(value, dict):
            stack.append(value.get("name"))
        elif (text := cell_text(value)) is not None:
            yield text


# --- Text without markup ---


class CleanedText(NamedTuple):
    """The result of cleaning a text.

    Attributes:
        text: One line, "" if the raw text is markup only.
        had_html: Whether tags or code were removed.
        had_control: Whether control characters were removed.
    """

    text: str
    had_html: bool = False
    had_control: bool = False


def clean_text(raw: str) -> CleanedText:
    """Return the text as one line, without tags, CSS, scripts, control characters and repeated blanks.

    Entities are decoded. A tag that is never closed by ">" removes the text behind it, since such a text is a truncated
    scrape. No result has a tag of HTML in it, however deeply the input had escaped it.
    """
    if raw.isprintable() and not _NEEDS_CLEANING.search(raw):
        return CleanedText(raw.strip())
    text = _CONTROL.sub("", raw[:_MAX_RAW_LENGTH])
    had_control = len(text) < len(raw[:_MAX_RAW_LENGTH])
    text, had_html = _remove_html(text)
    text = text.lstrip()
    readable = _remove_code(text)
    return CleanedText(" ".join(readable.split()), had_html or readable != text, had_control)


def is_truncated(raw: str) -> bool:
    """Whether `clean_text` reads a part of the text only."""
    return len(raw) > _MAX_RAW_LENGTH


def first_alt_text(raw: str) -> str:
    """Return the alternative text of the first image in the raw text; "" without one."""
    reader = _TextExtractor()
    reader.read(raw[:_MAX_RAW_LENGTH])
    return clean_text(reader.alt).text


def _remove_html(text: str) -> tuple[str, bool]:
    had_html = False
    for _ in range(_MAX_ROUNDS):
        before = text
        if "<" in text or "/>" in text:
            text = _remove_tags(text)
            had_html = had_html or text != before
        if "&" in text:
            text = _CONTROL.sub("", _ENTITY.sub(_decode_entity, text))
        if text == before:
            break
    without_signs = remove_tag_signs(text)
    return without_signs, had_html or without_signs != text


def remove_tag_signs(text: str) -> str:
    """Return the text with every "<" replaced by a blank if it has a tag: joining texts can complete one."""
    tag = _TAG.search(text)
    is_tag = tag and (">" in text[tag.end() :] or _SURELY_UNCLOSED.search(text))
    return " ".join(text.replace("<", " ").split()) if is_tag else text


def _decode_entity(entity: re.Match[str]) -> str:
    # unescape also decodes the start of an unknown name (&notes; as ¬es;).
    return unescape(entity[0]) if entity[1] is None or f"{entity[1]};" in html5 else entity[0]


def _remove_tags(text: str) -> str:
    text = _DECLARATION.sub(" ", _CDATA.sub(r"\1", text))
    if tail := _TAIL_OF_TAG.match(text):
        text = text[tail.end() :]
    last = text.rfind(">") + 1
    if (unclosed := _TAG.search(text, last)) and (
        not text[: unclosed.start()].strip() or _SURELY_UNCLOSED.match(text, unclosed.start())
    ):
        text = text[: unclosed.start()]
    if not _TAG.search(text):
        return text
    reader = _TextExtractor()
    reader.read(text)
    return "".join(reader.parts)


class _TextExtractor(HTMLParser):
    """Collect the text between tags.

    Every "<" that opens no tag is escaped before parsing, because versions of Python differ on malformed markup.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.alt = ""
        self._inside: str | None = None

    def read(self, text: str) -> None:
        # The parser must leave entities alone: they are decoded afterwards.
        text = text.replace("&", "&amp;")
        last = text.rfind(">") + 1
        literal = [
            at.start() for at in re.finditer("<", text) if at.start() >= last or not _TAG.match(text, at.start())
        ]
        parts, start = [], 0
        for at in literal:
            parts += [text[start:at], "&lt;"]
            start = at + 1
        self.feed("".join([*parts, text[start:]]))
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _CODE_TAGS:
            self._inside = tag
        if tag == "img" and not self.alt:
            self.alt = dict(attrs).get("alt") or ""
        self._append_blank(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = None
        self._append_blank(tag)

    @override
    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.parts.append(data)

    def _append_blank(self, tag: str) -> None:
        if tag not in _INLINE:
            self.parts.append(" ")


def _remove_code(text: str) -> str:
    """Return the text without leading CSS rules; "" if a script follows."""
    at = 0
    while rule := _CSS_RULE.match(text, at):
        if rule.end() == at:
            break
        at = rule.end()
    rest = text[at:].lstrip()
    return "" if _SCRIPT.match(rest) else rest
