"""Where the server of a matrix program is, and how clients reach it."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import interlace

Program = Callable[..., Awaitable[Any]]

PORT = 7000


@dataclass
class Place:
    """A place in the simulated network.

    Args:
        world: the world of the run.
        host: what the server binds to; `port` likewise, 0 is any.
        name: what clients connect to.
        tls: what the server secures its connections with; None: nothing.
    """

    world: interlace.World
    host: str
    port: int
    name: str
    tls: ssl.SSLContext | None

    def here(self) -> AbstractContextManager[Any]:
        """Runs the server's code on its host."""
        return self.world.host("local" if self.name == "127.0.0.1" else self.name).here()

    @property
    def client_tls(self) -> ssl.SSLContext | None:
        """What a client secures its connections with that has to be given something."""
        return ssl.create_default_context() if self.tls else None

    def url(self, scheme: str, port: int) -> str:
        return f"{scheme}{'s' if self.tls else ''}://{self.name}:{port}"


def _place(world: interlace.World, by_name: bool, tls: bool) -> Place:
    name = "billing" if by_name else "127.0.0.1"
    secured = world.host("billing" if by_name else "local").tls() if tls else None
    if by_name:
        return Place(world, "0.0.0.0", PORT, name, secured)
    return Place(world, "127.0.0.1", 0, name, secured)


def variants(function: Program) -> dict[str, Program]:
    """Returns the programs that a function stands for, by name."""
    found: dict[str, Program] = {}
    if getattr(function, "alone", False):
        return {function.__name__: function}
    for by_name in (False, True):
        for tls in (False, True) if function.tls else (False,):  # type: ignore[attr-defined]

            async def program(world: interlace.World, *, by_name: bool = by_name, tls: bool = tls) -> None:
                await function(_place(world, by_name, tls))

            name = f"{function.__name__}[{'name' if by_name else 'address'}{'-tls' if tls else ''}]"
            found[name] = program
    return found


def everywhere(*, tls: bool) -> Callable[[Program], Program]:
    """Marks a program with a client and a server, to be run by address and by host name.

    Args:
        tls: whether it can also be run over TLS.
    """

    def mark(function: Program) -> Program:
        function.tls = tls  # type: ignore[attr-defined]
        return function

    return mark


def alone(function: Program) -> Program:
    """Marks a program that takes nothing, or the world: it has no place in the network."""
    function.alone = True  # type: ignore[attr-defined]
    return function
