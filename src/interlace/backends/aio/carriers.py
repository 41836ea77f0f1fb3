"""How the calls to fakes of callables take time: on the loop of the world that the fake is in, or of any."""

from __future__ import annotations

from collections.abc import Sequence

from interlace.backends.aio import inside
from interlace.backends.aio.loop import Loop
from interlace.errors import UsageError
from interlace.sim.world import World


class InWorld:
    """Carries the calls to a fake of one world, and no others.

    Args:
        world: the world.
    """

    def __init__(self, world: World) -> None:
        self.world: World | None = world

    async def carry(self, what: str, delays: Sequence[int], *, may_be_instant: bool) -> None:
        """Takes a virtual time that is explored; see `Carrier.carry`.

        Raises:
            UsageError: another event loop runs here than that of the world, or none of asyncio.
        """
        await _take(self._loop_for(what.rpartition(" ")[0]), what, delays, may_be_instant)

    async def hang(self, what: str) -> None:
        """Never returns; see `Carrier.hang`, errors as for `carry`."""
        await self._loop_for(what).create_future()

    def _loop_for(self, what: str) -> Loop:
        loop = inside.running_loop()
        if not isinstance(loop, Loop):
            raise UsageError(
                f"{what} is a fake in a simulated world, and was called outside of its run: call it in what interlace.run, "
                "interlace.explore or the marker runs; elsewhere use interlace.AsyncMock"
            )
        if loop.world is not self.world:
            raise UsageError(
                f"{what} is a fake of another run, which is over: make it anew in each run, with world.fake(...) in the "
                "test or in a fixture of scope 'function'"
            )
        return loop


class Anywhere:
    """Carries calls wherever they are made: in no time outside of a simulated run."""

    @property
    def world(self) -> World | None:
        """The world whose loop runs here; None: none does."""
        return world_here()

    async def carry(self, what: str, delays: Sequence[int], *, may_be_instant: bool) -> None:
        """Takes a virtual time that is explored, or none; see `Carrier.carry`."""
        loop = inside.running_loop()
        if isinstance(loop, Loop):
            await _take(loop, what, delays, may_be_instant)

    async def hang(self, what: str) -> None:
        """Never returns; see `Carrier.hang`.

        Raises:
            UsageError: no simulated loop runs here.
        """
        loop = inside.running_loop()
        if not isinstance(loop, Loop):
            raise UsageError(
                f"{what} is to hang, which it does in a simulated run only: here it would hold up real time for ever"
            )
        await loop.create_future()


def world_here() -> World | None:
    """Returns the world whose loop runs in this thread; None if none does."""
    loop = inside.running_loop()
    return loop.world if isinstance(loop, Loop) else None


async def _take(loop: Loop, what: str, delays: Sequence[int], may_be_instant: bool) -> None:
    world = loop.world
    name = loop.names.unique(what)
    delay = world.delay(name, delays)
    if not delay and may_be_instant:
        return
    future = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    world.flight.at(world.clock.ns + delay, name, name, wake, world.step)
    await future
