"""TLS: asyncio's own protocol over a simulated connection, with certificates that clients trust.

`asyncio.sslproto.SSLProtocol` speaks TLS over memory, as on the stock loop; what it schedules belongs to
the connection that it secures.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio import sslproto
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.transports import StreamTransport

if TYPE_CHECKING:
    from interlace.sim.network.certificates import Authority


class _Steps:
    """The loop as a connection sees it: what is scheduled for the next iteration is a step of its own end.

    Args:
        loop: the loop.
        actor: the end of the connection.
    """

    def __init__(self, loop: Any, actor: str) -> None:
        self._loop = loop
        self._actor = actor

    def call_soon(self, callback: Callable[..., object], *args: Any) -> asyncio.Handle:
        """Schedules a callback, first in, first out, that belongs to the connection."""
        handle: asyncio.Handle = self._loop._call_as(self._actor, callback, *args)
        return handle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


_PROTOCOL: Any = sslproto.SSLProtocol  # the stubs know less of its arguments than asyncio does


def secured(
    loop: Any,
    actor: str,
    protocol: asyncio.BaseProtocol,
    context: Any,
    waiter: asyncio.Future[None] | None,
    *,
    server_side: bool = False,
    hostname: str | None = None,
    handshake_timeout: float | None = None,
    shutdown_timeout: float | None = None,
    announces: bool = True,
) -> Any:
    """Returns a protocol that secures a connection for another one.

    Args:
        loop: the loop.
        actor: the end of the connection.
        protocol: that of the program.
        context: an `ssl.SSLContext`; True: one with the defaults of asyncio.
        waiter: given a result once the handshake is over.
        server_side: whether this is the end that has accepted the connection.
        hostname: who the other end must be.
        handshake_timeout: seconds that the handshake may take; None: 60.
        shutdown_timeout: seconds that saying goodbye may take; None: 30.
        announces: whether the program's protocol is told that a connection is made.
    """
    made = _PROTOCOL(
        _Steps(loop, actor),
        protocol,
        None if isinstance(context, bool) else context,
        waiter,
        server_side,
        hostname,
        ssl_handshake_timeout=handshake_timeout,
        ssl_shutdown_timeout=shutdown_timeout,
        call_connection_made=announces,
    )
    loop.connections_secured.add(made)
    return made


class Upgrades(inside.BaseLoop):
    """The part of the loop that has connections go on in TLS."""

    async def start_tls(
        self,
        transport: asyncio.BaseTransport,
        protocol: asyncio.BaseProtocol,
        sslcontext: Any,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> asyncio.Transport | None:
        """Goes on with a connection in TLS; arguments and errors as in asyncio.

        Raises:
            ssl.SSLError: the handshake fails.
        """
        if not isinstance(transport, StreamTransport) or not isinstance(sslcontext, ssl.SSLContext):
            # Says what is wrong with them, or speaks TLS within TLS.
            return await super().start_tls(
                transport, protocol, sslcontext, server_side=server_side, server_hostname=server_hostname,
                ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout,
            )  # fmt: skip
        loop: Any = self
        waiter: asyncio.Future[None] = self.create_future()
        actor = transport._end.actor
        over = secured(
            loop, actor, protocol, sslcontext, waiter, server_side=server_side, hostname=server_hostname,
            handshake_timeout=ssl_handshake_timeout, shutdown_timeout=ssl_shutdown_timeout, announces=False,
        )  # fmt: skip
        # No byte may come before the handshake has begun, as in BaseEventLoop.start_tls.
        transport.pause_reading()
        transport.set_protocol(over)
        begins = [
            loop._call_as(actor, over.connection_made, transport),
            loop._call_as(actor, transport.resume_reading),
        ]
        try:
            await waiter
        except BaseException:
            transport.close()
            for handle in begins:
                handle.cancel()
            raise
        return inside.plain_side(over)  # None where the connection was closed before the handshake


class Trust:
    """Has the client contexts of a run trust the authority of its world, whoever made them.

    Clients make their contexts long before, and some wrap a connection by themselves, past the loop:
    `wrap_bio` is what all of them come to.
    """

    __slots__ = ("_original", "_replacement")

    def __init__(self) -> None:
        self._original: Callable[..., Any] | None = None
        self._replacement: Callable[..., Any] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop, authority: Authority) -> None:
        """Begins, as soon as the world has an authority."""
        original = ssl.SSLContext.wrap_bio

        def wrap_bio(context: ssl.SSLContext, *args: Any, **options: Any) -> Any:
            server_side = args[2] if len(args) > 2 else options.get("server_side", False)
            if not server_side and context.verify_mode != ssl.CERT_NONE and inside.running_loop() is loop:
                authority.trust(context)
            return original(context, *args, **options)

        self._original, self._replacement = original, wrap_bio
        setattr(ssl.SSLContext, "wrap_bio", wrap_bio)  # noqa: B010

    def end(self) -> None:
        """Ends, with the loop."""
        if self._replacement is not None and ssl.SSLContext.wrap_bio is self._replacement:
            setattr(ssl.SSLContext, "wrap_bio", self._original)  # noqa: B010
        self._replacement = None
