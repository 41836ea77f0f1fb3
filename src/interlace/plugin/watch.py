"""What nobody would notice: exceptions in the background and tasks left behind, told at their test.

An exception in the background fails a test, unless `interlace_background` says otherwise. Tests that are marked
for asyncio were written for pytest-asyncio, where they pass, and some bring such exceptions about on purpose; a
suite that is moved is to run unchanged, so there they are noted, and named at the end of the session.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import pytest

from interlace.errors import InterlaceError
from interlace.plugin.options import OPTIONS

PENDING = "interlace.pending"
"""The property of a report that says how many tasks a test has left behind."""

NOTED = "interlace.background"
"""The property of a report that says what went wrong in the background of a test that was not failed for it."""

ALONE = "interlace.alone"
"""The property of a report that says why a test was run alone, although it was to overlap."""


UNEXPLORED = "interlace.unexplored"
"""The property of a report that says why a test was not explored, although it was to be."""


class BackgroundWarning(UserWarning):
    """An exception in the background of a test, where `interlace_background = warn`."""


def background_of(item: pytest.Item) -> str:
    """Returns what an exception in the background of a test leads to."""
    options = item.config.stash[OPTIONS]
    if options.background:
        return options.background
    written_for_another = options.asyncio and item.get_closest_marker("asyncio") is not None
    return "note" if written_for_another else "error"


def judge(
    item: pytest.Item,
    failures: Sequence[BaseException],
    pending: Sequence[str] = (),
    *,
    usual: Container[type[BaseException]] | None = None,
) -> None:
    """Fails the test for exceptions in its background, and notes the tasks it has left behind.

    Args:
        item: the test.
        failures: the exceptions.
        pending: a line for each task.
        usual: kinds of exceptions that the plain run of the test has as well; None: nothing else is run. What
            an order brings about is a failure, whoever the test was written for.

    Raises:
        BaseException: the one exception, or a group of them, unless `interlace_background` says otherwise.
    """
    if pending:
        lines = "\n".join(pending)
        item.add_report_section("teardown", "tasks left pending", f"{lines}\n(they were cancelled)")
        item.user_properties.append((PENDING, len(pending)))
    if not failures:
        return
    what = background_of(item)
    if what == "warn":
        for error in failures:
            item.warn(BackgroundWarning(f"{item.name}: in the background: {type(error).__name__}: {error}"))
    elif what == "note":
        item.user_properties.append((NOTED, ", ".join(map(_word, failures))))
        _fail(
            [
                error
                for error in failures
                # An error of ours says that no other runner would have come this far.
                if isinstance(error, InterlaceError) or (usual is not None and type(error) not in usual)
            ]
        )
    elif what == "error":
        _fail(failures)


def _fail(failures: Sequence[BaseException]) -> None:
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise BaseExceptionGroup("errors in the background of the test", list(failures))


def _word(error: BaseException) -> str:
    """Words an error in a line."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
