"""All bugs, each with the settings in which it is ordinarily sought."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.programs import lifetimes, orders, updates, waits
from interlace.model.choice import Order


@dataclass(frozen=True)
class Bug:
    """One bug and its fixed twin.

    Args:
        name: unique in the catalogue.
        program: takes the world and `fixed`.
        raises: the name of the class of the error that it ends with; any other is not this bug.
        order: the order in which it is sought: "realistic" where durations decide, "any" where two
            runs differ in nothing but the order of steps.
        faults: the faults that it needs.
        before: the first Python that does not have the bug any more.
    """

    name: str
    program: Callable[..., Coroutine[Any, Any, None]]
    raises: str = "AssertionError"
    order: Order = "realistic"
    faults: tuple[str, ...] = ()
    before: tuple[int, int] | None = None

    @property
    def broken(self) -> Callable[..., Coroutine[Any, Any, None]]:
        """The program with the bug."""
        return partial(self.program, fixed=False)

    @property
    def fixed(self) -> Callable[..., Coroutine[Any, Any, None]]:
        """The program without it."""
        return partial(self.program, fixed=True)


_ALL = (
    Bug("lost update", updates.lost_update),
    Bug("lost update, 3 tasks x 3", partial(updates.lost_update, tasks=3, rounds=3)),
    Bug("lost update, 3 x 3, 30 ms apart", partial(updates.lost_update, tasks=3, rounds=3, apart=0.03)),
    Bug("lost update, 20 noise tasks", partial(updates.lost_update, noise=20, apart=0.04)),
    Bug("lost update at the end", updates.late_lost_update),
    Bug("cache stampede", updates.cache_stampede),
    Bug("double-checked init", updates.double_checked_init),
    Bug("read, write, read", updates.read_write_read),
    Bug("check then act on a dict", updates.check_then_act, raises="KeyError"),
    Bug("lazy connection pool", updates.lazy_pool),
    Bug("overtaken search", updates.overtaken_search),
    Bug("ABBA deadlock", waits.abba, raises="Deadlock"),
    Bug("dining philosophers, 3", partial(waits.dining, seats=3), raises="Deadlock"),
    Bug("dining philosophers, 5", partial(waits.dining, seats=5), raises="Deadlock"),
    Bug("missed notification", waits.missed_notification, raises="Deadlock"),
    Bug("producer finishes early", waits.early_finish),
    Bug("row never flushed", waits.batch_never_flushed, raises="Deadlock"),
    Bug("permit lost on cancel", waits.lost_permit, raises="Deadlock", faults=("cancel",)),
    Bug("item lost on cancel", lifetimes.lost_item),
    Bug("wait_for swallows cancel", lifetimes.swallowed_cancel, before=(3, 12)),
    Bug("cleanup in a TaskGroup", lifetimes.cleanup_in_group, raises="AttributeError"),
    Bug("stale reply after reconnect", lifetimes.stale_reply),
    Bug("use after close", lifetimes.use_after_close),
    Bug("timer tie", lifetimes.timer_tie),
    Bug("timers 10 ms apart", lifetimes.close_timers),
    Bug("lost update, steps, 20 noise tasks", orders.lost_update_steps, order="any"),
    Bug("order of depth 3, 20 noise tasks", orders.depth_3, order="any"),
    Bug("order of depth 4, 20 noise tasks", orders.depth_4, order="any"),
    Bug("read, write, read, steps", orders.read_write_read_steps, order="any"),
    Bug("ABBA deadlock, steps", orders.abba_steps, raises="Deadlock", order="any"),
    Bug("dining, 3, steps", partial(orders.dining_steps, seats=3), raises="Deadlock", order="any"),
    Bug("dining, 5, steps", partial(orders.dining_steps, seats=5), raises="Deadlock", order="any"),
    Bug("reorder, 5 setters", partial(orders.reorder, setters=5), order="any"),
    Bug("reorder, 10 setters", partial(orders.reorder, setters=10), order="any"),
    Bug("twostage, 5 writers", partial(orders.twostage, writers=5), order="any"),
    Bug("twostage, 20 writers", partial(orders.twostage, writers=20), order="any"),
)


def catalogue() -> dict[str, Bug]:
    """Returns by name the bugs that this Python has."""
    return {bug.name: bug for bug in _ALL if bug.before is None or sys.version_info < bug.before}
