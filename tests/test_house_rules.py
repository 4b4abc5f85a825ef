"""Rules of the code that no linter checks: one class name, one meaning; docstrings with parts."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path for folder in ("src", "app") for path in (ROOT / folder).rglob("*.py"))
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
INHERITS = {"override", "overload"}
"""Decorators of functions whose contract stands elsewhere."""
ROUTES = {"operation"}
"""Decorators of routes, whose parameters are schemas: the OpenAPI description documents them."""
CONTEXTS = {"AisleContext", "Phrases", "Reporter"}
"""Types of arguments that mean the same everywhere."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_class_name_is_defined_twice() -> None:
    defined: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                defined[node.name].append(name_of(path))
    assert {name: places for name, places in defined.items() if len(places) > 1} == {}


def public_functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, FunctionNode]]:
    """Functions and methods whose names, and whose classes' names, do not begin with an underscore."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode) and not child.name.startswith("_"):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public_functions(child, f"{prefix}{child.name}.")


def decorators(function: FunctionNode) -> set[str]:
    return {ast.unparse(decorator).split("(")[0].split(".")[-1] for decorator in function.decorator_list}


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, SCOPES):
            yield child
            yield from own_nodes(child)


def arguments_of(function: FunctionNode) -> dict[str, bool]:
    """The names of the arguments without self and cls, and whether a docstring has to name each."""
    given = function.args
    found = [("", argument) for argument in (*given.posonlyargs, *given.args)]
    found += [("*", given.vararg)] if given.vararg else []
    found += [("", argument) for argument in given.kwonlyargs]
    found += [("**", given.kwarg)] if given.kwarg else []
    return {
        stars + argument.arg: not says_all(argument.arg, ast.unparse(argument.annotation or ast.Constant(None)))
        for stars, argument in found
        if argument.arg not in ("self", "cls")
    }


def says_all(name: str, type_name: str) -> bool:
    """Whether the type of an argument says what it is: a context, or a class after which the argument is named."""
    kind = type_name.removesuffix(" | None")
    return kind in CONTEXTS or f"_{re.sub('(?<=[a-z0-9])(?=[A-Z])', '_', kind).lower()}".endswith(f"_{name}")


def sections_of(docstring: str) -> dict[str, list[str]]:
    """The lines of every section of a docstring, by its heading."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in docstring.splitlines():
        if line[:1].isalpha() and line.endswith(":") and " " not in line:
            lines = sections.setdefault(line, [])
        else:
            lines.append(line)
    return sections


def documented_arguments(lines: list[str]) -> list[str]:
    """The names at the beginnings of the entries of an Args section; lines that go on are indented further."""
    return [line[4:].partition(":")[0] for line in lines if line[:4] == "    " and line[4:5] not in ("", " ")]


def docstring_faults(function: FunctionNode) -> list[str]:
    """The sections and arguments that the docstring of a public function lacks or has for nothing."""
    names = arguments_of(function)
    if sum(names.values()) < 2 or decorators(function) & (INHERITS | ROUTES):
        return []
    docstring = ast.get_docstring(function) or ""
    sections = sections_of(docstring)
    nodes = list(own_nodes(function))
    wanted = ["Args:"]
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
        wanted.append("Yields:")
    elif function.returns is not None and ast.unparse(function.returns) not in ("None", "NoReturn", "Never"):
        wanted += [] if docstring.startswith("Return ") else ["Returns:"]
    if any(isinstance(node, ast.Raise) and node.exc is not None for node in nodes):
        wanted.append("Raises:")
    faults = [f"no {section}" for section in wanted if section not in sections]
    documented = documented_arguments(sections.get("Args:", []))
    expected = [name for name, has_to in names.items() if has_to or name in documented]
    if "Args:" in sections and documented != expected:
        faults.append(f"Args: {', '.join(documented)}; expected {', '.join(expected)}")
    return faults


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_functions_of_two_or_more_arguments_document_them(path: Path) -> None:
    found = {name: docstring_faults(function) for name, function in public_functions(tree_of(path))}
    assert {name: faults for name, faults in found.items() if faults} == {}
