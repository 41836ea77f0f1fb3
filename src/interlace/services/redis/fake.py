"""A fake Redis: where it is, what it was asked, and its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.services.redis.address import Address
from interlace.services.redis.calls import GREETINGS, Call
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.link import DEFAULT
from interlace.sim.network.service import Outlet, is_local

if TYPE_CHECKING:
    import redis

    from interlace.services.redis.session import Session
    from interlace.services.redis.store import Store
    from interlace.sim.clock import Clock
    from interlace.sim.network.host import Host

_OLDEST = "2.39"


def load_fakeredis() -> None:
    """Sees to it that fakeredis is there.

    Raises:
        UsageError: it is not installed, or a version whose inside is another one.
    """
    try:
        import fakeredis
    except ImportError:
        raise UsageError(
            "a fake Redis runs on fakeredis, which is not installed: pip install 'interlace[redis]'"
        ) from None
    try:
        from interlace.services.redis import store  # noqa: F401
    except ImportError as error:
        found = getattr(fakeredis, "__version__", "?")
        raise UsageError(
            f"fakeredis {found} is not built as this version of interlace knows it ({error}); it knows {_OLDEST} and "
            "later ones: pip install -U interlace 'fakeredis>=2.39'"
        ) from None


class RedisFake:
    """A fake Redis at a host name. Made by `World.redis`.

    Args:
        address: where it is.
        host: the host it runs on.
        clock: the virtual time of the run.
        latency: how long answers take; None: as the network says.
        durable: whether its data outlives a crash of its host.

    Attributes:
        calls: the commands that have arrived over the wire, in that order, without those by which clients
            introduce themselves: HELLO, AUTH, SELECT and CLIENT SETINFO.
    """

    def __init__(
        self, address: Address, host: Host, clock: Clock, latency: Latency | None, durable: bool
    ) -> None:
        if not isinstance(durable, bool):
            raise UsageError(f"durable={durable!r}: give True or False")
        self._delays = None if latency is None else parse_latency(latency)
        if latency is None and is_local(address.host):
            self._delays = DEFAULT.delays  # an instant fake hides races
        self._address = address
        self._host = host
        self._clock = clock
        self._durable = durable
        self._life = host.life
        self._made: Store | None = None
        self._data: redis.Redis | None = None
        self.calls: list[Call] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._address.shown}>"

    @property
    def data(self) -> redis.Redis:
        """Its data, through a client of redis-py that needs no wire and no time: `cache.data.set("tea", 3)`."""
        if self._data is None:
            self._data = self.client()
        return self._data

    def client(self, **options: Any) -> redis.Redis:
        """Returns a client of redis-py, not an async one, that needs no wire and no time; it is not in `calls`.

        Args:
            options: as for `redis.Redis`, such as `decode_responses=True`; `db` is that of the URL unless given.
        """
        from interlace.services.redis.direct import client_of

        return client_of(self._store, {"db": self._address.db, **options})

    # -- what the network asks it ----------------------------------------------------------------

    def connect(self) -> _Talk:
        """Returns the conversation for a new connection."""
        return _Talk(self)

    def open(self, outlet: Outlet) -> Session:
        """Begins a session on a new connection."""
        from interlace.services.redis.session import Session

        return Session(self._store(), outlet, self._note)

    def _store(self) -> Store:
        """Returns the server, as the host has it after its last crash."""
        from interlace.services.redis.store import Store

        if self._made is None or self._life != self._host.life:
            before, self._life = self._made, self._host.life
            if before is not None and self._durable:
                before.restart()
            else:
                self._made = Store(self._address, self._delays, lambda: self._host.clock.wall_ns / 1e9)
        assert self._made is not None
        return self._made

    def _note(self, session: Session, name: str, args: list[bytes]) -> None:
        if name not in GREETINGS:
            self.calls.append(Call(name, tuple(args), self._clock.elapsed, session.db, session.outlet.name))


class _Talk:
    """The conversation on one connection."""

    def __init__(self, fake: RedisFake) -> None:
        self._fake = fake
        self._session: Session | None = None

    def begin(self, outlet: Outlet) -> None:
        self._session = self._fake.open(outlet)

    def receive(self, data: bytes) -> None:
        if self._session is not None and data:
            self._session.receive(data)

    def end(self) -> None:
        if self._session is not None:
            self._session.end()
