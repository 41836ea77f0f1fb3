"""Which faults a run may inject, read from what the user wrote (`cancel`, `slow`, `net`, `crash:db`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from interlace.errors import UsageError

NAMES = ("cancel", "slow", "net", "crash", "at_most")

NET = ("loss", "latency", "reset", "hang", "duplicate", "reorder", "partition")
"""What may go wrong between hosts: `net` stands for all of them, `net:loss` for one."""


@dataclass(frozen=True)
class Faults:
    """The faults that were asked for.

    Args:
        cancel: patterns of the tasks that may be cancelled; "" stands for every task that the
            test's own code made. Empty: no cancellation.
        slow: whether an operation may take longer than the declared bounds.
        net: which of `NET` may happen.
        crash: patterns of the hosts that may crash, while a program runs there; "" stands for all.
        at_most: how many faults of `net` and `crash` a run may have.
    """

    cancel: tuple[str, ...] = ()
    slow: bool = False
    net: tuple[str, ...] = ()
    crash: tuple[str, ...] = ()
    at_most: int = 1

    @staticmethod
    def parse(words: Iterable[str]) -> Faults:
        """Reads fault names.

        Raises:
            UsageError: a name that does not exist.
        """
        if isinstance(words, str):
            words = words.split(",")
        cancel: list[str] = []
        crash: list[str] = []
        net: list[str] = []
        slow = False
        at_most = 1
        for word in words:
            name, colon, target = str(word).strip().partition(":")
            limit = name.partition("at_most=")[2]
            if name == "cancel" and (target or not colon):
                cancel.append(target)
            elif name == "crash" and (target or not colon):
                crash.append(target.lower())
            elif name == "slow" and not colon:
                slow = True
            elif name == "net" and not colon:
                net.extend(NET)
            elif name == "net" and target in NET:
                net.append(target)
            elif limit.isdigit() and int(limit) and not colon:
                at_most = int(limit)
            else:
                raise UsageError(
                    f"no fault is called {word!r}: use 'cancel', 'cancel:TASK' (the name of a task, * allowed), "
                    f"'slow', 'net', {', '.join(repr(f'net:{kind}') for kind in NET)}, 'crash', 'crash:HOST', "
                    "and 'at_most=2' for so many faults of net and crash in one run"
                )
        return Faults(tuple(cancel), slow, tuple(dict.fromkeys(net)), tuple(crash), at_most)

    @property
    def blind(self) -> bool:
        """Whether cancellations were asked for, but of no task by name."""
        return bool(self.cancel) and not any(self.cancel)

    def may_cancel(self, name: str, *, made_by_test: bool) -> bool:
        """Tells whether the task of this name may be cancelled."""
        return any(made_by_test if pattern == "" else fnmatchcase(name, pattern) for pattern in self.cancel)

    def may_crash(self, host: str) -> bool:
        """Tells whether the host of this name may crash."""
        return any(pattern == "" or fnmatchcase(host.lower(), pattern) for pattern in self.crash)
