"""What a fake was called with: one recorded call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlace.services.callables.wording import show


class Call:
    """One call to a fake.

    Args:
        name: what was called, such as `UserRepo.get`.
        args: the positional arguments as they were given.
        kwargs: those that were given by name.
        arguments: all of them by the names of the parameters, defaults included.
        time: when, in virtual seconds since the run began; 0 outside of a run.
        task: who called, as the trace names it; "" if that is not known.
        host: the host that the caller is on; "" outside of a run.
    """

    __slots__ = ("args", "arguments", "host", "kwargs", "name", "task", "time")

    def __init__(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        arguments: Mapping[str, Any],
        time: float,
        task: str,
        host: str,
    ) -> None:
        self.name = name
        self.args = args
        self.kwargs = dict(kwargs)
        self.arguments = dict(arguments)
        self.time = time
        self.task = task
        self.host = host

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={show(value)}" for name, value in self.arguments.items())
        return f"<Call {self.name}({shown}) at {self.time:g} s>"
