"""Time moved by hand: who advances it or waits for the others, and what the loop does for them.

The loop comes here when nothing is ready, before it lets time jump. See `Clock` for what users call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.stuck import name_of, waits_at
from interlace.errors import UsageError
from interlace.sim.clock import SECOND, Wake

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop


class ByHand:
    """Moves the time of one loop by hand.

    Args:
        loop: the loop.

    Attributes:
        awaited: whether somebody waits for time to be moved, or for the others.
    """

    __slots__ = ("_advance", "_advancer", "_loop", "_settling", "awaited")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._advance: asyncio.Future[Any] | None = None
        self._advancer: asyncio.Task[Any] | None = None
        self._settling: list[asyncio.Future[Any]] = []
        self.awaited = False

    # -- what the clock calls --------------------------------------------------------------------

    def advance(self, until: int) -> Coroutine[Any, Any, None]:
        """Lets time go on to a moment in ns and no further, until nothing is left to do then."""
        self._refuse_second()
        self._in_task("advance")
        return self._wait_until(until)

    def settle(self) -> Coroutine[Any, Any, None]:
        """Waits, without any time, until everybody else waits for something."""
        self._in_task("settle")
        return self._wait_for_others()

    def timers(self) -> list[Wake]:
        """Returns the timers that are armed, the next one first."""
        sleepers = {inside.waits_for(task): task for task in asyncio.all_tasks(self._loop)}
        found: list[Wake] = []
        for deadline, _, timer in sorted(self._loop._timers):
            if not timer.cancelled():
                task, what = inside.woken_by(timer, sleepers)
                who = name_of(task) if task is not None else timer.by or "loop"
                found.append(Wake(deadline / SECOND, who, waits_at(task), what))
        return found

    def _in_task(self, method: str) -> asyncio.Task[Any]:
        task = asyncio.current_task() if inside.running_loop() is self._loop else None
        if task is None:
            raise UsageError(
                f"clock.{method}() is called where nobody can await it: write 'await clock.{method}(...)' in a "
                "coroutine of this run, not in a callback or another thread"
            )
        return task

    def _refuse_second(self) -> None:
        if self._advance is not None:
            goal = self._loop.world.clock.goal
            where = waits_at(self._advancer)
            by = name_of(self._advancer) if self._advancer is not None else "somebody"
            raise UsageError(
                f"time is being advanced already, to {(goal or 0) / SECOND:g} s after the run began, by {by}"
                f"{f' at {where}' if where else ''}: what runs meanwhile cannot advance it; let it sleep, "
                "or advance further where the advancing is done"
            )

    async def _wait_until(self, until: int) -> None:
        self._refuse_second()
        clock = self._loop.world.clock
        self._advancer = self._in_task("advance")
        self._advance = self._loop.create_future()
        self.awaited = True
        clock.goal = until
        try:
            await self._advance
        finally:
            self._advance = self._advancer = clock.goal = None
            self.awaited = bool(self._settling)

    async def _wait_for_others(self) -> None:
        future = self._loop.create_future()
        self._settling.append(future)
        self.awaited = True
        try:
            await future
        finally:
            if future in self._settling:
                self._settling.remove(future)
            self.awaited = bool(self._settling) or self._advance is not None

    # -- what the loop calls ---------------------------------------------------------------------

    def serve(self, target: int | None) -> bool:
        """Does what was asked for now that nothing is ready; tells whether somebody can go on.

        Args:
            target: the moment in ns at which something happens next; None: nothing will.
        """
        clock = self._loop.world.clock
        if target is not None and target <= clock.ns:
            return False
        settled, self._settling = self._settling, []
        for future in settled:
            if not future.done():
                future.set_result(None)
        if settled:
            return True
        goal = clock.goal
        if goal is None or (target is not None and target <= goal):
            return False
        self._loop._jump(goal)
        if self._advance is not None and not self._advance.done():
            self._advance.set_result(None)
        return True
