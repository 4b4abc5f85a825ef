"""Read JSON objects that hold other objects and lists: orders with lines, sessions with events, users with items."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, overload

from typing_extensions import override

from src.ingestion.column_names import INVOICE, KIND, PRODUCT, QUANTITY, TIME, TITLE, USER, candidates
from src.ingestion.column_words import role_by_words, words_of
from src.ingestion.input_files import refuse_many_columns, sampled
from src.ingestion.json_rows import JsonDocumentRows, JsonLinesRows, parse_object
from src.ingestion.line_items import is_map_of_quantities
from src.ingestion.raw_rows import RawBlock

_SAMPLE_OBJECTS = 300
_SAMPLE_ROWS = 200
_DEEPEST = 4
_VARIANTS = frozenset({"variant", "variants", "variation", "variations", "skus", "varianten", "variantes"})
_OUTER = "record."  # before names of the whole object that its list has too
_PARENT = "parent."  # the same, where the object is a product and its list has the variants


@dataclass(frozen=True)
class Plan:
    """How objects become rows.

    Attributes:
        chain: Names of lists, outermost first, whose elements become rows; empty where an object is a row.
        columns: Name of a column → (depth in the chain, path of keys from there).
        beside: The same, for what objects without the list have themselves: a log's views of one product, beside orders
            of several.
    """

    chain: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple[int, tuple[str, ...]]]
    beside: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)


def plan_of(reader: JsonLinesRows) -> Plan | None:
    """Find out how the objects of a file become rows.

    Args:
        reader: The file.

    Returns:
        The plan; None if each object is a flat row already, or a product with lists of its own.
    """
    objects = (parse_object(line) for _, line in reader.numbered_lines())
    first = list(itertools.islice((value for value in objects if value is not None), _SAMPLE_OBJECTS))
    return plan_of_objects(first, reader.file.path)


@overload
def plan_of_objects(first: Sequence[Mapping[str, Any]], path: Path, *, always: Literal[True]) -> Plan: ...


@overload
def plan_of_objects(first: Sequence[Mapping[str, Any]], path: Path, *, always: bool = False) -> Plan | None: ...


def plan_of_objects(first: Sequence[Mapping[str, Any]], path: Path, *, always: bool = False) -> Plan | None:
    """Find out how objects become rows.

    Args:
        first: The first objects.
        path: Their file.
        always: Whether flat objects have a plan too.

    Returns:
        The plan; None if each object is a flat row already, or a product with lists of its own.
    """
    outer = _leaves(first)
    has_nested = any("." in ".".join(path) for path in outer)
    names = [".".join(path) for path in outer]
    tops = candidates([path[-1] if len(path) == 1 else ".".join(path) for path in outer])
    products = [outer[at] for at in tops.get(PRODUCT, []) if names[at] != "id"]
    chain = _find_chain(first, (), set())
    is_either = bool(chain and products) and _have_either(first, chain[0], products)
    of_variants = chain and _VARIANTS & set(words_of(chain[-1][-1])) and not {USER, INVOICE} & _roles_of(names)
    if products and not is_either and not of_variants:
        chain = ()
    if not always and not chain and not (has_nested and (_has_more_roles(names) or PRODUCT not in _roles_of(names))):
        return None
    plan = _planned(first, chain, names, is_either=is_either)
    refuse_many_columns(path, len(plan.columns))
    return plan


def _planned(
    first: Sequence[Mapping[str, Any]], chain: tuple[tuple[str, ...], ...], names: Sequence[str], *, is_either: bool
) -> Plan:
    """Return the columns of the rows that objects become.

    Args:
        first: The first objects.
        chain: Names of lists, outermost first, whose elements become rows.
        names: Names of the values of the objects themselves.
        is_either: Whether an object has one product of its own where it has no list.
    """
    columns: dict[str, tuple[int, tuple[str, ...]]] = {}
    is_catalogue = not {USER, INVOICE} & _roles_of(names)
    inner_names: set[str] = set()
    beside: dict[str, tuple[int, tuple[str, ...]]] = {}
    for depth in range(len(chain), -1, -1):
        level = [value for value in _reached(first, chain[:depth]) if isinstance(value, dict)]
        if depth and not level:
            columns[".".join(chain[depth - 1])] = (depth, ())
            continue
        paths, lists = _leaves(level), _lists(level)
        is_catalogue = is_catalogue and (depth == 0 or KIND not in _roles_of([".".join(path) for path in paths]))
        above = _PARENT if is_catalogue else _OUTER
        for path in paths:
            if chain[depth : depth + 1] == (path,):
                continue
            name = ".".join(path)
            is_list = path in lists
            if is_either and depth < len(chain) and path[-1] in columns and columns[path[-1]][0] > depth:
                beside[path[-1]] = (depth, path)
                continue
            if depth < len(chain) and not is_list and (role_by_words(name) or ("", 0))[0] == QUANTITY:
                continue  # of the whole order, not of its lines
            columns[name if name not in inner_names else f"{above * (len(chain) - depth)}{name}"] = (depth, path)
        inner_names |= set(columns) | (_names_of_elements(columns, is_catalogue) if chain else set())
    return Plan(chain, columns, beside)


def _have_either(objects: Sequence[Any], chain: tuple[str, ...], products: Sequence[tuple[str, ...]]) -> bool:
    """Whether each object has either one product of its own or a list of them, and some have the list."""
    with_list = [value for value in objects if _elements(value, chain)]
    return bool(with_list) and not any(_get(value, path) for value in with_list for path in products)


def _names_of_elements(inner: Collection[str], is_catalogue: bool) -> set[str]:
    """Return names that mean something of the elements of a list, and another thing of the object that has the list.

    Args:
        inner: Names of the values of the elements.
        is_catalogue: Whether the object is a product, whose title is that of its variants if they have none.
    """
    is_untitled = TITLE not in _roles_of(list(inner))
    return {"id", "number", "price"} | (set() if is_untitled and is_catalogue else {"name", "title"})


def _has_more_roles(names: Sequence[str]) -> bool:
    """Whether names of nested values tell a user or product that the flat names do not."""
    flat = [name for name in names if "." not in name]
    roles = _roles_of([name for name in names if "." in name])
    return bool({USER, PRODUCT} & roles - candidates(flat).keys()) or (bool({USER, PRODUCT} & roles) and USER in roles)


def _leaves(objects: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return the paths of all values that are no objects, each once, in order of appearance."""
    found: dict[tuple[str, ...], None] = {}
    lists: set[tuple[str, ...]] = set()
    maps = _maps(objects)

    def walk(value: Mapping[str, Any], above: tuple[str, ...]) -> None:
        for key, inner in value.items():
            path = (*above, str(key))
            if isinstance(inner, dict) and len(path) < _DEEPEST and path not in maps:
                walk(inner, path)
            elif not (isinstance(inner, list) and inner and isinstance(inner[0], dict)):
                found[path] = None
            else:
                lists.add(path)

    for value in objects:
        walk(value, ())
    # XML has one element where another object has a list.
    return [path for path in found if not any(path[:depth] in lists for depth in range(1, len(path)))]


def _maps(objects: Sequence[Mapping[str, Any]]) -> set[tuple[str, ...]]:
    """Return the paths of objects that are maps of ids to quantities: each object has other names."""
    names: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for value in objects:
        for key, inner in value.items():
            if isinstance(inner, dict) and inner:
                names.setdefault((str(key),), []).append(inner)
    return {
        path
        for path, found in names.items()
        if len({*map(frozenset, found)}) > 1 and all(map(is_map_of_quantities, found))
    }


def _find_chain(
    objects: Sequence[Any], above: tuple[tuple[str, ...], ...], outer: set[str]
) -> tuple[tuple[str, ...], ...]:
    """Return the chain of lists whose elements are events or lines of orders; () if there is none.

    Args:
        objects: Objects of one depth.
        above: The chain so far.
        outer: Roles that names outside tell.
    """
    dicts = [value for value in objects if isinstance(value, dict)]
    lists = set(_lists(dicts))
    names = [".".join(path) for path in _leaves(dicts) if path not in lists]
    roles = outer | _roles_of(names)
    if len(above) >= 3:
        return ()
    found: list[tuple[int, tuple[tuple[str, ...], ...]]] = []
    for path in _lists(dicts):
        elements = [each for value in dicts for each in _elements(value, path)]
        inner = [value for value in elements[:_SAMPLE_OBJECTS] if isinstance(value, dict)]
        chain = (*above, path)
        if len(inner) * 2 > len(elements[:_SAMPLE_OBJECTS]):
            leaf_roles = _roles_of([".".join(leaf) for leaf in _leaves(inner)])
            if deeper := _find_chain(inner, chain, roles):
                found.append((len(_reached(inner, deeper[len(chain) :])), deeper))
            elif PRODUCT in leaf_roles or (USER in roles and {TIME, KIND} <= leaf_roles):
                found.append((len(elements), chain))
        elif elements and USER in roles and PRODUCT not in roles and (role_by_words(path[-1]) or ("", 0))[0] == PRODUCT:
            found.append((len(elements), chain))
    # What few objects have, such as the lines that came back, is not what rows are made of.
    return max(found, key=lambda each: each[0], default=(0, ()))[1]


def _reached(objects: Sequence[Any], chain: Sequence[tuple[str, ...]]) -> list[Any]:
    """Return the elements at the end of a chain of lists."""
    for path in chain:
        objects = [each for value in objects for each in _elements(value, path)]
    return list(objects)


def _roles_of(names: Sequence[str]) -> set[str]:
    exact = {role for role, at in candidates(names).items() if any(names[each] != "id" for each in at)}
    worded = {found[0] for name in names if (found := role_by_words(name)) and found[1] >= 0.5}
    return exact | worded | ({KIND} if "type" in names else set())


def _lists(objects: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return the paths of all lists."""
    found: dict[tuple[str, ...], None] = {}

    def walk(value: Mapping[str, Any], above: tuple[str, ...]) -> None:
        for key, inner in value.items():
            path = (*above, str(key))
            if isinstance(inner, dict) and len(path) < _DEEPEST:
                walk(inner, path)
            elif isinstance(inner, list) and inner:
                found[path] = None

    for value in objects:
        walk(value, ())
    return list(found)


def _elements(value: Any, path: tuple[str, ...]) -> list[Any]:
    found = _get(value, path)
    return found if isinstance(found, list) else [found] if isinstance(found, dict) else []


def _get(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def rows_of_object(value: dict[str, Any], plan: Plan, names: Sequence[str]) -> Iterator[list[Any]]:
    """Yield the rows of an object.

    Args:
        value: The object.
        plan: How it becomes rows.
        names: Columns of a row.

    Yields:
        The cells of each row; one with empty cells if the object's list is empty.
    """
    columns = [plan.columns[name] for name in names]

    def walk(contexts: tuple[Any, ...], places: tuple[tuple[int, int], ...]) -> Iterator[list[Any]]:
        depth = len(contexts) - 1
        if depth == len(plan.chain):
            cells = [_get(contexts[at], path) if path or at else None for at, path in columns]
            if plan.beside:
                cells = [
                    _get(contexts[plan.beside[name][0]], plan.beside[name][1])
                    if cell is None and name in plan.beside
                    else cell
                    for cell, name in zip(cells, names, strict=True)
                ]
            yield [
                _beside(cell, places[at]) if at < depth and isinstance(cell, list) else cell
                for cell, (at, _) in zip(cells, columns, strict=True)
            ]
            return
        elements = _elements(contexts[-1], plan.chain[depth]) or [None]
        for place, element in enumerate(elements):
            yield from walk((*contexts, element), (*places, (place, len(elements))))

    yield from walk((value,), ())


def _beside(cells: list[Any], place: tuple[int, int]) -> Any:
    """Return the element of a list that stands beside another list as long as it; the list if it is not as long.

    Args:
        cells: The list.
        place: Position in the other list, and the length of that.
    """
    at, length = place
    return cells[at] if len(cells) == length else cells


@dataclass(frozen=True)
class NestedJsonRows(JsonLinesRows):
    """A file of nested objects, one a line.

    Attributes:
        plan: How an object becomes rows.
    """

    plan: Plan = Plan((), {})

    @override
    def describe(self) -> str:
        lists = " > ".join(".".join(path) for path in self.plan.chain)
        return f"{super().describe()}, one row for each of {lists}" if lists else super().describe()

    @override
    def field_names(self) -> list[str]:
        return list(self.plan.columns)

    @override
    def sample(self) -> list[list[Any]]:
        objects = ((parse_object(line), len(line)) for _, line in self.numbered_lines())
        first = sampled(((value, size) for value, size in objects if value is not None), _SAMPLE_ROWS)
        return list(
            itertools.islice(
                (row for value in first for row in rows_of_object(value, self.plan, self.names)), _SAMPLE_ROWS
            )
        )

    @override
    def blocks(self) -> Iterator[RawBlock]:
        # A block of objects is read whole, as for flat files, and each object then becomes its rows.
        for block in super(NestedJsonRows, replace(self, names=())).blocks():
            lines: list[int] = []
            rows: list[Sequence[object]] = []
            texts: list[str] = []
            for line, text in zip(block.lines, block.texts or (), strict=True):
                for row in rows_of_object(parse_object(text) or {}, self.plan, self.names):
                    lines.append(line)
                    rows.append(row)
                    texts.append(text)
            yield RawBlock(lines, rows, block.broken, texts)


class NestedJsonDocumentRows(NestedJsonRows, JsonDocumentRows):
    """A file of nested objects over several lines."""
