"""Programs on hosts: coroutines that run there, and that are gone without a trace when the host crashes."""

from __future__ import annotations

import asyncio
import inspect
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.actors import Task
from interlace.backends.aio.buried import free, silence
from interlace.backends.aio.served import listen
from interlace.backends.aio.stuck import name_of, told_name_of
from interlace.backends.aio.transports import settle
from interlace.errors import HostCrashed, UsageError
from interlace.model.source import show_place
from interlace.sim.clock import MILLISECOND, SECOND
from interlace.sim.network.life import Program, Served, Stay, current_host

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from interlace.backends.aio.loop import Loop
    from interlace.sim.network.host import Host

RESTARTS = (100 * MILLISECOND, SECOND, 10 * SECOND, 60 * SECOND)
"""How long a host stays down that has crashed because that was explored, in ns."""

_CRASHES = ("goes on", "crashes, its peers see a reset", "crashes in silence")


class Programs:
    """Runs programs on the hosts of one loop.

    Args:
        loop: the loop.

    Attributes:
        graves: the tasks of hosts that have crashed: they are kept, so that what they hold is freed when the
            run is over.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._running: dict[asyncio.Task[Any], asyncio.Future[Any] | None] = {}
        self._waits: dict[str, int] = {}
        self.graves: list[asyncio.Task[Any]] = []
        loop.world.network.programs = self

    def start(self, host: Host, program: Program, args: tuple[Any, ...]) -> None:
        """Starts a program on a host; what it raises is reported to the loop."""
        task = self._make(host, program, args)
        self._running[task] = None
        task.add_done_callback(partial(self._ended, host))

    async def run(self, host: Host, program: Program, args: tuple[Any, ...]) -> Any:
        """Runs a program on a host and returns its result.

        Raises:
            HostCrashed: the host has crashed meanwhile.
        """
        result: asyncio.Future[Any] = self._loop.create_future()
        task = self._make(host, program, args)
        self._running[task] = result
        task.add_done_callback(self._hand_over)
        try:
            return await result
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def wait(self, host: Host, port: int) -> None:
        """Waits until somebody listens at a port of a host."""
        while not host.is_listening(port):
            heard: asyncio.Future[None] = self._loop.create_future()
            host.waiting.setdefault(port, []).append(partial(settle, heard))
            await heard

    def serve(self, service: Served) -> None:
        """Has a fake listen on its host."""
        listen(self._loop, service)

    def bury(self, host: Host) -> None:
        """Ends all that ran on a host that has crashed, without letting any of it run on."""
        loop = self._loop
        dead = [task for task in asyncio.all_tasks(loop) if isinstance(task, Task) and _is_over(task.stay)]
        dead.sort(key=hash)
        for generator in silence(task.get_coro() for task in dead):
            loop._asyncgens.discard(generator)
        for task in dead:
            inside.bury(task)
            self.graves.append(task)
            result = self._running.pop(task, None)
            if result is not None and not result.done():
                result.set_exception(HostCrashed(host.name, name_of(task)))
        loop.has_graves = loop.has_graves or bool(dead)
        for handle in list(loop._ready):
            if belongs_to_the_dead(handle):
                handle.cancel()
        for _, _, timer in list(loop._timers):
            if not timer._cancelled and belongs_to_the_dead(timer):
                timer.cancel()

    def end(self) -> None:
        """Lets go of the dead, once nothing that they do can be seen any more."""
        graves, self.graves = self.graves, []
        for task in graves:
            free(task.get_coro())

    def _make(self, host: Host, program: Program, args: tuple[Any, ...]) -> asyncio.Task[Any]:
        loop = self._loop
        context = copy_context()
        context.run(current_host.set, Stay(host, host.life))
        if not callable(program):
            raise UsageError(
                f"{program!r} is no program for host {host.name!r}: give a function defined with 'async def'"
            )
        coroutine: Coroutine[Any, Any, Any] = context.run(program, *args)
        if not inspect.iscoroutine(coroutine):
            raise UsageError(
                f"{getattr(program, '__qualname__', program)!r} is no program for host {host.name!r}: "
                "give a function defined with 'async def', not its result"
            )
        actor, loop.actor = loop.actor, host.name
        try:
            task: asyncio.Task[Any] = loop.create_task(coroutine, context=context)
            if isinstance(task, Task):
                task.spared = getattr(program, "spared", False)
        finally:
            loop.actor = actor
        return task

    def _ended(self, host: Host, task: asyncio.Task[Any]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            message = f"the program {told_name_of(task)} has failed"
            self._loop.call_exception_handler({"message": message, "exception": error, "task": task})

    def _hand_over(self, task: asyncio.Task[Any]) -> None:
        result = self._running.pop(task, None)
        if result is None or result.done():
            return
        if task.cancelled():
            result.cancel()
        elif (error := task.exception()) is not None:
            result.set_exception(error)
        else:
            result.set_result(task.result())

    # -- crashes as a choice ---------------------------------------------------------------------

    def explore_crashes(self) -> None:
        """Has every await of a program on a host that may crash be a moment at which it does."""
        loop = self._loop
        before = loop.after_step

        def after(handle: Any) -> None:
            if before is not None:
                before(handle)
            task = getattr(handle._callback, "__self__", None)
            if isinstance(task, Task) and task.stay is not None and not task.done():
                self._ask(task, task.stay.host)

        loop.after_step = after

    def _ask(self, task: Task, host: Host) -> None:
        """Asks whether a host crashes at the await that one of its tasks has come to."""
        world = self._loop.world
        if not (world.faults_left and host.programs and host.is_up and world.faults.may_crash(host.name)):
            return
        if _is_over(task.stay) or inside.waits_for(task) is None:
            return
        place = inside.user_wait(task)
        site = f"{host.name} at {task.path}:{place.function if place else ''}"
        self._waits[site] = number = self._waits.get(site, 0) + 1
        where = f" at {show_place(place)} in {place.function}" if place else ""
        what = f"host {host.name} must crash while {told_name_of(task)} waits{where}"
        sentences = ("", f"{what}; its peers see a reset", f"{what}; its peers see nothing")
        answer = world.fault(f"{site} {number}", _CRASHES, sentences)
        if not answer:
            return
        world.faults_left -= 1
        host.crash(silent=answer == _CRASHES.index("crashes in silence"))
        name = f"restart of {host.name}"
        time = world.clock.ns + world.delay(name, RESTARTS)
        world.flight.at(time, host.name, name, partial(_restart, host, host.life), world.step)


def _restart(host: Host, life: int) -> None:
    if not host.is_up and host.life == life:  # else the test has done it
        host.restart()


def _is_over(stay: Stay | None) -> bool:
    return stay is not None and stay.is_over


def belongs_to_the_dead(handle: Any) -> bool:
    """Tells whether a callback is that of a host that has crashed since it was scheduled."""
    owner = getattr(handle._callback, "__self__", None)
    if isinstance(owner, Task):
        return _is_over(owner.stay)
    return _is_over(inside.context_of(handle).get(current_host))
