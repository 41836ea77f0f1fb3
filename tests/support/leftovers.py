"""What runs leave open that fail: clients warn of it when it is collected, which may be during another test."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def leftovers_collected() -> Iterator[None]:
    """Collects them after the test, and lets them warn nobody."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
