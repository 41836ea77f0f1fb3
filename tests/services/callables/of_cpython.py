"""Runs CPython's own tests of `unittest.mock`, those of the Python that runs this, on our mocks or on the stock ones.

    python of_cpython.py MOCKS LOOP

MOCKS is `stock` or `interlace`, and so is LOOP. The last line that is printed is JSON: how many tests were run, and which failed.
"""

import asyncio
import importlib
import importlib.util
import io
import json
import sys
import unittest
import warnings
from typing import Any
from unittest import mock

import interlace

FILES = (
    "testasync",
    "testmock",
    "testmagicmethods",
    "testhelpers",
    "testsealable",
    "testcallable",
    "testwith",
)
NAMES = ("AsyncMock", "MagicMock")


class LoopsOfOurs(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return interlace.new_event_loop()


def alike(ours: type, stock: type) -> type:
    """A class that makes ours, and takes for one of its own what the stock library makes by itself."""

    class Kind(type(ours)):  # type: ignore[misc]
        def __instancecheck__(cls, one: object) -> bool:
            return isinstance(one, stock)

        def __subclasscheck__(cls, one: type) -> bool:
            return issubclass(one, stock)

        def __eq__(cls, one: object) -> bool:  # assertEqual(type(child), MagicMock)
            return one in (ours, stock) or one is cls

        __hash__ = type.__hash__

    return Kind(ours.__name__, (ours,), {})


def run(mocks: str, loop: str) -> dict[str, Any]:
    folder = "unittest.test" if importlib.util.find_spec("unittest.test") else "test.test_unittest"
    modules = [importlib.import_module(f"{folder}.testmock.{file}") for file in FILES]
    if mocks == "interlace":
        for name in NAMES:
            made = alike(getattr(interlace, name), getattr(mock, name))
            for module in modules:
                if hasattr(module, name):
                    setattr(module, name, made)
    if loop == "interlace":
        asyncio.set_event_loop_policy(LoopsOfOurs())
    tests = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromModule(module) for module in modules)
    result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(tests)
    return {
        "run": result.testsRun,
        "failed": sorted(str(test) for test, _ in [*result.failures, *result.errors]),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(run(*sys.argv[1:])))
