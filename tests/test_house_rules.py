"""Rules of the code that no linter checks: one class name, one meaning; docstrings with parts."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path for folder in ("src", "app") for path in (ROOT / folder).rglob("*.py"))
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_class_name_is_defined_twice() -> None:
    defined: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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


INHERITS = {"override"}
"""An override has the contract of the method that it implements."""
ROUTES = {"operation"}
"""The parameters of a route are its schemas, which the OpenAPI description documents."""


def missing_sections(function: FunctionNode) -> list[str]:
    """The sections that the docstring of a public function ought to have and has not."""
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names = [name for name in names if name not in ("self", "cls")]
    if len(names) < 2 or decorators(function) & (INHERITS | ROUTES):
        return []
    text = ast.get_docstring(function) or ""
    wanted = ["Args:"]
    gives = ast.unparse(function.returns) if function.returns else "None"
    if gives.startswith(("Iterator", "Generator")):
        wanted.append("Yields:")
    elif gives not in ("None", "NoReturn", "Never"):
        wanted.append("Returns:")
    if any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(function)):
        wanted.append("Raises:")
    missing = [section for section in wanted if section not in text]
    if "Args:" in text:
        missing += [f"Args: {name}" for name in names if f"\n    {name}: " not in text]
    return missing


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_functions_of_two_or_more_arguments_document_them(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {name: missing_sections(function) for name, function in public_functions(tree)}
    assert {name: missing for name, missing in found.items() if missing} == {}
