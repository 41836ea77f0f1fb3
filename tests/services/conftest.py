"""Real clients that ask the same of a fake web API, each in its own words."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


Ask = Callable[..., Any]


@asynccontextmanager
async def aiohttp_client() -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession() as session:

        async def ask(method: str, url: str, **options: Any) -> Answer:
            if "content" in options:
                options["data"] = options.pop("content")
            async with session.request(method, url, allow_redirects=False, **options) as answer:
                body = await answer.read()
                return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, body)

        yield ask


def httpx_client() -> Any:
    return client_of(httpx)


def httpx2_client() -> Any:
    return client_of(pytest.importorskip("httpx2"))


@asynccontextmanager
async def client_of(library: Any) -> AsyncIterator[Ask]:
    async with library.AsyncClient() as client:

        async def ask(method: str, url: str, **options: Any) -> Answer:
            try:
                answer = await client.request(method, url, **options)
            except library.TransportError as error:
                raise ConnectionError(repr(error)) from error
            return Answer(
                answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content
            )

        yield ask


CLIENTS = {"aiohttp": aiohttp_client, "httpx": httpx_client, "httpx2": httpx2_client}


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Opens a real client; its `ask(method, url, ...)` returns an `Answer`."""
    return CLIENTS[request.param]
