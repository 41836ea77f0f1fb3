"""What the error of a test says about going on: that it needs the outside, or that nothing comes after it."""

from __future__ import annotations

import bdb
import unittest

import pytest

from interlace.errors import NotSimulated

ENDINGS = (
    pytest.skip.Exception,
    pytest.xfail.Exception,
    pytest.exit.Exception,
    unittest.SkipTest,
    bdb.BdbQuit,
)
"""What ends a test without saying anything about its schedule."""

ENDINGS_BY_SIGNAL = (pytest.fail.Exception, pytest.exit.Exception)
"""What a plugin raises from a signal handler: pytest-timeout, for one."""


def refusal_in(error: BaseException | None) -> NotSimulated | None:
    """Returns what was refused by a simulated world and led to an error; None if nothing was."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, NotSimulated):
            return one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return None


STOPS = (KeyboardInterrupt, pytest.exit.Exception, bdb.BdbQuit)
"""What ends the session, however it is wrapped."""


def ending_in(error: BaseException) -> BaseException | None:
    """Returns what ends a test, or the session, where a task group has wrapped it; None: it is a failure."""
    if not isinstance(error, BaseExceptionGroup):
        return None
    from interlace.model.outcome import innermost

    stops = error.subgroup(STOPS)
    if stops is not None:
        return innermost(stops)
    return innermost(error) if error.split(ENDINGS)[1] is None else None


def is_timeout(error: BaseException) -> bool:
    """Tells whether pytest-timeout has ended the run: another run would hang as well, with no timer."""
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__") == "pytest_timeout":
            return True
        traceback = traceback.tb_next
    return False
