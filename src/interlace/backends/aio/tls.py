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

if TYPE_CHECKING:
    from interlace.sim.network.certificates import Authority


class Secured(sslproto.SSLProtocol):
    """The protocol that speaks TLS with the other end and plain text with the program.

    Attributes:
        actor: whose callbacks its own are: the end of the connection that it secures.
    """

    actor: str


_SECURED: Any = Secured  # the stubs know less of its arguments than asyncio does


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
    """
    made = _SECURED(
        loop,
        protocol,
        None if isinstance(context, bool) else context,
        waiter,
        server_side,
        hostname,
        ssl_handshake_timeout=handshake_timeout,
        ssl_shutdown_timeout=shutdown_timeout,
    )
    made.actor = actor
    loop.connections_secured.add(made)
    return made


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
