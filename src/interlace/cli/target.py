"""Finds the coroutine function that `FILE.py:FUNC` or `MODULE:FUNC` names, or says what to type instead."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import linecache
import os
import sys
from types import ModuleType
from typing import Any

from interlace.errors import UsageError
from interlace.model.source import last_user_place, show_path


class Wrong(UsageError):
    """Wrong usage, with the next thing to type."""

    def __init__(self, message: str, then: str) -> None:
        super().__init__(message)
        self.then = then


def load(target: str) -> Any:
    """Returns the coroutine function that `FILE.py:FUNC` or `MODULE:FUNC` names.

    Raises:
        UsageError: it does not exist, cannot be imported, or is something else.
    """
    where, colon, path = target.rpartition(":")
    if not colon or not path or os.sep in path or path.endswith(".py"):
        where, path = (where if colon and not path else target), ""
    if not where:
        raise Wrong(f"{target!r} names no file or module", "interlace run shop.py:main")
    module = _load_module(where)
    if not path:
        raise Wrong(f"{target!r} names no function", _suggest(where, module, ""))
    found: Any = module
    owner: Any
    for name in path.split("."):
        owner = found
        found = vars(owner).get(name) if isinstance(owner, (ModuleType, type)) else getattr(owner, name, None)
        if found is None:
            message = f"{where} has no function {path!r}{_candidates(module)}"
            raise Wrong(message, _suggest(where, module, path))
        if isinstance(found, (staticmethod, classmethod)):
            found = getattr(owner, name)
        elif isinstance(owner, type) and inspect.isfunction(found):
            raise Wrong(
                f"{path} is a method: it needs an instance, so wrap it in a coroutine function of the module",
                _suggest(where, module, ""),
            )
    if inspect.iscoroutinefunction(found) or _is_callable_object(found):
        return found
    kind = f"of type {type(found).__name__}"
    if inspect.isfunction(found):
        kind = "a function without 'async'"
    elif inspect.isclass(found):
        kind = "a class"
    raise Wrong(f"{path} in {where} is {kind}, not a coroutine function", _suggest(where, module, ""))


def _is_callable_object(value: Any) -> bool:
    return callable(value) and inspect.iscoroutinefunction(vars(type(value)).get("__call__"))


def _load_module(where: str) -> ModuleType:
    is_file = where.endswith(".py") or os.sep in where or "/" in where
    if is_file and not os.path.isfile(where):
        raise Wrong(f"there is no file {where!r}", _similar_file(where))
    try:
        if not is_file:
            sys.path.insert(0, os.getcwd())
            return importlib.import_module(where)
        path = os.path.abspath(where)
        name = os.path.splitext(os.path.basename(path))[0]
        loaded = sys.modules.get(name)
        if loaded is not None and getattr(loaded, "__file__", None) == path:
            return loaded
        if loaded is not None:
            raise Wrong(
                f"{where} has the name of a module that is in use already", f"mv {where} my_{name}.py"
            )
        sys.path.insert(0, os.path.dirname(path))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except (UsageError, KeyboardInterrupt):
        raise
    except BaseException as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) and not is_file else None
        if missing is not None and (where == missing or where.startswith(missing + ".")):
            raise Wrong(f"there is no module {where!r}", _similar_file(f"{where}.py")) from None
        command = f"python {where}" if is_file else f"python -c 'import {where}'"
        raise Wrong(f"{where} cannot be imported: {_word_import_error(error)}", command) from None


def _word_import_error(error: BaseException) -> str:
    """Words an error at import in one line, with the user's own line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({show_path(error.filename)}:{error.lineno})"
    place = last_user_place(error.__traceback__)
    message = (str(error).splitlines() or [""])[0]
    what = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if place is None:
        return what
    source = linecache.getline(place.file, place.line).strip()
    return f"{what} ({show_path(place.file)}:{place.line}: {source})"


def _coroutine_functions(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if inspect.iscoroutinefunction(value) and value.__module__ == module.__name__
    ]


def _candidates(module: ModuleType) -> str:
    names = _coroutine_functions(module)
    if not names:
        return "; it has no coroutine function at all"
    return f"; its coroutine functions are {', '.join(names)}"


def _suggest(where: str, module: ModuleType, path: str) -> str:
    names = _coroutine_functions(module)
    if not names:
        return "interlace --help"
    near = difflib.get_close_matches(path, names, n=1, cutoff=0.5)
    return f"interlace run {where}:{(near or names)[0]}"


def _similar_file(where: str) -> str:
    directory, name = os.path.split(where)
    try:
        files = sorted(file for file in os.listdir(directory or ".") if file.endswith(".py"))
    except OSError:
        return "ls ."
    near = difflib.get_close_matches(name, files, n=1, cutoff=0.5)
    return f"interlace run {os.path.join(directory, near[0])}:main" if near else f"ls {directory or '.'}"
