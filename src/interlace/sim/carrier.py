"""Who has a call to a fake take time: what a fake of a callable knows of the run that it is called in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from interlace.sim.world import World


class Carrier(Protocol):
    """Carries calls to a fake and what comes back of them; a backend has one."""

    @property
    def world(self) -> World | None:
        """The world in which a call is made now; None: there is none."""
        ...

    async def carry(self, what: str, delays: Sequence[int], *, may_be_instant: bool) -> None:
        """Takes a virtual time that is explored.

        Args:
            what: the name of the way, the same from run to run.
            delays: how long it may be, in ns; the first is boring.
            may_be_instant: whether it suspends nobody if it takes no time.
        """
        ...

    async def hang(self, what: str) -> None:
        """Never returns.

        Args:
            what: the name of what is called.

        Raises:
            UsageError: nothing here runs in virtual time.
        """
        ...
