"""What to change in a suite: the checks, and the order in which they speak."""

from __future__ import annotations

from interlace.cli.doctor.about_fixtures import FIXTURES
from interlace.cli.doctor.about_settings import SETTINGS
from interlace.cli.doctor.about_tests import TESTS
from interlace.cli.doctor.examined import Change, Examined

CHECKS = (*SETTINGS, *FIXTURES, *TESTS)
"""Functions that look for one thing each, and yield what there is to change."""


def changes(examined: Examined) -> tuple[Change, ...]:
    """Returns what to change, and then what is worth to know."""
    found = [change for check in CHECKS for change in check(examined)]
    return tuple(sorted(found, key=lambda change: not change.must))
