"""What nobody would notice: exceptions in the background and tasks left behind, told at their test."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from interlace.plugin.options import OPTIONS

PENDING = "interlace.pending"
"""The property of a report that says how many tasks a test has left behind."""


ALONE = "interlace.alone"
"""The property of a report that says why a test was run alone, although it was to overlap."""


UNEXPLORED = "interlace.unexplored"
"""The property of a report that says why a test was not explored, although it was to be."""


class BackgroundWarning(UserWarning):
    """An exception in the background of a test, where `interlace_background = warn`."""


def judge(item: pytest.Item, failures: Sequence[BaseException], pending: Sequence[str] = ()) -> None:
    """Fails the test for exceptions in its background, and notes the tasks it has left behind.

    Args:
        item: the test.
        failures: the exceptions.
        pending: a line for each task.

    Raises:
        BaseException: the one exception, or a group of them, unless `interlace_background` says otherwise.
    """
    if pending:
        lines = "\n".join(pending)
        item.add_report_section("teardown", "tasks left pending", f"{lines}\n(they were cancelled)")
        item.user_properties.append((PENDING, len(pending)))
    if not failures:
        return
    what = item.config.stash[OPTIONS].background
    if what == "warn":
        for error in failures:
            item.warn(BackgroundWarning(f"{item.name}: in the background: {type(error).__name__}: {error}"))
    elif what == "error":
        if len(failures) == 1:
            raise failures[0]
        raise BaseExceptionGroup("errors in the background of the test", list(failures))
