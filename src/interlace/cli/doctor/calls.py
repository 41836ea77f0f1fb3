"""Calls in tests and fixtures that hold up the loop, start another one, or read a clock."""

from __future__ import annotations

import ast
from pathlib import Path

from interlace.cli.doctor.facts import Spot, Use
from interlace.cli.doctor.names import Defined, Names, own_calls

CLOCKS = {
    *(f"time.{name}{unit}" for name in ("time", "monotonic", "perf_counter") for unit in ("", "_ns")),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
}
_METHODS = {"run_until_complete": "run_until_complete", "run_forever": "run_until_complete"}
_NAMES = {
    "asyncio.run": "asyncio.run",
    "asyncio.Runner": "asyncio.Runner",
    "time.sleep": "time.sleep",
    "asyncio.get_event_loop": "get_event_loop",
    **dict.fromkeys(CLOCKS, "clock"),
}


def find_uses(file: Path, function: Defined, names: Names) -> tuple[Use, ...]:
    """Returns the calls of a function that matter, in the order of their lines."""
    found = []
    for call, parent in own_calls(function):
        dotted = names.dotted(call.func)
        kind = _NAMES.get(dotted, "")
        if not kind and isinstance(call.func, ast.Attribute):
            kind = _METHODS.get(call.func.attr, "")
        if kind:
            edit = _edit(kind, call, parent, names)
            found.append(Use(kind, ast.unparse(call), edit, Spot(file, call.lineno)))
    return tuple(sorted(found, key=lambda use: use.spot.line))


def _edit(kind: str, call: ast.Call, parent: ast.AST, names: Names) -> str:
    if isinstance(parent, ast.Await) or not call.args or isinstance(call.args[0], ast.Starred):
        return ""
    first = ast.unparse(call.args[0])
    if kind == "time.sleep":
        return names.replace(call, f"await {names.called('asyncio')}.sleep({first})")
    if kind in ("asyncio.run", "run_until_complete"):
        # What an operator makes of an argument must not be split by the await.
        simple = isinstance(call.args[0], (ast.Call, ast.Name, ast.Attribute, ast.Subscript))
        return names.replace(call, f"await {first}" if simple else f"await ({first})")
    return ""
