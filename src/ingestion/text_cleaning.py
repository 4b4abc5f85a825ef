"""One raw cell, whatever a file format gives, as a list, as one line of text without markup, as a price."""

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

from src.ingestion.raw_rows import NOTHING

_NOTHING = NOTHING | {"<na>", "-", "–", "—", "[]", "{}"}
_LONGEST_NOTHING = max(map(len, _NOTHING))
_MEMBERS_LIMIT = 1_000  # of one list that are looked at
_LIST_TEXT_LIMIT = 50_000  # characters of a list written as text

_LIST_OF_TEXTS = re.compile(r"\s*[\[{][\s\[{]*[\"'\]}]")
_ODD_ESCAPE = re.compile(r"\\(?![\\'\"nrt])")

_RAW_LIMIT = 200_000  # characters of one text that are looked at: no page may hold up a load
_ROUNDS = 4  # exports escape what is escaped already: &amp;amp;lt;

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
_WITHOUT_TEXT = ("script", "style")

# A "<" is a tag's only before a name of HTML, a closing name, a prefixed name, or an attribute: "<3" and "5 <6" stay.
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
# Control characters that are no blanks, halves of surrogate pairs, and the byte order mark.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
_NEEDS_CARE = re.compile(r"[<>&{(=]|  ")

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


def known(cell: object) -> object:
    """The cell as None (not known), text without blanks around it, bool, int, finite or infinite float, list or dict.

    Anything else comes back as it is; no role takes it.
    """
    if cell is None:
        return None
    if type(cell) is not str and isinstance(cell, np.generic | np.ndarray):
        cell = cell.tolist()
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str):
        text = cell.strip()
        return None if len(text) <= _LONGEST_NOTHING and text.lower() in _NOTHING else text
    if isinstance(cell, Decimal):
        cell = float(cell) if not cell.is_snan() else None
    if isinstance(cell, float):
        return None if math.isnan(cell) else cell
    if isinstance(cell, tuple | set | frozenset):
        cell = list(cell)
    if (isinstance(cell, list | dict) and not cell) or type(cell).__name__ in ("NAType", "NaTType"):
        return None
    return cell


def as_text(cell: object) -> str | None:
    """The known cell as text; None if it is neither text nor a number."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and math.isfinite(cell):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) < 10**18:
        return str(cell)
    return None


def members(cell: object) -> list[object]:
    """What a list holds, also one that is written as text, as JSON or as Python does; [cell] for anything else."""
    cell = _unwritten(cell)
    return cell[:_MEMBERS_LIMIT] if isinstance(cell, list) else [cell]


def _unwritten(cell: object) -> object:
    """The list or dict that a text spells out; the cell itself if it does not."""
    if not isinstance(cell, str) or len(cell) > _LIST_TEXT_LIMIT or not _LIST_OF_TEXTS.match(cell):
        return cell
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        if _ODD_ESCAPE.search(cell):  # Python would warn of it
            return cell
        try:
            found = ast.literal_eval(cell)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return cell
    return found if isinstance(found, list | dict) else cell


def texts(cell: object) -> Iterator[str]:
    """Every text and number in a cell, however nested its lists are; of a dict, its name."""
    left, n_seen = [cell], 0
    while left and n_seen < _MEMBERS_LIMIT:
        n_seen += 1
        found = _unwritten(known(left.pop()))
        if isinstance(found, list):
            left.extend(reversed(found[:_MEMBERS_LIMIT]))
        elif isinstance(found, dict):
            left.append(found.get("name"))
        elif (text := as_text(found)) is not None:
            yield text


# --- Text without markup ---


class CleanedText(NamedTuple):
    """One line of text, "" if nothing but markup was there; whether tags or code, and control characters, went."""

    text: str
    had_html: bool = False
    had_control: bool = False


def clean_text(raw: str) -> CleanedText:
    """The text as one line without tags, CSS, scripts, control characters and repeated blanks, its entities read.

    A tag that is never closed by ">" takes what follows it along: such a text is a scrape cut in its middle.
    No result has a tag of HTML in it, however deep the input had escaped it.
    """
    if raw.isprintable() and not _NEEDS_CARE.search(raw):
        return CleanedText(raw.strip())
    text = _CONTROL.sub("", raw[:_RAW_LIMIT])
    had_control = len(text) < len(raw[:_RAW_LIMIT])
    text, had_html = _without_html(text)
    readable = _without_code(text)
    return CleanedText(" ".join(readable.split()), had_html or readable != text, had_control)


def is_cut(raw: str) -> bool:
    """Whether `clean_text` looks at a part of the text only."""
    return len(raw) > _RAW_LIMIT


def alt_text(raw: str) -> str:
    """What the first image in the text says it shows; "" without one."""
    reader = _Reader()
    reader.read(raw[:_RAW_LIMIT])
    return clean_text(reader.alt).text


def _without_html(text: str) -> tuple[str, bool]:
    had_html = False
    for _ in range(_ROUNDS):
        before = text
        if "<" in text or "/>" in text:
            text = _without_tags(text)
            had_html = had_html or text != before
        if "&" in text:
            text = _CONTROL.sub("", _ENTITY.sub(_character, text))
        if text == before:
            break
    harmless = without_tag_signs(text)
    return harmless, had_html or harmless != text


def without_tag_signs(text: str) -> str:
    """The text with blanks for every "<" if a tag is still, or again, in it: joining texts may close what was open."""
    tag = _TAG.search(text)
    is_tag = tag and (">" in text[tag.end() :] or _SURELY_UNCLOSED.search(text))
    return " ".join(text.replace("<", " ").split()) if is_tag else text


def _character(entity: re.Match[str]) -> str:
    # unescape also reads the start of an unknown name (&notes; as ¬es;), which would spoil names.
    return unescape(entity[0]) if entity[1] is None or f"{entity[1]};" in html5 else entity[0]


def _without_tags(text: str) -> str:
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
    reader = _Reader()
    reader.read(text)
    return "".join(reader.parts)


class _Reader(HTMLParser):
    """Gathers what stands between tags. Only what is a tag gets here: on odd markup versions of Python differ."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.alt = ""
        self._inside: str | None = None

    def read(self, text: str) -> None:
        # Entities are read afterwards: for the parser they are text.
        text = text.replace("&", "&amp;")
        last = text.rfind(">") + 1
        literal = [
            at.start() for at in re.finditer("<", text) if at.start() >= last or not _TAG.match(text, at.start())
        ]
        pieces, start = [], 0
        for at in literal:
            pieces += [text[start:at], "&lt;"]
            start = at + 1
        self.feed("".join([*pieces, text[start:]]))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _WITHOUT_TEXT:
            self._inside = tag
        if tag == "img" and not self.alt:
            self.alt = dict(attrs).get("alt") or ""
        self._space(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = None
        self._space(tag)

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.parts.append(data)

    def _space(self, tag: str) -> None:
        if tag not in _INLINE:
            self.parts.append(" ")


def _without_code(text: str) -> str:
    """Without the CSS it begins with; "" if what follows is a script."""
    at = 0
    while rule := _CSS_RULE.match(text, at):
        if rule.end() == at:
            break
        at = rule.end()
    rest = text[at:]
    return "" if _SCRIPT.match(rest) else rest


# --- Prices ---
