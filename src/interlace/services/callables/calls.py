"""What a fake was called with: one recorded call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlace.services.callables.wording import show
from interlace.services.order import Asked, Moment


class Call(Asked):
    """One call to a fake.

    Args:
        name: what was called, such as `UserRepo.get`.
        args: the positional arguments as they were given.
        kwargs: those that were given by name.
        arguments: all of them by the names of the parameters, defaults included.
        began: when.
        task: who called, as the trace names it; "" if that is not known.
        host: the host that the caller is on; "" outside of a run.
    """

    __slots__ = ("args", "arguments", "host", "kwargs", "name", "task")

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
        super().__init__(began)
        self.name = name
        self.args = args
        self.kwargs = dict(kwargs)
        self.arguments = dict(arguments)
        self.task = task
        self.host = host

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={show(value)}" for name, value in self.arguments.items())
        return f"<Call {self.name}({shown}) at {self.time:g} s>"
