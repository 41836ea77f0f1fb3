"""What a fake Redis holds, and who waits for it: one life of the server."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from fakeredis import FakeServer
from fakeredis._core import Database
from fakeredis._helpers import SimpleError

from interlace.services.redis.address import Address
from interlace.services.redis.session import Session, Waiter
from interlace.sim.network.service import Outlet

_VERSIONS = {"redis": (8, 0), "valkey": (9, 1)}
_JUST_NOW = 1e-6
"""Seconds. A moment is known to a fraction of this, as it is counted from 1970 in a float."""


class Timed(Database):
    """The keys of one database; they expire when their time has come, to the microsecond.

    Args:
        lock: that of the server.
        now: returns the virtual time, in seconds since 1970.
        tell: called when something has changed.
    """

    def __init__(self, lock: threading.Lock, now: Callable[[], float], tell: Callable[[], None]) -> None:
        self._now = now
        self._tell = tell
        super().__init__(lock)

    @property
    def time(self) -> float:
        """The moment, whoever asks."""
        return self._now()

    @time.setter
    def time(self, _: float) -> None:
        pass  # fakeredis sets it before each command

    def wake_all(self) -> None:
        """Has those look again who wait."""
        self._tell()

    def expired(self, item: Any) -> bool:
        """Whether the time of a key has come."""
        return item.expireat is not None and item.expireat <= self._now() + _JUST_NOW

    def _remove_expired(self) -> None:
        for key in [key for key, item in self._dict.items() if self.expired(item)]:
            del self._dict[key]


class Store:
    """One life of the server.

    Args:
        address: what kind it is, and who may use it.
        delays: how long an answer takes, in nanoseconds; None: as the network says.
        now: returns the virtual time, in seconds since 1970.

    Attributes:
        server: fakeredis' part of it.
        waiters: the commands that wait, the first one first.
        changed: whether somebody who waits should look again.
        killed: the connections that CLIENT KILL has hit, and that are not ended yet.
        is_open: whether everybody may do everything, as long as nobody has asked for something else.
    """

    def __init__(self, address: Address, delays: tuple[int, ...] | None, now: Callable[[], float]) -> None:
        self.delays = delays
        self.password = address.password
        self.user = address.user
        self.version = ".".join(map(str, (*_VERSIONS[address.kind], 0)))
        self.server = FakeServer(version=_VERSIONS[address.kind], server_type=address.kind)  # type: ignore[arg-type]
        self.server.dbs = defaultdict(lambda: Timed(self.server.lock, now, self._tell))
        self.waiters: list[Waiter] = []
        self.changed = False
        self.is_open = not address.user
        self._speaking: dict[int, Session] = {}
        self.killed: list[Session] = []
        self._free: deque[Session] = deque()
        if address.user:
            user = self.server.acl.get_user_acl(address.user.encode())
            user.add_password((address.password or "").encode())
            user.add_key_pattern(b"*")
            user.add_channel_pattern(b"*")
            user.add_command_or_category(b"+@all")
        elif address.password is not None:
            self.server.config[b"requirepass"] = address.password.encode()

    def _tell(self) -> None:
        self.changed = True

    def restart(self) -> None:
        """Has all connections be gone, as after a crash; the data stays."""
        for session in tuple(self.server.sockets):
            session.end()

    def visit(self, outlet: Outlet) -> Session:
        """Begins a session without wire, of which others are told nothing."""
        session = Session(self, outlet, None)
        self.server.sockets.remove(session)
        return session

    # -- what sessions tell it -------------------------------------------------------------------

    def speaks(self, session: Session) -> None:
        """Notes that a session has something to say."""
        self._speaking[session.number] = session

    def stop_waiting(self, session: Session) -> None:
        """Forgets what a session waits for."""
        for waiter in self.waiters:
            if waiter.session is session:
                waiter.forget()
        self.waiters = [waiter for waiter in self.waiters if waiter.session is not session]

    def leave(self, session: Session) -> None:
        """Forgets a session that is over."""
        self.stop_waiting(session)
        self._speaking.pop(session.number, None)
        server = self.server
        if session in server.sockets:
            server.sockets.remove(session)
        for by_channel in (server.subscribers, server.psubscribers, server.ssubscribers):
            for channel, sessions in list(by_channel.items()):
                sessions.discard(session)
                if not sessions:
                    del by_channel[channel]

    def serve(self) -> None:
        """Has those who wait look again, the first one first; what they take out others do not find."""
        while self.changed and self.waiters:
            self.changed = False
            for waiter in tuple(self.waiters):
                reason = waiter.session.unblocked_by
                found: Any = None
                if reason == b"error":
                    found = SimpleError("UNBLOCKED client unblocked via CLIENT UNBLOCK")
                elif reason is None:
                    try:
                        with self.server.lock:
                            found = waiter.attempt()
                    except SimpleError as error:
                        found = error
                if found is not None or reason is not None:
                    self._end(waiter, found)
        self.changed = False

    def give_up(self, waiter: Waiter) -> None:
        """Ends a wait whose time is over."""
        if waiter in self.waiters:
            self._end(waiter, None)
            self.settle()

    def settle(self) -> None:
        """Has everybody go on who can, and say what there is to say."""
        if self.changed:
            self.serve()
        while self.killed:
            self.killed.pop(0).finish()
        while self._free:
            self._free.popleft().go_on()
        while self._speaking:
            speaking, self._speaking = self._speaking, {}
            for number in sorted(speaking):
                speaking[number].flush()

    def _end(self, waiter: Waiter, found: Any) -> None:
        self.waiters.remove(waiter)
        waiter.session.wake(waiter, found)
        self._free.append(waiter.session)
