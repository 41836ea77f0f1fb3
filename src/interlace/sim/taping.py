"""How the tapes of a run are to be used where the test itself does not say."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Taping(NamedTuple):
    """How tapes are used.

    Args:
        mode: "replay", "record", or "new": what has no tape is recorded.
        command: what is typed to record them.
        claim: told the path of a tape before it is recorded; returns whether it is to be, since it may have been
            a moment ago, and raises if it must not be.
        recorded: told the path of a tape when it is.
    """

    mode: str = "replay"
    command: str = "world.tape(..., record=True), in the plain run"
    claim: Callable[[str], bool] = lambda path: True
    recorded: Callable[[str], None] = lambda path: None
