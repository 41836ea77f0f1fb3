"""Real libraries, unmodified and pinned, client and server in one world: plainly, and under many schedules.

Each file in `programs` is run by drive.py in an environment of its own, which is kept in .cache/matrix, in two
processes with different hash seeds. No schedule may fail a program that is correct, and the same schedule
leads to the same run in both processes.
"""

from pathlib import Path

import pytest
from driving import LIBRARIES, SCHEDULES, check_runs, drive

HERE = Path(__file__).parent
PROGRAMS = sorted(file.stem for file in (HERE / "programs").glob("*.py"))

pytestmark = [pytest.mark.matrix, pytest.mark.slow]


@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_in_a_world(name: str) -> None:
    file = HERE / "programs" / f"{name}.py"
    check_runs(drive(file, LIBRARIES, SCHEDULES, hash_seed=1), drive(file, LIBRARIES, 0, hash_seed=2))
