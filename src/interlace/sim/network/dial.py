"""How a connection comes about: who is asked, how often, and what happens when nobody answers."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from interlace.sim.clock import SECOND
from interlace.sim.network.link import Packet
from interlace.sim.network.wire import NEVER

if TYPE_CHECKING:
    from interlace.sim.clock import Clock
    from interlace.sim.network.fault import Fault
    from interlace.sim.network.host import Listener
    from interlace.sim.network.stream import End
    from interlace.sim.network.wire import Wire
    from interlace.sim.world import World

_TRIES = 6
"""How often Linux asks again for a connection (tcp_syn_retries), after 1 s, then 2 s, then 4 s and so on."""


class Dial:
    """One attempt to connect.

    Args:
        world: where its time comes from.
        client: the end that asks.
        server: the end that would be accepted.
        find: returns who listens now.
        done: called as a step of the client's end with 0 once connected, else with the errno.
    """

    __slots__ = ("_chosen", "_client", "_done", "_find", "_server", "_tries", "_world")

    def __init__(
        self,
        world: World,
        client: End,
        server: End,
        find: Callable[[], Listener | None],
        done: Callable[[int], None],
    ) -> None:
        self._world = world
        self._client = client
        self._server = server
        self._find = find
        self._done = done
        self._tries = 0
        self._chosen: Fault | None = None

    def ask(self) -> None:
        """Asks for the connection; again later, where nothing gets through."""
        client, server, world = self._client, self._server, self._world
        if client.closed:
            return
        fault = self._meet() if server.link.is_spoilt else ""
        if server.link.is_blocked or client.link.is_blocked or fault == "unreachable":
            if self._tries > _TRIES:
                client.closed = True
                self._done(errno.ETIMEDOUT)
                return
            pause = SECOND << self._tries
            self._tries += 1
            name = f"{client.connection} asked for again"
            world.flight.at(world.clock.ns + pause, client.actor, name, self.ask, world.step)
            return
        listener = None if fault == "refuse" else self._find()
        if listener is None:
            server.closed = True
            client.expect("refusal", partial(_refuse, client, self._done), _there(server.link))
        else:
            _shake_hands(client, server, listener, self._done, world.clock)

    def _meet(self) -> str:
        """Returns the kind of the fault that the request meets; "" if it meets none."""
        spoiling = self._server.host.network.spoiling
        if not self._tries:
            self._chosen = spoiling.choose_opening(self._server)
        fault = self._chosen or spoiling.opening(self._server)
        return "" if fault is None else fault.kind


def _there(wire: Wire) -> int:
    """Returns what a packet takes to the server at the least, in nanoseconds, before an answer can come back."""
    return wire.link.fates(Packet(wire.source.name, wire.target.name, "request to connect", 0))[0]


def _refuse(client: End, done: Callable[[int], None]) -> None:
    if not client.closed:
        client.closed = True
        done(errno.ECONNREFUSED)


def _shake_hands(
    client: End, server: End, listener: Listener, done: Callable[[int], None], clock: Clock
) -> None:
    """Sets up both halves of a new connection.

    The server's half comes first where nothing else was chosen, as over the loopback of Linux: it is
    there when `connect` returns, and only then the client begins to wait.
    """

    begun = clock.ns

    def accept() -> None:
        if client.closed and not client.opened and time > begun:
            server.closed = True  # the client gave up while it was connecting: nobody is there
            return
        client.open()
        if server.closed:  # its host has crashed meanwhile
            server.refuse()
            return
        server.open()
        if listener.accept is None:
            server.reset()
        else:
            listener.accept(server)
        if client.closed:
            client.shut()  # it gave up, but over the loopback it had been connected at once

    def connect() -> None:
        if not client.closed:
            client.open()
            done(0)

    def arrive() -> None:
        if is_held:
            accept()
        else:
            listener.accept_arrived(clock)

    time = server.expect("acceptance", arrive)
    is_held = time == NEVER  # a partition has begun this very moment: nobody knows when it arrives
    if not is_held:
        listener.backlog.append((time, accept))
    client.expect("connection", connect, _there(server.link))
