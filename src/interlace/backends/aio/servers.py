"""The server object that `loop.create_server` gives.

Behaves as `asyncio.Server` does on the Python that runs it: what `wait_closed` waits for changed in
3.12.1, `close_clients` and `abort_clients` are new in 3.13.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.ownsocket import OwnSocket
from interlace.backends.aio.socketfile import remove
from interlace.backends.aio.sockets import SimulatedSocket
from interlace.backends.aio.tls import secured
from interlace.backends.aio.transports import StreamTransport
from interlace.sim.network.life import settled_context
from interlace.sim.network.local import LocalListener

if TYPE_CHECKING:
    import socket

    from interlace.backends.aio.connections import Connections
    from interlace.sim.network.host import Listener
    from interlace.sim.network.stream import End


class Server(asyncio.AbstractServer):
    """A server in the simulated network.

    Args:
        loop: the loop it belongs to.
        listeners: the addresses it is bound to.
        protocol_factory: makes the protocol of each connection.
        handle: the really bound socket that the address was taken from; closed with the server.
        security: what `secured` is given for each connection; None: no TLS.

    Attributes:
        removes: the file that is removed with the server, and its number; None: none.
    """

    def __init__(
        self,
        loop: Connections,
        listeners: list[Listener],
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        handle: socket.socket | None = None,
        security: dict[str, Any] | None = None,
    ) -> None:
        self._loop = loop
        self._security = security
        self._listeners: list[Listener] | None = listeners
        self._protocol_factory = protocol_factory
        self._handle = handle
        self._clients: dict[asyncio.Transport, None] = {}  # in the order in which they came
        self._waiters: list[asyncio.Future[None]] | None = []
        self._serving = False
        self.removes: tuple[str | bytes, int] | None = None
        self._forever: asyncio.Future[None] | None = None
        self._sockets = tuple(SimulatedSocket(_shape(listener), None, self._fileno) for listener in listeners)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} sockets={self.sockets!r}>"

    # -- for transports --------------------------------------------------------------------------

    def attach(self, transport: asyncio.Transport) -> None:
        """Counts a connection in."""
        self._clients[transport] = None

    def detach(self, transport: asyncio.Transport) -> None:
        """Counts a connection out."""
        self._clients.pop(transport, None)
        if not self._clients and self._listeners is None:
            self._wake_waiters()

    # -- for programs ----------------------------------------------------------------------------

    @property
    def sockets(self) -> tuple[Any, ...]:
        """The sockets it listens on; () once it is closed."""
        return () if self._listeners is None else self._sockets

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Returns the loop it belongs to."""
        return self._loop

    def is_serving(self) -> bool:
        """Tells whether it accepts connections."""
        return self._serving

    async def start_serving(self) -> None:
        """Begins to accept connections; does nothing if it has begun."""
        self.listen()
        await asyncio.sleep(0)

    def listen(self) -> None:
        """Begins to accept connections, without a pause for the loop."""
        if self._serving or self._listeners is None:
            return
        self._serving = True
        # connections run in the context of whoever started serving, as in the stock loop
        accept: Callable[[End], None] = partial(settled_context().run, self._accept)  # type: ignore[call-arg]
        for listener in self._listeners:
            listener.accept = accept
        if isinstance(self._handle, OwnSocket):
            for end in self._handle.hand_over():
                accept(end)

    async def serve_forever(self) -> None:
        """Accepts connections until it is cancelled, then closes the server.

        Raises:
            RuntimeError: somebody awaits that already, or the server is closed.
        """
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        if self._listeners is None:
            raise RuntimeError(f"server {self!r} is closed")
        self.listen()
        self._forever = self._loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            try:
                self.close()
                await self.wait_closed()
            finally:
                raise
        finally:
            self._forever = None

    def close(self) -> None:
        """Stops listening; connections that were accepted stay open."""
        listeners, self._listeners = self._listeners, None
        if listeners is None:
            return
        for listener in listeners:
            listener.close()
        if self._handle is not None:
            self._handle.close()
        if self.removes is not None:
            remove(*self.removes)
        self._serving = False
        if self._forever is not None and not self._forever.done():
            self._forever.cancel()
            self._forever = None
        if not self._clients:
            self._wake_waiters()

    async def wait_closed(self) -> None:
        """Waits until the server is closed and, since Python 3.12.1, all its connections are gone."""
        if self._waiters is None:
            return
        if sys.version_info < (3, 12, 1) and self._listeners is None:
            return
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    if sys.version_info >= (3, 13):

        def close_clients(self) -> None:
            """Closes all connections that were accepted."""
            for transport in list(self._clients):
                transport.close()

        def abort_clients(self) -> None:
            """Closes all connections that were accepted, at once."""
            for transport in list(self._clients):
                transport.abort()

    def _fileno(self) -> int:
        return -1 if self._listeners is None else self._loop._quiet_descriptor()

    def _wake_waiters(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def _accept(self, end: End) -> None:
        # one iteration later, as the stock loop does it in a task of its own
        self._loop._call_as(end.actor, self._open, end)

    def _open(self, end: End) -> None:
        """Makes the protocol and the transport of an accepted connection."""
        protocol = None
        loop = self._loop
        try:
            protocol = inner = self._protocol_factory()
            if self._security is not None:
                waiter: asyncio.Future[None] | None = None
                if loop.get_debug():
                    waiter = loop.create_future()
                protocol = secured(
                    loop, end.actor, inner, waiter=waiter, server_side=True, hostname="", **self._security
                )
                if waiter is not None:
                    waiter.add_done_callback(partial(self._tell, inner, inside.plain_side(protocol)))
            if self._listeners is None:
                raise ConnectionAbortedError("the server was closed")
            StreamTransport(loop, end, protocol, loop._describe(end), server=self)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            end.close()
            self._report(error, {} if protocol is None else {"protocol": protocol})

    def _tell(self, protocol: Any, transport: asyncio.Transport, handshake: asyncio.Future[None]) -> None:
        """Reports a handshake that has failed, as the stock loop does in debug mode."""
        error = handshake.exception()
        if error is not None:
            self._report(error, {"protocol": protocol, "transport": transport})

    def _report(self, error: BaseException, about: dict[str, Any]) -> None:
        if self._loop.get_debug():
            message = "Error on transport creation for incoming connection"
            self._loop.call_exception_handler({"message": message, "exception": error, **about})


def _shape(listener: Listener) -> Any:
    if isinstance(listener, LocalListener):
        return listener.address
    if ":" in listener.address:
        return (listener.address, listener.port, 0, 0)
    return (listener.address, listener.port)
