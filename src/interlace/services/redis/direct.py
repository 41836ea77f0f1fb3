"""A client of a fake Redis that needs no wire and no time: for the test, to put data in and to look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import redis
from redis.connection import AbstractConnection, ConnectionPool

if TYPE_CHECKING:
    from interlace.services.redis.store import Store


def client_of(store: Callable[[], Store], options: dict[str, Any]) -> redis.Redis:
    """Returns a client of redis-py that is answered at once.

    Args:
        store: returns the server as it is now.
        options: as for `redis.Redis`.
    """
    kind: Any = _Connection
    return redis.Redis(connection_pool=ConnectionPool(connection_class=kind, store=store, **options))


class _Connection(AbstractConnection):
    def __init__(self, *, store: Callable[[], Store], **options: Any) -> None:
        self._store = store
        super().__init__(**options)

    def repr_pieces(self) -> Any:
        return [("fake", "without wire"), ("db", self.db)]

    def _connect(self) -> Any:
        return _Socket(self._store)

    def _host_error(self) -> Any:
        return "a fake Redis"

    def _error_message(self, exception: BaseException) -> str:
        return str(exception)


class _Socket:
    """What a connection of redis-py takes for a socket; it is the outlet of its session as well."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._answers = bytearray()
        self.is_open = True
        self.peer = "127.0.0.1:0"
        self.name = "without wire"
        self._store = store
        self._served_by = store()
        self._session = self._served_by.visit(self)

    # -- a socket --------------------------------------------------------------------------------

    def sendall(self, data: Any) -> None:
        store = self._store()
        if store is not self._served_by:  # the server has crashed: nobody without wire has to notice
            self._served_by, before = store, self._session
            self._session = store.visit(self)
            self._session.go_on_as(before)
        if not self.is_open:
            raise ConnectionResetError("the server has closed the connection")
        self._session.receive(bytes(data))

    def recv(self, size: int) -> bytes:
        if not self._answers and self.is_open:
            raise TimeoutError("there is no answer")
        data = bytes(self._answers[:size])
        del self._answers[:size]
        return data

    def recv_into(self, buffer: Any, size: int = 0) -> int:
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def settimeout(self, seconds: float | None) -> None:
        pass

    def shutdown(self, how: int) -> None:
        pass

    # -- an outlet -------------------------------------------------------------------------------

    def send(self, data: bytes, delays: tuple[int, ...] | None) -> None:
        self._answers += data

    def later(self, delay: int, what: str, call: Callable[[], None]) -> Callable[[], None]:
        raise NotImplementedError  # its session does not wait

    def close(self) -> None:
        self.is_open = False
        self._session.end()
