"""What runs on a host, and how a host crashes and comes back.

A crash is what it is on a real machine: nothing that ran there goes on, not even a `finally`. The memory of
the process is not part of it: what modules and globals hold stays, as it is shared by all hosts of a run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from interlace.errors import UsageError

if TYPE_CHECKING:
    import ssl

    from interlace.sim.network.host import Host
    from interlace.sim.network.link import Line

Program = Callable[..., Coroutine[Any, Any, Any]]


def spared(program: Program) -> Program:
    """Marks a program that no injected cancellation is for: what really runs it never cancels it."""
    setattr(program, "spared", True)  # noqa: B010
    return program


class Stay(NamedTuple):
    """That code runs on a host.

    Args:
        host: the host.
        life: the how-manieth life of the host it belongs to; -1: none, it is only visiting.
    """

    host: Host
    life: int

    @property
    def is_over(self) -> bool:
        """Whether the host has crashed since."""
        return self.life >= 0 and self.life != self.host.life

    @property
    def settled(self) -> Stay:
        """The same for what is started there: it ends with the host."""
        return Stay(self.host, self.host.life) if self.life < 0 else self


current_host: ContextVar[Stay | None] = ContextVar("interlace_current_host", default=None)
"""The host that the running code is on; None stands for the default host."""


def settled_context() -> Context:
    """Returns a copy of the context for what goes on by itself on the host that the running code is on."""
    context = copy_context()
    stay = context.get(current_host)
    if stay is not None and stay.life < 0:
        context.run(current_host.set, stay.settled)
    return context


class Served(NamedTuple):
    """A fake that listens on a host, and again when the host is back from a crash.

    Args:
        host: the host.
        address: the IP address it is bound to; may be a wildcard.
        port: the port.
        handler: a factory of protocols or of conversations (`sim.network.service`), or a coroutine function that
            takes a reader and a writer.
        security: the context for TLS; None: plain.
        line: how its answers travel; None: as the links between hosts say.
        datagrams: whether it is sent datagrams instead of being connected to; without reader and writer then.
    """

    host: Host
    address: str
    port: int
    handler: Callable[..., Any]
    security: ssl.SSLContext | None = None
    line: Line | None = None
    datagrams: bool = False

    @property
    def where(self) -> str:
        """Host and port."""
        return f"{self.host.name}:{self.port}"

    def is_made_by(self, fake: object) -> bool:
        """Tells whether this is what an object has listen: itself, or by one of its methods."""
        return fake is not None and any(
            fake is one for one in (self.handler, getattr(self.handler, "__self__", None))
        )

    @property
    def shown(self) -> str:
        """The handler as one writes it."""
        return getattr(self.handler, "__qualname__", None) or repr(self.handler)


class Programs(Protocol):
    """What runs programs on hosts; a backend puts one into the network."""

    def start(self, host: Host, program: Program, args: tuple[Any, ...]) -> None:
        """Starts a program on a host."""
        ...

    def run(self, host: Host, program: Program, args: tuple[Any, ...]) -> Awaitable[Any]:
        """Runs a program on a host and gives its result."""
        ...

    def wait(self, host: Host, port: int) -> Awaitable[None]:
        """Waits until somebody listens at a port of a host."""
        ...

    def serve(self, service: Served) -> None:
        """Has a fake listen on its host."""
        ...

    def bury(self, host: Host) -> None:
        """Ends all that ran on a host that has crashed, without letting any of it run on."""
        ...


def crash(host: Host, *, silent: bool) -> None:
    """Has a host crash; see `Host.crash`."""
    if not host.is_up:
        raise UsageError(f"host {host.name!r} is down already: restart it first, with host.restart()")
    stay = current_host.get()
    if stay is not None and stay.host is host and stay.life == host.life:
        raise UsageError(
            f"a program on host {host.name!r} crashes its own host: it would run on to its next await, with nothing "
            "to run on. Have the test do it, or a program on another host: set an asyncio.Event, say, and have the "
            "test await that"
        )
    network = host.network
    host.life += 1
    host.is_up = False
    host.is_silent = silent
    network.links.review()
    if network.programs is not None:
        network.programs.bury(host)
    host.close_ports()
    network.names_of_sockets.close(host)
    for boxes in list(host.boxes.values()):
        for box in list(boxes):
            box.fall()
    for end in list(host.ends.values()):
        end.fall(silent=silent)
    host.ends.clear()
    host.disk.crash()
    if host.mirror is not None:
        host.mirror.crash()


def restart(host: Host) -> None:
    """Has a host come back; see `Host.restart`."""
    if host.is_up:
        crash(host, silent=False)
    host.is_up = True
    host.is_silent = False
    host.network.links.review()
    for service in host.served:
        running(host).serve(service)
    for program, args in host.programs:
        running(host).start(host, program, args)


def serve(service: Served) -> None:
    """Has a fake listen on its host from now on.

    Raises:
        UsageError: a handler that cannot work, the host is down, or this is no run.
        OSError: somebody listens there already (EADDRINUSE).
    """
    running(service.host).serve(service)
    service.host.served.append(service)


def running(host: Host) -> Programs:
    """Returns what runs programs, if the host is up.

    Raises:
        UsageError: the host is down, or this is no run.
    """
    if host.network.programs is None:
        raise UsageError(f"host {host.name!r} belongs to no run: use world.host(...) inside of a test")
    if not host.is_up:
        raise UsageError(f"host {host.name!r} is down: restart it first, with host.restart()")
    return host.network.programs
