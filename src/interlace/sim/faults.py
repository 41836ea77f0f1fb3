"""Which faults a run may inject, read from what the user wrote (`cancel`, `cancel:TASK`, `slow`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from interlace.errors import UsageError

NAMES = ("cancel", "slow")


@dataclass(frozen=True)
class Faults:
    """The faults that were asked for.

    Args:
        cancel: patterns of the tasks that may be cancelled; "" stands for every task that the
            test's own code made. Empty: no cancellation.
        slow: whether an operation may take longer than the declared bounds.
    """

    cancel: tuple[str, ...] = ()
    slow: bool = False

    @staticmethod
    def parse(words: Iterable[str]) -> Faults:
        """Reads fault names.

        Raises:
            UsageError: a name that does not exist.
        """
        if isinstance(words, str):
            words = words.split(",")
        cancel: list[str] = []
        slow = False
        for word in words:
            name, colon, target = str(word).strip().partition(":")
            if name == "cancel" and (target or not colon):
                cancel.append(target)
            elif name == "slow" and not colon:
                slow = True
            else:
                raise UsageError(
                    f"no fault is called {word!r}: use 'cancel', 'cancel:TASK' (the name of a task, * allowed) "
                    "or 'slow'"
                )
        return Faults(tuple(cancel), slow)

    @property
    def blind(self) -> bool:
        """Whether cancellations were asked for, but of no task by name."""
        return bool(self.cancel) and not any(self.cancel)

    def may_cancel(self, name: str, *, made_by_test: bool) -> bool:
        """Tells whether the task of this name may be cancelled."""
        return any(made_by_test if pattern == "" else fnmatchcase(name, pattern) for pattern in self.cancel)
