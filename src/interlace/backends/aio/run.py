"""Runs one program on a fresh simulated loop, and takes the outcome before anything is torn down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from interlace.backends.aio import inside
from interlace.backends.aio.actors import Task
from interlace.backends.aio.cancelling import Canceller
from interlace.backends.aio.loop import Loop
from interlace.backends.aio.watching import Watcher
from interlace.errors import Deadlock, InterlaceError, UsageError
from interlace.model.asserts import asserted_values
from interlace.model.outcome import Ending, innermost
from interlace.sim.world import World

_TEARDOWN_ROUNDS = 3
"""How often a task that swallows its cancellation is cancelled again before it is left alone."""

_TEARDOWN_STEPS = 20_000

Program = Callable[[World], Coroutine[Any, Any, Any]]


class Asyncio:
    """The asyncio backend.

    Args:
        max_steps: a run is stopped with `Runaway` after this many steps; 0: never.
    """

    def __init__(self, *, max_steps: int = 1_000_000) -> None:
        self._max_steps = max_steps

    def run(self, program: Program, world: World) -> Ending:
        """Runs `program(world)` to its end on a loop of its own and says how it ended.

        Raises:
            UsageError: another event loop is running in this thread.
        """
        if inside.running_loop() is not None:
            raise UsageError(
                "interlace was called inside of a running event loop: call it from a function that is not async, "
                "or in a thread of its own with 'await asyncio.to_thread(interlace.run, main)'"
            )
        loop = Loop(world, max_steps=self._max_steps)
        try:
            main = loop.create_task(program(world))
            if world.faults.cancel:
                Canceller(loop, main)
            if world.passages is None:
                ending = _finish(loop, main)
            else:
                with Watcher(loop) as watcher:
                    ending = _finish(loop, main)
                # The objects in the assertion may change as soon as the teardown runs more of the program.
                asserted = asserted_values(innermost(ending.error).__traceback__) if ending.error else ()
                ending = ending._replace(names=watcher.names, asserted=asserted)
            world.close()
            return ending
        finally:
            world.close()
            _tear_down(loop)

    async def suspend(self, world: World, what: str, delays: Sequence[int]) -> None:
        """Suspends the calling task for a virtual time that is explored."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, Loop):
            raise InterlaceError(
                "world.latency() works inside a simulated run only: use interlace.run or the marker"
            )
        future = loop.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        name = loop.names.unique(what)
        world.flight.post(name, name, wake, delays)
        await future


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Returns a simulated loop in a world of its own: first in first out, virtual time, no questions.

    Meant as the `loop_factory` of `asyncio.Runner`.
    """
    return Loop(World(), records=False)


def _finish(loop: Loop, main: Task) -> Ending:
    """Runs the loop until the main task is done."""
    error: BaseException | None = None
    value: Any = None
    try:
        value = loop.run_until_complete(main)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as caught:
        error = caught
    interrupted = error is not None and bool(loop.world.injected) and _only_cancelled(error)
    background = tuple(_word(context) for context in loop.background)
    return Ending(value, None if interrupted else error, interrupted, background)


def _only_cancelled(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only_cancelled(part) for part in error.exceptions)
    return isinstance(error, asyncio.CancelledError)


def _word(context: dict[str, Any]) -> str:
    error = context.get("exception")
    message = str(context.get("message", "an error in the background"))
    return f"{message}: {type(error).__name__}: {error}" if error is not None else message


def _tear_down(loop: Loop) -> None:
    """Ends what the program left running, as `asyncio.Runner.close` does, but never hangs on it."""
    loop.set_exception_handler(lambda loop, context: None)
    loop._max_steps = loop.world.step + _TEARDOWN_STEPS
    tasks: list[asyncio.Task[Any]] = []
    try:
        for _ in range(_TEARDOWN_ROUNDS):
            tasks = list(asyncio.all_tasks(loop))
            if not tasks:
                break
            tasks.sort(key=lambda task: hash(task) if isinstance(task, Task) else 0)
            for task in tasks:
                _cancel(task)
            _try(loop, _gather(tasks))
        if loop._asyncgens:
            _try(loop, loop.shutdown_asyncgens())
        if loop._default_executor is not None:
            _try(loop, loop.shutdown_default_executor())
    finally:
        for task in asyncio.all_tasks(loop) if tasks else ():
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()


def _cancel(task: asyncio.Task[Any]) -> None:
    try:
        task.cancel()
    except RecursionError:  # tasks that await each other in a circle pass it on for ever
        pass


async def _gather(tasks: list[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


def _try(loop: Loop, awaitable: Coroutine[Any, Any, Any]) -> None:
    try:
        loop.run_until_complete(awaitable)
    except (Deadlock, InterlaceError, asyncio.CancelledError):
        pass
