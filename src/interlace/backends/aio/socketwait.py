"""How long a call waits that is to wait: in a thread of the run, until the loop has brought what it waits for.

In the loop's own thread nothing can come while a call waits; so no call does.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlace.sim.network.sockets import Socket


def is_in_loop(loop: Any) -> bool:
    """Tells whether this is the thread of a loop: it must not wait."""
    return loop._thread_id in (None, threading.get_ident())


def wait_for(loop: Any, watched: Iterable[tuple[Socket, int]], seconds: float | None) -> bool:
    """Waits in a thread of the run, in virtual time, until a socket is ready.

    Args:
        loop: the loop of the run.
        watched: sockets, and whether each is to be readable or writable: POLLIN, POLLOUT or both.
        seconds: how long at most; None: for ever.

    Returns:
        Whether one is ready.
    """
    ready = threading.Event()
    calls = [
        watch
        for plug, events in watched
        for event, watch in ((select.POLLIN, plug.watch_read), (select.POLLOUT, plug.watch_write))
        if events & event
    ]
    for watch in calls:
        loop.post_letter(partial(watch, ready.set))
    try:
        return ready.wait(seconds)
    finally:
        if not loop.is_closed():
            for watch in calls:
                loop.post_letter(watch, None)
