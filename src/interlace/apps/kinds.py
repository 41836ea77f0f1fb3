"""Which kind of application something is, told before it is served: ASGI 3, ASGI 2, WSGI, or a function that makes one."""

from __future__ import annotations

import inspect
from typing import Any

from interlace.errors import UsageError

_ASGI = 3
_WSGI = 2


def check_asgi(app: Any, call: str) -> None:
    """Refuses what is no application of ASGI 3.

    Args:
        app: what was given: a callable that takes scope, receive and send.
        call: the call that it was given to, as one writes it, such as `asgi('http://billing', ...)`.

    Raises:
        UsageError: it is none.
    """
    _check_callable(app, call)
    takes = _counts(app)
    if _ASGI not in takes:
        raise UsageError(f"{call}: {_named(app)} {_instead_of_asgi(app, takes)}")
    if inspect.isclass(app) and not hasattr(app, "__await__"):
        raise UsageError(f"{call}: {_named(app)} is a class: give an application that is made from it")


def check_wsgi(app: Any, call: str) -> None:
    """Refuses what is no application of WSGI; arguments and errors as for `check_asgi`."""
    _check_callable(app, call)
    takes = _counts(app)
    if _is_async(app) or (_ASGI in takes and _WSGI not in takes):
        raise UsageError(
            f"{call}: {_named(app)} is an application of ASGI, not of WSGI: use {call.replace('wsgi(', 'asgi(', 1)}"
        )
    if _WSGI not in takes:
        raise UsageError(
            f"{call}: {_named(app)} is no application of WSGI, which takes environ and start_response{_maker(app, takes)}"
        )


def _check_callable(app: Any, call: str) -> None:
    if isinstance(app, str):
        raise UsageError(f"{call}: {app!r} is a text: import the application, and give that")
    if inspect.iscoroutine(app):
        app.close()
        raise UsageError(f"{call}: {app!r} is a coroutine: give the async function itself, not its result")
    if not callable(app):
        raise UsageError(f"{call}: {app!r} is no application: it cannot be called")


def _instead_of_asgi(app: Any, takes: frozenset[int]) -> str:
    if _WSGI in takes and not _is_async(app):
        return "is an application of WSGI, not of ASGI: use world.wsgi(...) for it"
    if takes == {1} and not _is_async(app):
        return (
            "takes one argument, as applications of ASGI 2 do: give one of ASGI 3, which takes scope, receive and "
            "send (asgiref.compatibility.guarantee_single_callable makes one of it)"
        )
    return f"is no application of ASGI 3, which takes scope, receive and send{_maker(app, takes)}"


def _maker(app: Any, takes: frozenset[int]) -> str:
    if 0 in takes:
        return f". If it makes one, call it: {_name(app)}()"
    return ""


def _is_async(app: Any) -> bool:
    while hasattr(app, "func") and hasattr(app, "keywords"):  # functools.partial
        app = app.func
    return inspect.iscoroutinefunction(app) or (
        not inspect.isclass(app) and inspect.iscoroutinefunction(type(app).__call__)
    )


def _counts(app: Any) -> frozenset[int]:
    """Returns with how many arguments, up to three, it can be called."""
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):  # some that are written in C have none
        return frozenset({_WSGI, _ASGI})
    found = set()
    for count in range(_ASGI + 1):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        found.add(count)
    return frozenset(found)


def _name(app: Any) -> str:
    return getattr(app, "__qualname__", None) or type(app).__qualname__


def _named(app: Any) -> str:
    return f"{_name(app)} ({app!r})" if not hasattr(app, "__qualname__") else _name(app)
