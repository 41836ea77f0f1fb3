"""What a fake was called with: one recorded call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlace.services.callables.wording import show
from interlace.services.order import Moment


class Call:
    """One call to a fake.

    Args:
        name: what was called, such as `UserRepo.get`.
        args: the positional arguments as they were given.
        kwargs: those that were given by name.
        arguments: all of them by the names of the parameters, defaults included.
        began: when.
        task: who called, as the trace names it; "" if that is not known.
        host: the host that the caller is on; "" outside of a run.

    Attributes:
        ended: when the caller had the answer, or did not wait for it any more; None while it does.
    """

    __slots__ = ("args", "arguments", "began", "ended", "host", "kwargs", "name", "task")

    def __init__(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        arguments: Mapping[str, Any],
        began: Moment,
        task: str,
        host: str,
    ) -> None:
        self.name = name
        self.args = args
        self.kwargs = dict(kwargs)
        self.arguments = dict(arguments)
        self.began = began
        self.ended: Moment | None = None
        self.task = task
        self.host = host

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={show(value)}" for name, value in self.arguments.items())
        return f"<Call {self.name}({shown}) at {self.time:g} s>"

    @property
    def time(self) -> float:
        """When it was made, in virtual seconds since the run began; 0 outside of a run."""
        return self.began.time

    @property
    def end(self) -> float | None:
        """When the caller had the answer, in virtual seconds; None while it waits."""
        return None if self.ended is None else self.ended.time

    def overlaps(self, other: Call) -> bool:
        """Tells whether one of both was made before the other one was answered."""
        return not (
            (self.ended is not None and self.ended <= other.began)
            or (other.ended is not None and other.ended <= self.began)
        )
