"""What the fakes of these tests stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from typing import Any, Protocol


class NotFound(Exception):
    pass


class UserRepo:
    """Users, far away."""

    table = "users"
    NotFound = NotFound
    url: str

    def __init__(self, url: str) -> None:
        self.url = url

    async def get(self, number: int, *, fresh: bool = False) -> dict[str, Any]:
        """Reads one user."""
        raise OSError("no network here")

    async def save(self, number: int, user: dict[str, Any]) -> None:
        raise OSError("no network here")

    async def all(self, limit: int = 10) -> AsyncIterator[str]:
        raise OSError("no network here")
        yield ""

    @asynccontextmanager
    async def transaction(self, name: str = "t") -> AsyncIterator[int]:
        raise OSError("no network here")
        yield 1

    def close(self) -> None:
        raise OSError("no network here")

    def count(self) -> int:
        raise OSError("no network here")

    @staticmethod
    def key(number: int) -> str:
        raise OSError("no network here")

    @classmethod
    async def connect(cls, url: str) -> UserRepo:
        raise OSError("no network here")

    @property
    def size(self) -> int:
        raise OSError("no network here")

    @property
    def limit(self) -> int:
        raise OSError("no network here")

    @limit.setter
    def limit(self, value: int) -> None:
        raise OSError("no network here")

    @cached_property
    def version(self) -> str:
        raise OSError("no network here")

    async def __aenter__(self) -> UserRepo:
        raise OSError("no network here")

    async def __aexit__(self, *error: object) -> None:
        raise OSError("no network here")

    def __len__(self) -> int:
        raise OSError("no network here")


class Store(Protocol):
    name: str

    async def read(self, key: str) -> bytes: ...
    def watch(self, key: str) -> AsyncIterator[bytes]: ...
    def lock(self, key: str) -> AbstractAsyncContextManager[None]: ...


class AbstractStore(ABC):
    @abstractmethod
    async def read(self, key: str) -> bytes: ...


class InMemory:
    """Stands for a `UserRepo`."""

    size, limit, version = 1, 2, "3"

    def __init__(self) -> None:
        self.users: dict[int, dict[str, Any]] = {}
        self.events: list[str] = []

    async def get(self, number: int, *, fresh: bool = False) -> dict[str, Any]:
        if number not in self.users:
            raise NotFound(number)
        return self.users[number]

    async def save(self, number: int, user: dict[str, Any]) -> None:
        self.users[number] = user

    async def all(self, limit: int = 10) -> AsyncIterator[str]:
        try:
            for user in self.users.values():
                yield user["name"]
        finally:
            self.events.append("closed")

    @asynccontextmanager
    async def transaction(self, name: str = "t") -> AsyncIterator[int]:
        self.events.append("begin")
        try:
            yield 7
        except BaseException as error:
            self.events.append(f"rollback {type(error).__name__}")
            raise
        self.events.append("commit")

    def close(self) -> None:
        self.events.append("close")

    def count(self) -> int:
        return len(self.users)

    def key(self, number: int) -> str:
        return f"user:{number}"

    async def connect(self, url: str) -> Any:
        return self

    def __len__(self) -> int:
        return len(self.users)


async def fetch(url: str, /, retries: int = 3) -> bytes:
    """Fetches something."""
    raise OSError("no network here")


def parse(text: str) -> dict[str, str]:
    raise OSError("not here")


async def ticks(every: float) -> AsyncIterator[int]:
    raise OSError("no clock here")
    yield 1


# -- code under test -------------------------------------------------------------------------------

users = UserRepo("db")
limit = 10


async def size_of(url: str) -> int:
    return len(await fetch(url))


async def name_of(number: int) -> str:
    name: str = (await users.get(number))["name"]
    return name


async def name_at(url: str, number: int) -> str:
    async with UserRepo(url) as repo:
        name: str = (await repo.get(number))["name"]
        return name
