"""What the benchmark of requests measures does what it says."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from benchmarks.programs import asking


@pytest.mark.parametrize("program", [asking.by_aiohttp, asking.by_httpx])
def test_requests_through_a_fake(program: Callable[[str, int], Coroutine[Any, Any, None]]) -> None:
    asking.in_world(program)(3)
