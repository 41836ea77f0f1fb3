"""The part of the loop that watches descriptors, and its functions for socket objects.

The functions are those of asyncio's own selector loop, called with ours as the loop: what they need of it is
here. A descriptor is a number that stands for a `Socket` of the simulated network; a real one is refused. A real
socket object that was made before the run has a simulated one in its place.
"""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.handles import Handle
from interlace.backends.aio.ownsocket import KINDS, OwnSocket, bare_socket
from interlace.backends.aio.refused import DESCRIPTORS, Refused, refuse
from interlace.backends.aio.socketfile import key_of
from interlace.backends.clocks import CLOCKS
from interlace.sim.network.local import LocalSocket
from interlace.sim.network.sockets import Socket
from interlace.sim.network.udp import UdpSocket

if TYPE_CHECKING:
    from interlace.sim.network.host import Listener
    from interlace.sim.network.stream import End
    from interlace.sim.world import World

FIRST_NUMBER = 1 << 20
"""The lowest number of a simulated descriptor: the operating system gives the lowest that is free, from 0 upwards."""

_OS_CHOSEN = 32768
"""Ports from here upwards were probably picked by the operating system: they differ from run to run."""

_KINDS_OF_SOCKETS: dict[tuple[int, int], type[Socket]] = {
    (socket.AF_INET, socket.SOCK_STREAM): Socket,
    (socket.AF_INET6, socket.SOCK_STREAM): Socket,
    (socket.AF_INET, socket.SOCK_DGRAM): UdpSocket,
    (socket.AF_INET6, socket.SOCK_DGRAM): UdpSocket,
    **({(socket.AF_UNIX, socket.SOCK_STREAM): LocalSocket} if hasattr(socket, "AF_UNIX") else {}),
}

_ONLY = (
    "Only TCP, UDP and Unix stream sockets are simulated: put a fake in the place of what uses this one, or let it run "
    "outside of the run"
)

Watch = Callable[[Callable[[], object] | None], None]


class Descriptors(Refused, inside.SocketFunctions):
    """Descriptors of the simulated network, and sockets that a program has made.

    Attributes:
        _plugs: the sockets, by number.
        _transports: those that have become a transport, likewise.
        _shown: the numbers of transports that were made otherwise, as far as anybody has asked.
    """

    _world: World
    _readers: dict[int, Handle]
    _writers: dict[int, Handle]
    _files: dict[int, Any]
    _plugs: dict[int, Socket]
    _transports: weakref.WeakValueDictionary[int, asyncio.BaseTransport]
    _shown: dict[End, int]
    _twins: weakref.WeakKeyDictionary[socket.socket, OwnSocket]

    def _init_descriptors(self) -> None:
        self._readers = {}
        self._writers = {}
        self._files = {}
        self._plugs = {}
        self._transports = weakref.WeakValueDictionary()
        self._shown = {}
        self._twins = weakref.WeakKeyDictionary()

    def close(self) -> None:
        """Closes the loop."""
        super().close()
        for plug in self._plugs.values():
            if isinstance(plug, LocalSocket) and plug.listener is not None:
                plug.listener.close()  # its file stays; what has held it does not
        self._shown.clear()
        self._files.clear()
        for handles in (self._readers, self._writers):
            for handle in handles.values():
                handle.cancel()
            handles.clear()

    # -- numbers ---------------------------------------------------------------------------------

    def _make_plug(self, family: int, kind: int, api: str) -> Socket:
        """Makes a socket of the simulated network."""
        plug = _KINDS_OF_SOCKETS.get((family, kind))
        if plug is None:
            refuse(f"{api} with {_name('AF_', family)}, {_name('SOCK_', kind)}", _ONLY)
        return plug(self._world.network, self._world, socket.AddressFamily(family))

    def _give_number(self, plug: Socket) -> int:
        """Returns the lowest number that is free, which now stands for this socket."""
        number = FIRST_NUMBER
        while number in self._plugs:
            number += 1
        self._plugs[number] = plug
        return number

    def _free_number(self, number: int) -> None:
        """Gives a number back; the socket is closed if it has no other."""
        plug = self._plugs.pop(number, None)
        if plug is not None and plug not in self._plugs.values():
            plug.close()

    def _number_of_end(self, end: End) -> int:
        """Returns the number of the socket of a transport; -1 once it is closed."""
        for other in [one for one in self._shown if one.closed]:
            self._plugs.pop(self._shown.pop(other), None)
        if end.closed or self.is_closed():
            return -1
        number = self._shown.get(end)
        if number is None:
            fallen = end.fallen
            plug = Socket(self._world.network, self._world, socket.AF_INET, end)
            end.fallen = fallen  # that is the transport's
            number = self._shown[end] = self._give_number(plug)
        return number

    def _wrap(self, number: int, proto: int = 0) -> OwnSocket:
        """Makes a socket object for a number."""
        made = bare_socket(OwnSocket, self)
        made.__init__(proto=proto, fileno=number)  # type: ignore[misc]
        return made

    # -- watching --------------------------------------------------------------------------------

    def _add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> Handle:
        plug = self._plug_of(fd, "loop.add_reader")
        return self._watch(self._readers, fd, plug.watch_read, callback, args)

    def _add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> Handle:
        plug = self._plug_of(fd, "loop.add_writer")
        return self._watch(self._writers, fd, plug.watch_write, callback, args)

    def _remove_reader(self, fd: Any) -> bool:
        number = self._known_number(fd)
        plug = self._plugs.get(number)
        return self._unwatch(self._readers, number, plug.watch_read if plug else None)

    def _remove_writer(self, fd: Any) -> bool:
        number = self._known_number(fd)
        plug = self._plugs.get(number)
        return self._unwatch(self._writers, number, plug.watch_write if plug else None)

    def _known_number(self, fd: Any) -> int:
        """Returns the number of a descriptor, also of an object that is closed and was being watched."""
        try:
            return _number_of(fd)
        except ValueError:
            for number, file in self._files.items():
                if file is fd:
                    return number
            raise

    def _plug_of(self, fd: Any, api: str) -> Socket:
        number = _number_of(fd)
        plug = self._plugs.get(number)
        if plug is None:
            refuse(api, DESCRIPTORS)
        if number in self._shown.values():
            raise RuntimeError(f"File descriptor {fd!r} is used by a transport")
        return plug

    def _watch(
        self,
        handles: dict[int, Handle],
        fd: Any,
        watch: Watch,
        callback: Callable[..., object],
        args: tuple[Any, ...],
    ) -> Handle:
        self._check_closed()  # type: ignore[attr-defined]
        number = _number_of(fd)
        handle = Handle(callback, args, self, None, -1, None)  # type: ignore[arg-type]
        before = handles.get(number)
        if before is not None:
            before.cancel()
        handles[number] = handle
        self._files[number] = fd
        # A function for sockets is done with its future, and says so one iteration later.
        future = args[0] if args and getattr(callback, "__name__", "").startswith("_sock_") else None

        def ready() -> None:
            handle._run()
            if isinstance(future, asyncio.Future) and future.done() and handles.get(number) is handle:
                watch(None)

        watch(ready)
        return handle

    def _unwatch(self, handles: dict[int, Handle], number: int, watch: Watch | None) -> bool:
        handle = handles.pop(number, None)
        if self.is_closed() or handle is None:
            return False
        handle.cancel()
        if number not in self._readers and number not in self._writers:
            self._files.pop(number, None)
        if watch is not None:
            watch(None)
        return True

    def _take_over(self, number: int, transport: Any) -> None:
        """Has a transport own a descriptor: what was watched before is over.

        On the stock loop it is so by then. Where callbacks change places, whoever has waited for the connection may
        make the transport before `sock_connect` has put its watch away, which would be refused then.
        """
        for handles in (self._readers, self._writers):
            handle = handles.pop(number, None)
            if handle is not None:
                handle.cancel()
        self._transports[number] = transport

    # -- socket objects --------------------------------------------------------------------------

    def _own(self, sock: Any, api: str) -> OwnSocket:
        """Returns the simulated socket object that another one stands for, which is mostly itself."""
        if isinstance(sock, OwnSocket):
            return sock
        if not isinstance(sock, socket.socket):
            refuse(f"{api} with {sock!r}", "Give it a socket.socket")
        if (
            sock.family,
            socket.SOCK_STREAM,
        ) not in _KINDS_OF_SOCKETS or sock.type & KINDS != socket.SOCK_STREAM:
            refuse(
                f"{api} with {sock.family!r}, {sock.type!r} that was made outside of the run",
                "Let code of the run make it",
            )
        twin = self._twins.get(sock)
        if twin is None:
            if _is_connected(sock):
                refuse(
                    f"{api} with a socket that is really connected",
                    "Let code of the run connect it; a real service is let in by world.passthrough",
                )
            twin = self._twins[sock] = self._wrap(
                self._give_number(self._make_plug(sock.family, socket.SOCK_STREAM, api))
            )
            twin.quiet = True
            self._bind_twin(twin, sock.getsockname())
        twin.settimeout(sock.gettimeout() if self.get_debug() else 0)
        return twin

    def _bind_twin(self, twin: OwnSocket, name: Any) -> None:
        """Gives a socket the address of the real one that it stands for, if that is bound."""
        plug = twin._plug
        if isinstance(plug, LocalSocket):
            if name:
                plug.bind((key_of(name), name))
            return
        address, port = name[:2]
        if port:
            # a number that the operating system picked must not show in names
            alias = "" if port < _OS_CHOSEN else self._world.network.numbered("socket")
            plug.listener = self._world.network.bind(address, port, alias=alias)

    def _end_of(self, sock: Any, api: str) -> End:
        """Returns the end of the connection of a socket object."""
        plug = self._own(sock, api)._plug
        if plug.end is None or plug.connects:
            refuse(
                f"{api} with a socket that is not connected",
                "Connect it first: await loop.sock_connect(sock, address)",
            )
        return plug.end

    def _listener_of(self, sock: Any, api: str) -> Listener:
        """Returns the address that a socket object is bound to; one that is not is bound to a free port."""
        plug = self._own(sock, api)._plug
        if plug.listener is None:
            plug.bind(plug.name)
        assert plug.listener is not None
        return plug.listener

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connects a socket object."""
        await super().sock_connect(self._own(sock, "loop.sock_connect"), address)

    async def sock_accept(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        """Waits for a connection to a socket object that listens; returns its socket object, and its address."""
        own = self._own(sock, "loop.sock_accept")
        if own is not sock and own._plug.listener is not None:
            own.listen()
        found: tuple[socket.socket, Any] = await super().sock_accept(own)
        return found

    async def sock_sendall(self, sock: socket.socket, data: Any) -> None:
        """Sends bytes through a socket object."""
        await super().sock_sendall(self._own(sock, "loop.sock_sendall"), data)

    async def sock_recv(self, sock: socket.socket, nbytes: int) -> bytes:
        """Receives up to `nbytes` bytes from a socket object."""
        own = self._own(sock, "loop.sock_recv")
        data: bytes = await super().sock_recv(own, nbytes)
        return data

    async def sock_recv_into(self, sock: socket.socket, buf: Any) -> int:
        """Receives from a socket object into a buffer; returns how many bytes."""
        own = self._own(sock, "loop.sock_recv_into")
        size: int = await super().sock_recv_into(own, buf)
        return size

    async def sock_sendto(self, sock: socket.socket, data: Any, address: Any) -> int:
        """Sends a datagram through a socket object; returns how many bytes."""
        sent: int = await super().sock_sendto(self._own(sock, "loop.sock_sendto"), data, address)
        return sent

    async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, Any]:
        """Receives a datagram from a socket object, and where it comes from."""
        own = self._own(sock, "loop.sock_recvfrom")
        found: tuple[bytes, Any] = await super().sock_recvfrom(own, bufsize)
        return found

    async def sock_recvfrom_into(self, sock: socket.socket, buf: Any, nbytes: int = 0) -> tuple[int, Any]:
        """Receives a datagram into a buffer; returns how many bytes, and where they come from."""
        own = self._own(sock, "loop.sock_recvfrom_into")
        found: tuple[int, Any] = await super().sock_recvfrom_into(own, buf, nbytes)
        return found

    async def sock_sendfile(
        self,
        sock: socket.socket,
        file: IO[bytes],
        offset: int = 0,
        count: int | None = None,
        *,
        fallback: bool | None = True,
    ) -> int:
        """Sends a file through a socket object, by reading it; returns how many bytes."""
        own = self._own(sock, "loop.sock_sendfile")
        size: int = await super().sock_sendfile(own, file, offset, count, fallback=fallback)
        return size


def loop_of(file: str | None) -> Descriptors | None:
    """Returns the loop of the run that this thread belongs to; None: it is to be given what is real.

    Args:
        file: where the code stands that asks.
    """
    world: Any = CLOCKS.world_of(file)
    return world if isinstance(world, Descriptors) else None


def _number_of(fd: Any) -> int:
    """Returns the number of a descriptor, or of an object that has one.

    Raises:
        ValueError: it has none, as `selectors` words it.
    """
    number = fd
    if not isinstance(fd, int):
        try:
            number = int(fd.fileno())
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"Invalid file object: {fd!r}") from None
    if number < 0:
        raise ValueError(f"Invalid file descriptor: {number}")
    return int(number)


def _name(prefix: str, number: int) -> str:
    """Returns the name that the module `socket` has for a family or a type."""
    kind = socket.AddressFamily if prefix == "AF_" else socket.SocketKind
    try:
        return kind(number).name
    except ValueError:
        return f"{prefix}{number}"


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
