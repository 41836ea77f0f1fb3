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

MAY_DIFFER: dict[str, str] = {}
"""Files whose programs may take another course in another process, each with the reason."""

pytestmark = [pytest.mark.matrix, pytest.mark.slow]


@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_in_a_world(name: str) -> None:
    file = HERE / "programs" / f"{name}.py"
    check_runs(
        drive(file, LIBRARIES, SCHEDULES, hash_seed=1),
        drive(file, LIBRARIES, 0, hash_seed=2),
        may_differ=name in MAY_DIFFER,
    )


def test_every_exception_is_of_a_file_and_has_a_reason() -> None:
    assert set(MAY_DIFFER) <= set(PROGRAMS)
    assert all(len(reason.split()) > 3 for reason in MAY_DIFFER.values())
