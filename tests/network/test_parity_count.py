"""There are enough programs in parity with the stock loop, and no two are the same."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent.parent

ENOUGH = 250

DECORATORS = {"program"}


def programs(file: Path) -> list[ast.AsyncFunctionDef]:
    """Returns the functions of a file that are compared with the stock loop."""
    found = [
        node
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    if file.name == "test_parity_threads.py":
        return [node for node in found if not node.name.startswith("_")]
    return [
        node
        for node in found
        if any(isinstance(one, ast.Name) and one.id in DECORATORS for one in node.decorator_list)
    ]


def test_there_are_enough_and_each_is_its_own() -> None:
    files = sorted(TESTS.rglob("test_*.py"))
    found = [node for file in files for node in programs(file)]
    bodies = {ast.dump(ast.Module(node.body, [])) for node in found}
    assert len(bodies) == len(found), "a program stands there twice"
    assert len(found) >= ENOUGH, f"{len(found)} programs"
