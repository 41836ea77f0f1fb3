"""What a fake is made of that stands on the simulated network: bytes in, bytes and moves out.

A conversation has no task and knows no event loop; whoever carries it does what its moves say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from interlace.errors import UsageError
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.dns import is_literal
from interlace.sim.network.host import is_loopback

if TYPE_CHECKING:
    from interlace.sim.network.fault import Fault


class After:
    """A virtual time that passes, and is explored, before what comes next.

    Args:
        delays: how long, in nanoseconds, the boring one first.
        what: what it is called in stories.
    """

    __slots__ = ("delays", "what")

    def __init__(self, delays: tuple[int, ...], what: str = "pause") -> None:
        self.delays = delays
        self.what = what

    def __repr__(self) -> str:
        return f"after({self.delays[0] / 1e9:g} s)"


def after(latency: Latency) -> After:
    """Returns a virtual time that passes, and is explored, before what comes next in a fake's answer.

    Args:
        latency: how long, as for `World.latency`.

    Raises:
        UsageError: not a duration.
    """
    return After(parse_latency(latency))


class Break(Enum):
    """How a conversation ends before its time."""

    CLOSE = "closes the connection"
    RESET = "resets the connection"
    HANG = "says nothing any more"


class Held(Protocol):
    """A connection, while an async function carries its conversation on."""

    def write(self, data: bytes, /) -> None:
        """Sends bytes; nothing once the connection is gone."""
        ...

    def end(self, how: Break, /) -> None:
        """Ends the connection; nothing once it is gone."""
        ...

    async def more(self) -> None:
        """Waits until something more was told to the conversation, or the connection is gone."""
        ...

    async def pause(self, pause: After, /) -> None:
        """Lets a virtual time pass."""
        ...


class Hand:
    """Hands a connection to an async function, which runs as a task; until it returns, what arrives is for `meanwhile`.

    Args:
        function: is given the connection.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Held], Awaitable[object]]) -> None:
        self.function = function


Move: TypeAlias = "bytes | After | Break | Fault | Hand | Awaitable[object]"
"""Bytes are sent; time passes; the connection breaks, or something else goes wrong; an async function gets it; an
awaitable runs as a task, and its result is sent back to the generator that has yielded it."""


class Outlet(Protocol):
    """Where a conversation speaks without having been told anything: it is given one if it has `begin(outlet)`."""

    @property
    def name(self) -> str:
        """The name of the connection, stable from run to run."""
        ...

    @property
    def peer(self) -> str:
        """The address and port of the other end."""
        ...

    def send(self, data: bytes, delays: tuple[int, ...] | None, /) -> None:
        """Sends bytes, after all that was sent before.

        Args:
            data: the bytes.
            delays: how long they may take, in nanoseconds, the boring one first; where something was said of the
                link, besides what that takes. None: as the link says.
        """
        ...

    def later(self, delay: int, what: str, call: Callable[[], None], /) -> Callable[[], None]:
        """Has a function called, as a step of the connection, and returns what prevents that.

        Args:
            delay: after how many nanoseconds.
            what: what that is called in stories.
            call: the function.
        """
        ...

    def close(self) -> None:
        """Ends the connection, after what was sent before."""
        ...


class Conversation(Protocol):
    """One connection to a fake, in memory.

    It may have three more methods: `begin(outlet)`, called with an `Outlet` before anything else; `end()`, called
    when the connection is gone, not where that is because the host has crashed; and `meanwhile(data)`, told what arrives
    while a move takes time, b"" at the end of the stream. That returns moves to be made at once, bytes or `Break`; or
    None: `receive` is to be told, later.
    """

    def receive(self, data: bytes, /) -> bytes | Fault | Iterable[Move] | None:
        """Takes what has arrived, b"" at the end of the stream, and says what is done about it."""
        ...


def split_address(text: object, what: str) -> tuple[str, int]:
    """Reads `host:port`.

    Raises:
        UsageError: it is not.
    """
    host, colon, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    host = host.removeprefix("[").removesuffix("]")
    digits = port.isascii() and port.isdigit()
    if not colon or not host or not digits or not 0 < int(port) < 65536:
        raise UsageError(f"{text!r} is no {what}: write host and port, such as 'db.internal:5432'")
    return host, int(port)


def _is_wildcard(host: str) -> bool:
    return host.startswith("*.") and "*" not in host[2:] and host.strip(".") != "*"


def is_local(host: str) -> bool:
    """Tells whether a name stands for the host that asks."""
    return is_loopback(host) or host.lower() == "localhost"


def check_name(call: str, host: str, instead: str) -> None:
    """Refuses an IP address where a host needs a name, and a `*` that does not stand for what is below a domain.

    Raises:
        UsageError: it is the address of another host, or no such name.
    """
    if "*" in host and not _is_wildcard(host):
        raise UsageError(
            f"{call}: {host!r} is no name of a host: a '*' stands for all names below a domain, such as '*.example.com'"
        )
    if is_literal(host) and not is_local(host):
        raise UsageError(
            f"{call}: hosts of the simulated network have names, and the loopback addresses; give the service a name, such as {instead}, "
            "and connect to that"
        )
