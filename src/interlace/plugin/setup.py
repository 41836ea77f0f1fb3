"""How async fixtures are set up and torn down: on the lane of the test, or of the node of their scope."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import pytest

from interlace.backends.aio.stock import current_is
from interlace.model.source import show_path
from interlace.plugin.compat import bound_function, item_of, lanes_of
from interlace.plugin.declare import Declared, declared, is_async_function
from interlace.plugin.fixtures import STAGE
from interlace.plugin.lanes import Lane, lane_of, options_of, wider

Request = pytest.FixtureRequest
Definition = pytest.FixtureDef[Any]


def setting_up(fixturedef: Definition, request: Request) -> Callable[..., Any] | None:
    """Returns what pytest is to call in the place of the function of a fixture; None: it is nothing to us."""
    function = fixturedef.func
    said = declared(function)
    is_async = is_async_function(function)
    if not is_async and (said is None or said.loop_scope is None):
        return None
    item = item_of(request)
    if is_async and not _is_ours(item, fixturedef, said):
        return None
    lane = _lane(item, fixturedef, said)
    bound = bound_function(fixturedef, request)
    if is_async:
        return partial(_set_up, lane, fixturedef, request, bound)
    return _on_loop(lane, bound)


def _is_ours(item: pytest.Function, fixturedef: Definition, said: Declared | None) -> bool:
    """Tells whether it is for interlace to set an async fixture up for a test."""
    if said is not None:
        return True
    stage = item.stash.get(STAGE, None)
    if stage is not None:
        if stage.claim.every_fixture:
            return True
        _about_plain_fixture(item, fixturedef)
        return False
    options = options_of(item)
    if options.anyio and "anyio_backend" in item.fixturenames:
        return True
    return options.asyncio and options.mode == "auto"


def _about_plain_fixture(item: pytest.Function, fixturedef: Definition) -> None:
    """Says what to do about an async fixture that a test in the mode `strict` asks for."""
    code = inspect.unwrap(fixturedef.func).__code__
    where = f"{show_path(code.co_filename)}:{code.co_firstlineno}"
    text = (
        f"{item.name} asks for the async fixture {fixturedef.argname!r} ({where}), which is declared with "
        "@pytest.fixture: in the mode 'strict', declare it with @interlace.fixture or @pytest_asyncio.fixture, "
        "or set interlace_mode = auto"
    )
    if pytest.version_tuple < (9, 1):
        item.warn(pytest.PytestDeprecationWarning(text))  # the test gets a coroutine, and may await it
    else:
        pytest.fail(text, pytrace=False)


def _lane(item: pytest.Function, fixturedef: Definition, said: Declared | None) -> Lane:
    """Returns the lane that a fixture is set up on."""
    stage = item.stash.get(STAGE, None)
    if stage is not None and stage.simulated:
        lane: Lane = stage.lane
        return lane
    options = options_of(item)
    scope: str = fixturedef.scope
    if options.anyio and "anyio_backend" in item.fixturenames and (stage is None or stage.claim.for_anyio):
        from interlace.plugin.anyio import lane_on_backend

        return lane_on_backend(item, scope)
    given = said.loop_scope if said is not None else None
    of_test = stage.lane.scope if stage is not None else None
    loop_scope = wider(given or wider(options.fixture_scope, of_test), scope)
    if stage is not None:
        if scope == "function" and loop_scope == of_test:
            return stage.lane
        factory, key, timeout = stage.factory, stage.key, stage.claim.timeout
    else:
        factory, key, timeout = None, (), options.timeout
    return lane_of(item, scope, loop_scope, factory, key, timeout)


def _set_up(lane: Lane, fixturedef: Definition, request: Request, function: Any, /, **arguments: Any) -> Any:
    """Sets an async fixture up, in the place of its function."""
    __tracebackhide__ = True
    made: Any = function(**arguments)
    name = fixturedef.argname
    lanes_of(fixturedef)[:] = [lane]
    try:
        if hasattr(made, "__anext__"):
            value, undo = lane.first(name, made)
            request.addfinalizer(partial(_tear_down, lane, name, made, undo))
        else:
            value, undo = lane.value(made)
            request.addfinalizer(undo)
    except StopAsyncIteration:
        raise ValueError(f"the fixture {name!r} ({_where(function)}) has ended without a yield") from None
    return value


def _tear_down(lane: Lane, name: str, generator: Any, undo: Callable[[], None]) -> None:
    __tracebackhide__ = True
    lane.generators[:] = [one for one in lane.generators if one[1] is not generator]
    try:
        lane.call(_finish(name, generator))
    except BaseExceptionGroup as error:
        if not lane.has_told(error):
            raise
    finally:
        undo()


async def _finish(name: str, generator: Any) -> None:
    __tracebackhide__ = True
    try:
        await generator.__anext__()
    except StopAsyncIteration:
        return
    code = generator.ag_code
    await generator.aclose()
    raise ValueError(
        f"the fixture {name!r} ({show_path(code.co_filename)}:{code.co_firstlineno}) yields twice: "
        "a fixture has one yield, and what comes after it tears it down"
    )


def _where(function: Any) -> str:
    code = inspect.unwrap(getattr(function, "__func__", function)).__code__
    return f"{show_path(code.co_filename)}:{code.co_firstlineno}"


def _on_loop(lane: Lane, function: Any) -> Callable[..., Any]:
    """Returns a plain fixture function that sees the loop of its loop scope as the current one."""

    def current() -> AbstractContextManager[None]:
        return current_is(lane.opened) if hasattr(lane.opened, "make_current") else nullcontext()

    if not inspect.isgeneratorfunction(function):

        def plain(**arguments: Any) -> Any:
            with current():
                return function(**arguments)

        return plain

    def generator(**arguments: Any) -> Iterator[Any]:
        steps = function(**arguments)
        with current():
            value = next(steps)
        yield value
        with current():
            yield from steps

    return generator
