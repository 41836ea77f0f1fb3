"""Mocks for `import interlace`, in the place of those of `unittest.mock`."""

from __future__ import annotations

from interlace.backends.aio.carriers import Anywhere
from interlace.services.callables.mocks import Family, Slow, SlowAsyncMock, SlowMagicMock


class AsyncMock(SlowAsyncMock):
    """A `unittest.mock.AsyncMock` whose calls take a virtual time in a simulated run, which is explored.

    Takes `latency=` as well, as for `World.latency`. Elsewhere it is what it is derived from.
    """


class MagicMock(SlowMagicMock):
    """A `unittest.mock.MagicMock` whose async children are such an `AsyncMock`. Takes `latency=` as well."""


Slow._interlace = Family(AsyncMock, MagicMock, Anywhere())
