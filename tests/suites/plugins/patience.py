"""Gives the processes that tests start twenty times the seconds that those tests allow them.

Loaded into the suites of other projects: what they measure is whether a process ends at all, on a machine that
has nothing else to do.
"""

from typing import Any

import pytest

PATIENCE = 20

ordinary = pytest.Pytester.run


def run(
    self: pytest.Pytester, *command: Any, timeout: float | None = None, **options: Any
) -> pytest.RunResult:
    return ordinary(self, *command, timeout=None if timeout is None else timeout * PATIENCE, **options)


pytest.Pytester.run = run  # type: ignore[method-assign]
