"""The clocks are virtual where others have put something in their place, too, before the first run."""

from __future__ import annotations

import subprocess
import sys

MOCKED = """
import time
from unittest import mock
import interlace

async def main():
    time.sleep(2)
    return time.time(), time.monotonic(), bound()

bound = time.monotonic
with mock.patch("time.sleep") as sleep:
    values = interlace.run(main).value
    assert sleep.call_args.args == (2,), sleep.call_args
assert values[0] == 1_767_225_600, values
assert values[1] == values[2] == 0, values

with mock.patch("time.monotonic", lambda: 7):
    assert interlace.run(main).value == (1_767_225_602, 7, 2)
assert interlace.run(main).value == (1_767_225_602, 2, 2)
"""


def test_a_clock_that_is_a_mock_stays_one_and_the_others_are_virtual() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MOCKED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
