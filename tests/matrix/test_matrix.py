"""Real libraries, unmodified and pinned, client and server in one world: plainly, and under many schedules.

Each file in `programs` is run by drive.py in an environment of its own, which is kept in .cache/matrix, in two
processes with different hash seeds. No schedule may fail a program that is correct, and the same schedule
leads to the same run in both processes.
"""

from pathlib import Path

import pytest
from driving import SCHEDULES, check_runs, drive

HERE = Path(__file__).parent
PROGRAMS = sorted(file.stem for file in (HERE / "programs").glob("*.py"))

PINS = (
    "aiohttp==3.14.5",
    "aio-pika==10.2.1",
    "aiocache==0.12.3",
    "aiofiles==25.1.0",
    "aioftp==0.28.3",
    "aiojobs==1.4.0",
    "aiosmtpd==1.4.6",
    "aiosmtplib==5.1.3",
    "aiosqlite==0.22.1",
    "anyio==4.16.0",
    "asgiref==3.13.0",
    "async-lru==2.4.0",
    "asyncssh==2.24.1",
    "distributed==2026.8.0",
    "greenlet==3.5.6",
    "httpx[http2]==0.28.1",
    "hypercorn==0.18.0",
    "janus==2.0.0",
    "nats-py==2.16.0",
    "pytest==9.2.0",
    "redis==8.1.0",
    "sqlalchemy==2.1.9",
    "starlette==1.10.0",
    "tornado==6.6.1",
    "trustme==1.2.1",
    "uvicorn==0.54.0",
    "websockets==17.4",
)

MAY_DIFFER = {
    "threads": "on a busy machine a job and a thread of anyio's that one step wakes may go on in either order",
}
"""Files whose programs may take another course in another process, each with the reason."""

pytestmark = [pytest.mark.matrix, pytest.mark.slow]


@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_in_a_world(name: str) -> None:
    file = HERE / "programs" / f"{name}.py"
    check_runs(
        drive(file, PINS, SCHEDULES, hash_seed=1),
        drive(file, PINS, 0, hash_seed=2),
        may_differ=name in MAY_DIFFER,
    )


def test_every_exception_is_of_a_file_and_has_a_reason() -> None:
    assert set(MAY_DIFFER) <= set(PROGRAMS)
    assert all(len(reason.split()) > 3 for reason in MAY_DIFFER.values())
