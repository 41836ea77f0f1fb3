"""Where the async parts of a suite run: event loops by scope, and a lane for each node that uses one.

A lane is one node's share of a loop: it has a context of its own, and what plain fixtures set in context
variables comes in, what async fixtures set comes out, until the fixture ends.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextvars import Context, ContextVar, Token, copy_context
from functools import partial
from typing import Any

import pytest

from interlace.backends.aio.opened import cancelled_by
from interlace.backends.aio.spares import Spares
from interlace.backends.aio.stock import OpenLoop, current_loop, loop_is_running, restore_loop
from interlace.plugin.compat import add_finalizer, definitions, end_fixture, lanes_of, scope_node
from interlace.plugin.declare import SCOPES, concerns_us, declared
from interlace.plugin.endings import ending_in
from interlace.plugin.options import OPTIONS, Options
from interlace.plugin.watch import background_of, judge

_MISSING = object()

LENT = ("lent",)
"""How the key of a loop begins that belongs to a fixture of the suite, which closes it."""

Key = tuple[Any, ...]


class Lane:
    """A loop, or a run in a world, with a context.

    Args:
        opened: an `OpenLoop` or a `Running`.
        scope: the scope of the loop.
        context: the context; None: a copy of the current one.
        timeout: seconds that each coroutine may take; 0: any number.

    Attributes:
        key: tells its loop from others of the same scope.
        failed: the error that a coroutine has raised last.
        generators: the async fixtures of this loop that are suspended at their yield, by name.
    """

    def __init__(
        self, opened: Any, scope: str, *, context: Context | None = None, timeout: float = 0
    ) -> None:
        self.opened = opened
        self.scope = scope
        self.context = copy_context() if context is None else context
        self.timeout = timeout
        self.key: Key = ()
        self.failed: BaseException | None = None
        # Those of wider scopes too: any of them can have opened what cancels a test.
        self.generators: list[tuple[str, AsyncGenerator[Any, None]]] = getattr(opened, "generators", [])
        self._told: list[BaseException] = getattr(opened, "told", [])
        self._seen = self.context.copy()

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine to its end, and returns its result or raises its error."""
        __tracebackhide__ = True
        if loop_is_running():  # asked for in the middle of a coroutine, whose context is the right one
            return self._run(coroutine, None)
        self.bring()
        return self._run(coroutine, self.context)

    def _run(self, coroutine: Coroutine[Any, Any, Any], context: Context | None) -> Any:
        __tracebackhide__ = True
        try:
            return self.opened.call(coroutine, context, self.timeout)
        except BaseException as error:
            self.failed = error
            raise

    def test(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Runs a test to its end, and raises its error, or that of a child which cut it short."""
        __tracebackhide__ = True
        try:
            self.call(coroutine)
        except BaseException as error:
            if (ending := ending_in(error)) is not None:
                raise ending from None
            if type(error).__name__ != "CancelledError":
                raise
            for name, generator in reversed(self.generators):
                cause, what = cancelled_by(generator)
                if what and not (cause is not None and self.has_told(cause)):
                    told = error if cause is None else cause
                    told.add_note(f"interlace: {what} in the fixture {name!r} has cancelled the test")
                    self._told.append(told)
                    raise told from None
            raise
        finally:
            self.opened.suspect()

    def has_told(self, error: BaseException) -> bool:
        """Tells whether an error, or all that a group holds, was raised as the error of a test already."""
        if isinstance(error, BaseExceptionGroup):
            return all(self.has_told(one) for one in error.exceptions)
        return any(one is error for one in self._told)

    def value(self, coroutine: Coroutine[Any, Any, Any]) -> tuple[Any, Callable[[], None]]:
        """Runs the coroutine of a fixture; returns its value, and what undoes its context variables."""
        __tracebackhide__ = True
        if loop_is_running():
            return self._run(coroutine, None), _nothing
        self.bring()
        # In a context of its own: what it sets can be taken back, which it will not do by itself.
        apart = self.context.copy()
        value = self._run(coroutine, apart)
        changed = _changes(self.context, apart)
        if not changed:
            return value, _nothing
        inner = [(var, self.context.run(var.set, new)) for var, new in changed]
        undo_outer = self._export(changed)

        def undo() -> None:
            for var, token in reversed(inner):
                self.context.run(var.reset, token)
            undo_outer()

        return value, undo

    def first(self, name: str, generator: AsyncGenerator[Any, None]) -> tuple[Any, Callable[[], None]]:
        """Runs the generator of a fixture to its yield; returns what it yields, and what undoes it."""
        __tracebackhide__ = True
        if loop_is_running():
            return self._run(_next(generator), None), _nothing
        self.bring()
        before = self.context.copy()
        value = self._run(_next(generator), self.context)
        self.generators.append((name, generator))
        changed = _changes(before, self.context)
        return value, self._export(changed) if changed else _nothing

    def bring(self) -> None:
        """Takes over what was set outside since the last time."""
        now = copy_context()
        if len(now) or len(self._seen):
            context = self.context
            for var, value in _changes(self._seen, now):
                if context.get(var, _MISSING) is not value:
                    context.run(var.set, value)
        self._seen = now

    def _export(self, changed: list[tuple[ContextVar[Any], Any]]) -> Callable[[], None]:
        """Sets context variables outside, where plain fixtures and sync tests see them."""
        tokens: list[tuple[ContextVar[Any], Token[Any]]] = [(var, var.set(value)) for var, value in changed]
        self._seen = copy_context()

        def undo() -> None:
            for var, token in reversed(tokens):
                var.reset(token)
            self._seen = copy_context()

        return undo


async def _next(generator: AsyncGenerator[Any, None]) -> Any:
    return await generator.__anext__()


def _nothing() -> None:
    pass


def _changes(before: Context, after: Context) -> list[tuple[ContextVar[Any], Any]]:
    return [(var, value) for var, value in after.items() if before.get(var, _MISSING) is not value]


# -- the lanes of a session ------------------------------------------------------------------------

_OPENED = pytest.StashKey[dict[Key, OpenLoop]]()
_LANES = pytest.StashKey[dict[Key, Lane]]()
_SPARES = pytest.StashKey[Spares]()


_RANKS = {scope: rank for rank, scope in enumerate(SCOPES)}


def wider(*scopes: str | None) -> str:
    """Returns the widest of some scopes."""
    widest = 0
    for scope in scopes:
        if scope:
            widest = max(widest, _RANKS[scope])
    return SCOPES[widest]


def open_loop(
    item: pytest.Item, scope: str, factory: Any = None, key: Key = (), context: Context | None = None
) -> OpenLoop:
    """Returns the loop of this scope that a test uses, and opens it if it is not there yet.

    Args:
        item: the test.
        scope: the scope of the loop.
        factory: makes it; None: as asyncio does.
        key: tells loops of one node from each other.
        context: the context of its task, where it is the loop of one test.
    """
    node = scope_node(item, scope)
    opened = node.stash.setdefault(_OPENED, {})
    if key not in opened:
        options = item.config.stash[OPTIONS]
        name = item.name if node is item else node.name or "session"
        try:
            opened[key] = OpenLoop(
                factory,
                debug=options.debug,
                name=name,
                context=context,
                lent=key[:1] == LENT,
                spares=_spares_of(item),
                logs=background_of(item) != "error",
            )
        except Exception as error:
            error.add_note(f"interlace: raised while opening an event loop for {item.nodeid}")
            raise
        add_finalizer(node, partial(_close, node, key, item))
    found: OpenLoop = opened[key]
    return found


def _spares_of(item: pytest.Item) -> Spares:
    """Returns what is kept of the loops of a session for its next ones."""
    spares: Spares | None = item.config.stash.get(_SPARES, None)
    if spares is None:
        spares = item.config.stash[_SPARES] = Spares()
        item.config.add_cleanup(spares.clear)
    return spares


def _close(node: pytest.Item, key: Key, item: pytest.Item) -> None:
    opened: OpenLoop = node.stash[_OPENED].pop(key)
    lanes = node.stash.get(_LANES, {})
    for lane in [one for one, lane in lanes.items() if lane.opened is opened]:
        del lanes[lane]
    failures, pending = opened.end()
    if failures or pending:
        judge(item, failures, pending)


def lane_of(item: pytest.Item, scope: str, loop_scope: str, factory: Any, key: Key, timeout: float) -> Lane:
    """Returns the lane of a node on the loop of a scope.

    Args:
        item: the test.
        scope: the scope of the node: that of a fixture, "function" for the test itself.
        loop_scope: the scope of the loop.
        factory: makes the loop; None: as asyncio does.
        key: tells loops of one node from each other.
        timeout: seconds that each coroutine may take.
    """
    node = scope_node(item, scope)
    lanes = node.stash.setdefault(_LANES, {})
    lane: Lane | None = lanes.get((loop_scope, *key))
    if lane is None:
        context = copy_context()
        alone = loop_scope == "function"
        opened = open_loop(item, loop_scope, factory, key, context if alone else None)
        is_own = node is scope_node(item, loop_scope)
        if opened.host.context is None and is_own:
            opened.host.context = context
        lane = lanes[(loop_scope, *key)] = Lane(opened, loop_scope, context=context, timeout=timeout)
        lane.key = key
        if not is_own:  # a loop takes the lanes of its own node with it
            add_finalizer(node, partial(lanes.pop, (loop_scope, *key), None))
    return lane


def share_of(item: pytest.Item, loop_scope: str, key: Key, timeout: float) -> Lane:
    """Returns a lane with a task of its own on a loop that a test shares with others, to overlap there."""
    from interlace.backends.aio.together import Share

    context = copy_context()
    share = Share(open_loop(item, loop_scope, None, key), item.name, context)
    item.addfinalizer(share.close)
    return Lane(share, loop_scope, context=context, timeout=timeout)


def loop_scope_of(item: pytest.Function, *, literal: bool) -> str:
    """Returns the scope of a test's loop: as wide as its fixtures need, so that there is one loop.

    Args:
        item: the test.
        literal: whether a loop scope that a fixture is given holds for the fixture alone.
    """
    options = options_of(item)
    scope = options.test_scope or "function"
    for definition in definitions(item):
        if not concerns_us(definition.func):
            continue
        said = declared(definition.func)
        given = said.loop_scope if said is not None else None
        if given is None:
            scope = wider(scope, options.fixture_scope, definition.scope)
        elif not literal:
            scope = wider(scope, given)
    return scope


def leave_other_loops(item: pytest.Function, key: Key) -> None:
    """Ends shared fixtures that were set up on a loop which another factory or policy has made."""
    for definition in definitions(item):
        lanes = lanes_of(definition) if definition.scope != "function" else []
        if lanes and definition.cached_result is not None and lanes[0].key != key:
            end_fixture(item, definition)


def keep_current(item: pytest.Item) -> None:
    """Has the current loop and policy be what they are now once the test is over."""
    item.addfinalizer(partial(restore_loop, current_loop()))


def options_of(item: pytest.Item) -> Options:
    """Returns the options of the session that a test belongs to."""
    return item.config.stash[OPTIONS]
